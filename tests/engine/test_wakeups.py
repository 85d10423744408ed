"""Wake-ups: every listener is told, once, and none waits past its time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hub.engine.wakeups import LocalWakeups
from tests.support.virtual_time import START, VirtualClock, run_virtually

SECOND = timedelta(seconds=1)


def test_each_listener_hears_everything_once() -> None:
    async def scenario() -> None:
        wakeups = LocalWakeups(VirtualClock(asyncio.get_running_loop()))
        one, other = wakeups.listener(), wakeups.listener()
        wakeups.signal([1, 2])
        wakeups.signal([2, 3])
        assert await one.wait(None) == {1, 2, 3}
        wakeups.signal([4])
        assert await one.wait(None) == {4}
        assert await other.wait(None) == {1, 2, 3, 4}

    run_virtually(scenario())


def test_who_waits_is_woken_and_who_hears_nothing_comes_back_in_time() -> None:
    async def scenario() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        wakeups = LocalWakeups(clock)
        listener = wakeups.listener()
        waiting = asyncio.create_task(listener.wait(START + 60 * SECOND))
        await clock.sleep_until(START + SECOND)
        wakeups.signal([7])
        assert await waiting == {7}
        assert clock.now() < START + 2 * SECOND
        assert await listener.wait(START + 5 * SECOND) == frozenset()
        assert clock.now() >= START + 5 * SECOND

    run_virtually(scenario())


def test_saying_nothing_wakes_nobody_but_a_listener_can_wake_itself() -> None:
    async def scenario() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        wakeups = LocalWakeups(clock)
        one, other = wakeups.listener(), wakeups.listener()
        wakeups.signal([])
        assert await other.wait(START + SECOND) == frozenset()
        one.signal(())
        assert await one.wait(None) == frozenset()
        assert await other.wait(START + 2 * SECOND) == frozenset()

    run_virtually(scenario())
