"""Searches over REST: order, includes, and how much of each resource is shown."""

from __future__ import annotations

from hub.core.release import Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release
from tests.support.builders import a_patient, a_task


def _ids(bundle: Resource, mode: str = "match") -> list[str]:
    entries = bundle.get("entry", [])
    return [each["resource"]["id"] for each in entries if each["search"]["mode"] == mode]


async def _all_pages(fhir: Fhir, url: str) -> list[str]:
    found: list[str] = []
    following: str | None = url
    while following is not None:
        bundle = await fhir.get(following)
        found += _ids(bundle)
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        following = links.get("next")
    return found


def test_pages_in_the_order_that_is_asked_for_are_the_whole(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        tag = fresh("sorted").replace("/", "-")
        ids = [
            (
                await fhir.create(
                    a_patient(
                        meta={"tag": [{"code": tag}]},
                        name=[{"family": family}],
                        **({"birthDate": born} if born else {}),
                    )
                )
            )["id"]
            for family, born in (("b", "1990"), ("Ä", "1980"), ("c", None), ("a", "1980"))
        ]
        b, umlaut, c, a = ids
        expected = {
            "birthdate,family": [umlaut, a, b, c],
            "-birthdate,-family": [b, umlaut, a, c],
            "-family": [c, b, a, umlaut],
            "_lastUpdated": ids,
            "-_lastUpdated": ids[::-1],
            "_id": sorted(ids),
        }
        for order, found in expected.items():
            url = f"Patient?_tag={tag}&_sort={order}&_count="
            pages = await _all_pages(fhir, url + "1")
            assert pages == await _all_pages(fhir, url + "3")
            # Equal keys stand newest first: "Ä" and "a" are the same without accents and case.
            if order in ("birthdate,family", "-birthdate,-family"):
                assert sorted(pages) == sorted(found)
                assert pages.index(b) == found.index(b)
                assert pages.index(c) == found.index(c)
            elif order == "-family":
                assert pages[:2] == found[:2]
            else:
                assert pages == found, order

    in_every_release(hub, scenario)


def test_what_belongs_to_the_matches_comes_with_them(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = await fhir.create({"resourceType": "Organization", "name": "Lab"})
        named = f"Organization/{owner['id']}"
        patient = await fhir.create(a_patient())
        tasks = [
            await fhir.create(a_task(named, patient=f"Patient/{patient['id']}")) for _ in range(2)
        ]
        found = await fhir.get(f"Task?owner={named}&_include=Task:owner&_include=Task:patient")
        assert sorted(_ids(found)) == sorted(task["id"] for task in tasks)
        assert sorted(_ids(found, "include")) == sorted((owner["id"], patient["id"]))
        found = await fhir.get(
            f"Organization?_id={owner['id']}&_revinclude=Task:owner"
            "&_include:iterate=Task:patient&_total=accurate"
        )
        assert (_ids(found), found["total"]) == ([owner["id"]], 1)
        assert sorted(_ids(found, "include")) == sorted(
            (patient["id"], *(task["id"] for task in tasks))
        )
        status, refused = await fhir.refused("GET", "Task?_include=Task:status")
        assert status == 400
        assert "owner" in refused["diagnostics"]

    in_every_release(hub, scenario)


def test_a_part_is_marked_and_numbers_are_as_they_were_sent(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        code = fresh("code").replace("/", "-")
        text = (
            '{"resourceType":"Observation","status":"final","code":{"coding":[{"code":"%s"}]},'
            '"note":[{"text":"n"}],"valueQuantity":{"value":1.10e0}}'
        )
        answer = await fhir.ask("POST", "Observation", content=(text % code).encode())
        assert answer.status_code == 201, answer.text
        whole = {"note", "valueQuantity"}
        for query, shown in {
            "_summary=true": {"valueQuantity"},
            "_summary=text": set(),
            "_elements=value": {"valueQuantity"},
            "_elements=note": {"note"},
            "_summary=false": whole,
        }.items():
            answer = await fhir.ask("GET", f"Observation?code={code}&{query}")
            (entry,) = answer.json()["entry"]
            assert {"status", "code"} <= set(entry["resource"])
            assert whole & set(entry["resource"]) == shown, query
            assert ("SUBSETTED" in answer.text) is (shown != whole)
            assert ("1.10e0" in answer.text) is ("valueQuantity" in shown)

    in_every_release(hub, scenario)


def test_the_statement_lists_what_can_be_included(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        statement = await fhir.get("metadata")
        (task,) = [each for each in statement["rest"][0]["resource"] if each["type"] == "Task"]
        assert "Task:owner" in task["searchInclude"]
        assert "Task:part-of" in task["searchRevInclude"]
        for value in task["searchInclude"][:5]:
            await fhir.get(f"Task?_count=1&_include={value}")

    in_every_release(hub, scenario)


def test_the_parts_of_a_composite_stand_in_one_element(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        code = fresh("code").replace("/", "-")
        parts = [(f"{code}-sys", 140), (f"{code}-dia", 90)]
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "blood pressure"},
            "component": [
                {"code": {"coding": [{"code": each}]}, "valueQuantity": {"value": value}}
                for each, value in parts
            ],
        }
        stored = await fhir.create(observation)
        for asked, expected in {"sys$gt130": [stored["id"]], "dia$gt130": []}.items():
            query = f"Observation?component-code-value-quantity={code}-{asked}"
            assert _ids(await fhir.get(query)) == expected

    in_every_release(hub, scenario)
