"""What the tests of the rest-hook channel share: a channel, an envelope, a delivery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from hub.channels.egress import EgressLimits, EgressPolicy, GuardedClient
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
from tests.channels.contract import BODY
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
    client = GuardedClient(policy, time.monotonic, limits=limits, keep=keep)
    await client.start()
    try:
        yield RestHookChannel(client, now)
    finally:
        await client.close()


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
