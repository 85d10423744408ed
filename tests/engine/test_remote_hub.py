"""What a delivery in another process knows of a hub: the same as the hub, after each commit."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.core.timing import Settled
from hub.engine.plain_value import plain_settlement, settlement_of
from hub.engine.process_talk import Answered, Drain, Durable, Snapshot, Told, told_of
from hub.engine.recent_events import RecentEvents
from hub.engine.remote_hub import RemoteHub
from hub.engine.wakeups import LocalListener
from hub.errors import Unavailable
from hub.ports import WriteBatch
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import a_task
from tests.support.rig_writes import a_settlement, delete, put, submit

IDS = st.sampled_from(["one", "two", "three"])
OWNERS = st.sampled_from(["Organization/lab", "Organization/other"])
STEP = (
    st.tuples(st.just("subscribe"), IDS, OWNERS)
    | st.tuples(st.just("off"), IDS, OWNERS)
    | st.tuples(st.just("write"), IDS, OWNERS)
    | st.tuples(st.just("delete"), IDS, OWNERS)
    | st.tuples(st.just("wait"), IDS, OWNERS)
)


class Mirror:
    """Follows a hub as another process would, everything pickled on the way."""

    def __init__(self, rig: Rig, *, with_events: bool) -> None:
        self._rig = rig
        self._with_events = with_events
        self.recent = RecentEvents(rig.hub.store)
        self.remote = RemoteHub(self.recent, LocalListener(rig.clock), rig.clock)
        streams = rig.hub.subscribers.streams()
        self.remote.take(
            Snapshot(
                tuple(rig.hub.subscribers),
                {each.id: each.n for each in streams},
                {each.id: each.floor for each in streams},
                is_all=True,
            )
        )

    def committed(self, written: WriteBatch, woken: Collection[int]) -> None:
        told = told_of(written, woken, with_events=self._with_events)
        if told is not None:
            self.remote.take(pickle.loads(pickle.dumps(told)))
        subscribers = self._rig.hub.subscribers
        assert {sid: self.remote.get(sid) for sid in self.remote.sids()} == {
            each.sid: each for each in subscribers
        }
        for each in subscribers:
            found = self.remote.get(each.sid)
            assert found is not None
            assert self.remote.top(found) == subscribers.top(each)
            assert self.remote.lowest(found) == subscribers.lowest(each)


async def _happen(rig: Rig, what: str, id: str, owner: str) -> None:
    match what:
        case "subscribe":
            await rig.update(id, filters=(f"Task?owner={owner}",))
        case "off":
            await rig.update(id, filters=(f"Task?owner={owner}",), status="off")
        case "write":
            await rig.write(a_task(owner, id=id))
        case "delete":
            await submit(rig, delete(f"Task/{id}"), put(a_task(owner, id="more")))
        case _:
            await rig.after(HOUR)


def test_who_is_known_is_looked_at_before_all_are() -> None:
    async def scenario(rig: Rig) -> None:
        for id in ("one", "two"):
            await rig.update(id, filters=("Task?owner=Organization/lab",))
        listener = LocalListener(rig.clock)
        remote = RemoteHub(RecentEvents(rig.hub.store), listener, rig.clock)
        first, second = rig.hub.subscribers
        remote.take(Snapshot((first,), {}, {}, is_all=False))
        assert await listener.wait(None) == {first.sid}
        assert not remote.complete.done()
        remote.take(Snapshot((second,), {}, {}, is_all=True))
        assert await listener.wait(None) == {second.sid}
        assert remote.complete.done()

    on_rig(scenario)


@given(
    before=st.lists(STEP, max_size=4), steps=st.lists(STEP, max_size=12), with_events=st.booleans()
)
def test_it_knows_what_the_hub_knows(
    before: list[tuple[str, str, str]], steps: list[tuple[str, str, str]], with_events: bool
) -> None:
    async def scenario(rig: Rig) -> None:
        # One for each owner, so that every write is an event of somebody.
        await _happen(rig, "subscribe", "one", "Organization/lab")
        await _happen(rig, "subscribe", "two", "Organization/other")
        for step in before:
            await _happen(rig, *step)
        mirror = Mirror(rig, with_events=with_events)
        rig.hub.intake.follow(mirror)
        for step in steps:
            await _happen(rig, *step)
        await rig.after(timedelta(days=40))
        rig.hub.intake.unfollow(mirror)
        here = RecentEvents(rig.hub.store)
        for each in rig.hub.subscribers:
            numbers = mirror.remote.lowest(each), mirror.remote.top(each)
            assert await mirror.recent.read(each, *numbers) == await here.read(each, *numbers)

    on_rig(scenario)


def test_what_is_asked_is_done_when_it_is_answered() -> None:
    async def scenario(rig: Rig) -> None:
        remote = Mirror(rig, with_events=True).remote
        waiting = [
            asyncio.ensure_future(remote.settle(a_settlement(1, Settled.DELIVERED)))
            for _ in range(4)
        ]
        await rig.after(HOUR)
        assert not any(each.done() for each in waiting)
        remote.take(Durable([4, 1]))
        remote.take(Answered(2, followed=False, refusal="the disk is full"))
        waiting[2].cancel()
        await rig.after(HOUR)
        assert waiting[3].done() and waiting[3].exception() is None
        remote.take(Durable([3]))
        assert waiting[0].done() and waiting[0].exception() is None
        refused = waiting[1].exception()
        assert isinstance(refused, Unavailable) and "disk" in refused.diagnostics
        remote.take(Drain(rig.clock.now()))
        assert remote.draining.result() == rig.clock.now()

    on_rig(scenario)


class Heard(asyncio.Transport):
    """Keeps what is said over a line."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Any] = []

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take as much as comes."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.values += pickle.loads(data[4:])


def test_what_is_seen_seldom_is_told_seldom() -> None:
    async def scenario(rig: Rig) -> None:
        remote, heard = Mirror(rig, with_events=True).remote, Heard()
        remote.line.connection_made(heard)
        at = rig.clock.now()
        for busy in range(9):
            remote.lanes(busy)
            remote.beat(busy % 2, at)
            await rig.after(timedelta(milliseconds=1))
        await rig.after(HOUR)
        remote.beat(7, None)
        await rig.after(HOUR)
        assert heard.values == [Told(8, ((0, at), (1, at))), Told(8, ((7, None),))]

    on_rig(scenario)


def test_a_settlement_is_the_same_on_the_other_side() -> None:
    for what in Settled:
        settlement = a_settlement(7, what, cursor=3, resent=(2, 3), error="e", error_code="c")
        assert settlement_of(pickle.loads(pickle.dumps(plain_settlement(settlement)))) == settlement
