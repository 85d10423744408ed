"""Tasks by owner and status, first page, one after the other, among few and very many.

The ceiling is a look-up in a table with an index for exactly this question.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  # what is asked for is drawn from a seed
import time
from collections import deque
from collections.abc import Iterator
from functools import partial

import orjson

from hub.cli.bench.bare import selects
from hub.cli.bench.failure import check
from hub.cli.bench.figure import percentile
from hub.cli.bench.hub_process import HubProcess
from hub.cli.bench.loading import Loaded, Loading, load
from hub.cli.bench.sample import STATUSES, resource
from hub.cli.bench.setting import Setting
from hub.cli.bench.wire import connect, request
from hub.cli.bench.workload import Zipf, read_workload

_TASKS_EACH = 100
"""How many Tasks there are for each party in the end, on average; some have far more."""

_PAGE = 20
_BODIES = 1_000

Asked = tuple[str, str]
"""An owner and a status."""


class Tasks:
    """Made-up Tasks, always the same, and what each search must find."""

    def __init__(self, owners: Zipf, asked: list[Asked]) -> None:
        self.keys: list[Asked] = []
        self.newest: dict[Asked, deque[str]] = {
            each: deque(maxlen=_PAGE) for each in dict.fromkeys(asked)
        }
        self._luck = random.Random("tasks")  # noqa: S311  # a load is no secret
        self._owners = owners
        self._size = read_workload().sizes["Task"]

    def until(self, count: int) -> Iterator[Loaded]:
        """Yield more, until there are ``count``."""
        while len(self.keys) < count:
            owner = f"Organization/o{self._owners.draw(self._luck)}"
            status = self._luck.choice(STATUSES)
            id = f"t{len(self.keys)}"
            self.keys.append((owner, status))
            if (owner, status) in self.newest:
                self.newest[owner, status].append(id)
            text = resource("Task", id, self._size, owner=owner, status=status)
            yield Loaded(id=id, text=text)


async def search(at: Setting) -> None:
    """Measure ``search.*``."""
    luck = random.Random("asked")  # noqa: S311  # as above
    owners = Zipf(max(1, at.scale.tasks[-1] // _TASKS_EACH))
    asked = [
        (f"Organization/o{owners.draw(luck)}", luck.choice(STATUSES))
        for _ in range(at.scale.searches)
    ]
    tasks = Tasks(owners, asked)
    folder = at.room("run")
    for size in at.scale.tasks:
        await load(folder, at.deadline, partial(_fill, tasks, size))
        bare = await _bare(at, tasks, asked)
        async with at.hub(folder) as hub:
            for _ in range(at.scale.runs):
                times = await _searches(hub, tasks, asked)
                for name, part in (("search.p50", 0.5), ("search.p99", 0.99)):
                    at.record.add(
                        name, percentile(times, part), ceiling=percentile(bare, part), size=size
                    )
    check(any(tasks.newest.values()), "no search found anything")


def _fill(tasks: Tasks, size: int, loading: Loading) -> None:
    loading.tasks(tasks.until(size))


async def _searches(hub: HubProcess, tasks: Tasks, asked: list[Asked]) -> list[float]:
    """Search and return the milliseconds of each; check what was found."""
    times = []
    connection = await connect("127.0.0.1", hub.port)
    for owner, status in asked:
        path = f"/fhir/r4/Task?owner={owner}&status={status}&_count={_PAGE}".encode()
        began = time.perf_counter()
        reply = await connection.exchange(request(b"GET", b"127.0.0.1", path))
        times.append((time.perf_counter() - began) * 1000)
        check(reply.status == 200, f"a search was answered with {reply.status}")
        found = [entry["resource"]["id"] for entry in orjson.loads(reply.body).get("entry", ())]
        wanted = [*reversed(tasks.newest[owner, status])]
        check(found == wanted, f"{owner} {status}: {found[:3]}... not {wanted[:3]}...")
    connection.close()
    return times


async def _bare(at: Setting, tasks: Tasks, asked: list[Asked]) -> list[float]:
    size = read_workload().sizes["Task"]
    bodies = [resource("Task", f"t{number}", size) for number in range(_BODIES)]
    return await asyncio.to_thread(
        selects, at.room("bare"), bodies, [*map(" ".join, tasks.keys)], [*map(" ".join, asked)]
    )
