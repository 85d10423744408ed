"""Search over HTTP."""

from __future__ import annotations

import pytest

from hub.web.limits import Limits
from tests.web.searching import filled, found_ids, link
from tests.web.site import BASE, a_site, issue, run

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["p4", "p3", "p2", "p1"]),
        ("gender=female", ["p3", "p2"]),
        ("gender=male,female&family=cha", ["p2", "p1"]),
        ("gender:not=female", ["p4", "p1"]),
        ("gender:missing=true", ["p4"]),
        ("birthdate=ge1980-01-01&birthdate=lt1990", ["p2"]),
        ("family:exact=Chan", ["p2"]),
        ("family:contains=ndso", ["p3"]),
        ("_id=p1,p3", ["p3", "p1"]),
        ("_lastUpdated=gt2100-01-01", []),
        ("_has:Task:patient:status=requested", ["p1"]),
        ("gender=female&_sort=-_lastUpdated&_summary=false", ["p3", "p2"]),
        ("_sort=_lastUpdated", ["p1", "p2", "p3", "p4"]),
        ("_sort=birthdate", ["p1", "p2", "p3", "p4"]),
        ("_sort=-birthdate", ["p3", "p2", "p1", "p4"]),
        ("_sort=gender,-family", ["p3", "p2", "p1", "p4"]),
        ("_sort=gender&_sort=family", ["p2", "p3", "p1", "p4"]),
        ("_has:Task:patient:status=requested&_sort=_id", ["p1"]),
    ],
)
def test_a_search_answers_what_matches_by_get_and_by_post(query: str, ids: list[str]) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            assert found_ids(await site.ask("GET", f"Patient?{query}")) == ids
            form = await site.ask("POST", "Patient/_search", raw=query.encode(), content_type=FORM)
            assert found_ids(form) == ids

    run(scenario())


def test_entries_have_addresses_and_the_self_link_says_what_was_understood() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            answer = await site.ask("GET", "Patient?family=chan&_format=json")
            (entry,) = answer.json()["entry"]
            assert entry["fullUrl"] == f"{BASE}/Patient/p2"
            assert entry["search"] == {"mode": "match"}
            assert link(answer, "self") == f"{BASE}/Patient?family=chan&_count=50"
            assert link(answer, "next") is None

    run(scenario())


def test_links_come_from_the_public_url_whatever_host_was_called() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "Patient", host="127.0.0.1:9")
            assert link(answer, "self") == f"{BASE}/Patient?_count=50"

    run(scenario())


@pytest.mark.parametrize(
    "query",
    [
        "",
        "gender:not=other",
        "_has:Task:patient:status:missing=true",
        "_sort=gender",
        "_sort=-gender,birthdate",
        "_sort=_id&gender:missing=false",
    ],
)
def test_the_pages_together_are_the_whole(query: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            url: str | None = f"Patient?{query}&_count=1"
            seen: list[str] = []
            while url is not None:
                answer = await site.ask("GET", url)
                found = found_ids(answer)
                assert len(found) <= 1
                seen += found
                url = link(answer, "next")
            assert seen == found_ids(await site.ask("GET", f"Patient?{query}"))

    run(scenario())


def test_a_page_ends_early_after_many_candidates_and_the_next_goes_on() -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(scanned=1)) as site:
            await filled(site)
            query = "_has:Task:patient:status=requested"
            url: str | None = f"Patient?{query}&_total=accurate"
            seen: list[str] = []
            while url is not None:
                answer = await site.ask("GET", url)
                assert "total" not in answer.json()
                seen += found_ids(answer)
                url = link(answer, "next")
            assert seen == ["p1"]

    run(scenario())


@pytest.mark.parametrize(
    ("query", "total", "shown"),
    [
        ("gender=female&_total=accurate&_count=1", 2, 1),
        ("gender=female&_summary=count", 2, 0),
        ("_count=0", 4, 0),
        ("_has:Task:patient:status=requested&_summary=count", 1, 0),
        ("_total=none", None, 4),
        ("_total=estimate", 4, 4),
        ("_has:Task:patient:status=requested&_total=estimate", 4, 1),
        ("_has:Task:patient:status=requested&_total=accurate", 1, 1),
        ("_sort=gender&_total=accurate&_count=3", 4, 3),
        ("_sort=gender&_count=3", None, 3),
    ],
)
def test_the_total_is_told_when_asked_for(query: str, total: int | None, shown: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            answer = await site.ask("GET", f"Patient?{query}")
            assert answer.json().get("total") == total
            assert len(found_ids(answer)) == shown

    run(scenario())


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("foo=1", "foo"),
        ("gender:above=x", "gender"),
        ("birthdate=yesterday", "birthdate"),
        ("_sort=nothing", "'nothing' is unknown; allowed: _id"),
        ("_sort=-", "_sort"),
        ("_filter=a eq b", "Patient?_filter is not evaluated: "),
        ("organization.partof.partof.partof._id=1", "deeper than the 3 steps"),
        ("_total=some", "_total=some is not offered; allowed: accurate, estimate, none"),
        ("_summary=some", "allowed: count, data, false, text, true"),
        ("_elements=name,nothing", "Patient has no element 'nothing'; allowed: id, meta"),
        ("_elements=name&_summary=true", "exclude each other"),
        ("_include=Patient:organization&_summary=text", "_summary=text"),
        ("_count=-1", "_count"),
        ("_count=x", "_count"),
        ("_cursor=x", "_cursor"),
        ("_cursor=cAAA", "_cursor"),
        ("_include=Patient:gender", "no reference parameter 'gender'"),
        ("_include=Patient", "_include=Patient: allowed: Type:parameter"),
        ("_revinclude=*", "_revinclude=*: allowed: Type:parameter"),
        ("_include:recurse=Patient:organization", "_include:iterate"),
        ("family=%ff", "UTF-8"),
        ("&".join(f"gender=m{n}" for n in range(201)), "200"),
    ],
)
def test_what_can_not_be_evaluated_is_refused_by_name(query: str, words: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", f"Patient?{query}")
            assert answer.status_code == 400
            assert words in issue(answer)["diagnostics"]

    run(scenario())


def test_a_lenient_search_ignores_what_is_unknown_and_says_so() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            url = "Patient?gender=male&foo=1&_sort=nothing"
            answer = await site.ask("GET", url, prefer="handling=lenient")
            match, outcome = answer.json()["entry"]
            assert match["resource"]["id"] == "p1"
            assert outcome["search"] == {"mode": "outcome"}
            assert [each["severity"] for each in outcome["resource"]["issue"]] == ["warning"] * 2
            assert link(answer, "self") == f"{BASE}/Patient?gender=male&_count=50"
            bad = await site.ask("GET", "Patient?birthdate=x", prefer="handling=lenient")
            assert bad.status_code == 400

    run(scenario())


def test_a_count_above_the_longest_page_is_that_of_the_longest() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "Patient?_count=1000000000")
            assert link(answer, "self") == f"{BASE}/Patient?_count=1000"

    run(scenario())


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("code-value-quantity=c$1.1", False),
        ("code-value-quantity=http://s|c$gt1,x$5", True),
        ("code-value-quantity=http://s|c$gt2", False),
        ("code-value-quantity=http://s|c$gt1&_sort=date&_total=accurate", True),
        ("patient.family=chal&_has:Task:focus:status=requested", False),
        ("patient.family=chal", True),
        ("_tag=http://t|x&_source=urn:s&_profile=http://p&_security=http://t|y", True),
        ("_profile:below=http://p", True),
        ("_tag:not=http://t|x", False),
        ("subject:text=ann", True),
    ],
)
def test_composites_chains_and_what_every_resource_has_are_searched(
    query: str, is_found: bool
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await filled(site)
            observation = {
                "resourceType": "Observation",
                "id": "o",
                "meta": {
                    "tag": [{"system": "http://t", "code": "x"}],
                    "security": [{"system": "http://t", "code": "y"}],
                    "profile": ["http://p"],
                    "source": "urn:s",
                },
                "status": "final",
                "code": {"coding": [{"system": "http://s", "code": "c"}]},
                "subject": {"reference": "Patient/p1", "display": "Anna"},
                "valueQuantity": {"value": 1.5},
            }
            stored = await site.ask("PUT", "Observation/o", observation)
            assert stored.status_code == 201, stored.text
            assert bool(found_ids(await site.ask("GET", f"Observation?{query}"))) is is_found

    run(scenario())
