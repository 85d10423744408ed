"""An event loop on which time passes only when everybody waits: nothing ever sleeps.

The order in which tasks that are ready run can be shuffled by a seed.
"""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  # the seed is the test's argument
import selectors
from collections.abc import Coroutine
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
START = datetime(2026, 1, 1, tzinfo=UTC)


class StuckError(RuntimeError):
    """Everybody waits for somebody else."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting it lets the loop's time jump to the next timer."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StuckError
        self.loop.now += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a time of its own; ``seed`` shuffles the order of what is ready."""

    def __init__(self, seed: int | None = None) -> None:
        self.now = 0.0
        self.luck = random.Random(seed)
        self._shuffled = seed is not None
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]  # the queue of asyncio's base loop
        if self._shuffled and len(ready) > 1:
            handles = list(ready)
            self.luck.shuffle(handles)
            ready.clear()
            ready.extend(handles)
        super()._run_once()  # type: ignore[misc]  # not in the type stubs


class VirtualClock:
    """The clock of a ``VirtualLoop`` (``hub.ports.Clock``)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep_until(self, instant: datetime) -> None:
        woken: asyncio.Future[None] = self._loop.create_future()
        delay = max((instant - self.now()).total_seconds(), 0.0)
        # A microsecond more, because adding and subtracting floats may fall short of the instant.
        handle = self._loop.call_later(delay + 1e-6, _wake, woken)
        try:
            await woken
        finally:
            handle.cancel()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


class InlineExecutor(Executor):
    """Runs what it is given at once, in the thread that gives it."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class LateExecutor(Executor):
    """Runs what it is given after ``delay`` of the loop's time: commits that take a while."""

    def __init__(self, delay: timedelta) -> None:
        self._delay = delay

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(fn(*args, **kwargs))
            except BaseException as error:
                done.set_exception(error)

        asyncio.get_running_loop().call_later(self._delay.total_seconds(), run)
        return done


def run_virtually(
    scenario: Coroutine[Any, Any, T], *, seed: int | None = None, loop: VirtualLoop | None = None
) -> T:
    """Run a scenario to its end on virtual time."""
    chosen = loop or VirtualLoop(seed)
    with asyncio.Runner(loop_factory=lambda: chosen) as runner:
        return runner.run(scenario)
