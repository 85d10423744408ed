"""A world for the real engine: luck by seed, endpoints that misbehave, crashes at any moment.

What the world was promised is written down (``acknowledged``); what the endpoints and sockets saw
is written down too.  The oracles compare both with what was committed when everything has healed.
"""

from __future__ import annotations

import asyncio
import json
import random  # noqa: TID251  # the seed is the test's argument
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.subscription import SubscriptionStatusCode
from hub.core.timing import RetryPolicy
from hub.core.version import ResourceKey
from hub.engine.resend import Span
from hub.engine.sockets import Session
from hub.engine.subscriptions import Stored
from hub.errors import HubError
from hub.ports import StoreBroken
from tests.simulation.fragile_store import FragileStore
from tests.simulation.oracle import Expected, broken_laws, expected_events
from tests.support.classic import put_classic
from tests.support.rig import MILLISECOND, Rig, a_rig
from tests.support.rig_endpoints import Endpoints, Wire, flat_status
from tests.support.rig_resources import a_task

R4, R5 = FhirRelease.R4, FhirRelease.R5
OWNERS = ("Organization/lab", "Organization/imaging", "Organization/pharmacy")
POLICY = RetryPolicy(
    schedule=tuple(timedelta(seconds=s) for s in (1, 5, 30, 120)),
    give_up_after=timedelta(minutes=20),
)
_FAILURES = (FailureClass.BUSY, FailureClass.TIMEOUT, FailureClass.CONNECTION)


@dataclass
class Client:
    """One subscriber, with what its endpoint or sockets saw: numbers and focus as they arrived."""

    id: str
    release: FhirRelease = R4
    socket: bool = False
    classic: bool = False
    sick: bool = False
    owner: str = OWNERS[0]
    max_count: int = 1
    seen: list[tuple[int, str]] = field(default_factory=list)
    bodies: list[tuple[int, bytes]] = field(default_factory=list)
    failing: int | None = None
    tried: tuple[int, int, bytes] | None = None
    session: Session | None = None
    wires: list[Wire] = field(default_factory=list)
    promised: list[tuple[int, range]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        """Where it is sent to."""
        return f"https://{self.id}.example.org/"

    @property
    def highest(self) -> int:
        """The highest number that came through its sockets."""
        return max((number for wire in self.wires for number in wire.numbers), default=0)

    def forget_life(self) -> None:
        """Begin anew with another life of the hub: what was in flight may be grouped anew."""
        self.failing, self.tried, self.session = None, None, None
        for wire in self.wires:
            wire.broken = ConnectionError("the hub is gone")


class World:
    """Subscribers, their endpoints, and a hub that is killed now and then."""

    def __init__(self, seed: int) -> None:
        self.luck = random.Random(seed)
        self.store = FragileStore(self.luck, self._was_full)
        self.clients = [
            Client("hook-0", owner=OWNERS[0]),
            Client("hook-1", owner=OWNERS[1], sick=True, max_count=2),
            Client("hook-2", R5, owner=OWNERS[2], sick=True, max_count=3),
            Client("socket-3", owner=OWNERS[0], socket=True, max_count=4),
            Client("classic-4", owner=OWNERS[1], sick=True, classic=True),
        ]
        self.at = {client.endpoint: client for client in self.clients}
        self.endpoints = Endpoints(answers=self._answer)
        self.acknowledged: list[tuple[ResourceKey, int]] = []
        self.complaints: list[str] = []
        self.steps = 0

    def _answer(self, envelope: Envelope, attempt: int) -> DeliveryResult:
        client = self.at[envelope.endpoint]
        status = self._status(client, envelope)
        events = status["type"] == "event-notification"
        found = self.rig.hub.subscribers.find(client.release, client.id)
        assert found is not None
        is_first_time = events and status["numbers"][-1] > found.delivery.cursor
        if is_first_time:
            self._judge_retry(client, found.generation, status["numbers"], envelope.body)
        fate = self.luck.random()
        fails = client.sick and fate < 0.8
        client.failing = found.generation if fails else None
        if events and (not client.sick or fate >= 0.7):
            client.seen += zip(status["numbers"], status["focus"], strict=True)
            if client.classic:
                client.bodies.append((status["numbers"][0], envelope.body))
        if fails:
            return Failed(failure=self.luck.choice(_FAILURES), reason="sick", status=None)
        if is_first_time:
            client.tried = None
        return Delivered(status=200)

    def _status(self, client: Client, envelope: Envelope) -> dict[str, Any]:
        """Return what was sent in plain names; what has no number is the one after the cursor."""
        if not client.classic:
            return flat_status(json.loads(envelope.body))
        hub = self.rig.hub
        subscriber = hub.subscribers.named(client.release, client.id)
        number = max(subscriber.delivery.cursor + 1, hub.subscribers.lowest(subscriber))
        focus = f"{hub.base_url(client.release)}/{envelope.update}"
        return {"type": "event-notification", "numbers": [number], "focus": [focus]}

    def _was_full(self) -> None:
        """What could not be written may be tried in another grouping, and does not show."""
        for client in self.clients:
            client.failing, client.tried = None, None

    def _judge_retry(
        self, client: Client, generation: int, numbers: list[int], body: bytes
    ) -> None:
        """A retry is the same notification unless the Subscription was changed in between."""
        if client.tried is not None and client.tried[0] == generation:
            # Not asserted here: what fails inside a lane is only logged.
            if client.tried[1] != numbers[0]:
                self.complaints.append(f"{client.id}: a failed one was passed over")
            elif client.tried[2] != body:
                self.complaints.append(f"{client.id}: a retry differs")
        client.tried = generation, numbers[0], body

    async def live(self, steps: int) -> None:
        """Do ``steps`` random things over several lives of the hub, then heal and drain."""
        while self.steps < steps:
            async with self._hub() as rig:
                self.rig = rig
                await self._life(rig, steps)
            self.store.breaks = self.store.full = False
        for client in self.clients:
            client.sick = False
        async with self._hub() as rig:
            self.rig = rig
            for client in self.clients:
                client.forget_life()
            await self._heal(rig)
            await self._judge(rig)

    def _hub(self) -> AbstractAsyncContextManager[Rig]:
        return a_rig(store=self.store, endpoints=self.endpoints, policy=POLICY)

    async def _life(self, rig: Rig, steps: int) -> None:
        for client in self.clients:
            client.forget_life()
        try:
            while self.steps < steps:
                self.steps += 1
                if self.luck.random() < 0.02:
                    return
                if self.luck.random() < 0.01:
                    self.store.breaks = True
                if self.luck.random() < 0.03:
                    self.store.full = True
                await self._step(rig)
                await rig.after(MILLISECOND)
                self._judge_status(rig)
        except StoreBroken:
            return

    async def _step(self, rig: Rig) -> None:
        action = self.luck.choices(
            [self._writes, self._wait, self._put, self._switch, self._socket, self._resend],
            [10, 6, 2, 2, 2, 2],
        )[0]
        await action(rig)

    async def _writes(self, rig: Rig) -> None:
        """Several clients write at once, and one may change its Subscription meanwhile."""
        count = self.luck.randint(1, 4)
        work: list[Coroutine[Any, Any, object]] = [self._write(rig) for _ in range(count)]
        if self.luck.random() < 0.2:
            client = self.luck.choice(self.clients)
            client.owner = self.luck.choice(OWNERS)
            work.append(self._subscribe(rig, client, "active"))
        await asyncio.gather(*(self._try(rig, each) for each in work))

    async def _write(self, rig: Rig) -> None:
        release = self.luck.choice([R4, R4, R5])
        id = f"t{self.luck.randint(1, 8)}"
        if self.luck.random() < 0.15:
            written = await rig.delete(f"Task/{id}", release)
        else:
            owner = self.luck.choice(OWNERS)
            note = [{"text": str(self.luck.random())}]
            (written,) = await rig.write(a_task(owner, id=id, note=note), release=release)
        if written.version is not None:
            self.acknowledged.append((written.version.key, written.version.version))

    async def _wait(self, rig: Rig) -> None:
        await rig.after(timedelta(seconds=self.luck.choice([0.1, 1, 10, 100, 600])))

    async def _put(self, rig: Rig) -> None:
        """A client creates or changes its Subscription."""
        client = self.luck.choice(self.clients)
        if self.luck.random() < 0.3:
            client.owner = self.luck.choice(OWNERS)
        status = self.luck.choice(["requested", "active"])
        await self._try(rig, self._subscribe(rig, client, status))

    async def _switch(self, rig: Rig) -> None:
        """A client switches its Subscription off, or deletes it."""
        client = self.luck.choice(self.clients)
        if self.luck.random() < 0.5:
            await self._try(rig, self._subscribe(rig, client, "off"))
        else:
            await self._try(rig, rig.hub.subscriptions.delete(client.release, client.id))

    async def _subscribe(self, rig: Rig, client: Client, status: str) -> Stored:
        if client.classic:
            return await put_classic(
                rig,
                client.id,
                f"Task?owner={client.owner}",
                client.release,
                status=status,
                endpoint=client.endpoint,
                payload="application/fhir+json",
            )
        kind: dict[str, Any] = (
            {"type": "websocket"} if client.socket else {"endpoint": client.endpoint}
        )
        return await rig.update(
            client.id,
            client.release,
            status=status,
            filters=(f"Task?owner={client.owner}",),
            max_count=client.max_count,
            **kind,
        )

    async def _socket(self, rig: Rig) -> None:
        """A websocket client goes away, or comes back and says what it saw last."""
        (client,) = (client for client in self.clients if client.socket)
        if client.session is not None and self.luck.random() < 0.5:
            session, client.session = client.session, None
            await self._try(rig, session.close())
            return
        resume_after = self.luck.choice([None, client.highest, client.highest])
        try:
            wire, client.session = await rig.bind(
                client.id, client.release, resume_after=resume_after
            )
        except HubError:
            return
        client.wires.append(wire)

    async def _resend(self, rig: Rig) -> None:
        """A client asks for events once more; what is promised must come."""
        client = self.luck.choice([client for client in self.clients if not client.socket])
        first = self.luck.randint(1, 12)
        span = Span(since_number=first, until_number=first + self.luck.randint(0, 5))
        seen = len(client.seen)

        async def ask() -> None:
            told = await rig.hub.resends.resend(client.release, client.id, span)
            if told.first is not None and told.last is not None:
                client.promised.append((seen, range(told.first, told.last + 1)))

        await self._try(rig, ask())

    async def _try(self, rig: Rig, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        broken = asyncio.ensure_future(_broken(rig))
        waiting: set[asyncio.Future[Any]] = {task, broken}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        broken.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise StoreBroken("while a client was waiting")
        error = task.exception()
        if error is not None and not isinstance(error, HubError):
            raise error

    async def _heal(self, rig: Rig) -> None:
        for client in self.clients:
            await self._subscribe(rig, client, "requested")
            if client.socket:
                wire, _ = await rig.bind(client.id, client.release, resume_after=client.highest)
                client.wires.append(wire)
        await rig.after(timedelta(hours=2))

    def _judge_status(self, rig: Rig) -> None:
        """From the first failed attempt on the status says so."""
        if rig.tasks[0].done():
            return
        for client in self.clients:
            if client.classic:
                continue
            found = rig.hub.subscribers.find(client.release, client.id)
            if found is not None and not found.deleted and client.failing == found.generation:
                (status,) = rig.hub.statuses.statuses(client.release, [client.id], ())
                assert status.errors, f"{client.id}: a failure does not show"

    async def _judge(self, rig: Rig) -> None:
        assert [*self.complaints, *broken_laws(self.store.commits)] == []
        expected = expected_events(self.store.commits)
        for client in self.clients:
            await self._judge_client(rig, client, expected[client.release, client.id])
        self._judge_durability()

    async def _judge_client(self, rig: Rig, client: Client, expected: Expected) -> None:
        subscriber = rig.subscriber(client.id, client.release)
        assert subscriber.subscription.status is SubscriptionStatusCode.ACTIVE
        total = len(expected.focus)
        assert rig.hub.subscribers.top(subscriber) == total, f"{client.id}: counted wrongly"
        assert rig.hub.subscribers.lowest(subscriber) == expected.lost + 1
        cursor = subscriber.delivery.cursor
        assert cursor == total or (client.socket and cursor < total), f"{client.id}: at {cursor}"
        if client.classic:
            assert all(body == expected.bodies[n - 1] for n, body in client.bodies)
        else:
            answer = await rig.hub.statuses.events(client.release, client.id)
            kept = [(event.event_number, event.focus) for event in answer.notification.events]
            assert kept == list(enumerate(expected.focus, 1))[expected.lost :], (
                f"{client.id}: $events differs"
            )
        runs = [client.seen]
        for wire in client.wires:
            run = [
                pair
                for _, status in wire.came
                for pair in zip(status["numbers"], status["focus"], strict=True)
            ]
            numbers = [number for number, _ in run]
            # A number is missing only where a Subscription was deleted while a socket was bound.
            assert numbers == sorted(set(numbers)), f"{client.id}: a socket's order {numbers}"
            runs.append(run)
        base = rig.hub.base_url(client.release)
        arrived = set()
        for number, focus in (pair for run in runs for pair in run):
            assert focus == f"{base}/{expected.focus[number - 1]}", f"{client.id}: {number} differs"
            arrived.add(number)
        firsts = list(dict.fromkeys(number for number, _ in client.seen))
        assert firsts == sorted(firsts), f"{client.id}: out of order {firsts}"
        for seen, promised in client.promised:
            due = {number for number in promised if number > expected.lost}
            due -= {number for number, _ in client.seen[seen:]}
            assert not due, f"{client.id}: {sorted(due)} were not sent again"
        missing = set(range(expected.lost + 1, total + 1)) - arrived
        assert not missing, f"{client.id}: {sorted(missing)} never arrived"

    def _judge_durability(self) -> None:
        """What was acknowledged is there."""
        reader = self.store.writer
        for key, number in self.acknowledged:
            stored = reader.version(key, number)
            assert stored is not None, f"{key.reference} version {number} was lost"


async def _broken(rig: Rig) -> None:
    """Return when the writer has ended: the hub is dead."""
    await asyncio.wait({rig.tasks[0]})
