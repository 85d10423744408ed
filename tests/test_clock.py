from __future__ import annotations

import asyncio
from datetime import timedelta

from hub.clock import SystemClock


def test_now_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_monotonic_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()


def test_sleep_until_never_returns_before_the_instant() -> None:
    async def scenario() -> None:
        clock = SystemClock()
        instant = clock.now() + timedelta(milliseconds=20)
        await clock.sleep_until(instant)
        assert clock.now() >= instant

    asyncio.run(scenario())


def test_sleep_until_the_past_lets_other_tasks_run_and_returns() -> None:
    async def scenario() -> None:
        clock = SystemClock()
        ran = asyncio.Event()

        async def other() -> None:
            ran.set()

        task = asyncio.create_task(other())
        await clock.sleep_until(clock.now() - timedelta(hours=1))
        assert ran.is_set()
        await task

    asyncio.run(scenario())
