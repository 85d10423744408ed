"""Runs the lanes beside a hub: ``python -m tests.support.second_lanes SOCKET``.

It only reads the database; what came of deliveries it tells the hub's ``Desk`` on the socket,
which tells it which Subscriptions to look at.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from hub.channels.addresses import EgressPolicy
from hub.channels.egress import GuardedClient
from hub.channels.rest_hook import RestHookChannel
from hub.clock import SystemClock
from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.r5 import R5Codec
from hub.core.numbering import lowest, top
from hub.core.release import FhirRelease
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import ChannelType, Signal
from hub.core.timing import RETRY_FLOOR, DeliveryState, RetryPolicy
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.delivery import Delivery
from hub.engine.envelope import Envelopes
from hub.engine.hub import base_url
from hub.engine.recent_events import RecentEvents
from hub.engine.settlement import Settlement
from hub.engine.subscribers import GONE
from hub.engine.wakeups import LocalListener
from hub.errors import Unavailable
from hub.settings import Settings
from hub.stores.secrets import HeaderCipher, load_key
from hub.stores.sqlite_follower import SqliteFollower
from tests.support.second_process import Answered, Asked, Signalled, Woken, hear, say


class Followed:
    """What the database says of all Subscriptions (``hub.engine.settlement.Known``)."""

    def __init__(self, store: SqliteFollower) -> None:
        self._store = store
        self._by_sid: dict[int, Subscriber] = {}
        self._n: dict[int, int] = {}
        self._floors: dict[int, int] = {}
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Follow everything that is committed when this is called."""
        async with self._refreshing:
            opened = await self._store.opened()
            for each in opened.subscribers:
                if self._by_sid.get(each.sid) != each:
                    self._by_sid[each.sid] = each
            self._n = {stream.id: stream.n for stream in opened.streams}
            self._floors = {stream.id: stream.floor for stream in opened.streams}
            self._floors[GONE] = 2**62

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._by_sid.values())

    def get(self, sid: int) -> Subscriber | None:
        """Return a Subscription, also a deleted one."""
        return self._by_sid.get(sid)

    def top(self, subscriber: Subscriber) -> int:
        """Return how many events a Subscription has had."""
        return top(subscriber.segments, self._n.__getitem__)

    def lowest(self, subscriber: Subscriber) -> int:
        """Return the lowest number from which on all events are still kept."""
        return lowest(
            subscriber.segments, lambda stream: self._floors.get(stream, 0), self.top(subscriber)
        )


class Remote:
    """The writer of the other process (``Settling`` and ``Signalling``), and its wake-ups."""

    def __init__(
        self, writer: asyncio.StreamWriter, followed: Followed, listener: LocalListener
    ) -> None:
        self._writer = writer
        self._followed = followed
        self._listener = listener
        self._waiting: dict[int, asyncio.Future[Answered]] = {}
        self._last = 0

    async def listen(self, reader: asyncio.StreamReader) -> None:
        """Take answers and wake-ups until the other process ends."""
        while (told := await hear(reader)) is not None:
            if isinstance(told, Woken):
                await self._followed.refresh()
                self._listener.signal(told.sids)
            elif not (waiting := self._waiting.pop(told.number)).done():
                waiting.set_result(told)

    async def settle(self, settlement: Settlement) -> None:
        """Return when it is durable, and known here."""
        await self._ask(settlement)

    async def signal(
        self,
        sid: int,
        generation: int,
        signal: Signal,
        *,
        error: str | None = None,
        error_code: str | None = None,
        attempt: Attempt | None = None,
        delivery: DeliveryState | None = None,
    ) -> bool:
        """Return, when it is durable and known here, whether the Subscription followed."""
        return await self._ask(
            Signalled(
                sid=sid,
                generation=generation,
                signal=signal,
                error=error,
                error_code=error_code,
                attempt=attempt,
                delivery=delivery,
            )
        )

    async def _ask(self, what: Settlement | Signalled) -> bool:
        self._last += 1
        waiting: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting[self._last] = waiting
        say(self._writer, Asked(self._last, what))
        answered = await waiting
        if answered.refusal is not None:
            raise Unavailable(answered.refusal)
        await self._followed.refresh()
        return answered.followed


async def deliver(path: Path) -> None:
    """Run the lanes until the desk at ``path`` closes."""
    async with AsyncExitStack() as stack:
        reader, writer = await asyncio.open_unix_connection(path)
        stack.callback(writer.close)
        # Wake-ups are kept from here on, so that nothing is missed between reading and waiting.
        settings: Settings = await hear(reader)
        clock = SystemClock()
        key = load_key(Path(f"{settings.db}.key"), os.urandom)
        store = SqliteFollower(settings.db, HeaderCipher(key, os.urandom))
        stack.callback(store.close)
        followed, listener = Followed(store), LocalListener(clock)
        await followed.refresh()
        remote = Remote(writer, followed, listener)
        client = GuardedClient(
            EgressPolicy(
                allow=settings.egress_allow,
                allow_http=settings.allow_http,
                own_ports=frozenset({settings.port}),
            ),
            clock.monotonic,
        )
        await client.start()
        stack.push_async_callback(client.close)
        delivery = Delivery(
            events=RecentEvents(store),
            intake=remote,
            subscribers=followed,
            subscriptions=remote,
            envelopes=Envelopes(
                {
                    FhirRelease.R4: R4Codec(),
                    FhirRelease.R4B: R4BCodec(),
                    FhirRelease.R5: R5Codec(),
                },
                lambda release: base_url(settings.public_url, release),
            ),
            channels={ChannelType.REST_HOOK: RestHookChannel(client, clock.now)},
            clock=clock,
            listener=listener,
            luck=lambda: 0.5,
            policy=RetryPolicy(
                schedule=settings.retry_schedule,
                give_up_after=settings.give_up_after,
                floor=min(RETRY_FLOOR, max(settings.retry_schedule)),
            ),
            hints=AuthorizationHints(settings.authorization_hint, settings.public_url),
        )
        tasks = [
            asyncio.create_task(delivery.run()),
            asyncio.create_task(remote.listen(reader)),
        ]
        ended, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await delivery.drain(clock.now())
        for task in ended:
            task.result()


if __name__ == "__main__":
    asyncio.run(deliver(Path(sys.argv[1])))
