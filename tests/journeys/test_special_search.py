"""What the standard calls special, in searches, filters and topics of every release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hub.core.release import Resource
from hub.settings import packaged_topics
from tests.journeys.hosting import Fhir, fresh, in_every_release, running_hub
from tests.support.builders import a_patient, a_subscription, a_task

URL = "http://example.org/topics/ring"
TOPIC: Resource = {
    "resourceType": "SubscriptionTopic",
    "id": "ring",
    "url": URL,
    "version": "1",
    "status": "active",
    "title": "Ring twice",
    "resourceTrigger": [
        {
            "resource": "Task",
            "queryCriteria": {"current": "_content=ring twice", "resultForDelete": "test-fails"},
        }
    ],
    "canFilterBy": [
        {"resource": "Task", "filterParameter": "owner"},
        {"resource": "Task", "filterParameter": "patient._in"},
        {"resource": "Task", "filterParameter": "_list"},
        {"resource": "Task", "filterParameter": "_text"},
        {"resource": "Task", "filterParameter": "location.near"},
        {"resource": "Task", "filterParameter": "_id"},
    ],
}


def a_narrative(text: str) -> Resource:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'
    return {"status": "generated", "div": div}


def a_group(member: str, **more: Any) -> Resource:
    return {"type": "person", "actual": True, "member": [{"entity": {"reference": member}, **more}]}


async def stored(fhir: Fhir, resource_type: str, **content: Any) -> str:
    resource = await fhir.create({"resourceType": resource_type, **content})
    return f"{resource_type}/{resource['id']}"


async def found(fhir: Fhir, query: str) -> list[str]:
    return sorted(
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in (await fhir.get(query)).get("entry", [])
    )


async def world(fhir: Fhir) -> tuple[str, str, str, str]:
    """Return a patient, a group that has it as a member, a list that names it, a location."""
    patient = f"Patient/{(await fhir.create(a_patient(text=a_narrative('Herr Müller'))))['id']}"
    group = a_group(patient)
    if fhir.release.name == "R5":
        del group["actual"]
        group["membership"] = "enumerated"
    return (
        patient,
        await stored(fhir, "Group", **group),
        await stored(
            fhir,
            "List",
            status="current",
            mode="working",
            entry=[{"item": {"reference": patient}}],
        ),
        await stored(fhir, "Location", position={"latitude": 46.948, "longitude": 7.4474}),
    )


def test_searches_filters_and_topics_ask_alike(tmp_path: Path) -> None:
    (tmp_path / "ring").mkdir()
    (tmp_path / "ring" / "topic.json").write_text(json.dumps(TOPIC))

    async def scenario(fhir: Fhir) -> None:
        patient, group, listed, location = await world(fhir)
        for query, expected in (
            (f"Patient?_in={group}", [patient]),
            (f"Patient?_in={listed}", [patient]),
            (f"Patient?_list={listed}&_id={patient.partition('/')[2]}", [patient]),
            (f"Patient?_list={listed.partition('/')[2]}", [patient]),
            (f"Group?_list={listed}", []),
            ("Patient?_text=muller", [patient]),
            ("Patient?_text=muller nobody", []),
            ("Location?near=47|7.5|10", [location]),
            ("Location?near=47|7.5|5", []),
            ("Location?near=-47|7.5|5000", []),
        ):
            assert await found(fhir, query) == expected, query
        owner = fresh()
        wanted = {
            "all": "",
            "in": f"patient._in={group}",
            "text": "_text=second",
            "list": f"_list={listed}",
        }
        counted = {}
        for name, query in wanted.items():
            filters = [f"Task?owner={owner}"] + ([f"Task?{query}"] if query else [])
            subscription = a_subscription(
                fhir.release, channel="websocket", topic_name=URL, filters=filters
            )
            counted[name] = (await fhir.create(subscription))["id"]
        ring: Resource = {"description": "Please ring twice"}
        first = await fhir.create(a_task(owner, patient=patient, **ring))
        await fhir.create(a_task(owner, **ring, text=a_narrative("Second one")))
        await fhir.create(a_task(owner, description="Please ring once"))
        counts = {name: (await fhir.status(id))["counter"] for name, id in counted.items()}
        assert counts == {"all": "2", "in": "1", "text": "1", "list": "0"}
        assert await found(fhir, f"Task?patient._in={group}") == [f"Task/{first['id']}"]
        await fhir.delete(group)
        assert await found(fhir, f"Patient?_in={group}") == []

    with running_hub(topics=(packaged_topics(), tmp_path)) as hub:
        in_every_release(hub, scenario)
