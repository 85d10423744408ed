"""A hub that starts on Subscriptions with undelivered events: when it serves, and delivers.

The ceiling is Python that imports what the hub stands on, and reads the rows of which it keeps
something in memory.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path

from hub.cli.bench.backlog import check_counted, fill_backlog
from hub.cli.bench.bare import rows_read
from hub.cli.bench.child import helper
from hub.cli.bench.endpoint import endpoint, hosts
from hub.cli.bench.failure import Wrong
from hub.cli.bench.hub_process import free_port
from hub.cli.bench.loading import Loading, load
from hub.cli.bench.receipt import check_received
from hub.cli.bench.setting import Setting
from hub.cli.bench.startup import library_seconds

_EVENTS = 10


async def restart(at: Setting) -> None:
    """Measure ``restart.*``."""
    for size in at.scale.restarts:
        port = free_port()
        prepared = at.room("prepared")
        await load(prepared, at.deadline, partial(_fill, size, port))
        for _ in range(at.scale.runs):
            await _run(at, await at.copy(prepared, "run"), size, port)


def _fill(size: int, port: int, loading: Loading) -> None:
    fill_backlog(loading, size, _EVENTS, lambda number: endpoint(number, port, f"/s/{number}"))


async def _run(at: Setting, folder: Path, size: int, port: int) -> None:
    bare = await library_seconds() + await asyncio.to_thread(rows_read, folder / "hub.db")
    async with helper("outside") as outside:
        await outside.ask("listen", hosts=hosts(), port=port)
        async with at.hub(folder) as hub:
            await outside.ask("wait", total=1, seconds=60)
            first = (await outside.ask("report"))["first"] - hub.began
            at.record.add("restart.ready", hub.started, ceiling=bare, size=size)
            at.record.add("restart.first", first / 1e9, ceiling=bare, size=size)
            with suppress(Wrong):
                # Rarely all can be delivered meanwhile: what came must be in order all the same.
                await outside.ask("wait", total=size * _EVENTS, seconds=at.scale.seconds)
            await check_counted(hub, size, _EVENTS)
        receipts = (await outside.ask("report"))["receipts"]
        check_received(receipts, {path: min(top, _EVENTS) for path, (top, *_) in receipts.items()})
