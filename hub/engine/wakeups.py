"""Wake-ups inside one process.

A wake-up is a hint: who gets one looks at the store.  Losing one delays, it loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from hub.ports import Clock


class LocalListener:
    """One who is told which Subscriptions may have something to do (``hub.ports.Listener``)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sids: set[int] = set()
        self._signalled = asyncio.Event()

    def signal(self, sids: Iterable[int]) -> None:
        """Say that these Subscriptions should be looked at."""
        self._sids.update(sids)
        self._signalled.set()

    async def wait(self, until: datetime | None) -> frozenset[int]:
        """Return the Subscriptions signalled since the last call; empty when ``until`` came."""
        if not self._sids:
            await self._either(until)
        self._signalled.clear()
        sids = frozenset(self._sids)
        self._sids.clear()
        return sids

    async def _either(self, until: datetime | None) -> None:
        if until is None:
            await self._signalled.wait()
            return
        waiting = {
            asyncio.ensure_future(self._signalled.wait()),
            asyncio.ensure_future(self._clock.sleep_until(until)),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class LocalWakeups:
    """Tells every listener of this process (``hub.ports.Wakeups``)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: list[LocalListener] = []

    def listener(self) -> LocalListener:
        """Return a new listener; it hears what is signalled from now on."""
        listener = LocalListener(self._clock)
        self._listeners.append(listener)
        return listener

    def signal(self, sids: Iterable[int]) -> None:
        """Tell all listeners."""
        told = tuple(sids)
        if told:
            for listener in self._listeners:
                listener.signal(told)
