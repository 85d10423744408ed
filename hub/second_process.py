"""A process that does a part of a hub's work: started, told what it needs, started again.

It ends when the hub is gone, whatever happened to that: its line is lost then.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hub.ports import Clock

PAUSE = timedelta(seconds=1)
"""How long after it died it is started again; twice as long each time that it dies again soon."""

LONGEST_PAUSE = timedelta(minutes=1)
"""The longest of these pauses; a process that lived longer did not die soon."""

log = logging.getLogger(__name__)


class SecondProcess(ABC):
    """The process, as the hub sees it.

    Args:
        clock: tells when it is started again.
        beginning: what it is told before all else.
    """

    name: ClassVar[str]
    """What it is called in the log."""
    module: ClassVar[str]
    """What it runs."""

    def __init__(self, clock: Clock, beginning: object) -> None:
        self._clock = clock
        self._beginning = beginning
        self._child: asyncio.subprocess.Process | None = None
        self._stopping = False
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        return None if self._child is None else self._child.pid

    async def run(self) -> None:
        """Keep it running until ``stop``."""
        pause = PAUSE
        while not self._stopping:
            began = self._clock.now()
            try:
                how = f"ended with {await self._run_one()}"
            except OSError as error:
                how = f"can't run: {error}"
            if not self._stopping:
                log.error("the %s process %s; another one begins", self.name, how)
                if self._clock.now() - began > LONGEST_PAUSE:
                    pause = PAUSE
                await self._clock.sleep_until(self._clock.now() + pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def stop(self, deadline: datetime) -> None:
        """Let what is under way end until ``deadline``; return when the process is gone."""
        self._stopping = True
        child = self._child
        if child is None:
            return
        self._drain(deadline)
        ending = asyncio.ensure_future(child.wait())
        late = asyncio.ensure_future(self._clock.sleep_until(deadline + PAUSE))
        await asyncio.wait((ending, late), return_when=asyncio.FIRST_COMPLETED)
        late.cancel()
        if not ending.done():
            child.kill()
        await asyncio.gather(ending, late, return_exceptions=True)

    @abstractmethod
    async def _run_one(self) -> int:
        """Run one process until it has ended; return its exit code."""

    @abstractmethod
    def _drain(self, deadline: datetime) -> None:
        """Tell the process that runs to end by ``deadline``."""

    async def _start(self, descriptors: Sequence[int]) -> asyncio.subprocess.Process:
        """Start one that has ``descriptors``, their numbers as its arguments."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.module, *map(str, descriptors)),
            pass_fds=descriptors,
            stdin=asyncio.subprocess.PIPE,
        )
        self._child = child
        self.starts += 1
        assert child.stdin is not None
        child.stdin.write(pickle.dumps(self._beginning))
        child.stdin.close()
        return child

    def _end(self) -> None:
        """Forget the process, which has no line any more."""
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()


def read_beginning() -> Any:
    """Return, in such a process, what it is told before all else."""
    # ^C goes to every process of the terminal; the hub says when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return pickle.load(sys.stdin.buffer)  # noqa: S301  # the hub's own
