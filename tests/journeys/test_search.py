"""Searches over REST: what is found, and that pages together are the whole."""

from __future__ import annotations

import asyncio
from typing import Final

from hub.core.release import FhirRelease
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release
from tests.support.builders import a_patient, a_subscription, a_task, topic

R4: Final = FhirRelease.R4
SYSTEM: Final = "http://example.org/mrn"


async def _found(fhir: Fhir, query: str) -> list[str]:
    bundle = await fhir.get(query)
    assert bundle["type"] == "searchset"
    ids = [entry["resource"]["id"] for entry in bundle.get("entry", [])]
    for entry in bundle.get("entry", []):
        kind = entry["resource"]["resourceType"]
        assert entry["fullUrl"] == f"{fhir.base}/{kind}/{entry['resource']['id']}"
        assert entry["search"]["mode"] == "match"
    return sorted(ids)


def test_each_kind_of_parameter_finds_what_it_should(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        tag = fresh("tag").replace("/", "-")
        meta = {"tag": [{"system": "http://example.org/tags", "code": tag}]}
        ann, bob = [
            (
                await fhir.create(
                    a_patient(
                        meta=meta,
                        gender=gender,
                        birthDate=born,
                        name=[{"family": family}],
                        identifier=[{"system": SYSTEM, "value": number}],
                    )
                )
            )["id"]
            for gender, born, family, number in (
                ("female", "1980-05-17", "Müller", "1"),
                ("male", "1990", "Smith", "2"),
            )
        ]
        bare = (await fhir.create(a_patient(meta=meta)))["id"]
        everybody = sorted([ann, bob, bare])
        expected = {
            "gender=female": [ann],
            "gender=female,male": [ann, bob],
            "gender:not=female": [bob, bare],
            "gender:missing=true": [bare],
            "gender:missing=false": [ann, bob],
            f"identifier={SYSTEM}|1": [ann],
            "identifier=|1": [],
            f"identifier={SYSTEM}|": [ann, bob],
            "birthdate=1980-05": [ann],
            "birthdate=ge1980-05-17&birthdate=lt1985": [ann],
            "birthdate=1990-03": [],
            "birthdate=gt1985": [bob],
            "family=mul": [ann],
            "family=M%C3%BCl": [ann],
            "family:exact=Smith": [bob],
            "family:exact=smith": [],
            "family:contains=LL": [ann],
            f"_id={ann},{bob}": [ann, bob],
            "_lastUpdated=gt2020-01-01": everybody,
            "_lastUpdated=lt2020-01-01": [],
            "gender=female&family=smith": [],
        }
        for query, ids in expected.items():
            found = await _found(fhir, f"Patient?_tag=http://example.org/tags|{tag}&{query}")
            assert found == sorted(ids), query

    in_every_release(hub, scenario)


def test_references_are_found_in_each_spelling_and_chains_follow_them(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        patient = await fhir.create(a_patient(gender="other", name=[{"family": "Chain"}]))
        reference = f"Patient/{patient['id']}"
        ids = sorted(
            [
                (await fhir.create(a_task(owner, patient=each)))["id"]
                for each in (reference, f"{fhir.base}/{reference}", f"{reference}/_history/1")
            ]
        )
        elsewhere = await fhir.create(
            a_task(owner, patient=f"http://elsewhere.example.org/{reference}")
        )
        for spelled in (reference, patient["id"], f"{fhir.base}/{reference}"):
            assert await _found(fhir, f"Task?owner={owner}&patient={spelled}") == ids, spelled
        assert await _found(fhir, f"Task?owner={owner}&patient:Patient={patient['id']}") == ids
        absolute = f"http://elsewhere.example.org/{reference}"
        assert await _found(fhir, f"Task?owner={owner}&patient={absolute}") == [elsewhere["id"]]
        chained = f"Task?owner={owner}&patient.family=chain"
        assert await _found(fhir, chained) == ids
        reverse = f"Patient?_id={patient['id']}&_has:Task:patient:owner={owner}"
        assert await _found(fhir, reverse) == [patient["id"]]

    in_every_release(hub, scenario)


def test_what_changed_or_went_is_found_as_it_is_now(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner, other = fresh(), fresh()
        task = await fhir.create(a_task(owner))
        assert await _found(fhir, f"Task?owner={owner}") == [task["id"]]
        await fhir.put(task | {"owner": {"reference": other}})
        assert await _found(fhir, f"Task?owner={owner}") == []
        assert await _found(fhir, f"Task?owner={other}") == [task["id"]]
        await fhir.delete(f"Task/{task['id']}")
        assert await _found(fhir, f"Task?owner={other}") == []
        assert await _found(fhir, f"Task?_id={task['id']}") == []
        await fhir.put(task)
        assert await _found(fhir, f"Task?owner={owner}") == [task["id"]]

    in_every_release(hub, scenario)


def test_pages_walk_everything_exactly_once(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        ids = [(await fhir.create(a_task(owner)))["id"] for _ in range(11)]
        url: str | None = f"Task?owner={owner}&_count=3&_total=accurate"
        seen: list[str] = []
        while url is not None:
            page = await fhir.get(url)
            assert page["total"] in (11, 12, 13, 14)
            seen += [entry["resource"]["id"] for entry in page["entry"]]
            if len(seen) < 10:
                # What is new stands before the pages that are still to come.
                await fhir.create(a_task(owner))
            url = next((x["url"] for x in page["link"] if x["relation"] == "next"), None)
        assert seen == list(reversed(ids))

    in_every_release(hub, scenario)


def test_a_posted_search_finds_the_same(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        task = await fhir.create(a_task(owner))
        answer = await fhir.ask(
            "POST",
            "Task/_search?status=requested",
            content=f"owner={owner}".encode(),
            Content_Type="application/x-www-form-urlencoded",
        )
        assert answer.status_code == 200, answer.text
        assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == [task["id"]]

    in_every_release(hub, scenario)


def test_an_unknown_parameter_is_refused_or_named(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        task = await fhir.create(a_task(owner))
        status, issue = await fhir.refused("GET", f"Task?owner={owner}&colour=red")
        assert (status, issue["code"]) == (400, "not-supported")
        assert "colour" in issue["diagnostics"]
        answer = await fhir.ask("GET", f"Task?owner={owner}&colour=red", Prefer="handling=lenient")
        found = answer.json()
        modes = {entry["search"]["mode"]: entry["resource"] for entry in found["entry"]}
        assert modes["match"]["id"] == task["id"]
        assert "colour" in modes["outcome"]["issue"][0]["diagnostics"]
        (self_link,) = [x["url"] for x in found["link"] if x["relation"] == "self"]
        assert "colour" not in self_link
        for query in (
            "_lastUpdated=yesterday",
            "owner:missing=maybe",
            "_count=-1",
            "status:colour=x",
        ):
            status, _ = await fhir.refused("GET", f"Task?{query}")
            assert status == 400, query

    in_every_release(hub, scenario)


def test_subscriptions_are_searched(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        url = f"http://127.0.0.1:9/{fresh('hook')}"
        hook = await fhir.create(a_subscription(fhir.release, endpoint=url, status="off"))
        socket = await fhir.create(a_subscription(fhir.release, channel="websocket"))
        of_url = "url"
        assert await _found(fhir, f"Subscription?{of_url}={url}") == [hook["id"]]
        assert hook["id"] in await _found(fhir, "Subscription?status=off")
        assert socket["id"] in await _found(fhir, "Subscription?status=active")
        assert socket["id"] not in await _found(fhir, "Subscription?status=off")
        of_topic = "topic" if fhir.release is FhirRelease.R5 else "criteria"
        found = await _found(fhir, f"Subscription?{of_topic}={topic('task-activity')}")
        assert {hook["id"], socket["id"]} <= set(found)
        await fhir.put(socket | {"status": "off"})
        assert socket["id"] in await _found(fhir, "Subscription?status=off")

    in_every_release(hub, scenario)


def test_a_search_sees_what_was_just_answered(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir:

            async def one() -> None:
                owner = fresh()
                task = await fhir.create(a_task(owner))
                assert await _found(fhir, f"Task?owner={owner}") == [task["id"]]

            await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(scenario())
