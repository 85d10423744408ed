"""Clients that write Tasks into a hub as fast as it answers, and remember what they were told."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  # the seed is the test's argument
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.kill_check import Acknowledged
from tests.support.processes import pause

FHIR_JSON = {"Content-Type": "application/fhir+json"}
_ETAG = re.compile(r'W/"(\d+)"')
_KEPT = 12
"""How many Tasks a writer goes on changing."""


@dataclass(slots=True)
class Told:
    """What clients were told; ``unknown`` counts requests whose answer was lost."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    units: list[frozenset[str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unknown: int = 0


@dataclass(slots=True)
class _Known:
    """A Task as its writer knows it; ``version`` is None after an answer was lost."""

    id: str
    owner: str
    version: int | None = None
    deleted: bool = False


@dataclass(slots=True)
class Writer:
    """One client: creates, updates, deletes and transactions on Tasks of its own.

    ``up`` is set while the hub runs: whoever lost an answer waits for it.  The writer ends after
    the request in which ``stopping`` is set.
    """

    name: str
    release: str
    base: str
    client: aiohttp.ClientSession
    owners: Sequence[str]
    luck: random.Random
    told: Told
    up: asyncio.Event
    stopping: asyncio.Event
    _tasks: list[_Known] = field(default_factory=list)
    _count: int = 0

    async def run(self) -> None:
        """Write until told to stop."""
        while not self.stopping.is_set():
            await self.up.wait()
            try:
                await self._write()
            except (aiohttp.ClientError, TimeoutError, OSError):
                self.told.unknown += 1
                await pause(0.01)

    async def _write(self) -> None:
        draw = self.luck.random()
        if draw < 0.2 or not self._tasks:
            await self._create()
        elif draw < 0.35:
            await self._put(_Known(self._name(), self.luck.choice(self.owners)))
        elif draw < 0.43:
            await self._delete(self.luck.choice(self._tasks))
        elif draw < 0.55:
            await self._transaction()
        else:
            await self._put(self.luck.choice(self._tasks))

    async def _create(self) -> None:
        owner, marker = self.luck.choice(self.owners), self._name()
        url = f"{self.base}/Task"
        async with self.client.post(url, json=_task(owner, marker), headers=FHIR_JSON) as answer:
            if answer.status != 201:
                await self._unexpected(answer)
                return
            id = answer.headers["Location"].split("/")[-3]
            self._acknowledge(_Known(id, owner), answer.headers["ETag"], marker)

    async def _put(self, task: _Known) -> None:
        marker, headers, stale = self._name(), dict(FHIR_JSON), False
        if task.version is not None and not task.deleted and self.luck.random() < 0.4:
            stale = self.luck.random() < 0.1
            headers["If-Match"] = f'W/"{task.version + 7 * stale}"'
        version, task.version = task.version, None
        body = _task(task.owner, marker, task.id)
        url = f"{self.base}/Task/{task.id}"
        async with self.client.put(url, json=body, headers=headers) as answer:
            if stale and answer.status == 412:
                task.version = version
                self.told.refused.append(marker)
            elif answer.status in (200, 201) and not stale:
                self._acknowledge(task, answer.headers["ETag"], marker)
            else:
                await self._unexpected(answer)

    async def _delete(self, task: _Known) -> None:
        was_deleted = task.deleted or task.version is None
        task.version = None
        async with self.client.delete(f"{self.base}/Task/{task.id}") as answer:
            if answer.status != 204:
                await self._unexpected(answer)
            elif "ETag" in answer.headers:
                self._acknowledge(task, answer.headers["ETag"], None)
            elif not was_deleted:
                self.told.acknowledged.append(Acknowledged(self._reference(task), None, None))
        task.deleted = True

    async def _transaction(self) -> None:
        known = list({id(task): task for task in self.luck.choices(self._tasks, k=2)}.values())
        changed = [*known, _Known(self._name(), self.luck.choice(self.owners))]
        markers = [self._name() for _ in changed]
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "fullUrl": f"{self.base}/Task/{task.id}",
                    "resource": _task(task.owner, marker, task.id),
                    "request": {"method": "PUT", "url": f"Task/{task.id}"},
                }
                for task, marker in zip(changed, markers, strict=True)
            ],
        }
        for task in changed:
            task.version = None
        self.told.units.append(frozenset(f"{self.release}/{marker}" for marker in markers))
        async with self.client.post(self.base, json=bundle, headers=FHIR_JSON) as answer:
            if answer.status != 200:
                await self._unexpected(answer)
                return
            entries = (await answer.json(content_type=None))["entry"]
        for task, marker, entry in zip(changed, markers, entries, strict=True):
            self._acknowledge(task, entry["response"]["etag"], marker)

    def _acknowledge(self, task: _Known, etag: str, marker: str | None) -> None:
        found = _ETAG.fullmatch(etag)
        assert found is not None
        task.version, task.deleted = int(found[1]), marker is None
        told = None if marker is None else f"{self.release}/{marker}"
        self.told.acknowledged.append(Acknowledged(self._reference(task), task.version, told))
        if task not in self._tasks:
            self._tasks.append(task)
            del self._tasks[:-_KEPT]

    async def _unexpected(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status == 503:
            self.told.unknown += 1
            return
        text = f"{answer.method} {answer.url.path}: {answer.status} {await answer.text()}"
        self.told.unexpected.append(text[:500])

    def _reference(self, task: _Known) -> str:
        return f"{self.release}/Task/{task.id}"

    def _name(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"


def _task(owner: str, marker: str, id: str | None = None) -> dict[str, Any]:
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "description": marker,
        "owner": {"reference": owner},
    }
    return task if id is None else task | {"id": id}
