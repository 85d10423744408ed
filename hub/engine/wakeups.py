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
        self._told = False
        self._waiting: asyncio.Future[None] | None = None
        self._alarm: asyncio.Task[None] | None = None
        self._rings: datetime | None = None

    def signal(self, sids: Iterable[int]) -> None:
        """Say that these Subscriptions should be looked at."""
        self._sids.update(sids)
        self._told = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, until: datetime | None) -> frozenset[int]:
        """Return the Subscriptions signalled since the last call; empty when ``until`` came."""
        if not self._told:
            self._set_alarm(until)
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            except asyncio.CancelledError:
                self._set_alarm(None)
                raise
        self._told = False
        sids = frozenset(self._sids)
        self._sids.clear()
        return sids

    def _set_alarm(self, at: datetime | None) -> None:
        """Be woken at ``at``; mostly that is what was said before, and the alarm is set already."""
        if at == self._rings:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._rings = at
        self._alarm = None if at is None else asyncio.ensure_future(self._ring(at))

    async def _ring(self, at: datetime) -> None:
        await self._clock.sleep_until(at)
        self._rings = self._alarm = None
        self.signal(())


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
