"""How what a search found is ordered, completed and cut."""

from __future__ import annotations

from urllib.parse import unquote

import httpx
import pytest

from hub.web.limits import Limits
from hub.web.page import write_cursor
from tests.support.rig_resources import a_task
from tests.web.searching import filled, found_ids, link
from tests.web.site import BASE, FHIR_JSON, Site, a_patient, a_site, issue, run


def test_a_sorted_search_goes_on_from_what_was_shown_also_if_that_changed() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            first = await site.ask("GET", "Patient?_sort=family&_count=2")
            assert found_ids(first) == ["p1", "p2"]
            await site.ask("DELETE", "Patient/p1")
            await site.ask("PUT", "Patient/p2", a_patient(id="p2", name=[{"family": "Aa"}]))
            await site.ask("PUT", "Patient/p5", a_patient(id="p5", name=[{"family": "Ab"}]))
            second = await site.ask("GET", str(link(first, "next")))
            assert found_ids(second) == ["p4", "p3"]
            assert link(second, "next") is None

    run(scenario())


def test_a_sorted_search_takes_no_cursor_of_another() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            await site.ask("DELETE", "Patient/p1")
            for seq in (1_000, 5, 6):  # nothing, a Task, a deletion
                answer = await site.ask("GET", f"Patient?_sort=family&_cursor={write_cursor(seq)}")
                assert answer.status_code == 400
                assert "start from the first page" in issue(answer)["diagnostics"]

    run(scenario())


def test_more_than_can_be_sorted_is_refused_and_the_order_of_the_log_is_not() -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(sorted=3)) as site:
            await filled(site)
            answer = await site.ask("GET", "Patient?_sort=family")
            assert answer.status_code == 400
            assert "4 resources are candidates, at most 3" in issue(answer)["diagnostics"]
            assert found_ids(await site.ask("GET", "Patient?_sort=family&_id=p1,p2,p3"))
            assert found_ids(await site.ask("GET", "Patient?_sort=-_lastUpdated"))

    run(scenario())


def _shown(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 200, answer.text
    shown: dict[str, list[str]] = {"match": [], "include": []}
    for entry in answer.json()["entry"]:
        reference = "/".join((entry["resource"]["resourceType"], entry["resource"]["id"]))
        assert entry["fullUrl"] == f"{BASE}/{reference}"
        shown[entry["search"]["mode"]].append(reference)
    return shown


async def _with_tasks(site: Site) -> None:
    await filled(site)
    for name, patient, whole in (("u", "p2", "t"), ("v", "p1", "u"), ("w", "gone", "v")):
        task = a_task(id=name) | {
            "for": {"reference": f"Patient/{patient}"},
            "partOf": [{"reference": f"Task/{whole}"}],
        }
        await site.ask("PUT", f"Task/{name}", task)


@pytest.mark.parametrize(
    ("url", "matches", "included"),
    [
        ("Task?_id=t&_include=Task:patient", ["t"], ["Patient/p1"]),
        ("Task?_id=t,v&_include=Task:patient:Patient", ["v", "t"], ["Patient/p1"]),
        ("Task?_id=w&_include=Task:patient", ["w"], []),
        ("Task?_id=v&_include=Task:part-of", ["v"], ["Task/u"]),
        ("Task?_id=v,u&_include=Task:part-of", ["v", "u"], ["Task/t"]),
        ("Task?_id=v&_include:iterate=Task:part-of", ["v"], ["Task/u", "Task/t"]),
        ("Task?_id=u&_include=Task:*", ["u"], ["Task/t", "Patient/p2"]),
        ("Task?_id=u&_include=*", ["u"], ["Task/t", "Patient/p2"]),
        (
            "Task?_id=v&_include:iterate=*",
            ["v"],
            ["Task/u", "Patient/p1", "Task/t", "Patient/p2"],
        ),
        ("Patient?_id=p1&_revinclude=Task:*", ["p1"], ["Task/v", "Task/t"]),
        ("Task?_id=t&_revinclude=Task:*", ["t"], ["Task/u"]),
        ("Patient?_id=p1&_revinclude=Task:patient", ["p1"], ["Task/v", "Task/t"]),
        (
            "Patient?_id=p2&_revinclude=Task:patient&_revinclude:iterate=Task:part-of",
            ["p2"],
            ["Task/u", "Task/v", "Task/w"],
        ),
        ("Patient?_id=p3&_revinclude=Task:patient", ["p3"], []),
        ("Task?_sort=_id&_count=1&_include=Task:patient", ["t"], ["Patient/p1"]),
    ],
)
def test_what_is_included_stands_once_beside_the_matches(
    url: str, matches: list[str], included: list[str]
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await _with_tasks(site)
            answer = await site.ask("GET", url)
            shown = _shown(answer)
            kind = url.partition("?")[0]
            assert shown["match"] == [f"{kind}/{id}" for id in matches]
            assert shown["include"] == included
            name, _, value = url.rpartition("&")[2].partition("=")
            assert f"{name}={value}" in unquote(str(link(answer, "self")))
            counted = await site.ask("GET", f"{url}&_summary=count")
            assert "entry" not in counted.json()

    run(scenario())


def test_many_matches_are_looked_for_in_what_refers_to_them() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for number in range(130):
                await site.ask("PUT", f"Patient/q{number}", a_patient(id=f"q{number}"))
            for number in (0, 129):
                task = a_task(id=f"t{number}") | {"for": {"reference": f"Patient/q{number}"}}
                await site.ask("PUT", f"Task/t{number}", task)
            shown = _shown(await site.ask("GET", "Patient?_count=200&_revinclude=Task:patient"))
            assert len(shown["match"]) == 130
            assert sorted(shown["include"]) == ["Task/t0", "Task/t129"]

    run(scenario())


def test_more_than_may_be_included_is_refused() -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(included=1)) as site:
            await _with_tasks(site)
            answer = await site.ask("GET", "Patient?_id=p1&_revinclude=Task:patient")
            assert answer.status_code == 400
            assert "more than 1 resources would be included" in issue(answer)["diagnostics"]

    run(scenario())


OBSERVATION = (
    b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},'
    b'"text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">o</div>"},'
    b'"subject":{"reference":"Patient/p1"},"note":[{"text":"n"}],'
    b'"valueQuantity":{"value":1.10E0,"unit":"mg"}}'
)


@pytest.mark.parametrize(
    ("query", "left_out"),
    [
        ("_summary=false", set()),
        ("_summary=true", {"text", "note"}),
        ("_summary=data", {"text"}),
        ("_summary=text", {"note", "subject", "valueQuantity"}),
        ("_elements=value", {"text", "note", "subject"}),
        ("_elements=note&_elements=subject,id", {"text", "valueQuantity"}),
    ],
)
def test_a_part_of_a_resource_is_shown_and_marked_as_one(query: str, left_out: set[str]) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            stored = await site.ask("PUT", "Observation/o", raw=OBSERVATION, content_type=FHIR_JSON)
            assert stored.status_code == 201, stored.text
            answer = await site.ask("GET", f"Observation?{query}")
            (entry,) = answer.json()["entry"]
            assert set(stored.json()) - set(entry["resource"]) == left_out
            is_marked = "SUBSETTED" in str(entry["resource"]["meta"].get("tag"))
            assert is_marked is bool(left_out)
            if "valueQuantity" not in left_out:
                assert '"value":1.10E0' in answer.text

    run(scenario())


def test_elements_are_those_of_the_type_that_is_searched_a_summary_is_of_all() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await _with_tasks(site)
            url = "Task?_id=t&_include=Task:patient"
            parts = (await site.ask("GET", f"{url}&_elements=for")).json()["entry"]
            assert [set(part["resource"]) for part in parts] == [
                {"resourceType", "id", "meta", "status", "intent", "for"},
                {"resourceType", "id", "meta", "name", "gender", "birthDate"},
            ]
            assert ["SUBSETTED" in str(part["resource"]) for part in parts] == [True, False]
            parts = (await site.ask("GET", f"{url}&_summary=data")).json()["entry"]
            assert ["SUBSETTED" in str(part["resource"]) for part in parts] == [True, True]

    run(scenario())
