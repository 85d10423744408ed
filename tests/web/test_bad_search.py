"""Bad searches and filters: each is refused with its status and code, and leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from tests.support.builders import a_subscription
from tests.web.searching import filled, found_ids, link
from tests.web.site import BASE, a_patient, a_site, issue, run
from tests.web.topics import ADMIN, URL, a_topic, administered, kind


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("Nope?status=ready", 404, "not-found"),
        ("Patient/p1/_history/99", 404, "not-found"),
        ("Patient/p1/_history?_since=yesterday", 400, "value"),
        ("Patient?_count=-1", 400, "value"),
        ("Patient?_count=many", 400, "value"),
        ("Patient?_cursor=forged", 400, "value"),
        ("Patient?unknown=1", 400, "not-supported"),
        ("Patient?_filter=gender eq male", 400, "not-supported"),
        ("Patient?_query=mine", 400, "not-supported"),
        ("Patient?birthdate=yesterday", 400, "value"),
        ("Patient?_lastUpdated=foo", 400, "value"),
        ("Patient?birthdate=2024-02-30", 400, "value"),
        ("Patient?birthdate:contains=2024", 400, "not-supported"),
        ("Patient?gender:above=male", 400, "not-supported"),
        ("Patient?gender:missing=perhaps", 400, "value"),
        ("Patient?gender=", 400, "value"),
        ("Patient?identifier=a|b|c", 400, "value"),
        ("Patient?identifier:of-type=a|b", 400, "value"),
        ("Patient?gender:in=http://elsewhere/ValueSet/1", 400, "not-supported"),
        ("Patient?organization:Task=1", 400, "not-supported"),
        ("Patient?organization=Nothing/1", 400, "value"),
        ("Patient?organization.colour=red", 400, "not-supported"),
        ("Patient?organization:Task.status=ready", 400, "not-supported"),
        ("Patient?name.family=a", 400, "not-supported"),
        ("Patient?organization.partof.partof.partof.name=a", 400, "not-supported"),
        ("Patient?_has:Task:patient", 400, "not-supported"),
        ("Patient?_has:Task:patient=1", 400, "not-supported"),
        ("Patient?_has:Nothing:patient:status=a", 400, "not-supported"),
        ("Patient?_has:Task:status:status=a", 400, "not-supported"),
        ("Observation?code-value-quantity=a", 400, "value"),
        ("Observation?value-quantity=much", 400, "value"),
        ("ValueSet?url:below=urn:a", 400, "value"),
        ("Location?near=north", 400, "value"),
        ("Location?near=1|2|3|ft", 400, "value"),
        ("Location?near:exact=1|2", 400, "not-supported"),
        ("Location?near=91|0", 400, "value"),
        ("Patient?_text=a AND b", 400, "value"),
        ("Patient?_content:missing=true", 400, "not-supported"),
        ("Patient?_list=$current-problems", 400, "value"),
        ("Patient?_in=1", 400, "value"),
        ("Task?_in=Group/1", 400, "value"),
        ("Patient?_sort=nothing", 400, "not-supported"),
        ("Patient?_sort=_text", 400, "not-supported"),
        ("Patient?_summary=short", 400, "not-supported"),
        ("Patient?_total=about", 400, "not-supported"),
        ("Patient?_elements=colour", 400, "not-supported"),
        ("Patient?_include=Patient:name", 400, "not-supported"),
        ("Patient?_revinclude=*", 400, "not-supported"),
    ],
)
def test_a_bad_search_is_refused(path: str, status: int, code: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            answer = await site.ask("GET", path)
            told = issue(answer)
            assert (answer.status_code, told["code"]) == (status, code), told
            assert told["severity"] == "error" and told["diagnostics"]

    run(scenario())


def test_a_long_value_is_not_echoed_whole() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", f"Patient?birthdate={'9' * 5000}")
            assert answer.status_code == 400
            assert len(issue(answer)["diagnostics"]) < 1000

    run(scenario())


def test_a_count_without_bound_is_that_of_the_longest_page() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "Patient?_count=1000000000")
            assert link(answer, "self") == f"{BASE}/Patient?_count=1000"

    run(scenario())


@pytest.mark.parametrize("name", ["unknown", "_filter", "_sort:up", "_include:recurse"])
def test_what_is_unknown_is_ignored_and_named_where_that_was_asked_for(name: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            url = f"Patient?{name}=a&gender=male"
            strict = await site.ask("GET", url, prefer="handling=strict")
            assert (strict.status_code, issue(strict)["code"]) == (400, "not-supported")
            lenient = await site.ask("GET", url, prefer="handling=lenient")
            assert link(lenient, "self") == f"{BASE}/Patient?gender=male&_count=50"
            found, outcome = lenient.json()["entry"]
            assert (found["resource"]["id"], outcome["search"]["mode"]) == ("p1", "outcome")
            (warning,) = outcome["resource"]["issue"]
            assert (warning["severity"], warning["code"]) == ("warning", "not-supported")
            assert name in warning["diagnostics"]

    run(scenario())


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("identifier=new", 201, None),
        ("_id=p1", 200, None),
        ("gender=female", 412, "multiple-matches"),
        ("unknown=1", 400, "not-supported"),
        ("birthdate=soon", 400, "value"),
    ],
)
def test_a_conditional_create_asks_as_a_search_does(
    asked: str, status: int, code: str | None
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            answer = await site.ask("POST", "Patient", a_patient(), if_none_exist=asked)
            assert answer.status_code == status, answer.text
            if code is not None:
                assert issue(answer)["code"] == code
            count = 5 if status == 201 else 4
            assert len(found_ids(await site.ask("GET", "Patient"))) == count

    run(scenario())


FILTERS: list[Resource] = [
    {"resource": "Task", "filterParameter": "owner"},
    {"resource": "Task", "filterParameter": "code", "modifier": ["in"]},
    {"resource": "Task", "filterParameter": "_lastUpdated", "comparator": ["ge"]},
    {"resource": "Task", "filterParameter": "patient.birthdate"},
    {"resource": "Task", "filterParameter": "patient._in"},
    {"resource": "Task", "filterParameter": "_has:Task:part-of:status"},
    {"resource": "Task", "filterParameter": "_content"},
]


@pytest.mark.parametrize(
    ("filters", "status", "code"),
    [
        (["Task?owner=Organization/1"], 201, None),
        (["Task?patient.birthdate=2024"], 201, None),
        (["Task?_has:Task:part-of:status=ready"], 201, None),
        (["Task?patient._in=Group/1"], 201, None),
        (["Task?_content=kit"], 201, None),
        (["Task?status=ready"], 422, "not-supported"),
        (["Task?_text=kit"], 422, "not-supported"),
        (["Task?_filter=a"], 422, "not-supported"),
        (["Task?_lastUpdated=foo"], 422, "value"),
        (["Task?_content=a OR b"], 422, "value"),
        (["Task?patient._in=7"], 422, "value"),
        (["Task?patient.birthdate=soon"], 422, "value"),
        (["Task?owner:contains=a"], 422, "not-supported"),
        (["Task?owner:missing=true"], 422, "not-supported"),
        (["Task?_lastUpdated=gt2024"], 422, "not-supported"),
        (["Task?code:in=http://elsewhere/ValueSet/1"], 422, "value"),
        (["Patient?gender=male"], 422, "not-supported"),
        (["Task?owner=Organization/1"] * 1001, 422, "too-costly"),
        ([f"Task?owner={'Organization/1,' * 1000}Organization/2"], 422, "too-costly"),
    ],
)
def test_a_bad_filter_is_refused(
    tmp_path: Path, filters: list[str], status: int, code: str | None
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            topic = a_topic(FhirRelease.R4, canFilterBy=FILTERS)
            assert (await site.ask("POST", "Basic", topic, **ADMIN)).status_code == 201
            wanted = a_subscription(
                FhirRelease.R4, channel="websocket", topic_name=URL, filters=filters
            )
            answer = await site.ask("POST", "Subscription", wanted)
            assert answer.status_code == status, answer.text
            stored = found_ids(await site.ask("GET", "Subscription"))
            assert len(stored) == (1 if status == 201 else 0)
            if code is not None:
                assert issue(answer)["code"] == code
                assert issue(answer)["expression"][0].startswith("Subscription.")

    run(scenario())


def querying(**criteria: Any) -> Resource:
    return {"resourceTrigger": [{"resource": "Task", "queryCriteria": criteria}]}


@pytest.mark.parametrize("release", FhirRelease)
@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"resourceTrigger": [{"resource": "Basket"}]}, "not-supported"),
        (querying(current="colour=red"), "not-supported"),
        (querying(current="_filter=a"), "not-supported"),
        (querying(current="status:above=ready"), "not-supported"),
        (querying(current="_lastUpdated=soon"), "not-supported"),
        (querying(current="_content=a*"), "not-supported"),
        (querying(current="owner._in=Task/1"), "not-supported"),
        (querying(current="code:in=http://elsewhere/ValueSet/1"), "not-supported"),
        (querying(current="status"), "not-supported"),
    ],
)
def test_a_topic_that_can_not_be_computed_is_refused(
    tmp_path: Path, release: FhirRelease, more: Resource, code: str
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            base = f"/fhir/{release.path}"
            counted = f"{kind(release)}?_summary=count"
            before = await site.ask("GET", counted, base=base)
            topic = a_topic(release, **more)
            answer = await site.ask("POST", kind(release), topic, base=base, **ADMIN)
            assert (answer.status_code, issue(answer)["code"]) == (422, code), answer.text
            after = await site.ask("GET", counted, base=base)
            assert after.json()["total"] == before.json()["total"]

    run(scenario())
