"""Why a change is told to Subscriptions whose criteria are a search, and what became of it."""

from __future__ import annotations

from hub.core.release import FhirRelease
from hub.core.version import ResourceKey
from hub.engine.standing import Standing
from tests.support.classic import put_classic
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4
TASK = ResourceKey(R4, "Task", "t1")
MISSED = "Task?owner=Organization/other"


def test_a_change_is_explained_condition_by_condition_and_without_numbers() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "hit", payload="application/fhir+json")
        await put_classic(rig, "miss", MISSED)
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        found = await rig.hub.explain.version(TASK)
        (topic,) = (each for each in found.topics if each.streams)
        assert topic.fires
        hit, miss = topic.streams
        (told,) = hit.subscriptions
        assert told.subscriber.subscription.id == "hit"
        assert told.number is None
        assert told.standing is not None and told.standing.standing is Standing.DELIVERED
        assert [(c.text, c.holds) for c in miss.clauses] == [
            ("owner=Organization/other", False),
        ]
        assert found.told == 1

    on_rig(scenario)


def test_one_subscription_can_be_asked_about_and_a_deletion_tells_it_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub")
        await rig.write(a_task(id="t1"))
        await rig.delete("Task/t1")
        found = await rig.hub.explain.version(TASK, subscription="sub")
        (topic,) = found.topics
        assert not topic.fires
        assert topic.verdicts[0].why_not is not None
        made_up = await rig.hub.explain.change(R4, None, a_task(id="t1"), subscription="sub")
        assert made_up.told == 1

    on_rig(scenario)


def test_a_trace_tells_whom_a_change_reached() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub")
        await put_classic(rig, "other", MISSED)
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        (change,) = (await rig.hub.tracing.trace(TASK)).changes
        assert [each.subscriber.subscription.id for each in change.told] == ["sub"]
        assert change.told[0].standing.standing is Standing.DELIVERED
        assert change.told[0].delivered is not None

    on_rig(scenario)
