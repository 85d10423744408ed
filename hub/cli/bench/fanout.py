"""One change that many Subscriptions ask for: its commit, then its delivery to all of them.

With distinct filters each Subscription has numbers of its own; with equal ones they share them.
The ceilings are committing as many bare rows, and posting to the same receivers.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from hub.cli.bench.bare import event_commit
from hub.cli.bench.change import Changing
from hub.cli.bench.child import Helper, helper, pause
from hub.cli.bench.endpoint import endpoint, hosts
from hub.cli.bench.hanging import hanging
from hub.cli.bench.hub_process import HubProcess, free_port, usage
from hub.cli.bench.load import check_accepted
from hub.cli.bench.loading import Loading, Wanted, load
from hub.cli.bench.receipt import check_received
from hub.cli.bench.setting import Setting
from hub.cli.bench.workload import read_workload

_PATIENCE = 240.0
_LULL = 0.05
_IDLE = _LULL / 25
"""CPU seconds in a lull of a hub that works no more: its processes look at their clocks."""

_SENDERS = 32
_ONE = "Organization/one"
_SAME = "Organization/same"
_NOBODY = "Organization/nobody"


async def fanout(at: Setting) -> None:
    """Measure ``fanout.*``."""
    port = free_port()
    prepared = at.room("prepared")
    await load(prepared, at.deadline, lambda loading: _subscribe(loading, at, port))
    for _ in range(at.scale.runs):
        async with helper("outside") as outside:
            await outside.ask("listen", hosts=hosts(), port=port)
            await _run(at, await at.copy(prepared, "run"), outside)
    await hanging(at)


def _subscribe(loading: Loading, at: Setting, port: int) -> None:
    def wanted(name: str, number: int, owners: tuple[str, ...]) -> Wanted:
        path = f"/{name}/{number}"
        return Wanted(id=f"{name}-{number}", owners=owners, endpoint=endpoint(number, port, path))

    loading.subscribe([wanted("one", 0, (_ONE,))])
    for size in at.scale.matched:
        loading.subscribe(
            wanted(f"d{size}", number, (_hot(size), f"Organization/d{size}-{number}"))
            for number in range(size)
        )
    loading.subscribe(wanted("same", number, (_SAME,)) for number in range(at.scale.matched[-1]))


def _hot(size: int) -> str:
    return f"Organization/hot{size}"


async def _run(at: Setting, folder: Path, outside: Helper) -> None:
    add, size = at.record.add, read_workload().sizes["Task"]
    posts, post_cpu = await _bare_posts(at, outside, size)
    async with at.hub(folder) as hub:
        telling = _Telling(hub, Changing(hub.port, size), outside)
        await telling.tell(_ONE, ["/one/0"], at.scale.changes)
        for matched in at.scale.matched:
            at.deadline.check()
            paths = [f"/d{matched}/{number}" for number in range(matched)]
            told = await telling.tell(_hot(matched), paths, _rounds(at, matched))
            bare = await asyncio.to_thread(
                event_commit, at.room("bare"), size, matched, _rounds(at, matched)
            )
            add("fanout.commit", told.commit, ceiling=bare, size=matched)
            add("fanout.cpu", told.cpu, ceiling=post_cpu, size=matched)
            add("fanout.rate", told.rate, ceiling=posts, size=matched)
        add("fanout.equal", await _equal(telling, at), ceiling=1.0)
        await telling.check()


async def _equal(telling: _Telling, at: Setting) -> float:
    """Return how many times longer a commit takes for many equal filters than for one.

    By turns, as a machine's speed changes within seconds.
    """
    many = [f"/same/{number}" for number in range(at.scale.matched[-1])]
    one, same = [], []
    for _ in range(max(1, at.scale.changes // 2)):
        one.append((await telling.tell(_ONE, ["/one/0"], 1)).commit)
        same.append((await telling.tell(_SAME, many, 1)).commit)
    return median(same) / median(one)


def _rounds(at: Setting, matched: int) -> int:
    """Return how many changes to make, so that not too much is to be delivered."""
    return max(1, min(at.scale.changes, at.scale.delivered // matched))


@dataclass(frozen=True, slots=True)
class _Told:
    """Milliseconds of a commit, CPU microseconds of a notification, notifications in a second."""

    commit: float
    cpu: float
    rate: float


class _Telling:
    """Makes changes, and waits until all that they are for have been told."""

    def __init__(self, hub: HubProcess, changing: Changing, outside: Helper) -> None:
        self._hub = hub
        self._changing = changing
        self._outside = outside
        self._wanted: Counter[str] = Counter()

    async def tell(self, owner: str, paths: list[str], rounds: int) -> _Told:
        """Make so many changes for ``owner``, of which each path is told."""
        commits, seconds, cpu = [], 0.0, 0.0
        for _ in range(rounds):
            # What was told last has left the caches to others, and may have outlasted a connection.
            await self._changing.change(_NOBODY)
            await self._rest()
            began, before = time.perf_counter_ns(), self._hub.usage()
            commits.append(await self._changing.change(owner))
            self._wanted.update(paths)
            await self._outside.ask("wait", total=self._wanted.total(), seconds=_PATIENCE)
            seconds += ((await self._outside.ask("last")) - began) / 1e9
            await self._rest()
            cpu += self._hub.usage().since(before)
        count = rounds * len(paths)
        return _Told(median(commits), cpu / count * 1e6, count / seconds)

    async def _rest(self) -> None:
        """Wait until the hub works no more: it has written what the deliveries came to.

        Else the next change would wait for that, and not for its own commit.
        """
        used = -1.0
        while (now := sum(self._hub.usage().seconds.values())) > used + _IDLE:
            used = now
            await pause(_LULL)

    async def check(self) -> None:
        """Compare what came with what was to come.

        Raises:
            Wrong: they differ.
        """
        self._changing.close()
        check_received((await self._outside.ask("report"))["receipts"], self._wanted)


async def _bare_posts(at: Setting, outside: Helper, size: int) -> tuple[float, float]:
    """Return how many posts in a second the receivers take, and CPU microseconds to send one."""
    port = await outside.ask("listen", hosts=["127.0.0.1"], port=0)
    async with helper("outside") as sender:
        before = usage(sender.pid)
        sent = await sender.ask(
            "load",
            port=port,
            traffic={"kind": "posts", "seed": "", "prefix": "", "size": size, "paths": _SENDERS},
            connections=_SENDERS,
            seconds=at.scale.seconds / 4,
        )
        count = check_accepted(sent)
        return count / sent["seconds"], usage(sender.pid).since(before) / count * 1e6
