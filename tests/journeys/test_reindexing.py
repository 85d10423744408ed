"""A hub that starts with other search parameters than its database was written with."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hub.core.release import FhirRelease, Resource
from hub.settings import packaged_topics
from tests.journeys.hosting import Fhir, running_hub
from tests.support.builders import a_bundle, a_task, an_entry
from tests.support.packages import MANIFEST, a_package
from tests.support.processes import LOCAL, HubProcess, free_port, start_hub, until

BASE = "http://example.org/guide"
GUIDE: tuple[Resource, ...] = (
    {
        "resourceType": "SearchParameter",
        "url": f"{BASE}/SearchParameter/floor",
        "code": "floor",
        "base": ["Task"],
        "type": "string",
        "expression": f"Task.extension.where(url = '{BASE}/floor').value.ofType(string)",
    },
    {
        "resourceType": "SearchParameter",
        "url": f"{BASE}/SearchParameter/status-floor",
        "code": "status-floor",
        "base": ["Task"],
        "type": "composite",
        "expression": "Task",
        "component": [
            {
                "definition": "http://hl7.org/fhir/SearchParameter/Task-status",
                "expression": "status",
            },
            {
                "definition": f"{BASE}/SearchParameter/floor",
                "expression": f"extension.where(url = '{BASE}/floor').value.ofType(string)",
            },
        ],
    },
)


def a_guide(tmp_path: Path) -> Path:
    path = tmp_path / "guide.tgz"
    manifest = {**MANIFEST, "fhirVersions": [each.full_version for each in FhirRelease]}
    path.write_bytes(a_package(*GUIDE, manifest=manifest))
    return path


def a_task_on(floor: int, **more: Any) -> Resource:
    return a_task(extension=[{"url": f"{BASE}/floor", "valueString": str(floor)}], **more)


@pytest.mark.parametrize("release", FhirRelease)
def test_what_was_stored_before_a_package_came_is_found_by_its_parameters(
    tmp_path: Path, release: FhirRelease
) -> None:
    db = tmp_path / "hub.db"
    known: list[str] = []

    async def write(fhir: Fhir) -> None:
        for floor in (1, 2, 3):
            known.append((await fhir.create(a_task_on(floor)))["id"])
        await fhir.delete(f"Task/{known[2]}")
        await fhir.refused("GET", "Task?floor=1")

    async def find(fhir: Fhir) -> None:
        for query, expected in (
            ("floor=1", known[:1]),
            ("floor:missing=false", known[1::-1]),
            ("floor=3", []),
            ("status-floor=requested$2", known[1:2]),
            ("status-floor=completed$2", []),
        ):
            entries = (await fhir.get(f"Task?{query}")).get("entry", [])
            assert [entry["resource"]["id"] for entry in entries] == expected, query
        await fhir.put(a_task_on(2, id=known[0]))
        assert "entry" not in await fhir.get("Task?floor=1")

    async def with_client(hub: Any, scenario: Any) -> None:
        async with hub.client(release) as fhir:
            await scenario(fhir)

    with running_hub(db=db) as hub:
        asyncio.run(with_client(hub, write))
    with running_hub(db=db, topics=(packaged_topics(), a_guide(tmp_path))) as hub:
        asyncio.run(with_client(hub, find))
    with running_hub(db=db) as hub:
        asyncio.run(with_client(hub, lambda fhir: fhir.refused("GET", "Task?floor=1")))


MANY = 3000


async def write_many(hub: HubProcess) -> None:
    async with aiohttp.ClientSession() as http:
        for start in range(0, MANY, 1000):
            entries = [an_entry("POST", "Task", a_task_on(start + n)) for n in range(1000)]
            async with http.post(hub.base(), json=a_bundle("batch", *entries)) as answer:
                assert answer.status == 200


async def json_of(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return answer.status, await answer.json(content_type=None)


async def total(hub: HubProcess, query: str) -> int:
    status, found = await json_of(f"{hub.base()}/Task?{query}&_summary=count")
    assert status == 200, found
    return int(found["total"])


async def in_the_middle(hub: HubProcess) -> None:
    """Wait until some resources are indexed anew and others not; what is asked then is refused."""

    async def is_so() -> bool:
        if await hub.readiness() != 503:
            return False
        _, told = await json_of(f"{hub.url}/readyz")
        return bool(0 < told.get("indexing", {"done": 0})["done"] < MANY)

    await until(is_so)
    status, outcome = await json_of(f"{hub.base()}/Task?floor=7")
    assert (status, outcome["issue"][0]["code"]) == (503, "transient")


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_a_hub_that_ends_while_it_indexes_finishes_at_the_next_start(
    tmp_path: Path, how: str
) -> None:
    async def scenario() -> None:
        port = free_port()
        guide = f"--topics={packaged_topics()}", f"--topics={a_guide(tmp_path)}"
        hub = await start_hub(tmp_path, *LOCAL, port=port)
        try:
            await write_many(await hub.ready())
            assert await hub.terminate() == 0
            hub = await start_hub(tmp_path, *LOCAL, *guide, port=port)
            await in_the_middle(hub)
            assert await getattr(hub, how)() == (0 if how == "terminate" else -9)
            hub = await start_hub(tmp_path, *LOCAL, *guide, port=port)
            await hub.ready()
            assert await total(hub, "floor:missing=false") == MANY
            assert await total(hub, "status-floor=requested$7") == len(
                [n for n in range(MANY) if str(n).startswith("7")]
            )
            assert await hub.terminate() == 0
        finally:
            await hub.kill()

    asyncio.run(scenario())
