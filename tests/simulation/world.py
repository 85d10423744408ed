"""A world for the real engine: luck by seed, endpoints that misbehave, crashes at any moment.

What the world was promised is written down (``acknowledged``); what the endpoints saw is written
down too.  The oracles compare the two when everything has healed.
"""

from __future__ import annotations

import asyncio
import json
import random  # noqa: TID251  # the seed is the test's argument
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.subscription import SubscriptionStatusCode
from hub.core.timing import RetryPolicy
from hub.core.version import ResourceKey
from hub.engine.subscriptions import Stored
from hub.errors import HubError
from hub.ports import Opened, Reader, StoreBroken, WriteBatch
from hub.stores.memory import MemoryStore
from tests.support.rig import (
    Endpoints,
    Rig,
    a_rig,
    a_task,
    flat_status,
)

T = TypeVar("T")
OWNERS = ("Organization/lab", "Organization/imaging", "Organization/pharmacy")
POLICY = RetryPolicy(
    schedule=tuple(timedelta(seconds=s) for s in (1, 5, 30, 120)),
    give_up_after=timedelta(minutes=20),
)


class FragileStore:
    """A memory store that breaks when told: before a commit, or after it but before its answer."""

    def __init__(self, luck: random.Random) -> None:
        self.kept = MemoryStore()
        self.breaks = False
        self._luck = luck

    def open(self) -> Opened:
        return self.kept.open()

    @property
    def writer(self) -> Reader:
        return self.kept.writer

    def commit(self, batch: WriteBatch) -> None:
        if not self.breaks:
            self.kept.commit(batch)
            return
        self.breaks = False
        if self._luck.random() < 0.5:
            self.kept.commit(batch)
        raise StoreBroken("an I/O error at commit")

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self.kept.read(query)

    def close(self) -> None:
        self.kept.close()


@dataclass
class Receiver:
    """What one endpoint saw: every event number with its focus, in order of arrival."""

    sick: bool = False
    seen: list[tuple[int, str]] = field(default_factory=list)


class World:
    """Subscribers, their endpoints, and a hub that is killed now and then."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.store = FragileStore(self.luck)
        self.receivers: dict[str, Receiver] = {}
        self.endpoints = Endpoints(answers=self._answer)
        self.acknowledged: list[tuple[str, str, int]] = []
        self.filters: dict[str, str] = {}
        self.crashes = 0

    def _answer(self, envelope: Envelope, attempt: int) -> DeliveryResult:
        receiver = self.receivers[envelope.endpoint]
        status = flat_status(_json(envelope.body))
        fate = self.luck.random()
        if receiver.sick and fate < 0.7:
            failure = self.luck.choice(
                [FailureClass.BUSY, FailureClass.TIMEOUT, FailureClass.CONNECTION]
            )
            return Failed(failure=failure, reason="sick", status=None)
        if status["type"] == "event-notification":
            receiver.seen += zip(status["numbers"], status["focus"], strict=True)
        if receiver.sick and fate < 0.8:
            return Failed(failure=FailureClass.TIMEOUT, reason="the answer was lost")
        return Delivered(status=200)

    async def live(self, steps: int) -> None:
        """Do ``steps`` random things over several lives of the hub, then heal and drain."""
        for index, owner in enumerate(OWNERS):
            self.receivers[f"https://r{index}.example.org/"] = Receiver(sick=index > 0)
            self.filters[f"sub-{index}"] = owner
        while steps > 0:
            async with a_rig(store=self.store, endpoints=self.endpoints, policy=POLICY) as rig:
                steps = await self._life(rig, steps)
            self.crashes += 1
            self.store.breaks = False
        for receiver in self.receivers.values():
            receiver.sick = False
        async with a_rig(store=self.store, endpoints=self.endpoints, policy=POLICY) as rig:
            await self._heal(rig)
            await self._judge(rig)

    async def _life(self, rig: Rig, steps: int) -> int:
        try:
            while steps > 0:
                steps -= 1
                if self.luck.random() < 0.02:
                    return steps
                if self.luck.random() < 0.01:
                    self.store.breaks = True
                await self._step(rig)
        except StoreBroken:
            return steps
        return 0

    async def _step(self, rig: Rig) -> None:
        action = self.luck.choices(
            [self._writes, self._wait, self._put, self._switch], [10, 6, 2, 2]
        )[0]
        await action(rig)

    async def _writes(self, rig: Rig) -> None:
        """Several clients write at once."""
        count = self.luck.randint(1, 4)
        await asyncio.gather(*(self._try(rig, self._write(rig)) for _ in range(count)))

    async def _write(self, rig: Rig) -> None:
        id = f"t{self.luck.randint(1, 8)}"
        owner = self.luck.choice(OWNERS)
        if self.luck.random() < 0.15:
            written = await rig.delete(f"Task/{id}")
        else:
            note = [{"text": str(self.luck.random())}]
            (written,) = await rig.write(a_task(owner, id=id, note=note))
        if written.version is not None:
            self.acknowledged.append((f"Task/{id}", owner, written.version.version))

    async def _wait(self, rig: Rig) -> None:
        await rig.after(timedelta(seconds=self.luck.choice([0.1, 1, 10, 100, 600])))

    async def _put(self, rig: Rig) -> None:
        """A client creates or changes its Subscription."""
        index = self.luck.randrange(len(OWNERS))
        id = f"sub-{index}"
        if self.luck.random() < 0.3:
            self.filters[id] = self.luck.choice(OWNERS)
        await self._try(rig, self._subscribe(rig, index, "requested"))

    async def _switch(self, rig: Rig) -> None:
        """A client switches its Subscription off, or deletes it."""
        index = self.luck.randrange(len(OWNERS))
        if self.luck.random() < 0.5:
            await self._try(rig, self._subscribe(rig, index, "off"))
        else:
            await self._try(rig, rig.hub.subscriptions.delete(FhirRelease.R4, f"sub-{index}"))

    async def _subscribe(self, rig: Rig, index: int, status: str) -> Stored:
        id = f"sub-{index}"
        return await rig.update(
            id,
            status=status,
            endpoint=f"https://r{index}.example.org/",
            filters=(f"Task?owner={self.filters[id]}",),
            max_count=index + 1,
        )

    async def _try(self, rig: Rig, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        broken = asyncio.ensure_future(_broken(rig))
        waiting: set[asyncio.Future[Any]] = {task, broken}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        broken.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise StoreBroken("while subscribing")
        error = task.exception()
        if error is not None and not isinstance(error, HubError):
            raise error

    async def _heal(self, rig: Rig) -> None:
        for index in range(len(OWNERS)):
            await self._subscribe(rig, index, "requested")
        await rig.after(timedelta(hours=2))

    # --- oracles -------------------------------------------------------------------------------

    async def _judge(self, rig: Rig) -> None:
        for index in range(len(OWNERS)):
            id = f"sub-{index}"
            subscriber = rig.subscriber(id)
            assert subscriber.subscription.status is SubscriptionStatusCode.ACTIVE
            top = rig.hub.subscribers.top(subscriber)
            assert subscriber.delivery.cursor == top, "not everything was delivered"
            await self._judge_numbers(rig, id, self.receivers[f"https://r{index}.example.org/"])
        self._judge_durability()

    async def _judge_numbers(self, rig: Rig, id: str, receiver: Receiver) -> None:
        names: dict[int, str] = {}
        for number, focus in receiver.seen:
            assert names.setdefault(number, focus) == focus, f"{id}: number {number} was reused"
        firsts = list(dict.fromkeys(number for number, _ in receiver.seen))
        assert firsts == sorted(firsts), f"{id}: out of order {firsts}"
        subscriber = rig.subscriber(id)
        top = rig.hub.subscribers.top(subscriber)
        low = rig.hub.subscribers.lowest(subscriber)
        answer = await rig.hub.statuses.events(subscriber.subscription.release, id)
        kept = [event.event_number for event in answer.notification.events]
        assert kept == list(range(low, top + 1)), f"{id}: $events has a gap"
        for event in answer.notification.events:
            focus = f"{rig.hub.base_url(subscriber.subscription.release)}/{event.focus}"
            assert names.get(event.event_number, focus) == focus, f"{id}: $events differs"
            assert event.event_number in names, f"{id}: {event.event_number} never arrived"

    def _judge_durability(self) -> None:
        reader = self.store.writer
        for reference, _, version in self.acknowledged:
            kind, _, key = reference.partition("/")
            stored = reader.version(ResourceKey(FhirRelease.R4, kind, key), version)
            assert stored is not None, f"{reference} version {version} was acknowledged and lost"


async def _broken(rig: Rig) -> None:
    """Return when the writer has ended: the hub is dead."""
    await asyncio.wait({rig.tasks[0]})


def _json(body: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(body)
    return found
