"""Receiving notifications at any number of endpoints, and keeping what must be known of them.

An endpoint is a path; a receiver that hangs takes requests and answers none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from hub.cli.bench.child import pause
from hub.cli.bench.failure import Wrong
from hub.cli.bench.receipt import Receipt, numbers_in
from hub.cli.bench.sample import sent_at
from hub.cli.bench.wire import OK, listen


class Sink:
    """All receivers."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._hanging: set[bytes] = set()
        self._clear()

    def _clear(self) -> None:
        self._receipts: dict[bytes, Receipt] = {}
        self._times: list[tuple[bytes, int]] = []
        self._total = 0
        self._posts = 0
        self._size = 0
        self._first = 0
        self._last = 0

    async def listen(self, hosts: list[str], port: int) -> int:
        """Listen on one port of these addresses, any free one where 0; return it."""
        server, port = await listen(self._take, hosts, port)
        self._servers.append(server)
        return port

    async def hang(self, paths: list[str]) -> None:
        """Answer requests for these paths no more."""
        self._hanging = {path.encode() for path in paths}

    async def reset(self) -> None:
        """Forget what came so far, but for the numbers."""
        self._times.clear()
        self._posts = self._size = self._first = self._last = 0

    async def wait_posts(self, posts: int, seconds: float) -> None:
        """Return when so many posts have come since the last ``reset``.

        Raises:
            Wrong: they did not, in so many seconds.
        """
        until = time.perf_counter() + seconds
        while self._posts < posts:
            if time.perf_counter() > until:
                raise Wrong(f"{self._posts} of {posts} posts came in {seconds:.0f} s")
            await pause(0.001)

    async def wait(self, total: int, seconds: float) -> None:
        """Return when so many events have come, of all that ever did.

        Raises:
            Wrong: they did not, in so many seconds.
        """
        until = time.perf_counter() + seconds
        while self._total < total:
            if time.perf_counter() > until:
                raise Wrong(f"{self._total} of {total} events came in {seconds:.0f} s")
            await pause(0.001)

    async def last(self) -> int:
        """Return when the last post came, in nanoseconds."""
        return self._last

    async def report(self) -> dict[str, Any]:
        """Return what came.

        ``times`` are milliseconds since a Task was meant to be sent, with the path; ``first`` and
        ``last`` the nanoseconds at which posts came.
        """
        return {
            "total": self._total,
            "posts": self._posts,
            "size": self._size / max(1, self._posts),
            "first": self._first,
            "last": self._last,
            "times": [[path.decode(), round(each / 1e6, 4)] for path, each in self._times],
            "receipts": {
                path.decode(): receipt.report() for path, receipt in self._receipts.items()
            },
        }

    def _take(self, path: bytes, body: bytes, answer: Callable[[bytes], None]) -> None:
        now = time.perf_counter_ns()
        if path in self._hanging:
            return
        self._posts += 1
        self._size += len(body)
        self._first = self._first or now
        self._last = now
        numbers = numbers_in(body)
        if numbers:
            receipt = self._receipts.setdefault(path, Receipt())
            for number in numbers:
                self._total += receipt.take(number)
        self._times += [(path, now - at) for at in sent_at(body)]
        answer(OK)
