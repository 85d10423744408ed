"""The one writer: takes changes, plans them in batches, commits, and only then answers.

One batch is in flight; the next gathers meanwhile, so that many requests share one commit.  The
order of commits is the order of event numbers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from hub.core.compiled_topic import CompiledTopic
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.subscription import SubscriptionStatusCode
from hub.core.timing import Settled, settled
from hub.core.version import ResourceKey
from hub.engine.guards import NO_GUARDS, Guards
from hub.engine.heads import Heads
from hub.engine.plan import Plan
from hub.engine.recent_events import RecentEvents
from hub.engine.resolver import Bodies
from hub.engine.settlement import Settlement
from hub.engine.subscribers import Subscribers
from hub.engine.write import Write, Written
from hub.errors import HubError, Unavailable
from hub.ports import Clock, Opened, Store, StoreBroken, Wakeups, WriteBatch

T = TypeVar("T")

MOST_IN_BATCH = 96
"""Enough that a commit costs each little, and so few that, under load, whoever reads requests and
whoever delivers have something to do meanwhile."""

MOST_WAITING = 10_000
MOST_WOKEN_AT_ONCE = 256

log = logging.getLogger(__name__)


class Follower(Protocol):
    """One who is told what was committed, on the event loop, in the order of commits."""

    def committed(self, written: WriteBatch, woken: Collection[int]) -> None:
        """Take what one commit wrote; ``woken`` may have something to do because of it."""


@dataclass(slots=True)
class _Item(Generic[T]):
    """One request: ``plan`` runs in the writer; ``alone`` if it changes who is matched.

    ``answer`` is told what it came to; ``keys`` are resources that it will look at, as far as that
    is known before.
    """

    plan: Callable[[Plan], T]
    answer: Callable[[T | Exception], None]
    alone: bool = False
    keys: Sequence[ResourceKey] = ()


@dataclass(slots=True)
class _Batch:
    """What is written together, and what it came to."""

    items: list[_Item[Any]]
    settlements: list[tuple[Settlement, Callable[[Exception | None], None]]]
    answers: list[Any] = field(default_factory=list)
    written: WriteBatch | None = None
    compiled: list[Mapping[FhirRelease, CompiledTopic]] = field(default_factory=list)
    failure: Exception | None = None

    @property
    def is_single(self) -> bool:
        """Whether it is one request."""
        return len(self.items) + len(self.settlements) == 1

    def parts(self) -> list[_Batch]:
        """Return each request of this batch as a batch of its own."""
        return [_Batch([item], []) for item in self.items] + [
            _Batch([], [settlement]) for settlement in self.settlements
        ]


class Intake:
    """Takes every change of anything; one per store."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        subscribers: Subscribers,
        parameters: Mapping[FhirRelease, SearchParameters],
        *,
        clock: Clock,
        wakeups: Wakeups,
        recent: RecentEvents,
        executor: Executor,
        new_id: Callable[[], str],
        stop: Callable[[BaseException], None],
        opened: Opened,
        guards: Guards = NO_GUARDS,
    ) -> None:
        """Take over an opened store.

        Args:
            recent: is told of every event that was committed.
            executor: one thread, the only one that writes.
            new_id: makes an id for a created resource.
            stop: called when the store is broken; it must end the process.
            opened: what ``store.open()`` returned.
            guards: what is asked of writes.
        """
        self._store = store
        self._registry = registry
        self._subscribers = subscribers
        self._parameters = parameters
        self._clock = clock
        self._wakeups = wakeups
        self._recent = recent
        self._followers: list[Follower] = []
        self._executor = executor
        self._new_id = new_id
        self.guards = guards
        self._stop = stop
        self._last_seq = opened.last_seq
        self._heads = Heads(store.writer)
        newest = store.writer.at([opened.last_seq]).get(opened.last_seq)
        self._last_at = newest.timestamp if newest else clock.now()
        self.last_stream = opened.last_stream
        self.last_sid = opened.last_sid
        self._bodies = Bodies()
        self._items: deque[_Item[Any]] = deque()
        self._settlements: deque[tuple[Settlement, Callable[[Exception | None], None]]] = deque()
        self._waiting = asyncio.Event()
        self._closing = False

    async def submit(self, release: FhirRelease, writes: Sequence[Write]) -> list[Written]:
        """Apply ``writes`` as one unit; return when they are durable, with their events.

        Raises:
            HubError: the unit was refused, nothing of it was kept.
        """
        unit = list(writes)
        return await self._put(lambda plan: plan.submit(release, unit), keys=_keys(release, unit))

    async def apply(self, plan: Callable[[Plan], T]) -> T:
        """Run ``plan``, which makes changes as one unit; return when they are durable.

        Raises:
            HubError: the unit was refused, nothing of it was kept.
        """
        return await self._put(plan)

    async def register(self, plan: Callable[[Plan], T]) -> T:
        """Run ``plan`` as a batch of its own: it changes Subscriptions, topics or streams."""
        return await self._put(plan, alone=True)

    async def settle(self, settlement: Settlement) -> None:
        """Write what a delivery came to; returns when it is durable."""
        await self.settle_soon(settlement)

    def settle_soon(self, settlement: Settlement) -> asyncio.Future[bool]:
        """Write what a delivery came to; return what is done when it is durable."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.settle_then(settlement, lambda failure: _tell(done, failure or True))
        return done

    def settle_then(
        self, settlement: Settlement, answer: Callable[[Exception | None], None]
    ) -> None:
        """Write what a delivery came to; tell ``answer`` when it is durable, or why it is not."""
        self._settlements.append((settlement, answer))
        self._waiting.set()

    def submit_then(
        self,
        release: FhirRelease,
        write: Write,
        answer: Callable[[list[Written] | Exception], None],
    ) -> None:
        """Apply a write; tell ``answer`` when it is durable, with its events, or why it is not.

        Raises:
            Unavailable: too many wait already.
        """
        unit = [write]
        self._take_in(
            _Item(lambda plan: plan.submit(release, unit), answer, keys=_keys(release, unit))
        )

    def follow(self, follower: Follower) -> None:
        """Tell ``follower`` of every commit from now on."""
        self._followers.append(follower)

    def unfollow(self, follower: Follower) -> None:
        """Tell ``follower`` no more."""
        self._followers.remove(follower)

    def _put(
        self,
        plan: Callable[[Plan], T],
        *,
        alone: bool = False,
        keys: Sequence[ResourceKey] = (),
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._take_in(_Item(plan, lambda came: _tell(done, came), alone, keys))
        return done

    def _take_in(self, item: _Item[Any]) -> None:
        if self._closing or len(self._items) >= MOST_WAITING:
            raise Unavailable("the hub can't take more changes now", retry_after=1)
        self._items.append(item)
        self._waiting.set()

    async def run(self) -> None:
        """Write batch after batch until ``close`` was called and nothing is left."""
        while True:
            await self._waiting.wait()
            batch = self._take()
            if batch.items or batch.settlements:
                await self._write(batch)
            elif self._closing:
                return
            else:
                self._waiting.clear()

    async def _write(self, batch: _Batch) -> None:
        """Plan and commit a batch; what fails together is written each on its own."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._process, batch)
        if isinstance(batch.failure, StoreBroken):
            self._stop(batch.failure)
        if batch.failure is None or isinstance(batch.failure, HubError) or batch.is_single:
            self._publish(batch)
            return
        for part in batch.parts():
            await self._write(part)

    def close(self) -> None:
        """Take no more requests; ``run`` returns when what is queued has been written."""
        self._closing = True
        self._waiting.set()

    def _take(self) -> _Batch:
        items: list[_Item[Any]] = []
        while self._items and len(items) < MOST_IN_BATCH:
            if self._items[0].alone and items:
                break
            item = self._items.popleft()
            items.append(item)
            if item.alone:
                break
        count = min(len(self._settlements), MOST_IN_BATCH)
        return _Batch(items, [self._settlements.popleft() for _ in range(count)])

    # Runs in the writer's thread.  Nothing that others see changes before the commit.
    def _process(self, batch: _Batch) -> None:
        plan = Plan(
            self._heads,
            self._registry,
            self._parameters,
            now=max(self._clock.now(), self._last_at),
            last_seq=self._last_seq,
            bodies=self._bodies,
            new_id=self._new_id,
            n=self._subscribers.n,
            guards=self.guards,
        )
        # What goes wrong here goes wrong again for whoever needs it, and is answered there.
        with suppress(HubError):
            self._heads.look_up(key for item in batch.items for key in item.keys)
        for item in batch.items:
            try:
                batch.answers.append(plan.attempt(item.plan))
            except Exception as error:
                if not isinstance(error, HubError):
                    log.exception("a change could not be planned")
                batch.answers.append(error)
        for settlement, _ in batch.settlements:
            self._settle(plan, settlement)
        try:
            written = plan.batch()
            if not written.empty:
                self._store.commit(written)
                self._heads.committed(written.versions)
        except Exception as error:
            if not isinstance(error, HubError):
                log.exception("a batch could not be committed")
            plan.discard()
            batch.failure = error
        else:
            batch.written = written
            batch.compiled = plan.compiled
            self._last_seq = plan.last_seq
            self._last_at = plan.now

    def _settle(self, plan: Plan, settlement: Settlement) -> None:
        # A request of this batch may have changed the Subscription; its change must stay.
        sid = settlement.sid
        into = plan.subscribers if sid in plan.subscribers else plan.deliveries
        subscriber = into.get(sid) or self._subscribers.get(sid)
        if subscriber is None or subscriber.deleted:
            return
        older = settlement.generation != subscriber.generation
        if older and settlement.what.is_of_one_generation:
            return
        delivery = settled(
            subscriber.delivery,
            settlement.what,
            settlement.at,
            cursor=settlement.cursor,
            due=settlement.due,
            retry_to=settlement.retry_to,
            resent=settlement.resent,
            asked=settlement.asked,
        )
        if older and subscriber.subscription.status is SubscriptionStatusCode.REQUESTED:
            delivery = delivery._replace(due=subscriber.delivery.due)
        error, code = settlement.error, settlement.error_code
        if settlement.what is Settled.REACHED:
            error, code = subscriber.error, subscriber.error_code
        into[sid] = subscriber.faring(delivery, error, code)
        plan.attempts.extend(settlement.attempts)

    def _publish(self, batch: _Batch) -> None:
        """Let what others see follow what was committed, then answer, then wake lanes."""
        for compiled in batch.compiled:
            self._registry.put_topic(compiled)
        written = batch.written
        if written is not None:
            self._absorb(written)
            self._recent.committed(written, ())
            for follower in self._followers:
                follower.committed(written, self._woken(written))
        failure = batch.failure
        for _, answer in batch.settlements:
            answer(failure)
        for item, came in zip(batch.items, batch.answers, strict=True):
            item.answer(failure or came)
        if written is not None and (written.counters or written.subscribers):
            # First whoever waits for an answer goes on.
            asyncio.get_running_loop().call_soon(self._wake, written)

    def _wake(self, written: WriteBatch) -> None:
        woken = self._woken(written)
        if len(woken) <= MOST_WOKEN_AT_ONCE:
            self._wakeups.signal(woken)
        else:
            # First the event loop sends what was answered.
            asyncio.get_running_loop().call_soon(self._wakeups.signal, woken)

    def _woken(self, written: WriteBatch) -> set[int]:
        """Return who may have something to do because of what was written."""
        woken = self._subscribers.on(written.counters)
        woken.update(each.sid for each in written.subscribers)
        return woken

    def _absorb(self, written: WriteBatch) -> None:
        for topic in written.dropped_topics:
            self._registry.remove_topic(topic.canonical)
        for stream in written.streams:
            self._subscribers.stream_opened(stream)
            self.last_stream = max(self.last_stream, stream.id)
        for id, n in written.counters.items():
            live = self._registry.stream(id)
            if live is not None:
                live.n = n
        for subscriber in (*written.deliveries, *written.subscribers):
            self._subscribers.put(subscriber)
            self.last_sid = max(self.last_sid, subscriber.sid)
        self._subscribers.rows_removed(written.floors, written.dropped_streams)


def _tell(done: asyncio.Future[T], came: T | Exception) -> None:
    """Let whoever waits go on, if they still do."""
    if done.cancelled():
        return
    if isinstance(came, Exception):
        done.set_exception(came)
    else:
        done.set_result(came)


def _keys(release: FhirRelease, writes: Sequence[Write]) -> list[ResourceKey]:
    """Return the resources that are written under an id that the request says."""
    return [
        ResourceKey(release, write.resource_type, write.id)
        for write in writes
        if write.id is not None
    ]
