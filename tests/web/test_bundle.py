"""Batch and transaction over HTTP."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from hub.core.release import Resource
from hub.web.limits import Limits
from tests.support.rig_resources import a_subscription, a_task
from tests.web.site import BASE, FHIR_JSON, Site, a_patient, a_site, issue, run

PATIENT_URN = "urn:uuid:6f1c1ab8-7d0e-4bd5-8d0a-1d1d0f8a0001"


def _entry(method: str, url: str, resource: Resource | None = None, **more: Any) -> Resource:
    request = {"method": method, "url": url, **more.pop("request", {})}
    return {**({"resource": resource} if resource else {}), "request": request, **more}


async def _send(
    site: Site, kind: str, *entries: Resource, prefer: str = "return=representation"
) -> httpx.Response:
    bundle: Resource = {"resourceType": "Bundle", "type": kind}
    if entries:
        bundle["entry"] = list(entries)
    return await site.ask("POST", "", bundle, prefer=prefer)


def _statuses(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["response"]["status"] for each in answer.json()["entry"]]


def _binary_patch(text: bytes) -> Resource:
    return {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(text).decode(),
    }


def test_a_transaction_is_answered_in_its_order_with_references_resolved() -> None:
    task = a_task() | {"for": {"reference": PATIENT_URN}}

    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/old", a_patient(id="old"))
            answer = await _send(
                site,
                "transaction",
                _entry("GET", "Patient?_id=old"),
                _entry("POST", "Task", task),
                _entry("PUT", "Patient/p", a_patient(id="p")),
                _entry("DELETE", "Patient/old"),
                _entry("POST", "Patient", a_patient(), fullUrl=PATIENT_URN),
            )
            assert _statuses(answer) == ["200", "201", "201", "204", "201"]
            search, task_entry, put, _, patient = answer.json()["entry"]
            assert answer.json()["type"] == "transaction-response"
            assert "entry" not in search["resource"]
            id = patient["resource"]["id"]
            assert task_entry["resource"]["for"]["reference"] == f"Patient/{id}"
            assert patient["response"]["location"] == f"{BASE}/Patient/{id}/_history/1"
            assert put["response"]["etag"] == 'W/"1"'
            assert put["response"]["lastModified"].startswith("2026-01-01T")

    run(scenario())


@pytest.mark.parametrize(
    ("entry", "status", "words"),
    [
        (_entry("POST", "Patient", a_patient(gender="x")), 400, "Bundle.entry[1].resource.gender"),
        (_entry("PUT", "Patient/q", a_patient(id="r")), 400, "Bundle.entry[1].resource.id"),
        (_entry("POST", "Patient"), 400, "Bundle.entry[1].resource"),
        (_entry("POST", "Subscription", a_subscription()), 422, "in a batch"),
        (_entry("DELETE", "Subscription/x"), 422, "in a batch"),
        (_entry("POST", "Subscription/$status"), 422, "Bundle.entry[1]"),
        (_entry("POST", "Patient/_search"), 422, "Bundle.entry[1]"),
        (_entry("DELETE", "Patient?gender=male"), 405, "conditional"),
        (_entry("GET", "Nope/1"), 404, "Nope"),
        (_entry("GET", "%ff"), 400, "UTF-8"),
        (_entry("POST", ""), 400, "Bundle.entry[1].request"),
        (_entry("POST", "?name=x"), 400, "Bundle.entry[1].request"),
        ({"request": {"method": "GET", "_url": {"id": "x"}}}, 400, "Bundle.entry[1].request"),
        (_entry("PUT", "Patient/p", a_patient(id="p")), 400, "Patient/p"),
        (_entry("PATCH", "Patient/q", a_patient()), 415, "Binary"),
        (_entry("PATCH", "Patient/q", _binary_patch(b"[]") | {"data": "x"}), 400, "base64"),
        (_entry("PATCH", "Patient/q", _binary_patch(b"[]")), 404, "Patient/q"),
        (
            _entry("PUT", "Patient/q", a_patient(id="q"), request={"ifMatch": 'W/"7"'}),
            412,
            "Patient/q",
        ),
        (_entry("PUT", "Patient/q", a_patient(id="q"), request={"ifMatch": "7"}), 400, "ifMatch"),
    ],
)
def test_a_transaction_that_fails_anywhere_writes_nothing(
    entry: Resource, status: int, words: str
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            good = _entry("PUT", "Patient/p", a_patient(id="p"))
            answer = await _send(site, "transaction", good, entry)
            assert answer.status_code == status, answer.text
            assert words in str(issue(answer))
            assert (await site.ask("GET", "Patient/p")).status_code == 404

    run(scenario())


def test_the_entries_of_a_batch_stand_for_themselves() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await _send(
                site,
                "batch",
                _entry("GET", "Patient/p"),
                _entry("GET", "Patient/none"),
                _entry("PUT", f"{BASE}/Patient/p", a_patient(id="p")),
                _entry("POST", "Patient", a_patient(gender="x")),
                _entry("POST", "Subscription", a_subscription()),
                _entry("DELETE", "Patient/none"),
                _entry("GET", "Patient/p", request={"ifNoneMatch": 'W/"1"'}),
                _entry("GET", "Subscription/$status"),
                _entry("PATCH", "Patient/none", _binary_patch(b'[{"op":"remove","path":"/x"}]')),
                _entry("POST", "Patient", a_patient(), request={"ifNoneExist": "_id=p"}),
                _entry("GET", "metadata"),
                _entry("GET", "Nope/1"),
            )
            assert _statuses(answer) == [
                "200",
                "404",
                "201",
                "400",
                "201",
                "204",
                "304",
                "200",
                "404",
                "200",
                "200",
                "404",
            ]
            entries = answer.json()["entry"]
            outcome = entries[3]["response"]["outcome"]
            assert outcome["issue"][0]["expression"] == ["Bundle.entry[3].resource.gender"]
            assert entries[4]["resource"]["status"] == "requested"
            assert "resource" not in entries[1]

    run(scenario())


def test_a_bundle_answers_without_resources_unless_asked_for() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = {
                "resourceType": "Bundle",
                "type": "batch",
                "entry": [_entry("POST", "Patient", a_patient())],
            }
            (entry,) = (await site.ask("POST", "", body)).json()["entry"]
            assert set(entry) == {"response"}
            told = await site.ask("POST", "", body, prefer="return=OperationOutcome")
            assert told.json()["entry"][0]["response"]["outcome"]["issue"]

    run(scenario())


def test_numbers_in_a_bundle_keep_their_spelling() -> None:
    text = (
        b'{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST",'
        b'"url":"Observation"},"resource":{"resourceType":"Observation","status":"final",'
        b'"code":{"text":"x"},"valueQuantity":{"value":1.10}}}]}'
    )

    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask(
                "POST", "", raw=text, content_type=FHIR_JSON, prefer="return=representation"
            )
            assert b'"value":1.10' in answer.content
            found = await site.ask("GET", "Observation?_pretty=true")
            assert b'"value": 1.10' in found.content

    run(scenario())


@pytest.mark.parametrize(
    ("bundle", "status", "expression"),
    [
        (a_patient(), 400, "Bundle.resourceType"),
        ({"resourceType": "Bundle", "type": "collection"}, 400, "Bundle.type"),
        ({"resourceType": "Bundle"}, 400, "Bundle.type"),
        ({"resourceType": "Bundle", "type": ["batch"]}, 400, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "batch", "entry": {}}, 400, "Bundle.entry"),
        ({"resourceType": "Bundle", "type": "batch", "entry": [1]}, 400, "Bundle.entry[0]"),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": a_patient()}]},
            400,
            "Bundle.entry[0].request",
        ),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"url": "x"}}]},
            400,
            "Bundle.entry[0].request.method",
        ),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [_entry("GET", "x")] * 4},
            413,
            "Bundle.entry",
        ),
    ],
)
def test_a_bundle_that_is_none_of_both_is_refused(
    bundle: Resource, status: int, expression: str
) -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(bundle_entries=3)) as site:
            answer = await site.ask("POST", "", bundle)
            assert answer.status_code == status
            assert issue(answer)["expression"] == [expression]

    run(scenario())


def test_an_empty_bundle_is_answered_by_an_empty_one() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for kind in ("batch", "transaction"):
                answer = await _send(site, kind)
                assert answer.json() == {"resourceType": "Bundle", "type": f"{kind}-response"}

    run(scenario())


def test_a_read_that_fails_in_a_transaction_fails_alone() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await _send(
                site,
                "transaction",
                _entry("GET", "Patient/none"),
                _entry("PUT", "Patient/p", a_patient(id="p")),
            )
            assert _statuses(answer) == ["404", "201"]

    run(scenario())
