"""Sending: as fast as answers come, or at a rate.

At a rate, the time to an answer counts from when its request was meant to be sent: a hub that
stops is not let off what it would have been asked meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.cli.bench.child import pause
from hub.cli.bench.failure import Wrong
from hub.cli.bench.traffic import Shot, Traffic, make_traffic, moves
from hub.cli.bench.wire import Connection, connect

_GOOD = frozenset((200, 201, 204))
_SECOND = 1_000_000_000


@dataclass(slots=True)
class Tally:
    """What came of a load; instants and times in nanoseconds."""

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    size: int = 0
    began: int = 0
    ended: int = 0

    def note(self, shot: Shot, status: int, nanoseconds: int) -> None:
        """Count an answer."""
        if status not in _GOOD:
            self.refused[status] += 1
            return
        self.done[shot.what, shot.about] += 1
        self.size += shot.size
        self.times.append(nanoseconds)
        shot.settle()

    def report(self) -> dict[str, Any]:
        """Return it as JSON has it; ``times`` in milliseconds, ``size`` the mean in bytes."""
        count = sum(self.done.values())
        return {
            "done": [[what, about, number] for (what, about), number in self.done.items()],
            "refused": [[status, number] for status, number in self.refused.items()],
            "times": [round(each / 1e6, 4) for each in self.times],
            "size": self.size / max(1, count),
            "seconds": (self.ended - self.began) / _SECOND,
            "began": self.began,
        }


class Schedule:
    """When requests are meant to be sent: evenly from ``began`` on, or at once where no rate."""

    def __init__(self, began: int, seconds: float, rate: float | None) -> None:
        self._began = began
        self._until = began + int(seconds * _SECOND)
        self._gap = None if rate is None else _SECOND / rate
        self._number = 0

    def next(self, now: int) -> int | None:
        """Return when the next one is meant to be sent, None where it is over."""
        at = now if self._gap is None else self._began + int(self._number * self._gap)
        self._number += 1
        return at if at < self._until else None


async def run_load(
    *,
    port: int,
    traffic: Mapping[str, Any],
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> dict[str, Any]:
    """Send to a port of this machine for so many seconds; return the tally.

    Args:
        traffic: see ``make_traffic``.
        rate: requests in a second, None as fast as they are answered.
    """
    address = f"127.0.0.1:{port}".encode()
    workers = [
        (await connect("127.0.0.1", port), make_traffic(traffic, address, number))
        for number in range(connections)
    ]
    tally = Tally(began=time.perf_counter_ns())
    schedule = Schedule(tally.began, seconds, rate)
    async with asyncio.TaskGroup() as group:
        for connection, each in workers:
            group.create_task(_work(connection, each, schedule, tally))
    tally.ended = time.perf_counter_ns()
    for connection, _ in workers:
        connection.close()
    return tally.report()


async def _work(connection: Connection, traffic: Traffic, schedule: Schedule, tally: Tally) -> None:
    while (at := schedule.next(time.perf_counter_ns())) is not None:
        early = at - time.perf_counter_ns()
        if early > 0:
            await pause(early / _SECOND)
        shot = traffic.next(at)
        reply = await connection.exchange(shot.text)
        tally.note(shot, reply.status, time.perf_counter_ns() - at)


def changes_by(report: Mapping[str, Any]) -> Counter[str]:
    """Return how many changes a report tells of, by what they are about."""
    found: Counter[str] = Counter()
    for what, about, number in report["done"]:
        if moves(what):
            found[about] += number
    return found


def check_accepted(report: Mapping[str, Any]) -> int:
    """Return how many requests were answered well.

    Raises:
        Wrong: one was refused, or there was none.
    """
    if report["refused"]:
        raise Wrong(f"refused, by status: {dict(report['refused'])}")
    count: int = sum(number for _, _, number in report["done"])
    if not count:
        raise Wrong("nothing was sent")
    return count
