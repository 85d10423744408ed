"""The terminals of somebody who follows a guide."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.guides.mask import masked_lines
from tests.support.processes import PATIENCE

_END = "\x1e"
"""Ends what a block has written; the exit code follows."""


@dataclass(slots=True)
class Terminal:
    """One command that runs until it is told to end, and the lines that it shows.

    ``as_told`` puts what a line shows in the guide's words; ``seen`` is how many of the lines
    somebody has looked at.
    """

    process: Process
    as_told: Callable[[str], str]
    lines: list[str] = field(default_factory=list)
    seen: int = 0
    _is_over: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _reading: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        command: str,
        folder: Path,
        environment: Mapping[str, str],
        as_told: Callable[[str], str],
    ) -> Terminal:
        """Start a command."""
        process = await asyncio.create_subprocess_exec(
            # What a shell starts in its background ignores ^C, and so would what it starts.
            *("env", "--default-signal=INT", "bash", "-c", f"exec {command}"),
            cwd=folder,
            env=environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        terminal = cls(process, as_told)
        terminal._reading = asyncio.create_task(terminal._read())
        return terminal

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            async with self._changed:
                self.lines += masked_lines(self.as_told(line.decode()))
                self._changed.notify_all()
        async with self._changed:
            self._is_over = True
            self._changed.notify_all()

    async def started(self) -> None:
        """Return when it has shown something."""
        await self._wait(1)

    async def shows(self, wanted: list[str]) -> list[str]:
        """Return the next lines, as many as are wanted, or those that came before the deadline."""
        with contextlib.suppress(TimeoutError):
            await self._wait(self.seen + len(wanted))
        found = self.lines[self.seen : self.seen + len(wanted)]
        self.seen += len(found)
        return found

    async def _wait(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.lines) >= count or self._is_over)

    async def interrupt(self) -> None:
        """Type ^C, and wait for the end."""
        await self._end(signal.SIGINT)

    async def close(self) -> None:
        """End it, as closing a window does."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        async with asyncio.timeout(PATIENCE):
            await self.process.wait()
            assert self._reading is not None
            await self._reading


@dataclass(frozen=True, slots=True)
class Shell:
    """One shell, in which block after block is typed."""

    process: Process
    folder: Path

    @classmethod
    async def open(cls, folder: Path, environment: Mapping[str, str]) -> Shell:
        """Start a shell."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc"),
            cwd=folder,
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
        return cls(process, folder)

    async def run(self, commands: str) -> tuple[int, str]:
        """Return the exit code of the last command that failed, 0 where none did, and the output.

        Raises:
            AssertionError: the shell itself ended.
        """
        assert self.process.stdin is not None and self.process.stdout is not None
        script = self.folder / ".block.sh"
        script.write_text(commands)
        self.process.stdin.write(
            b"set -o pipefail; code=0; trap 'code=$?' ERR; . ./.block.sh </dev/null; trap - ERR; "
            b"printf '%b%d\\n' '\\036' \"$code\"\n"
        )
        async with asyncio.timeout(PATIENCE):
            try:
                written = (await self.process.stdout.readuntil(_END.encode())).decode()
            except asyncio.IncompleteReadError as error:
                raise AssertionError(f"the shell ended: {error.partial.decode()}") from None
            code = int(await self.process.stdout.readline())
        return code, written.removesuffix(_END)

    async def close(self) -> None:
        """End it, and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
