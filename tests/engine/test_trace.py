"""A trace tells each change, who was told of it, and whether it arrived."""

from __future__ import annotations

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease, Resource
from hub.core.version import ResourceKey
from hub.engine.standing import Standing
from hub.engine.trace import MOST_CHANGES, Trace
from hub.errors import NotFound
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import OTHER_OWNER, TASK_TOPIC, a_task, a_topic, id_of

R4 = FhirRelease.R4


async def traced(rig: Rig, reference: str) -> Trace:
    kind, _, id = reference.partition("/")
    return await rig.hub.tracing.trace(ResourceKey(R4, kind, id))


def lines(trace: Trace) -> list[tuple[str, list[tuple[str, int, Standing]]]]:
    return [
        (
            f"{change.version.key.reference} v{change.version.version}",
            [
                (each.subscriber.subscription.id, each.number, each.standing.standing)
                for each in change.told
            ],
        )
        for change in trace.changes
    ]


def order(**more: object) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": "o1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        **more,
    }


def test_an_order_is_traced_with_its_tasks_and_results() -> None:
    def answers(envelope: Envelope, attempt: int) -> DeliveryResult:
        if "dead" in envelope.endpoint and b"event-notification" in envelope.body:
            return Failed(failure=FailureClass.CONNECTION, reason="refused")
        return Delivered(status=200)

    async def scenario(rig: Rig) -> None:
        rig.endpoints.answers = answers
        well = id_of(await rig.subscribe())
        dead = id_of(await rig.subscribe(endpoint="https://dead.example.org/hook"))
        await rig.subscribe(filters=OTHER_OWNER)
        await rig.after(HOUR)
        focus = {"reference": "ServiceRequest/o1"}
        await rig.write(order(), a_task(id="t1", focus=focus))
        await rig.write(a_task(id="t2", partOf=[{"reference": "Task/t1"}]))
        report = {"resourceType": "DiagnosticReport", "id": "r1", "status": "final"}
        based_on = [{"reference": "ServiceRequest/o1"}]
        await rig.write(report | {"code": {"text": "x"}, "basedOn": based_on})
        await rig.write(a_task(id="t1", status="completed", focus=focus))
        await rig.after(HOUR)
        found = await traced(rig, "ServiceRequest/o1")

        def told(number: int) -> list[tuple[str, int, Standing]]:
            return [(well, number, Standing.DELIVERED), (dead, number, Standing.RETRYING)]

        assert lines(found) == [
            ("ServiceRequest/o1 v1", []),
            ("Task/t1 v1", told(1)),
            ("Task/t2 v1", told(2)),
            ("DiagnosticReport/r1 v1", []),
            ("Task/t1 v2", told(3)),
        ]
        assert found.undelivered == 3 and not found.cut
        arrived = [told.delivered for change in found.changes for told in change.told]
        assert [each is None for each in arrived] == [False, True] * 3

    on_rig(scenario)


def test_a_task_is_traced_over_what_happened_to_who_was_told() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        await rig.update(mine, filters=OTHER_OWNER)
        await rig.write(a_task(id="t1", status="accepted"))
        await rig.update(mine, filters=OTHER_OWNER, status="off")
        await rig.write(a_task("Organization/other", id="t1"))
        found = await traced(rig, "Task/t1")
        assert lines(found) == [
            ("Task/t1 v1", [(mine, 1, Standing.DELIVERED)]),
            ("Task/t1 v2", []),
            ("Task/t1 v3", []),
        ]
        assert found.undelivered == 0
        await rig.hub.subscriptions.delete(R4, mine)
        assert lines(await traced(rig, "Task/t1"))[0][1] == []

    on_rig(scenario)


def test_what_other_resources_said_then_is_found_though_they_say_otherwise_now() -> None:
    async def scenario(rig: Rig) -> None:
        who: Resource = {"resourceType": "Organization", "id": "ward", "name": "Ward"}
        await rig.write(who)
        chained = ("Task?requester:Organization.name=ward",)
        mine = id_of(await rig.subscribe(filters=chained))
        await rig.write(a_task(id="t1", requester={"reference": "Organization/ward"}))
        await rig.write(who | {"name": "Another"})
        await rig.after(HOUR)
        assert lines(await traced(rig, "Task/t1")) == [
            ("Task/t1 v1", [(mine, 1, Standing.DELIVERED)])
        ]

    topic = a_topic(
        TASK_TOPIC,
        canFilterBy=[{"resource": "Task", "filterParameter": "requester:Organization.name"}],
    )
    on_rig(scenario, topics=[topic])


@pytest.mark.parametrize(
    "criteria",
    [
        {"queryCriteria": {"current": "requester:Organization.name=ward"}},
        {"fhirPathCriteria": "%current.requester.resolve().name = 'Ward'"},
    ],
)
def test_a_trigger_that_looked_at_other_resources_is_not_asked_again(
    criteria: dict[str, object],
) -> None:
    async def scenario(rig: Rig) -> None:
        who: Resource = {"resourceType": "Organization", "id": "ward", "name": "Ward"}
        await rig.write(who)
        mine = id_of(await rig.subscribe(filters=()))
        await rig.write(a_task(id="t1", requester={"reference": "Organization/ward"}))
        await rig.write(who | {"name": "Another"})
        assert [told for _, told in lines(await traced(rig, "Task/t1"))] == [
            [(mine, 1, Standing.WAITING)]
        ]

    on_rig(scenario, topics=[a_topic(resourceTrigger=[{"resource": "Task", **criteria}])])


def test_many_changes_are_cut_to_the_newest() -> None:
    async def scenario(rig: Rig) -> None:
        for number in range(MOST_CHANGES + 3):
            await rig.write(a_task(id="t1", description=str(number)))
        found = await traced(rig, "Task/t1")
        assert found.cut and len(found.changes) == MOST_CHANGES
        assert found.changes[-1].version.version == MOST_CHANGES + 3

    on_rig(scenario)


def test_resources_about_the_hub_made_no_events_and_unknown_ones_are_not_found() -> None:
    async def scenario(rig: Rig) -> None:
        mine = id_of(await rig.subscribe())
        assert lines(await traced(rig, f"Subscription/{mine}"))[0][1] == []
        with pytest.raises(NotFound):
            await traced(rig, "Task/none")

    on_rig(scenario)


def test_of_many_orders_only_what_waits_is_looked_for() -> None:
    def answers(envelope: Envelope, attempt: int) -> DeliveryResult:
        if "dead" in envelope.endpoint and b"event-notification" in envelope.body:
            return Failed(failure=FailureClass.CONNECTION, reason="refused")
        return Delivered(status=200)

    async def scenario(rig: Rig) -> None:
        async def waiting() -> dict[str, list[tuple[str, int]]]:
            keys = [ResourceKey(R4, *each.split("/")) for each in ("ServiceRequest/o1", "Task/t2")]
            found = await rig.hub.tracing.undelivered(keys)
            return {
                key.reference: [(told.subscriber.subscription.id, told.number) for told in some]
                for key, some in found.items()
            }

        rig.endpoints.answers = answers
        await rig.subscribe()
        dead = id_of(await rig.subscribe(endpoint="https://dead.example.org/hook"))
        moved = id_of(await rig.subscribe(endpoint="https://dead.example.org/other"))
        await rig.after(HOUR)
        await rig.write(order(), a_task(id="t1", focus={"reference": "ServiceRequest/o1"}))
        await rig.write(a_task(id="t2"))
        await rig.update(moved, endpoint="https://dead.example.org/other", filters=OTHER_OWNER)
        await rig.write(a_task("Organization/other", id="t2"))
        await rig.after(HOUR)
        assert await waiting() == {
            "ServiceRequest/o1": [(dead, 1), (moved, 1)],
            "Task/t2": [(dead, 2), (moved, 2), (moved, 3)],
        }
        rig.endpoints.answers = lambda envelope, attempt: Delivered(status=200)
        await rig.after(24 * HOUR)
        assert await waiting() == {"ServiceRequest/o1": [], "Task/t2": []}
        assert await rig.hub.tracing.undelivered([]) == {}

    on_rig(scenario)
