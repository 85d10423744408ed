"""Event numbers: what counts, in which order it comes, and how gaps are seen."""

from __future__ import annotations

import asyncio
import json

from hub.core.release import FhirRelease
from tests.conformance.failure import Failures
from tests.conformance.item import MAY, REC, SHALL, SHOULD, item
from tests.conformance.story import counter, counting, events, highest, told
from tests.journeys.hosting import PATIENCE, Fhir, fresh, numbers_of
from tests.support.builders import a_bundle, a_task, an_entry
from tests.support.endpoints import Endpoint, Reply


@item("8.1", SHALL)
async def test_8_1_the_counter_is_all_events_since_the_start_from_1_on(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint([Reply(200), Reply(503)]) as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
        await fhir.create(a_task(owner))
        await endpoint.wait_for(3)
        await fhir.create(a_task(owner))
        await endpoint.wait_until(lambda: highest(endpoint) == 2)
        _, failed, again, second = [told(each, fhir.release) for each in endpoint.received]
        assert [each["counter"] for each in (failed, again, second)] == ["1", "1", "2"]
        assert await counter(fhir, stored["id"]) == 2


@item("8.2", SHALL)
async def test_8_2_the_highest_number_of_a_notification_is_its_counter(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as endpoint:
        await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=3)
        tasks = [an_entry("POST", "Task", a_task(owner)) for _ in range(5)]
        await fhir.ask("POST", "", a_bundle("transaction", *tasks))
        await endpoint.wait_until(lambda: highest(endpoint) == 5)
        said = [told(each, fhir.release) for each in endpoint.received[1:]]
        assert [[event["number"] for event in each["events"]] for each in said] == [
            ["1", "2", "3"],
            ["4", "5"],
        ]
        assert [each["counter"] for each in said] == ["3", "5"]


@item("8.3", SHALL)
def test_8_3_in_error_events_count_and_the_status_is_answered(
    failures: Failures, release: FhirRelease
) -> None:
    failure = failures[release]
    assert failure.read["status"] == "error"
    assert [said["counter"] for said in failure.asked] == ["2", "3"]
    assert [said["status"] for said in failure.asked] == ["error", "error"]


@item("8.4", REC)
def test_8_4_only_the_client_leads_out_of_error(failures: Failures, release: FhirRelease) -> None:
    failure = failures[release]
    assert failure.sent_in_error == []
    assert failure.answered["status"] == "requested"
    assert failure.sent_after[0]["type"] == "handshake"
    assert failure.sent_after[0]["status"] == "requested"


@item("8.5", SHOULD)
def test_8_5_after_an_error_the_numbers_go_on(failures: Failures, release: FhirRelease) -> None:
    (backlog,) = failures[release].sent_after[1:]
    assert [event["number"] for event in backlog["events"]] == ["2", "3"]
    assert backlog["counter"] == "3"


@item("8.6", SHALL)
async def test_8_6_batches_wait_for_nothing_and_hold_no_more_than_asked_for(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as endpoint:
        await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=10, heartbeat=60)
        await fhir.create(a_task(owner))
        await endpoint.wait_for(2)
        assert numbers_of(json.loads(endpoint.received[1].body)) == [1]


@item("8.7", REC)
async def test_8_7_a_redelivery_keeps_number_and_time_and_order_is_kept(fhir: Fhir) -> None:
    owner = fresh()
    answers = [Reply(200), Reply(503), Reply(200), Reply(503)]
    async with Endpoint(answers) as endpoint:
        await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=1)
        for _ in range(3):
            await fhir.create(a_task(owner))
        await endpoint.wait_until(lambda: highest(endpoint) == 3)
        _, *sent = endpoint.received
        assert [numbers_of(json.loads(each.body)) for each in sent] == [[1], [1], [2], [2], [3]]
        assert sent[0].body == sent[1].body
        assert sent[2].body == sent[3].body


@item("8.9", MAY)
async def test_8_9_each_notification_that_was_sent_is_recorded(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=1)
        for _ in range(2):
            await fhir.create(a_task(owner))
        await endpoint.wait_until(lambda: highest(endpoint) == 2)
        async with asyncio.timeout(PATIENCE):
            while len(found := await fhir.attempts(stored["id"])) < 3:
                pass
        assert [(each["kind"], each["last"], each["outcome"]) for each in found] == [
            ("events", "2", "delivered"),
            ("events", "1", "delivered"),
            ("handshake", "0", "delivered"),
        ]


@item("8.10", SHALL)
async def test_8_10_the_change_is_answered_whatever_becomes_of_its_notification(
    fhir: Fhir,
) -> None:
    owner = fresh()
    async with Endpoint([Reply(200)], default=Reply(500)) as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
        task = await fhir.create(a_task(owner))
        await fhir.until_error(stored["id"])
        assert (await fhir.get(f"Task/{task['id']}"))["status"] == "requested"
        await fhir.put(task | {"status": "accepted"})
        assert await counter(fhir, stored["id"]) == 2
        await fhir.delete(f"Subscription/{stored['id']}")


@item("8.2", SHALL)
async def test_8_2_numbers_are_places_in_the_sequence_of_one_subscription(fhir: Fhir) -> None:
    mine = fresh()
    one = await counting(fhir, filters=[f"Task?owner={mine}"])
    await fhir.create(a_task(mine))
    other = await counting(fhir, filters=[f"Task?owner={mine}"])
    await asyncio.gather(*(fhir.create(a_task(mine)) for _ in range(3)))
    assert [each["number"] for each in await events(fhir, one)] == ["1", "2", "3", "4"]
    assert [each["number"] for each in await events(fhir, other)] == ["1", "2", "3"]
