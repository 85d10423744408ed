"""Writes alone: the whole mix of types and interactions, nobody subscribed; then transactions.

The ceiling is committing rows of the same size, 64 at a time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from hub.cli.bench.bare import commits
from hub.cli.bench.child import Helper, helper
from hub.cli.bench.failure import check
from hub.cli.bench.figure import percentile
from hub.cli.bench.hub_process import HubProcess
from hub.cli.bench.load import check_accepted
from hub.cli.bench.setting import Setting
from hub.cli.bench.wire import connect, request
from hub.cli.bench.workload import read_workload

_BATCH = 64
_ENTRIES = 25


async def ingest(at: Setting) -> None:
    """Measure ``ingest.*``."""
    for _ in range(at.scale.runs):
        async with helper("outside") as outside, at.hub(at.room("run")) as hub:
            await _run(at, outside, hub)


async def _run(at: Setting, outside: Helper, hub: HubProcess) -> None:
    add, stored = at.record.add, Counter[str]()

    async def loaded(traffic: Mapping[str, Any], rate: float | None) -> dict[str, Any]:
        report: dict[str, Any] = await outside.ask(
            "load",
            port=hub.port,
            traffic=traffic,
            connections=at.scale.connections,
            seconds=at.scale.seconds,
            rate=rate,
        )
        check_accepted(report)
        for what, about, count in report["done"]:
            stored[about] += count * _MADE.get(what, 0)
        return report

    mix = {"kind": "writes", "seed": at.scale.name, "owners": 1_000, "only": None}
    before = hub.usage()
    fast = await loaded(mix | {"prefix": "fast"}, None)
    count = check_accepted(fast)
    cpu = hub.usage().since(before)
    rate = count / fast["seconds"]
    bare = await _bare(at, fast["size"], _BATCH)
    add("ingest.rate", rate, ceiling=bare)
    add("ingest.cpu", cpu / count * 1e3, ceiling=1e3 / bare)

    paced = await loaded(mix | {"prefix": "paced"}, rate / 2)
    one = 1e3 / await _bare(at, fast["size"], 1)
    add("ingest.p50", percentile(paced["times"], 0.5), ceiling=one)
    add("ingest.p99", percentile(paced["times"], 0.99), ceiling=one)

    size = read_workload().sizes["Task"]
    tasks = {"kind": "transactions", "seed": "", "prefix": "t", "size": size, "entries": _ENTRIES}
    before = hub.usage()
    transactions = check_accepted(await loaded(tasks, None))
    cpu = hub.usage().since(before) / transactions * 1e3
    bare = await _bare(at, size, _ENTRIES) / _ENTRIES
    add("ingest.transaction", cpu, ceiling=1e3 / bare)
    await _check_stored(hub, stored)


_MADE = {"create": 1, "delete": -1, "transaction": _ENTRIES}
"""How many resources more there are after a request."""


async def _bare(at: Setting, size: float, batch: int) -> float:
    folder = at.room("bare")
    return await asyncio.to_thread(commits, folder, size, at.scale.seconds / 4, batch)


async def _check_stored(hub: HubProcess, stored: Mapping[str, int]) -> None:
    """Compare how many resources of each type there are with what was answered."""
    connection = await connect("127.0.0.1", hub.port)
    for resource_type, wanted in stored.items():
        path = f"/fhir/r4/{resource_type}?_summary=count".encode()
        reply = await connection.exchange(request(b"GET", b"127.0.0.1", path))
        check(reply.status == 200, f"GET {resource_type}: {reply.status}")
        found = orjson.loads(reply.body)["total"]
        check(found == wanted, f"{found} of {wanted} resources of type {resource_type} are there")
    connection.close()
