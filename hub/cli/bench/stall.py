"""A process that tells how long this machine let a thread wait that wanted to run.

That is the noise under every figure: on a machine that others use too, it is large.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Event, Thread

from hub.cli.bench.child import Command, run_child

NAP = 0.002
"""Seconds that each nap is asked to take."""


class Stalls:
    """Naps in a thread, and keeps by how much the longest nap was too long."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._stop = Event()

    def start(self) -> None:
        """Begin."""
        Thread(target=self._watch, name="stalls", daemon=True).start()

    def note(self, seconds: float) -> None:
        """Take over how long a nap took."""
        self._longest = max(self._longest, seconds - NAP)

    async def longest(self) -> float:
        """Return the longest stall so far in milliseconds."""
        return self._longest * 1000

    def _watch(self) -> None:
        before = time.perf_counter()
        while not self._stop.wait(NAP):
            now = time.perf_counter()
            self.note(now - before)
            before = now


def _commands() -> Mapping[str, Command]:
    stalls = Stalls()
    stalls.start()
    return {"longest": stalls.longest}


if __name__ == "__main__":
    run_child(_commands)
