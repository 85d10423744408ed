"""The only module that asks what time it is, or sleeps."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The clock of the machine, as a ``hub.ports.Clock``."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)
    """Return seconds that never go back, for measuring."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return when ``instant`` has come; at once, but not before other tasks ran, if it has.

        The wait is measured against the wall clock again after each sleep, because that clock may
        be set back and a sleep may end a little early.
        """
        wait = (instant - self.now()).total_seconds()
        await asyncio.sleep(max(0.0, wait))
        if self.now() < instant:
            await self.sleep_until(instant)
