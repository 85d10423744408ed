"""What a Subscription hears of: filters, topics, includes, and changes of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    heard,
    in_every_release,
    numbers_of,
    running_hub,
    status_of,
)
from tests.support.builders import a_bundle, a_patient, a_subscription, a_task, an_entry
from tests.support.endpoints import Endpoint, Reply
from tests.support.notification_rules import check_notification

R4: Final = FhirRelease.R4


async def _counting(fhir: Fhir, *filters: str, topic_name: str = "task-activity") -> str:
    wanted = a_subscription(
        fhir.release,
        channel="websocket",
        content="full-resource",
        filters=filters,
        topic_name=topic_name,
    )
    id: str = (await fhir.create(wanted))["id"]
    return id


async def _counter(fhir: Fhir, id: str) -> int:
    return int((await fhir.status(id))["counter"])


async def _events(fhir: Fhir, id: str) -> Resource:
    answer = await fhir.ask("GET", f"Subscription/{id}/$events")
    return check_notification(answer.content, fhir.release)


def _last(endpoint: Endpoint) -> list[int]:
    return numbers_of(json.loads(endpoint.received[-1].body))


def test_filters_are_joined_by_and_and_commas_by_or(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        one, two = fresh(), fresh()
        both = await _counting(fhir, f"Task?owner={one}", "Task?status=accepted")
        either = await _counting(fhir, f"Task?owner={one},{two}")
        no_owner = await _counting(fhir, "Task?owner:missing=true", "Task?status=on-hold")
        negated = await _counting(fhir, f"Task?owner={two}", "Task?status:not=accepted,rejected")
        await fhir.create(a_task(one, "accepted"))
        await fhir.create(a_task(one, "requested"))
        await fhir.create(a_task(two, "accepted"))
        await fhir.create(a_task(two, "requested"))
        await fhir.create(a_task(None, "on-hold"))
        found = [await _counter(fhir, id) for id in (both, either, negated)]
        assert found == [1, 4, 1]
        assert await _counter(fhir, no_owner) >= 1

    in_every_release(hub, scenario)


def test_each_spelling_of_a_filter_of_the_guide_means_the_same(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        if fhir.release is FhirRelease.R5:
            return
        owner = fresh()
        ids = [
            await _counting(fhir, spelled)
            for spelled in (
                f"Task?owner={owner}&status=requested",
                f"Task.owner={owner}",
                f"owner={owner}",
                f"Task?owner={owner.replace('/', '%2F')}",
                f"owner={fhir.base}/{owner}",
            )
        ]
        await fhir.create(a_task(owner))
        assert [await _counter(fhir, id) for id in ids] == [1] * len(ids)

    in_every_release(hub, scenario)


def test_a_reference_of_a_filter_matches_each_spelling_in_a_resource(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, f"Task?owner={owner}")
        for spelled in (owner, f"{fhir.base}/{owner}", f"{owner}/_history/2"):
            await fhir.create(a_task(spelled))
        await fhir.create(a_task(f"http://elsewhere.example.org/{owner}"))
        await fhir.create(a_task(f"{owner}0"))
        assert await _counter(fhir, id) == 3

    in_every_release(hub, scenario)


def test_any_change_hears_of_every_type_but_not_of_subscriptions() -> None:
    async def scenario(fhir: Fhir) -> None:
        everything = await _counting(fhir, topic_name="any-change")
        patients = await _counting(fhir, "Resource?_type=Patient", topic_name="any-change")
        task = await fhir.create(a_task())
        await fhir.create(a_patient())
        await fhir.delete(f"Task/{task['id']}")
        other = await _counting(fhir)
        await fhir.delete(f"Subscription/{other}")
        found = await _events(fhir, everything)
        methods = [entry["request"]["method"] for entry in found["entry"][1:]]
        if fhir.release is FhirRelease.R5:
            assert sorted(methods) == ["DELETE", "POST", "POST"]
        assert numbers_of(found) == [1, 2, 3]
        assert await _counter(fhir, patients) == 1

    with running_hub() as hub:
        in_every_release(hub, scenario)


def test_a_patch_is_an_update_and_one_that_changes_nothing_is_none(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, f"Task?owner={owner}")
        task = await fhir.create(a_task(owner))
        patch = [{"op": "replace", "path": "/status", "value": "accepted"}]
        for _ in range(2):
            answer = await fhir.ask(
                "PATCH", f"Task/{task['id']}", patch, Content_Type="application/json-patch+json"
            )
            assert answer.status_code == 200
            assert answer.headers["etag"] == 'W/"2"'
        assert numbers_of(await _events(fhir, id)) == [1, 2]

    in_every_release(hub, scenario)


def test_a_version_that_is_focus_and_context_has_one_entry(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, f"Task?owner={owner}")
        first = await fhir.create(a_task(owner))
        second = await fhir.create(a_task(owner, focus={"reference": f"Task/{first['id']}"}))
        bundle = await _events(fhir, id)
        urls = [entry["fullUrl"] for entry in bundle["entry"][1:]]
        assert sorted(urls) == sorted(f"{fhir.base}/Task/{x['id']}" for x in (first, second))
        context = [event["context"] for event in status_of(bundle)["events"]]
        assert context == [[], [f"{fhir.base}/Task/{first['id']}"]]

    in_every_release(hub, scenario)


def test_includes_that_are_gone_or_foreign_are_left_out(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, f"Task?owner={owner}")
        gone, kept = [await fhir.create(a_patient()) for _ in range(2)]
        await fhir.delete(f"Patient/{gone['id']}")
        for reference in (
            f"Patient/{gone['id']}",
            f"Patient/{kept['id']}",
            f"{fhir.base}/Patient/{kept['id']}",
            "http://elsewhere.example.org/Patient/1",
            "Patient/nobody",
        ):
            await fhir.create(a_task(owner, patient=reference))
        await fhir.delete(f"Patient/{kept['id']}")
        bundle = await _events(fhir, id)
        url = f"{fhir.base}/Patient/{kept['id']}"
        context = [event["context"] for event in status_of(bundle)["events"]]
        assert context == [[], [url], [url], [], []]
        (entry,) = [entry for entry in bundle["entry"] if entry["fullUrl"] == url]
        assert entry["resource"]["meta"]["versionId"] == "1"

    in_every_release(hub, scenario)


def test_a_smaller_count_holds_for_a_batch_that_is_being_retried(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint([Reply(200)], default=Reply(503)) as endpoint:
            stored = await fhir.create(
                a_subscription(fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={owner}"])
            )
            tasks = [an_entry("POST", "Task", a_task(owner)) for _ in range(4)]
            await fhir.ask("POST", "", a_bundle("transaction", *tasks))
            await endpoint.wait_for(2)
            await fhir.until_error(stored["id"])
            smaller = a_subscription(
                fhir.release,
                endpoint=endpoint.url,
                filters=[f"Task?owner={owner}"],
                max_count=2,
                id=stored["id"],
                status="active",
            )
            assert (await fhir.put(smaller))["status"] == "active"
            sent = len(endpoint.received)
            endpoint.default = Reply(200)
            await endpoint.wait_until(
                lambda: len(endpoint.received) > sent and 4 in _last(endpoint)
            )
            assert _last(endpoint) == [3, 4]

    in_every_release(hub, scenario)


def test_a_socket_ends_when_its_subscription_gets_another_channel(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        wanted = a_subscription(fhir.release, channel="websocket", filters=[f"Task?owner={owner}"])
        id = (await fhir.create(wanted))["id"]
        async with Endpoint() as endpoint, a_socket(hub) as websocket:
            token = await fhir.token(id)
            await websocket.send(f"bind-with-token {token}")
            await heard(websocket, fhir.release)
            await fhir.put(
                a_subscription(
                    fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={owner}"], id=id
                )
            )
            await fhir.create(a_task(owner))
            _, event = await endpoint.wait_for(2)
            assert numbers_of(json.loads(event.body)) == [1]
            await websocket.wait_closed()
            assert websocket.close_code == 1000
            async with a_socket(hub) as late:
                await late.send(f"bind-with-token {token}")
                await late.wait_closed()
                assert late.close_code in (1000, 1008)

    in_every_release(hub, scenario)


def test_of_many_puts_of_a_new_subscription_one_creates(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        id = fresh("x").partition("/")[2]
        wanted = a_subscription(fhir.release, channel="websocket", id=id)
        answers = await asyncio.gather(
            *(fhir.ask("PUT", f"Subscription/{id}", wanted) for _ in range(8))
        )
        assert sorted(answer.status_code for answer in answers) == [*[200] * 7, 201]

    in_every_release(hub, scenario)


def test_equal_subscriptions_hear_the_same_and_count_from_their_own_start(
    hub: RunningHub,
) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        first = await _counting(fhir, f"Task?owner={owner}", "Task?status=requested")
        await fhir.create(a_task(owner))
        second = await _counting(fhir, "Task?status=requested", f"Task?owner={owner}")
        await fhir.create(a_task(owner))
        await fhir.delete(f"Subscription/{first}")
        await fhir.create(a_task(owner))
        third = await _counting(fhir, f"Task?owner={owner}", "Task?status=requested")
        await fhir.create(a_task(owner))
        assert numbers_of(await _events(fhir, second)) == [1, 2, 3]
        assert numbers_of(await _events(fhir, third)) == [1]

    in_every_release(hub, scenario)


def test_a_period_and_timeout_out_of_bounds_are_shown_as_they_are_honoured(
    hub: RunningHub,
) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(
            a_subscription(
                fhir.release, endpoint="http://127.0.0.1:9/hook", heartbeat=0, timeout=600
            )
        )
        if fhir.release is FhirRelease.R5:
            found = {"heartbeat": stored["heartbeatPeriod"], "timeout": stored["timeout"]}
        else:
            found = {
                each["url"].rpartition("backport-")[2].partition("-")[0]: each["valueUnsignedInt"]
                for each in stored["channel"]["extension"]
            }
        assert found == {"heartbeat": 1, "timeout": 120}
        await fhir.delete(f"Subscription/{stored['id']}")

    in_every_release(hub, scenario)


def test_entered_in_error_is_final_in_r5(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(FhirRelease.R5) as fhir, Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint)
            read = await fhir.get(f"Subscription/{stored['id']}")
            void = await fhir.put(read | {"status": "entered-in-error"})
            assert void["status"] == "entered-in-error"
            status, _ = await fhir.refused(
                "PUT", f"Subscription/{stored['id']}", read | {"status": "active"}
            )
            assert status == 422

    asyncio.run(scenario())


def test_two_subscriptions_on_one_endpoint_count_each_for_itself(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            second = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            answer = await fhir.ask(
                "POST", "", a_bundle("transaction", an_entry("POST", "Task", a_task(owner)))
            )
            assert answer.status_code == 200
            await endpoint.wait_for(5)
            said = [status_of(json.loads(each.body)) for each in endpoint.received[3:]]
            counters = {
                each["subscription"].rpartition("/")[2] == second["id"]: each["counter"]
                for each in said
            }
            assert counters == {True: "1", False: "2"}

    in_every_release(hub, scenario)
