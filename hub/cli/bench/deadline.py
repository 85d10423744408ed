"""By when a bench must have ended."""

from __future__ import annotations

import time

from hub.cli.bench.failure import Wrong


class Deadline:
    """An instant that work without an event loop looks at now and then."""

    def __init__(self, seconds: float) -> None:
        self._at = time.perf_counter() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._at - time.perf_counter())

    def check(self) -> None:
        """Raise ``Wrong`` if it is over."""
        if not self.left:
            raise Wrong("it did not end in time")
