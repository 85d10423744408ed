"""Every kind of notification at every content level, as endpoints receive it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    numbers_of,
    status_of,
)
from tests.support.builders import (
    CONTENTS,
    a_bundle,
    a_patient,
    a_task,
    an_entry,
    topic,
)
from tests.support.endpoints import Endpoint, Received, Reply
from tests.support.notification_rules import check_notification

by_content = pytest.mark.parametrize("content", CONTENTS)


def _of(received: list[Received], kind: str, release: FhirRelease) -> list[Resource]:
    bundles = [check_notification(each.body, release) for each in received]
    return [bundle for bundle in bundles if status_of(bundle)["type"] == kind]


async def _after_handshake(endpoint: Endpoint, count: int) -> list[Received]:
    return (await endpoint.wait_for(1 + count))[1:]


def test_each_content_level_shows_what_it_may_and_no_more(hub: RunningHub) -> None:
    async def one(fhir: Fhir, content: str) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(
                endpoint, content=content, filters=[f"Task?owner={owner}"]
            )
            task = await fhir.create(a_task(owner))
            await fhir.put(task | {"status": "accepted"})
            await fhir.delete(f"Task/{task['id']}")
            received = await endpoint.wait_for(4)
        handshake, *events = [check_notification(each.body, fhir.release) for each in received]
        said = status_of(handshake)
        assert (said["type"], said["status"], said["counter"]) == ("handshake", "requested", "0")
        assert not said["events"]
        for number, bundle in enumerate(events, 1):
            said = status_of(bundle)
            assert said["type"] == "event-notification"
            assert said["status"] == "active"
            assert said["subscription"] == f"{fhir.base}/Subscription/{stored['id']}"
            assert said["topic"] == (None if content == "empty" else topic("task-activity"))
            (event,) = said["events"]
            assert (event["number"], said["counter"]) == (str(number), str(number))
            url = f"{fhir.base}/Task/{task['id']}"
            assert event["focus"] == (None if content == "empty" else url)
            entries = bundle["entry"][1:]
            if content != "full-resource":
                assert not entries
                continue
            (entry,) = entries
            assert entry["response"]["etag"] == f'W/"{number}"'
            method = ("POST", "PUT", "DELETE")[number - 1]
            assert entry["request"]["method"] == method
            if method != "DELETE":
                assert entry["resource"]["status"] == ("requested", "accepted")[number - 1]

    async def scenario(fhir: Fhir) -> None:
        await asyncio.gather(*(one(fhir, content) for content in CONTENTS))

    in_every_release(hub, scenario)


def test_heartbeats_say_the_counter_and_carry_no_events(hub: RunningHub) -> None:
    async def one(fhir: Fhir, content: str) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            await fhir.subscribed(
                endpoint, content=content, heartbeat=1, filters=[f"Task?owner={owner}"]
            )
            await fhir.create(a_task(owner))
            await endpoint.wait_for(3)
            (beat, *_) = _of(endpoint.received, "heartbeat", fhir.release)
        said = status_of(beat)
        assert (said["status"], said["counter"], said["events"]) == ("active", "1", [])
        assert len(beat["entry"]) == 1

    async def scenario(fhir: Fhir) -> None:
        await asyncio.gather(*(one(fhir, content) for content in CONTENTS))

    in_every_release(hub, scenario)


def test_without_a_period_no_heartbeat_is_sent(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with (
            Endpoint() as quiet,
            Endpoint() as beating,
        ):
            await fhir.subscribed(quiet, filters=[f"Task?owner={fresh()}"])
            await fhir.subscribed(beating, heartbeat=1, filters=[f"Task?owner={fresh()}"])
            await beating.wait_for(2)
            assert len(quiet.received) == 1

    in_every_release(hub, scenario)


@by_content
def test_status_and_events_answer_what_was_sent(hub: RunningHub, content: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(
                endpoint, content=content, filters=[f"Task?owner={owner}"]
            )
            for _ in range(3):
                await fhir.create(a_task(owner))
            await fhir.delete(f"Task/{(await fhir.create(a_task(owner)))['id']}")
            await endpoint.wait_until(lambda: _highest(endpoint) == 5)
            said = await fhir.status(stored["id"])
            assert (said["type"], said["status"], said["counter"]) == (
                "query-status",
                "active",
                "5",
            )
            answer = await fhir.ask("GET", f"Subscription/{stored['id']}/$events")
            bundle = check_notification(answer.content, fhir.release)
            assert status_of(bundle)["type"] == "query-event"
            assert numbers_of(bundle) == [1, 2, 3, 4, 5]
            sent = [
                event
                for each in endpoint.received[1:]
                for event in status_of(json.loads(each.body))["events"]
            ]
            assert status_of(bundle)["events"] == sent
            entries = [
                entry
                for each in endpoint.received[1:]
                for entry in json.loads(each.body)["entry"][1:]
            ]
            assert bundle["entry"][1:] == entries

    in_every_release(hub, scenario)


def _highest(endpoint: Endpoint) -> int:
    return max(
        (n for each in endpoint.received for n in numbers_of(json.loads(each.body))), default=0
    )


def test_includes_are_sent_as_they_were_when_the_change_was_made(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with (
            Endpoint([Reply(200), Reply(503), Reply(503)]) as endpoint,
        ):
            stored = await fhir.subscribed(
                endpoint, content="full-resource", filters=[f"Task?owner={owner}"]
            )
            patient = await fhir.create(a_patient(gender="female"))
            reference = f"Patient/{patient['id']}"
            task = await fhir.create(a_task(owner, patient=reference))
            await endpoint.wait_for(2)
            await fhir.put(patient | {"gender": "male"})
            await fhir.put(task | {"status": "accepted"})
            first, second, third, last = await _after_handshake(endpoint, 4)
            assert first.body == second.body == third.body
            bundle = check_notification(first.body, fhir.release)
            said = status_of(bundle)
            assert said["events"][0]["context"] == [f"{fhir.base}/{reference}"]
            assert [entry["resource"].get("gender") for entry in bundle["entry"][1:]] == [
                None,
                "female",
            ]
            assert [entry["response"]["etag"] for entry in bundle["entry"][1:]] == [
                'W/"1"',
                'W/"1"',
            ]
            assert bundle["entry"][2]["request"] == {"method": "GET", "url": reference}
            bundle = check_notification(last.body, fhir.release)
            assert [entry["resource"].get("gender") for entry in bundle["entry"][1:]] == [
                None,
                "male",
            ]
            events = await fhir.ask("GET", f"Subscription/{stored['id']}/$events")
            bundle = check_notification(events.content, fhir.release)
            genders = [entry["resource"].get("gender") for entry in bundle["entry"][1:]]
            assert sorted(filter(None, genders)) == ["female", "male"]

    in_every_release(hub, scenario)


def test_an_include_is_what_the_whole_transaction_left(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            await fhir.subscribed(
                endpoint, content="full-resource", filters=[f"Task?owner={owner}"]
            )
            patient = await fhir.create(a_patient(gender="female"))
            task = a_task(owner, patient=f"Patient/{patient['id']}")
            await fhir.ask(
                "POST",
                "",
                a_bundle(
                    "transaction",
                    an_entry("POST", "Task", task),
                    an_entry("PUT", f"Patient/{patient['id']}", patient | {"gender": "male"}),
                ),
            )
            (received,) = await _after_handshake(endpoint, 1)
            bundle = check_notification(received.body, fhir.release)
            assert bundle["entry"][2]["resource"]["gender"] == "male"
            assert bundle["entry"][2]["response"]["etag"] == 'W/"2"'

    in_every_release(hub, scenario)


def test_a_resource_that_is_included_twice_has_one_entry_per_version(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        hold = asyncio.Event()
        async with Endpoint([Reply(200), _Waiting(hold)]) as endpoint:
            await fhir.subscribed(
                endpoint, content="full-resource", filters=[f"Task?owner={owner}"]
            )
            patient = await fhir.create(a_patient())
            reference = f"Patient/{patient['id']}"
            await fhir.create(a_task(owner, patient=reference))
            await endpoint.wait_for(2)
            await fhir.create(a_task(owner, patient=reference))
            await fhir.create(a_task(owner, patient=reference))
            hold.set()
            bundle = check_notification((await endpoint.wait_for(3))[2].body, fhir.release)
            assert numbers_of(bundle) == [2, 3]
            urls = [entry["fullUrl"].split("/")[-2] for entry in bundle["entry"][1:]]
            assert sorted(urls) == ["Patient", "Task", "Task"]

    in_every_release(hub, scenario)


@pytest.mark.parametrize("max_count", [None, 1, 2, 50])
def test_a_backlog_is_sent_in_batches_of_the_count_asked_for(
    hub: RunningHub, max_count: int | None
) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        hold = asyncio.Event()
        async with (
            Endpoint([Reply(200), _Waiting(hold)]) as endpoint,
        ):
            await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=max_count)
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            await fhir.ask(
                "POST",
                "",
                a_bundle("batch", *(an_entry("POST", "Task", a_task(owner)) for _ in range(23))),
            )
            hold.set()
            await endpoint.wait_until(lambda: _highest(endpoint) == 24)
            batches = [
                numbers_of(check_notification(each.body, fhir.release))
                for each in endpoint.received
            ]
            size = max_count or 20
            rest = list(range(2, 25))
            expected = [rest[at : at + size] for at in range(0, len(rest), size)]
            assert batches == [[], [1], *expected]

    in_every_release(hub, scenario)


class _Waiting:
    """An answer that waits for an event."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def play(self, exchange: Any) -> bool:
        await self._event.wait()
        return await Reply().play(exchange)


def test_a_resource_arrives_as_it_was_spelled(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        text = (
            '{ "resourceType":"Task" ,"status":"requested","intent":"order","owner":{"reference":"'
            f'{owner}"'
            '},"input":[{"type":{"text":"d\\u00f6se"},"valueDecimal":1.10}] }'
        )
        async with Endpoint() as endpoint:
            await fhir.subscribed(
                endpoint, content="full-resource", filters=[f"Task?owner={owner}"]
            )
            answer = await fhir.ask("POST", "Task", content=text.encode())
            assert answer.status_code == 201
            (received,) = await _after_handshake(endpoint, 1)
            check_notification(received.body, fhir.release)
            assert b'"valueDecimal":1.10' in received.body
            assert b"d\\u00f6se" in received.body

    in_every_release(hub, scenario)


def test_releases_never_hear_of_each_other(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with (
            hub.client(FhirRelease.R4) as r4,
            hub.client(FhirRelease.R4B) as r4b,
            hub.client(FhirRelease.R5) as r5,
            Endpoint() as endpoint,
        ):
            await r4.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            for other in (r5, r4b):
                await other.put(a_task(owner, id="elsewhere"))
            assert (await r4.ask("GET", "Task/elsewhere")).status_code == 404
            mine = await r4.create(a_task(owner))
            (received,) = await _after_handshake(endpoint, 1)
            said = status_of(check_notification(received.body, FhirRelease.R4))
            assert said["events"][0]["focus"] == f"{r4.base}/Task/{mine['id']}"
            assert said["counter"] == "1"

    asyncio.run(scenario())
