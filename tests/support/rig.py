"""The real engine on virtual time, with a memory store and endpoints that behave as told."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hub.channels.websocket import WebSocketChannel
from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.r5 import R5Codec
from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Resource
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType
from hub.core.timing import RetryPolicy
from hub.core.topic import SubscriptionTopic
from hub.engine.assembly import Luck, Surroundings, assemble
from hub.engine.delivery import Delivery
from hub.engine.guards import NO_GUARDS, Guards
from hub.engine.hub import Hub, base_url
from hub.engine.retention import Retention
from hub.engine.sockets import Session
from hub.engine.subscriptions import Stored
from hub.engine.topic_publication import publish_topics
from hub.engine.write import Write, Written
from hub.errors import HubError
from hub.ports import Channel, Store
from hub.stores.memory import MemoryStore
from tests.support.rig_endpoints import Endpoints, Wire
from tests.support.rig_resources import OTHER_TOPIC, a_topic, document, subscription_of
from tests.support.virtual_time import InlineExecutor, VirtualClock, run_virtually

PUBLIC_URL = "http://hub.example.org"
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


@dataclass
class Rig:
    """A running engine."""

    hub: Hub
    delivery: Delivery
    retention: Retention
    endpoints: Endpoints
    clock: VirtualClock
    tasks: list[asyncio.Task[None]]
    broken: list[BaseException]
    refused: Mapping[int, HubError]
    refuse_unmatched: Callable[[], Awaitable[None]]

    async def subscribe(
        self, release: FhirRelease = FhirRelease.R4, *, caller: Client | None = None, **changes: Any
    ) -> Stored:
        """Create a Subscription."""
        resource = subscription_of(release, **changes)
        return await self.hub.subscriptions.create(release, document(resource), caller=caller)

    async def update(
        self,
        id: str,
        release: FhirRelease = FhirRelease.R4,
        *,
        if_match: int | None = None,
        caller: Client | None = None,
        **changes: Any,
    ) -> Stored:
        """Put a Subscription."""
        resource = subscription_of(release, id=id, **changes)
        return await self.hub.subscriptions.update(
            release, id, document(resource), if_match=if_match, caller=caller
        )

    async def write(
        self, *resources: Resource, release: FhirRelease = FhirRelease.R4
    ) -> list[Written]:
        """Create resources, or put those that have an id, as one unit."""
        return await self.hub.intake.submit(
            release,
            [
                Write(
                    interaction=Interaction.UPDATE if "id" in each else Interaction.CREATE,
                    resource_type=each["resourceType"],
                    id=each.get("id"),
                    document=document(each),
                )
                for each in resources
            ],
        )

    async def delete(self, reference: str, release: FhirRelease = FhirRelease.R4) -> Written:
        """Delete a resource."""
        kind, _, id = reference.partition("/")
        write = Write(interaction=Interaction.DELETE, resource_type=kind, id=id)
        return (await self.hub.intake.submit(release, [write]))[0]

    async def bind(
        self, id: str, release: FhirRelease = FhirRelease.R4, *, resume_after: int | None = None
    ) -> tuple[Wire, Session]:
        """Bind a new socket to a Subscription."""
        token = self.hub.tokens.issue(release, [id], resume_after=resume_after)
        wire = Wire(self.clock.now)
        session = self.hub.sockets.session(wire)
        await session.bind(token.token)
        return wire, session

    def subscriber(self, id: str, release: FhirRelease = FhirRelease.R4) -> Subscriber:
        """Return what the hub knows of a Subscription."""
        return self.hub.subscribers.named(release, id)

    def top(self, id: str, release: FhirRelease = FhirRelease.R4) -> int:
        """Return how many events a Subscription has had."""
        return self.hub.subscribers.top(self.subscriber(id, release))

    def status(self, id: str, release: FhirRelease = FhirRelease.R4) -> str:
        """Return the status of a Subscription."""
        return self.subscriber(id, release).subscription.status

    async def events(self, id: str, release: FhirRelease = FhirRelease.R4, **more: Any) -> Resource:
        """Return the answer of ``$events`` as a resource."""
        answer = await self.hub.statuses.events(release, id, **more)
        text = self.hub.codecs[release].encode_notification(
            answer.notification, self.hub.base_url(release)
        )
        bundle: Resource = json.loads(text)
        return bundle

    async def after(self, duration: timedelta) -> None:
        """Let time pass."""
        await self.clock.sleep_until(self.clock.now() + duration)


@asynccontextmanager
async def a_rig(
    *,
    store: Store | None = None,
    endpoints: Endpoints | None = None,
    topics: Sequence[SubscriptionTopic] | None = None,
    policy: RetryPolicy | None = None,
    luck: Callable[[], float] = lambda: 0.5,
    retain: timedelta = timedelta(days=30),
    executor: Executor | None = None,
    mails: Endpoints | None = None,
    sign: Callable[[str], str] | None = None,
    guards: Guards = NO_GUARDS,
    knows_callers: bool = True,
) -> AsyncIterator[Rig]:
    """Run an engine on the loop of the caller until the end of the block.

    Email is offered where there are ``mails``; people are asked first where there is ``sign``.
    """
    clock = VirtualClock(asyncio.get_running_loop())
    held = store or MemoryStore()
    opened = held.open()
    parameters = {
        release: search_parameters(release, base_url(PUBLIC_URL, release))
        for release in FhirRelease
    }
    known = topics if topics is not None else (a_topic(), a_topic(OTHER_TOPIC, "Patient"))
    registry = Registry()
    # Topics that were written while a hub ran; told topics are all that there are.
    written = [each for each in opened.topics if topics is None]
    kept = [each for each in written if each.canonical not in {t.canonical for t in known}]
    for topic in (*known, *kept):
        registry.add_topic(topic, parameters)
    ids = (f"id-{opened.last_seq}-{n}" for n in itertools.count(1))
    tokens = (f"token-{n}" for n in itertools.count(1))
    broken: list[BaseException] = []

    def stop(error: BaseException) -> None:
        broken.append(error)
        raise error

    hooks = endpoints or Endpoints()
    hooks.now = clock.now
    by_mail: dict[ChannelType, Channel] = {}
    if mails is not None:
        mails.now = clock.now
        by_mail[ChannelType.EMAIL] = mails
    engine = assemble(
        Surroundings(
            store=held,
            clock=clock,
            luck=Luck(new_id=lambda: next(ids), new_token=lambda: next(tokens), number=luck),
            codecs={
                FhirRelease.R4: R4Codec(),
                FhirRelease.R4B: R4BCodec(),
                FhirRelease.R5: R5Codec(),
            },
            parameters=parameters,
            channels={
                ChannelType.REST_HOOK: hooks,
                ChannelType.WEBSOCKET: WebSocketChannel(),
                **by_mail,
            },
            trials={ChannelType.REST_HOOK: hooks, **by_mail},
            writer=executor or InlineExecutor(),
            stop=stop,
            public_url=PUBLIC_URL,
            policy=policy or RetryPolicy(),
            retain=retain,
            sign=sign,
            guards=guards,
            knows_callers=knows_callers,
        ),
        registry,
        opened,
        from_files=frozenset(topic.canonical for topic in known),
    )
    hub = engine.hub
    tasks = [asyncio.create_task(hub.intake.run())]
    await publish_topics(hub, [*known, *kept])
    tasks += [asyncio.create_task(hub.sockets.run()), asyncio.create_task(engine.delivery.run())]
    try:
        yield Rig(
            hub=hub,
            delivery=engine.delivery,
            retention=engine.retention,
            endpoints=hooks,
            clock=clock,
            tasks=tasks,
            broken=broken,
            refused=engine.unmatched,
            refuse_unmatched=engine.refuse_unmatched,
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await engine.delivery.drain(clock.now())
        held.close()


def on_rig(scenario: Callable[[Rig], Coroutine[Any, Any, None]], **settings: Any) -> None:
    """Run a scenario on a new rig."""

    async def run() -> None:
        async with a_rig(**settings) as rig:
            await scenario(rig)

    run_virtually(run())
