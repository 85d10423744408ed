"""A hub with a large backlog whose endpoints are all down, and open sockets: does it grow?

The ceiling is a hub on an empty database.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from hub.cli.bench.backlog import check_counted, fill_backlog
from hub.cli.bench.child import helper, pause
from hub.cli.bench.failure import check
from hub.cli.bench.hub_process import free_port
from hub.cli.bench.loading import Loading, Wanted, load
from hub.cli.bench.setting import Setting

_SAMPLES = 120


async def memory(at: Setting) -> None:
    """Measure ``memory.*``."""
    async with at.hub(at.room("run")) as hub:
        idle = hub.resident() / 1e6
    prepared = at.room("prepared")
    port = free_port()
    await load(prepared, at.deadline, lambda loading: _fill(loading, at, port))
    for _ in range(at.scale.memory_runs):
        folder = await at.copy(prepared, "run")
        ids = [f"w{number}" for number in range(at.scale.backlog_sockets)]
        async with helper("sockets") as clients, at.hub(folder) as hub:
            await clients.ask("bind", port=hub.port, ids=ids)
            samples = []
            began = time.perf_counter()
            while (passed := time.perf_counter() - began) < at.scale.sampled:
                samples.append((passed, hub.resident() / 1e6))
                await pause(at.scale.sampled / _SAMPLES)
            got = await clients.ask("report")
            await check_counted(hub, *at.scale.backlog)
            check(not got["lost"], f"the hub closed {got['lost']} idle clients")
            await clients.ask("close")
        at.record.add("memory.peak", max(size for _, size in samples), ceiling=idle)
        warm = [(passed, size) for passed, size in samples if passed >= at.scale.warm_up]
        at.record.add("memory.growth", slope(warm) * 60)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return how much y grows with each unit of x, by least squares; 0 where x is all the same."""
    count = max(1, len(points))
    middle = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - middle[0]) ** 2 for x, _ in points)
    if not spread:
        return 0.0
    return sum((x - middle[0]) * (y - middle[1]) for x, y in points) / spread


def _fill(loading: Loading, at: Setting, port: int) -> None:
    subscriptions, events = at.scale.backlog
    fill_backlog(
        loading, subscriptions, events, lambda number: f"http://127.0.0.1:{port}/s/{number}"
    )
    loading.subscribe(
        Wanted(id=f"w{number}", owners=(f"Organization/w{number}",), endpoint=None)
        for number in range(at.scale.backlog_sockets)
    )
