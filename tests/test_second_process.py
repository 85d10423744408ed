"""A second process is started again, later and later while it goes on dying."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from hub.second_process import LONGEST_PAUSE, PAUSE, SecondProcess
from tests.support.virtual_time import VirtualClock, run_virtually


class Dying(SecondProcess):
    """A process that is said to live so long each time; then it is told to stop."""

    name = "dying"
    module = "none"

    def __init__(self, clock: VirtualClock, lives: list[timedelta | OSError]) -> None:
        super().__init__(clock, None)
        self._lives = lives
        self.begins: list[datetime] = []
        self.ends: list[datetime] = []

    async def _run_one(self) -> int:
        self.begins.append(self._clock.now())
        life = self._lives.pop(0)
        if not self._lives:
            await self.stop(self._clock.now())
        if isinstance(life, OSError):
            self.ends.append(self._clock.now())
            raise life
        await self._clock.sleep_until(self._clock.now() + life)
        self.ends.append(self._clock.now())
        return -9

    def _drain(self, deadline: datetime) -> None:
        raise AssertionError("there is no process")


def pauses(lives: list[timedelta | OSError]) -> list[timedelta]:
    """Return how long after each end it was started again."""
    found: list[timedelta] = []

    async def scenario() -> None:
        process = Dying(VirtualClock(asyncio.get_running_loop()), lives)
        await process.run()
        assert process.pid is None
        for start, end in zip(process.begins[1:], process.ends, strict=False):
            # The clock wakes a microsecond late.
            found.append(timedelta(seconds=round((start - end).total_seconds())))

    run_virtually(scenario())
    return found


def test_pauses_grow_to_the_longest_and_begin_anew_after_a_long_life(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soon: list[timedelta | OSError] = [timedelta(seconds=1)] * 8
    with caplog.at_level(logging.ERROR):
        found = pauses([*soon, OSError("no room"), 2 * LONGEST_PAUSE, *soon[:2]])
    assert found[0] == found[-2] == PAUSE
    assert found[8] == LONGEST_PAUSE
    assert all(after in (2 * before, LONGEST_PAUSE) for before, after in pairwise(found[:9]))
    assert "the dying process ended with -9" in caplog.text
    assert "the dying process can't run: no room" in caplog.text
    assert caplog.text.count("another one begins") == len(found)
