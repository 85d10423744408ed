"""Which events a Subscription counts, and that their numbers go on whatever happens to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease
from hub.engine.write import Outcome
from tests.support.rig import HOUR, SECOND, Rig, a_rig, on_rig
from tests.support.rig_resources import OTHER_OWNER, OTHER_TOPIC, TASK_TOPIC, a_task, a_topic, id_of
from tests.support.virtual_time import run_virtually

R4 = FhirRelease.R4


def test_off_is_stored_and_counts_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(status="off"))
        await rig.write(a_task())
        await rig.after(HOUR)
        assert rig.status(id) == "off"
        assert rig.top(id) == 0
        assert rig.subscriber(id).segments == ()
        assert rig.endpoints.attempts == []

    on_rig(scenario)


def test_events_are_counted_from_the_create_on() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.write(a_task())
        assert rig.status(id) == "requested"
        assert rig.top(id) == 1

    on_rig(scenario)


def test_delete_and_put_again_continues_the_numbers() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(SECOND)
        assert await rig.hub.subscriptions.delete(R4, "sub") is Outcome.DELETED
        assert await rig.hub.subscriptions.delete(R4, "sub") is Outcome.ABSENT
        assert await rig.hub.subscriptions.delete(R4, "nobody") is Outcome.ABSENT
        await rig.write(a_task())
        stored = await rig.update("sub")
        assert stored.outcome is Outcome.CREATED
        assert stored.version.version == 4
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.endpoints.of("handshake")[-1]["events-since-subscription-start"] == "1"
        assert rig.endpoints.numbers() == [1, 2]

    on_rig(scenario)


def test_the_very_first_handshake_says_zero_even_after_a_change_of_filters() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.write(a_task())
        await rig.update("sub", filters=OTHER_OWNER)
        await rig.write(a_task("Organization/other"))
        await rig.after(SECOND)
        (handshake,) = rig.endpoints.of("handshake")
        assert handshake["events-since-subscription-start"] == "0"
        assert rig.endpoints.numbers() == [1, 2]

    on_rig(scenario)


def test_events_before_a_change_of_filters_are_delivered_as_they_were_matched() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.write(a_task(id="a"))
        await rig.update("sub", topic=OTHER_TOPIC, filters=())
        await rig.write(a_task(id="b"))
        await rig.write({"resourceType": "Patient", "id": "p"})
        await rig.after(SECOND)
        (notification,) = rig.endpoints.of("event-notification")
        assert [each.rpartition("r4/")[2] for each in notification["focus"]] == [
            "Task/a",
            "Patient/p",
        ]

    on_rig(scenario)


def test_a_subscription_stays_on_the_version_of_the_topic_that_it_was_made_for() -> None:
    newer = a_topic(version="2.0.0", resourceTrigger=[{"resource": "Task"}])
    topics = [a_topic(), a_topic(OTHER_TOPIC, "Patient")]

    async def scenario() -> None:
        async with a_rig(topics=topics) as rig:
            store = rig.hub.store
            await rig.update("old")
        async with a_rig(store=store, topics=[*topics, newer]) as rig:
            await rig.update("old", max_count=2)
            await rig.update("new")
            assert rig.subscriber("old").topic_version == f"{TASK_TOPIC}|1.0.0"
            assert rig.subscriber("new").topic_version == f"{TASK_TOPIC}|2.0.0"
            await rig.update("new", topic=f"{TASK_TOPIC}|1.0.0")
            assert rig.subscriber("new").topic_version == f"{TASK_TOPIC}|1.0.0"

    run_virtually(scenario())


STEP = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(["a", "b", "c"])),
    st.tuples(st.just("filter"), st.sampled_from(["a", "b", "c", "a,b"])),
    st.tuples(st.sampled_from(["off", "on", "delete", "deliver", "everything"]), st.just("")),
)


@given(st.lists(STEP, max_size=25))
def test_numbers_go_on_through_any_sequence_of_changes(steps: list[tuple[str, str]]) -> None:
    """Compare with a model that writes down each event as it happens."""

    async def scenario(rig: Rig) -> None:
        filters, counting, expected, dropped = {"a"}, True, list[str](), 0

        async def put(status: str) -> None:
            value = ",".join(f"Organization/{each}" for each in sorted(filters))
            await rig.update(
                "sub", type="websocket", status=status, filters=(f"Task?owner={value}",)
            )

        await put("active")
        for step, value in steps:
            if step == "write":
                (written,) = await rig.write(a_task(f"Organization/{value}"))
                if counting and value in filters:
                    expected.append(f"Task/{id_of(written)}")
            elif step in ("filter", "everything"):
                filters = set(value.split(",")) if value else {"a", "b", "c"}
                await put("active" if counting else "off")
            elif step == "delete":
                await rig.hub.subscriptions.delete(R4, "sub")
                counting, dropped = True, len(expected)
                await put("active")
            elif step in ("off", "on"):
                counting = step == "on"
                await put("active" if counting else "off")
            assert rig.top("sub") == len(expected)
        answer = await rig.hub.statuses.events(R4, "sub")
        found = [(event.event_number, event.focus) for event in answer.notification.events]
        assert found == list(enumerate(expected, 1))[dropped:]

    on_rig(scenario)
