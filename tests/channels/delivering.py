"""What the tests of channels that post share: a channel, its rig, an envelope, a delivery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from hub.channels.egress import EgressLimits, EgressPolicy, GuardedClient
from hub.channels.message import MessageChannel
from hub.channels.rest_hook import (
    RestHookChannel,
)
from hub.core.delivery import DeliveryResult, Envelope, Failed
from hub.core.release import FhirRelease
from hub.core.subscription import (
    ChannelType,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from tests.channels.contract import BODY, Behaviour
from tests.support import endpoints as peer

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")), allow_http=True)
TEXT = "application/fhir+json; fhirVersion=4.0"


def now() -> datetime:
    return NOW


@asynccontextmanager
async def channel(
    policy: EgressPolicy = LOOPBACK, limits: EgressLimits | None = None, *, keep: bool = True
) -> AsyncIterator[RestHookChannel]:
    async with a_client(policy, limits, keep=keep) as client:
        yield RestHookChannel(client, now)


@asynccontextmanager
async def message_channel(
    policy: EgressPolicy = LOOPBACK, limits: EgressLimits | None = None
) -> AsyncIterator[MessageChannel]:
    async with a_client(policy, limits) as client:
        yield MessageChannel(client, now)


@asynccontextmanager
async def a_client(
    policy: EgressPolicy, limits: EgressLimits | None = None, *, keep: bool = True
) -> AsyncIterator[GuardedClient]:
    client = GuardedClient(policy, time.monotonic, limits=limits, keep=keep)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@dataclass
class PostingRig:
    """A channel that posts, its endpoint, and the one that a redirect names."""

    channel: RestHookChannel | MessageChannel
    endpoint: peer.Endpoint
    elsewhere: peer.Endpoint

    def envelope(
        self, *, body: bytes, parameter: tuple[tuple[str, str], ...], timeout: timedelta
    ) -> Envelope:
        return an_envelope(
            self.endpoint.url,
            channel_type=self.channel.channel_type,
            body=body,
            parameter=parameter,
            timeout=timeout,
        )

    def taken(self) -> list[tuple[tuple[tuple[str, str], ...], bytes]]:
        own = {"host", "content-length", "content-type", "user-agent", "accept"}
        return [
            (tuple(pair for pair in each.headers if pair[0].lower() not in own), each.body)
            for each in self.endpoint.received
        ]

    def strayed(self) -> int:
        return len(self.elsewhere.received)


@asynccontextmanager
async def a_posting_rig(
    channel: RestHookChannel | MessageChannel,
    behaviours: Sequence[Behaviour],
    answers: Mapping[Behaviour, peer.Answer],
) -> AsyncIterator[PostingRig]:
    """Set up an endpoint that behaves so; ``answers`` are those that are the channel's own."""
    async with peer.Endpoint() as elsewhere:
        common: dict[Behaviour, peer.Answer] = {
            Behaviour.HANGS: peer.Hang(),
            Behaviour.DROPS: peer.Drop(),
            Behaviour.REDIRECTS: peer.redirect(elsewhere.url),
        }
        script = [{**common, **answers}[one] for one in behaviours]
        async with peer.Endpoint(script) as endpoint:
            yield PostingRig(channel, endpoint, elsewhere)


def an_envelope(endpoint: str, **changes: object) -> Envelope:
    plain = Envelope(
        channel_type=ChannelType.REST_HOOK,
        endpoint=endpoint,
        content_type=TEXT,
        body=BODY,
        timeout=timedelta(seconds=10),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # names are the fields' own


def a_subscription(**changes: object) -> Subscription:
    plain = Subscription(
        release=FhirRelease.R4,
        id="s1",
        status=SubscriptionStatusCode.REQUESTED,
        topic="http://example.org/topic",
        channel_type=ChannelType.REST_HOOK,
        content=PayloadContent.ID_ONLY,
        endpoint="https://example.org/hook",
        content_type=TEXT,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # names are the fields' own


def deliver(
    answers: Sequence[peer.Answer], **changes: object
) -> tuple[list[DeliveryResult], peer.Endpoint]:
    """Deliver once for each of the answers over one client."""

    async def scenario() -> tuple[list[DeliveryResult], peer.Endpoint]:
        async with peer.Endpoint(answers) as endpoint, channel() as hook:
            envelope = an_envelope(endpoint.url, **changes)
            return [await hook.send(envelope) for _ in answers], endpoint

    return asyncio.run(scenario())


def failed(result: DeliveryResult) -> Failed:
    assert isinstance(result, Failed)
    return result
