"""Events under a Subscription's own numbers, with the content of their commit."""

from __future__ import annotations

from hub.core.release import FhirRelease, Resource
from hub.engine.numbered_events import read_events
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4


def a_patient(id: str) -> Resource:
    """Return a Patient."""
    return {"resourceType": "Patient", "id": id}


def test_numbers_walk_over_all_streams_that_the_subscription_was_on() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("early")
        await rig.write(a_task(id="before"))
        await rig.update("sub")
        await rig.write(a_task(id="a"))
        await rig.update("sub", filters=("Task?owner=Organization/other",))
        await rig.write(a_task("Organization/other", id="b"))
        await rig.update("sub")
        await rig.write(a_task(id="c"))
        found = read_events(rig.hub.store.writer, rig.subscriber("sub"), 1, 3)
        assert [(event.number, event.focus.key.id) for event in found if event.focus] == [
            (1, "a"),
            (2, "b"),
            (3, "c"),
        ]
        assert read_events(rig.hub.store.writer, rig.subscriber("sub"), 2, 2) == found[1:2]
        assert read_events(rig.hub.store.writer, rig.subscriber("sub"), 4, 9) == []

    on_rig(scenario)


def test_the_context_is_read_at_the_versions_of_the_commit() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.write(a_patient("p"))
        for version in (1, 2):
            await rig.write(a_task(id="t", note=[{"text": str(version)}]) | _for("Patient/p"))
            await rig.write(a_patient("p") | {"active": version == 1})
        await rig.write(a_task(id="u") | _for("Patient/unknown"))
        events = read_events(rig.hub.store.writer, rig.subscriber("sub"), 1, 3)
        assert [[each.version for each in event.context] for event in events] == [[1], [2], []]
        assert [event.focus.version for event in events if event.focus] == [1, 2, 1]
        await rig.after(HOUR)

    on_rig(scenario)


def _for(reference: str) -> Resource:
    return {"for": {"reference": reference}}
