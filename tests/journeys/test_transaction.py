"""Transactions and batches, and the events that they cause."""

from __future__ import annotations

import asyncio
import json
from typing import Final

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
from tests.support.builders import a_bundle, a_patient, a_subscription, a_task, an_entry
from tests.support.endpoints import Endpoint

R4: Final = FhirRelease.R4
PATIENT: Final = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
TASK: Final = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0b"
NOBODY: Final = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0c"


async def _counting(fhir: Fhir, owner: str) -> str:
    wanted = a_subscription(
        fhir.release, channel="websocket", content="full-resource", filters=[f"Task?owner={owner}"]
    )
    id: str = (await fhir.create(wanted))["id"]
    return id


async def _happened(fhir: Fhir, id: str) -> list[tuple[str, str]]:
    """Return method and id of each focus, in the order of the numbers."""
    bundle = await fhir.get(f"Subscription/{id}/$events")
    said = status_of(bundle)
    assert numbers_of(bundle) == list(range(1, int(said["counter"]) + 1))
    methods = {
        (entry["fullUrl"], entry["response"]["etag"]): entry["request"]["method"]
        for entry in bundle["entry"][1:]
        if entry["request"]["method"] != "GET"
    }
    found = list(methods.items())
    return [(method, url.rpartition("/")[2]) for (url, _), method in found]


async def _send(fhir: Fhir, kind: str, *entries: Resource) -> list[Resource]:
    answer = await fhir.ask("POST", "", a_bundle(kind, *entries))
    assert answer.status_code == 200, answer.text
    bundle: Resource = answer.json()
    assert bundle["type"] == f"{kind}-response"
    responses: list[Resource] = [entry["response"] for entry in bundle["entry"]]
    return responses


def test_references_between_entries_become_those_of_what_was_stored(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        responses = await _send(
            fhir,
            "transaction",
            an_entry("POST", "Task", a_task(owner, patient=PATIENT), full_url=TASK),
            an_entry("POST", "Patient", a_patient(gender="female"), full_url=PATIENT),
            an_entry("POST", "Task", a_task(owner, partOf=[{"reference": TASK}])),
        )
        assert [response["status"][:3] for response in responses] == ["201"] * 3
        first, patient, second = [
            response["location"].removeprefix(f"{fhir.base}/").partition("/_history")[0]
            for response in responses
        ]
        assert (await fhir.get(first))["for"]["reference"] == patient
        assert (await fhir.get(second))["partOf"][0]["reference"] == first
        bundle = await fhir.get(f"Subscription/{id}/$events")
        events = status_of(bundle)["events"]
        assert [event["focus"] for event in events] == [f"{fhir.base}/{x}" for x in (first, second)]
        assert events[0]["context"] == [f"{fhir.base}/{patient}"]

    in_every_release(hub, scenario)


def test_a_transaction_with_one_bad_entry_leaves_nothing(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        patient = await fhir.create(a_patient())
        good = [
            an_entry("POST", "Task", a_task(owner)),
            an_entry("PUT", f"Patient/{patient['id']}", patient | {"active": False}),
        ]
        bad = {
            "an invalid resource": an_entry("POST", "Task", a_task(owner, "no-such-status")),
            "a stale version": an_entry(
                "PUT",
                f"Patient/{patient['id']}x",
                patient | {"id": f"{patient['id']}x"},
                ifMatch='W/"4"',
            ),
            "a reference to nothing": an_entry("POST", "Task", a_task(owner, patient=NOBODY)),
            "an unknown type": an_entry("POST", "Nope", {"resourceType": "Nope"}),
            "the same resource twice": good[1],
            "an update of what is deleted too": an_entry("DELETE", f"Patient/{patient['id']}"),
            "a Subscription": an_entry(
                "POST", "Subscription", a_subscription(fhir.release, channel="websocket")
            ),
            "no resource": an_entry("POST", "Task"),
        }
        for name, entry in bad.items():
            for entries in ([*good, entry], [entry, *good]):
                answer = await fhir.ask("POST", "", a_bundle("transaction", *entries))
                assert 400 <= answer.status_code < 500, name
                assert answer.json()["resourceType"] == "OperationOutcome", name
        assert (await fhir.get(f"Patient/{patient['id']}"))["meta"]["versionId"] == "1"
        assert await _happened(fhir, id) == []
        assert (await fhir.get(f"Task?owner={owner}&_summary=count"))["total"] == 0
        await fhir.create(a_task(owner))
        assert len(await _happened(fhir, id)) == 1

    in_every_release(hub, scenario)


def test_numbers_follow_the_order_of_processing(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        gone = await fhir.create(a_task(owner))
        kept = await fhir.create(a_task(owner))
        await _send(
            fhir,
            "transaction",
            an_entry("PUT", f"Task/{kept['id']}", kept | {"status": "accepted"}),
            an_entry("POST", "Task", a_task(owner)),
            an_entry("DELETE", f"Task/{gone['id']}"),
            an_entry("POST", "Task", a_task(owner)),
        )
        methods = [method for method, _ in await _happened(fhir, id)]
        assert methods == ["POST", "POST", "DELETE", "POST", "POST", "PUT"]

    in_every_release(hub, scenario)


def test_a_transaction_is_one_instant_and_one_evaluation_of_its_end(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        requester = fresh("Practitioner")
        wanted = a_subscription(
            fhir.release,
            channel="websocket",
            filters=[f"Task?focus:ServiceRequest.requester={requester}"],
        )
        id = (await fhir.create(wanted))["id"]
        order: Resource = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/p"},
            "requester": {"reference": requester},
        }
        await _send(
            fhir,
            "transaction",
            an_entry("POST", "Task", a_task(focus={"reference": TASK})),
            an_entry("POST", "ServiceRequest", order, full_url=TASK),
        )
        found = await fhir.get(f"Subscription/{id}/$events")
        assert numbers_of(found) == [1]

    in_every_release(hub, scenario)


def test_conditional_creates_inside_a_transaction(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        number = owner.replace("/", "-")
        criterion = f"identifier=http://example.org/mrn|{number}"
        patient = a_patient(identifier=[{"system": "http://example.org/mrn", "value": number}])
        entries = (
            an_entry("POST", "Patient", patient, full_url=PATIENT, ifNoneExist=criterion),
            an_entry("POST", "Task", a_task(owner, patient=PATIENT)),
        )
        first = await _send(fhir, "transaction", *entries)
        second = await _send(fhir, "transaction", *entries)
        assert first[0]["status"].startswith("201")
        assert second[0]["status"].startswith("200")
        assert first[0]["location"] == second[0]["location"]
        found = await fhir.get(f"Task?owner={owner}")
        references = {entry["resource"]["for"]["reference"] for entry in found["entry"]}
        stored = first[0]["location"].removeprefix(f"{fhir.base}/").partition("/_history")[0]
        assert references == {stored}
        await fhir.create(patient)
        answer = await fhir.ask("POST", "", a_bundle("transaction", *entries))
        assert answer.status_code == 412

    in_every_release(hub, scenario)


def test_the_entries_of_a_batch_stand_for_themselves(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        responses = await _send(
            fhir,
            "batch",
            an_entry("POST", "Task", a_task(owner)),
            an_entry("POST", "Task", a_task(owner, "no-such-status")),
            an_entry("GET", f"Task/{task['id']}"),
            an_entry("PUT", f"Task/{task['id']}", task | {"status": "accepted"}, ifMatch='W/"9"'),
            an_entry("GET", "Task/nobody"),
            an_entry("DELETE", f"Task/{task['id']}"),
            an_entry("GET", f"Task?owner={owner}"),
        )
        codes = [response["status"][:3] for response in responses]
        assert codes[:2] == ["201", "400"]
        assert codes[3:] == ["412", "404", "204", "200"]
        assert {method for method, _ in await _happened(fhir, id)} == {"POST", "DELETE"}
        assert (await fhir.status(id))["counter"] == "3"

    in_every_release(hub, scenario)


def test_a_subscription_of_a_batch_hears_what_comes_after(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            wanted = a_subscription(
                fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={owner}"]
            )
            (response,) = await _send(fhir, "batch", an_entry("POST", "Subscription", wanted))
            assert response["status"].startswith("201")
            await fhir.create(a_task(owner))
            _, event = await endpoint.wait_for(2)
            assert numbers_of(json.loads(event.body)) == [1]

    in_every_release(hub, scenario)


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_what_a_transaction_left_unchanged_is_no_event(hub: RunningHub, method: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner, identifier=[{"value": owner}]))
        url, more = (
            (f"Task/{task['id']}", {})
            if method == "PUT"
            else ("Task", {"ifNoneExist": f"identifier={owner}"})
        )
        (response,) = await _send(fhir, "transaction", an_entry(method, url, task, **more))
        assert response["status"].startswith("200")
        assert response["etag"] == 'W/"1"'
        assert len(await _happened(fhir, id)) == 1

    in_every_release(hub, scenario)


def test_many_transactions_at_once_keep_numbers_without_gap(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)

        async def one(n: int) -> None:
            entries = [an_entry("POST", "Task", a_task(owner)) for _ in range(3)]
            if n % 3 == 0:
                entries.append(an_entry("POST", "Task", a_task(owner, patient=NOBODY)))
            answer = await fhir.ask("POST", "", a_bundle("transaction", *entries))
            assert answer.status_code == (400 if n % 3 == 0 else 200)

        await asyncio.gather(*(one(n) for n in range(12)))
        bundle = await fhir.get(f"Subscription/{id}/$events")
        assert numbers_of(bundle) == list(range(1, 25))

    in_every_release(hub, scenario)


def test_the_references_inside_a_stored_bundle_are_left_alone(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        inner = a_bundle("collection")
        inner["entry"] = [{"fullUrl": TASK, "resource": a_task(patient=PATIENT)}]
        (response,) = await _send(fhir, "transaction", an_entry("POST", "Bundle", inner))
        path = response["location"].removeprefix(f"{fhir.base}/").partition("/_history")[0]
        stored = await fhir.get(path)
        assert stored["entry"][0]["resource"]["for"]["reference"] == PATIENT

    in_every_release(hub, scenario)
