"""``$process-message`` over HTTP: what is kept, under which identity, and what is answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from hub.codecs.validation import Validator
from hub.core.release import FhirRelease, Resource
from hub.engine.messages import MESSAGE_ID_SYSTEM
from tests.support.messages import (
    COW,
    PLACER,
    a_header,
    a_message,
    an_order,
    at,
    identified,
)
from tests.support.notification_rules import check_model
from tests.support.rig import HOUR, PUBLIC_URL
from tests.web.messaging import counted, kept, one, refused, sent
from tests.web.site import BASE, a_site, run

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
RELEASES = pytest.mark.parametrize("release", FhirRelease)
TASK = f"{PLACER}/Task/7"
PATIENT = f"{PLACER}/Patient/7"


@RELEASES
def test_an_order_is_kept_whole_with_references_to_what_is_kept(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await sent(site, an_order(release), release)
            check_model(answer.json(), release)
            Validator(release).check(answer.json())
            header, task, request, patient = [
                await one(site, kind, release)
                for kind in ("MessageHeader", "Task", "ServiceRequest", "Patient")
            ]
            assert header["focus"] == [at(f"Task/{task['id']}")]
            assert task["focus"] == at(f"ServiceRequest/{request['id']}")
            assert request["subject"] == at(f"Patient/{patient['id']}")
            assert "source" not in task["meta"]
            assert header["meta"]["tag"] == [{"system": MESSAGE_ID_SYSTEM, "code": "m1"}]
            query = f"_tag={MESSAGE_ID_SYSTEM}|m1&focus=Task/{task['id']}"
            found = await site.ask("GET", f"/fhir/{release.path}/MessageHeader?{query}")
            assert len(found.json()["entry"]) == 1
            response = answer.json()["entry"][0]["resource"]
            assert response["eventCoding"] == {"system": COW, "code": "new-order"}
            is_r5 = release is R5
            assert response["response"]["identifier"] == ({"value": "m1"} if is_r5 else "m1")
            endpoint = "endpointUrl" if is_r5 else "endpoint"
            assert response["destination"] == [{endpoint: PLACER}]
            assert response["source"][endpoint] == f"{PUBLIC_URL}/fhir/{release.path}"

    run(scenario())


@RELEASES
def test_the_same_message_is_answered_as_before_and_changes_nothing(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            first = await sent(site, an_order(release), release)
            before = await counted(site, release)
            await site.rig.after(HOUR)
            again = await sent(site, an_order(release), release)
            changed = await sent(site, an_order(release, status="completed"), release)
            assert first.content == again.content == changed.content
            assert await counted(site, release) == before
            (header,) = await kept(site, "MessageHeader", release)
            await site.ask("DELETE", f"/fhir/{release.path}/MessageHeader/{header['id']}")
            await sent(site, an_order(release, status="completed"), release)
            assert await counted(site, release) == before | {"MessageHeader": []}

    run(scenario())


def test_a_message_that_comes_many_times_at_once_is_taken_once() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answers = await asyncio.gather(*(sent(site, an_order(R4)) for _ in range(20)))
            assert len({answer.content for answer in answers}) == 1
            found = await counted(site)
            assert [len(found[kind]) for kind in ("MessageHeader", "Task", "Patient")] == [1, 1, 1]
            assert (await one(site, "Task"))["meta"]["versionId"] == "1"

    run(scenario())


def test_another_sender_may_use_the_same_id_for_another_message() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, an_order(R4))
            await sent(site, an_order(R4, number="2", source="https://other.example.org/fhir"))
            assert len(await kept(site, "MessageHeader")) == 2
            assert len(await kept(site, "Task")) == 2

    run(scenario())


def test_what_has_the_same_business_identifier_is_the_same() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            stored = (await site.ask("POST", "Patient", identified("Patient", "1"))).json()
            await sent(site, an_order(R4))
            task = await one(site, "Task")
            await sent(site, an_order(R4, "m2", event="order-update", status="accepted"))
            updated = await one(site, "Task")
            assert (updated["id"], updated["status"]) == (task["id"], "accepted")
            assert updated["meta"]["versionId"] == "2"
            patient = await one(site, "Patient")
            assert (patient["id"], patient["active"]) == (stored["id"], True)
            assert "source" not in patient["meta"]
            assert (await one(site, "ServiceRequest"))["meta"]["versionId"] == "1"

    run(scenario())


def test_without_identifiers_the_full_url_says_what_is_the_same() -> None:
    def message(id: str, **more: Any) -> Resource:
        task: Resource = {
            "resourceType": "Task",
            "id": "7",
            "status": "requested",
            "intent": "order",
        }
        task["for"] = at("Patient/7")
        return a_message(
            a_header(R4, id, focus="Task/7"),
            (TASK, task | more),
            (PATIENT, {"resourceType": "Patient", "id": "7"}),
        )

    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, message("m1"))
            task, patient = await one(site, "Task"), await one(site, "Patient")
            assert task["for"] == at(f"Patient/{patient['id']}")
            assert task["meta"]["source"] == TASK
            assert task["id"] != "7"
            # Another sender that names the same resource means the same, too.
            again = message("m2", status="accepted")
            again["entry"][0]["resource"]["source"]["endpoint"] = "https://lab.example.org/fhir"
            del again["entry"][2]
            await sent(site, again)
            updated = await one(site, "Task")
            assert (updated["id"], updated["status"]) == (task["id"], "accepted")
            assert updated["for"] == at(f"Patient/{patient['id']}")

    run(scenario())


def test_a_name_of_this_base_means_the_resource_of_this_base() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            task: Resource = {
                "resourceType": "Task",
                "id": "t",
                "status": "requested",
                "intent": "order",
            }
            await site.ask("PUT", "Task/t", task | {"for": at("Patient/p")})
            update = task | {"status": "accepted", "for": at("Patient/p")}
            header = a_header(R4, event="order-update", focus=f"{BASE}/Task/t")
            await sent(site, a_message(header, (f"{BASE}/Task/t", update)))
            updated = await one(site, "Task")
            assert (updated["id"], updated["status"]) == ("t", "accepted")
            assert updated["for"] == at("Patient/p")
            assert "source" not in updated["meta"]
            assert (await one(site, "MessageHeader"))["focus"] == [at("Task/t")]
            new = (f"{BASE}/Patient/new", {"resourceType": "Patient"})
            await sent(site, a_message(a_header(R4, "m2"), new))
            assert (await one(site, "Patient"))["id"] == "new"

    run(scenario())


def test_names_without_meaning_elsewhere_are_never_the_same_twice() -> None:
    """Ids such as "patient" come in every message; without a fullUrl they say nothing."""

    async def scenario() -> None:
        async with a_site() as site:
            for id in ("m1", "m2"):
                patient = {"resourceType": "Patient", "id": "patient"}
                task: Resource = {"resourceType": "Task", "status": "requested", "intent": "order"}
                task["for"] = at("Patient/patient")
                await sent(site, a_message(a_header(R4, id), (None, patient), (None, task)))
            assert len(await kept(site, "Patient")) == 2
            tasks = await kept(site, "Task")
            patients = await kept(site, "Patient")
            assert [each["for"]["reference"] for each in tasks] == [
                f"Patient/{each['id']}" for each in patients
            ]

    run(scenario())


def test_references_that_lead_out_of_the_message_become_absolute_or_known_copies() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            task: Resource = {"resourceType": "Task", "status": "requested", "intent": "order"}
            task |= {
                "for": at("Patient/7/_history/2"),
                "owner": at("https://lab.example.org/fhir/Organization/1"),
                "requester": {"identifier": {"value": "only"}},
                "basedOn": [at("#inner"), at(f"{BASE}/ServiceRequest/1")],
                "contained": [{"resourceType": "ServiceRequest", "id": "inner", "status": "active",
                               "intent": "order", "subject": at("Patient/7")}],
            }  # fmt: skip
            await sent(site, a_message(a_header(R4), (TASK, task)))
            stored = await one(site, "Task")
            assert stored["for"] == at(f"{PATIENT}/_history/2")
            assert stored["owner"] == task["owner"]
            assert stored["requester"] == task["requester"]
            assert stored["basedOn"] == [at("#inner"), at("ServiceRequest/1")]
            assert stored["contained"][0]["subject"] == at(PATIENT)
            await sent(site, a_message(a_header(R4, "m2"), (PATIENT, {"resourceType": "Patient"})))
            await sent(site, a_message(a_header(R4, "m3"), (TASK, task | {"status": "accepted"})))
            patient = await one(site, "Patient")
            assert (await one(site, "Task"))["for"] == at(f"Patient/{patient['id']}")

    run(scenario())


def test_a_task_that_was_sent_before_what_is_here_changes_nothing() -> None:
    times = ("2026-01-01T10:00:00Z", "2026-01-01T11:30:00+01:00", "2026-01-01T10:30:00Z")

    async def scenario() -> None:
        async with a_site() as site:
            for index, (status, at_time) in enumerate(
                zip(("completed", "accepted", "in-progress"), reversed(times), strict=True)
            ):
                await sent(site, an_order(R4, f"m{index}", status=status, lastModified=at_time))
            task = await one(site, "Task")
            # The second says the same instant in another zone, so it is not older.
            assert (task["status"], task["meta"]["versionId"]) == ("accepted", "2")
            await sent(site, an_order(R4, "m9", status="failed", lastModified="2026"))
            assert (await one(site, "Task"))["status"] == "failed"
            assert len(await kept(site, "MessageHeader")) == 4

    run(scenario())


@RELEASES
def test_an_update_of_what_nobody_knows_is_fatal(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            update = an_order(release, event="order-update", number="9")
            found = await refused(site, update, 422, "unprocessable", release)
            assert "no Task with the identifier https://placer.example.org/tasks|9" in str(found)
            assert not any((await counted(site, release)).values())
            await sent(site, an_order(release, "m0", number="9"), release)
            # The same message, now that there is something to update.
            await sent(site, update, release)

    run(scenario())


def test_an_answer_that_comes_as_a_message_is_kept() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            issues = [{"severity": "error", "code": "value"}]
            outcome = {"resourceType": "OperationOutcome", "issue": issues}
            response = {"identifier": "m0", "code": "fatal-error", "details": at("urn:uuid:o")}
            header = a_header(R4, response=response)
            await sent(site, a_message(header, ("urn:uuid:o", outcome)))
            await sent(
                site, a_message(a_header(R4, "m2", response={"identifier": "m0", "code": "ok"}))
            )
            found = await site.ask("GET", "MessageHeader?response-id=m0&code=fatal-error")
            details = found.json()["entry"][0]["resource"]["response"]["details"]["reference"]
            assert (await site.ask("GET", details)).json()["issue"] == issues

    run(scenario())


def test_numbers_keep_their_spelling() -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    text = json.dumps(a_message(a_header(R4), ("urn:uuid:o", observation)))
    raw = text.replace('"status": "final"', '"status":"final","valueQuantity":{"value":1.10}')

    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask(
                "POST", "$process-message", raw=raw.encode(), content_type="application/fhir+json"
            )
            assert answer.status_code == 200
            assert '"value":1.10}' in (await site.ask("GET", "Observation")).text

    run(scenario())
