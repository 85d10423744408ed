"""Whoever loses a Task is told by reference, also when asked later."""

from __future__ import annotations

from hub.core.topic import PARTY_FILTER
from hub.engine.numbered_events import read_events
from tests.support.rig import Rig, on_rig
from tests.support.rig_resources import a_task, a_topic

LAB, OTHER = "Organization/lab", "Organization/other"
TOPIC = a_topic(
    canFilterBy=[
        {
            "extension": [{"url": PARTY_FILTER, "valueBoolean": True}],
            "resource": "Task",
            "filterParameter": "owner",
        }
    ]
)


def test_a_loss_is_an_event_without_context_that_stays_one() -> None:
    async def scenario(rig: Rig) -> None:
        for id, owner in (("lab", LAB), ("other", OTHER)):
            await rig.update(id, filters=(f"Task?owner={owner}",), content="full-resource")
        await rig.write({"resourceType": "Patient", "id": "p"})
        for owner, note in ((LAB, "a"), (OTHER, "b"), (OTHER, "c")):
            text = {"for": {"reference": "Patient/p"}, "note": [{"text": note}]}
            await rig.write(a_task(owner, id="t") | text)
        writer = rig.hub.store.writer
        told = [
            [(event.number, event.lost, len(event.context)) for event in found]
            for found in (read_events(writer, rig.subscriber(id), 1, 9) for id in ("lab", "other"))
        ]
        assert told == [[(1, False, 1), (2, True, 0)], [(1, False, 1), (2, False, 1)]]

        bundle = await rig.events("lab", since=2, until=2)
        shown = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
        assert shown == ["Parameters"]
        assert "Task/t" in str(bundle) and "Patient/p" not in str(bundle)

    on_rig(scenario, topics=[TOPIC])
