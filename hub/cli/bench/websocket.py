"""Messages to many websocket clients, each with its own numbers; and what an idle client costs.

Every client is bound to a Subscription of its own; one change is an event for all of them.  Several
writers make changes at the same time: one alone would mostly wait for the answer to its last.  Once
their filters differ, so that the change is a numbered event for each; once they are equal, and each
counts from elsewhere.  The ceiling is a server that only writes prepared frames of the same size to
the same clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.cli.bench.change import Changing
from hub.cli.bench.child import Helper, helper, pause
from hub.cli.bench.failure import check
from hub.cli.bench.hub_process import resident
from hub.cli.bench.loading import Loading, Wanted, load
from hub.cli.bench.receipt import check_received
from hub.cli.bench.setting import Setting

_MESSAGE = 3_000
_AROUND = 1_200
"""How much of a message is not the Task itself."""

_IN_FLIGHT = 4
"""How many changes may have events that are still to come, when another one is made; and how many
writers there are."""

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class _Audience:
    """Subscriptions ``{prefix}0``, ``{prefix}1``, ... for which Tasks of ``owner`` are events.

    ``rate`` and ``cpu`` are the measures of what is sent to them.
    """

    prefix: str
    owner: str
    is_equal: bool
    rate: str
    cpu: str

    def wanted(self, number: int) -> Wanted:
        """Return one of the Subscriptions."""
        own = () if self.is_equal else (f"Organization/only{number}",)
        return Wanted(
            id=f"{self.prefix}{number}",
            owners=(self.owner, *own),
            endpoint=None,
            max_count=1,
            before=self.before(number),
        )

    def before(self, number: int) -> int:
        """Return how many events one has had: with equal filters no two have had as many."""
        return number if self.is_equal else 0


_OWN = _Audience("w", "Organization/all", False, "websocket.rate", "websocket.cpu")
_SHARED = _Audience("e", "Organization/same", True, "websocket.shared", "websocket.shared.cpu")
_IDLE = "i"
"""What the ids of Subscriptions begin with whose clients are sent nothing."""


async def websocket(at: Setting) -> None:
    """Measure ``websocket.*``."""
    prepared = at.room("prepared")
    await load(prepared, at.deadline, lambda loading: _subscribe(loading, at))
    for _ in range(at.scale.runs):
        bare = await _bare(at)
        for audience in (_OWN, _SHARED):
            await _messages(at, await at.copy(prepared, "run"), bare, audience)
        await _idle(at, await at.copy(prepared, "run"))


def _subscribe(loading: Loading, at: Setting) -> None:
    for audience in (_OWN, _SHARED):
        loading.subscribe(map(audience.wanted, range(at.scale.sockets)))
    loading.subscribe(map(_idle_wanted, range(at.scale.idle_sockets)))


def _idle_wanted(number: int) -> Wanted:
    """Return a Subscription that nothing is an event for."""
    return Wanted(id=f"{_IDLE}{number}", owners=(f"Organization/idle{number}",), endpoint=None)


async def _messages(at: Setting, folder: Path, bare: float, audience: _Audience) -> None:
    count = at.scale.sockets
    ids = [f"{audience.prefix}{number}" for number in range(count)]
    before = [audience.before(number) for number in range(count)]
    async with helper("sockets") as clients, at.hub(folder) as hub:
        await clients.ask("bind", port=hub.port, ids=ids, before=before)
        writers = [
            Changing(hub.port, _MESSAGE - _AROUND, f"change-{number}")
            for number in range(_IN_FLIGHT)
        ]
        usage, began = hub.usage(), time.perf_counter()
        changes = await _write(writers, audience, clients, count, began + at.scale.seconds)
        total = changes * count
        await clients.ask("wait", events=total, seconds=_PATIENCE)
        rate = total / (time.perf_counter() - began)
        cpu = hub.usage().since(usage)
        got = await clients.ask("report")
        for writer in writers:
            writer.close()
        await clients.ask("close")
    check(not got["lost"], f"the hub closed {got['lost']} clients")
    wanted = {str(number): each + changes for number, each in enumerate(before)}
    check_received(got["receipts"], wanted)
    at.record.add(audience.rate, rate, ceiling=bare)
    at.record.add(audience.cpu, cpu / total * 1e6, ceiling=1e6 / bare)


async def _write(
    writers: Sequence[Changing], audience: _Audience, clients: Helper, count: int, until: float
) -> int:
    """Let ``writers`` make changes for ``count`` clients until an instant; return how many."""
    changes, turn = 0, asyncio.Lock()

    async def write(writer: Changing) -> None:
        nonlocal changes
        while time.perf_counter() < until:
            async with turn:
                behind = (changes - _IN_FLIGHT) * count
                await clients.ask("wait", events=behind, seconds=_PATIENCE)
                changes += 1
            await writer.change(audience.owner)

    await asyncio.gather(*map(write, writers))
    return changes


async def _idle(at: Setting, folder: Path) -> None:
    """Compare the hub's memory with and without clients."""
    count = at.scale.idle_sockets
    async with helper("sockets") as clients, at.hub(folder) as hub:
        before = hub.resident()
        ids = [f"{_IDLE}{number}" for number in range(count)]
        await clients.ask("bind", port=hub.port, ids=ids)
        await pause(at.scale.seconds / 4)
        each = (hub.resident() - before) / count / 1024
        got = await clients.ask("report")
        check(not got["lost"], f"the hub closed {got['lost']} of {count} idle clients")
        await clients.ask("close")
    async with helper("sockets") as clients, helper("bare_socket") as server:
        port = await server.ask("serve")
        before = resident(server.pid)
        await clients.ask("bind_bare", port=port, count=count)
        bare = (resident(server.pid) - before) / count / 1024
    at.record.add("websocket.idle", each, ceiling=max(bare, 1.0))


async def _bare(at: Setting) -> float:
    """Return how many messages in a second a bare server gets to the clients."""
    count, sent = at.scale.sockets, 0
    async with helper("sockets") as clients, helper("bare_socket") as server:
        await clients.ask("bind_bare", port=await server.ask("serve"), count=count)
        began = time.perf_counter()
        while time.perf_counter() < began + at.scale.seconds / 2:
            await server.ask("send", first=sent + 1, rounds=_IN_FLIGHT, size=_MESSAGE)
            sent += _IN_FLIGHT
            await clients.ask("wait", events=sent * count, seconds=_PATIENCE)
        return sent * count / (time.perf_counter() - began)
