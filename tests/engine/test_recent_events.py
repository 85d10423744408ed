"""The newest events from memory: the same as from the store, whatever was dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import Resource
from hub.core.version import ResourceVersion, StreamEvent
from hub.engine.numbered_events import read_events
from hub.engine.recent_events import RecentEvents
from hub.errors import Unavailable
from hub.ports import Reader
from tests.support.rig import Rig, on_rig
from tests.support.rig_resources import a_task
from tests.support.rig_writes import delete, put, submit

T = TypeVar("T")

STEP = st.tuples(
    st.sampled_from(["put", "delete", "patient", "both"]), st.sampled_from("ab"), st.integers(0, 9)
)


class Closed:
    """A store that can't be read."""

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Refuse."""
        raise Unavailable("closed")


def _task(id: str, turn: int) -> Resource:
    return a_task(id=id, note=[{"text": str(turn)}]) | {"for": {"reference": "Patient/p"}}


async def _happen(rig: Rig, steps: list[tuple[str, str, int]]) -> None:
    for turn, (what, id, _) in enumerate(steps):
        patient = {"resourceType": "Patient", "id": "p", "active": bool(turn % 2)}
        match what:
            case "put":
                await rig.write(_task(id, turn))
            case "delete":
                await submit(rig, delete(f"Task/{id}"))
            case "patient":
                await rig.write(patient)
            case _:
                await submit(rig, put(_task("a", turn)), put(_task("b", turn)), put(patient))


def _commits(rig: Rig) -> list[tuple[list[ResourceVersion], list[StreamEvent]]]:
    """Return what each commit wrote that has events, oldest first."""
    reader = rig.hub.store.writer
    found: dict[int, tuple[list[ResourceVersion], list[StreamEvent]]] = {}
    stream = rig.subscriber("sub").segments[-1].stream
    release = rig.subscriber("sub").subscription.release
    events = {event.seq: event for event in reader.events(stream, 1, 1_000)}
    for kind in ("Task", "Patient"):
        for version in reader.history(release, kind, None, count=1_000):
            versions, told = found.setdefault(version.transaction, ([], []))
            versions.append(version)
            if version.seq in events:
                told.append(events[version.seq])
    return [found[transaction] for transaction in sorted(found)]


@given(
    steps=st.lists(STEP, min_size=1, max_size=12),
    most_events=st.integers(0, 8),
    most_bytes=st.integers(0, 6_000),
)
def test_it_reads_what_the_store_has(
    steps: list[tuple[str, str, int]], most_events: int, most_bytes: int
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await _happen(rig, steps)
        recent = RecentEvents(rig.hub.store, most_events=most_events, most_bytes=most_bytes)
        for (versions, events), (_, _, luck) in zip(_commits(rig), steps, strict=False):
            if luck == 0:
                recent.forget()
            recent.keep(versions, events)
        subscriber, reader = rig.subscriber("sub"), rig.hub.store.writer
        top = rig.top("sub")
        for low in range(1, top + 1):
            for high in (low, top):
                assert await recent.read(subscriber, low, high) == read_events(
                    reader, subscriber, low, high
                )

    on_rig(scenario)


def test_the_newest_need_no_store() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.write({"resourceType": "Patient", "id": "p"})
        for turn in range(4):
            await submit(
                rig, put(_task("a", turn)), put({"resourceType": "Patient", "id": "p", "x": turn})
            )
        commits, subscriber = _commits(rig), rig.subscriber("sub")
        recent = RecentEvents(Closed(), most_events=2)
        for versions, events in commits:
            recent.keep(versions, events)
        assert await recent.read(subscriber, 3, 4) == read_events(
            rig.hub.store.writer, subscriber, 3, 4
        )
        recent.forget()
        try:
            await recent.read(subscriber, 4, 4)
        except Unavailable:
            return
        raise AssertionError("what was forgotten was read")

    on_rig(scenario)
