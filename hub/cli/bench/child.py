"""Processes that help to measure: each does what it is told, a JSON line each way.

What measures runs beside the hub, not inside the process that looks at the clock.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson

from hub.cli.bench.failure import Wrong
from hub.clock import SystemClock
from hub.event_loop import COLLECT, loop_factory

_LONGEST_LINE = 2**30
_CLOCK = SystemClock()

Command = Callable[..., Awaitable[Any]]


async def pause(seconds: float) -> None:
    """Let time pass."""
    await _CLOCK.sleep_until(_CLOCK.now() + timedelta(seconds=seconds))


def run_child(make: Callable[[], Mapping[str, Command]]) -> None:
    """Obey the process that started this one, until it closes stdin.

    Args:
        make: called inside the event loop; returns what can be asked for, by name.
    """
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_obey(make))


async def _obey(make: Callable[[], Mapping[str, Command]]) -> None:
    commands = make()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        asked = orjson.loads(line)
        try:
            answer = {"answer": await commands[asked["command"]](**asked["arguments"])}
        except* (Wrong, OSError) as errors:
            answer = {"error": "; ".join(map(str, errors.exceptions))}
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


class Helper:
    """The other end: a process that can be asked."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def ask(self, command: str, **arguments: Any) -> Any:
        """Let the process do something; return what it answers.

        Raises:
            Wrong: it could not, or it has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        text = orjson.dumps({"command": command, "arguments": arguments})
        self._process.stdin.write(text + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise Wrong(f"{self._name} has ended")
        found = orjson.loads(line)
        if "error" in found:
            raise Wrong(f"{self._name}: {found['error']}")
        return found["answer"]


@asynccontextmanager
async def helper(name: str) -> AsyncIterator[Helper]:
    """Start ``hub.cli.bench.{name}`` as a process; end it at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"hub.cli.bench.{name}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    try:
        yield Helper(name, process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
