"""Delivery in a process of its own: the hub's end of it.

The hub's process opens a ``Desk``: a Unix socket that only its owner can use.  The second process
(``tests.support.second_lanes``) tells it what came of deliveries, and the desk tells which
Subscriptions to look at.  The second process ends when the desk does.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import struct
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hub.core.subscriber import Attempt
from hub.core.subscription import Signal
from hub.core.timing import DeliveryState
from hub.engine.assembly import Engine
from hub.engine.settlement import Settlement
from hub.errors import HubError
from hub.settings import Settings
from tests.support.processes import PATIENCE, ROOT, environment

# --- what is said ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """The arguments of ``Signalling.signal``."""

    sid: int
    generation: int
    signal: Signal
    error: str | None
    error_code: str | None
    attempt: Attempt | None
    delivery: DeliveryState | None


@dataclass(frozen=True, slots=True)
class Asked:
    """To the desk: write this."""

    number: int
    what: Settlement | Signalled


@dataclass(frozen=True, slots=True)
class Answered:
    """From the desk: it is durable, or was refused in these words."""

    number: int
    followed: bool = True
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Woken:
    """From the desk: look at these Subscriptions."""

    sids: frozenset[int]


def say(writer: asyncio.StreamWriter, what: Settings | Asked | Answered | Woken) -> None:
    """Write one value: its length in four bytes, then the value pickled."""
    text = pickle.dumps(what)
    writer.write(struct.pack("!I", len(text)) + text)


async def hear(reader: asyncio.StreamReader) -> Any:
    """Return the next value, None at the end.  Both ends are one user's, as the socket's mode."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        return pickle.loads(await reader.readexactly(length))
    return None


# --- in the hub's process ----------------------------------------------------------------------


class Desk:
    """Where the second process reports: open from ``async with`` to its end."""

    def __init__(self, engine: Engine, settings: Settings, path: Path) -> None:
        self._hub = engine.hub
        self._listener = engine.wakeups.listener()
        self._settings = settings
        self._path = path
        self._serving: set[asyncio.Task[None]] = set()
        self.settled = 0
        self.signalled = 0

    async def __aenter__(self) -> Self:
        listening = socket.socket(socket.AF_UNIX)
        before = os.umask(0o177)
        try:
            listening.bind(str(self._path))
        finally:
            os.umask(before)
        self._server = await asyncio.start_unix_server(self._welcome, sock=listening)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        say(writer, self._settings)
        with closing(writer):
            async with asyncio.TaskGroup() as group:
                waking = group.create_task(self._wake(writer))
                while (asked := await hear(reader)) is not None:
                    group.create_task(self._answer(asked, writer))
                waking.cancel()

    async def _wake(self, writer: asyncio.StreamWriter) -> None:
        while True:
            say(writer, Woken(await self._listener.wait(None)))

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        try:
            answer = Answered(asked.number, await self._write(asked.what))
        except HubError as error:
            answer = Answered(asked.number, refusal=error.diagnostics)
        say(writer, answer)

    async def _write(self, what: Settlement | Signalled) -> bool:
        if isinstance(what, Settlement):
            self.settled += 1
            await self._hub.intake.settle(what)
            return True
        self.signalled += 1
        return await self._hub.subscriptions.signal(
            what.sid,
            what.generation,
            what.signal,
            error=what.error,
            error_code=what.error_code,
            attempt=what.attempt,
            delivery=what.delivery,
        )


class SecondProcess:
    """The process that runs the lanes; it can be killed and started again."""

    def __init__(self, path: Path, log: Path) -> None:
        self._path = path
        self._log = log
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it serves all lanes as soon as it can."""
        assert self._child is None
        with self._log.open("ab") as out:
            self._child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.second_lanes", str(self._path)),
                cwd=ROOT,
                env=environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    async def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        child, self._child = self._child, None
        assert child is not None and child.returncode is None, self.said()
        child.kill()
        await child.wait()

    async def ended(self) -> int | None:
        """Return its exit code when it has ended; None if it does not run."""
        child, self._child = self._child, None
        if child is None:
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()

    def said(self) -> str:
        """What it wrote."""
        return self._log.read_text()
