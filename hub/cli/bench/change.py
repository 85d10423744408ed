"""One change after the other, and how long each took to be answered."""

from __future__ import annotations

import time

from hub.cli.bench.failure import check
from hub.cli.bench.sample import resource
from hub.cli.bench.wire import Connection, connect, request

_IDLE = 2.0
"""Seconds after which a new connection is made: the hub does not keep idle ones for long."""


class Changing:
    """Creates Tasks of ``size`` bytes at the hub on ``port``; ``count`` is how many there are.

    ``name`` is what their ids begin with.
    """

    def __init__(self, port: int, size: int, name: str = "change") -> None:
        self._port = port
        self._size = size
        self._name = name
        self._connection: Connection | None = None
        self._used = 0.0
        self.count = 0

    async def change(self, owner: str) -> float:
        """Create a Task for ``owner``; return the milliseconds until it was answered.

        Raises:
            Wrong: it was refused.
        """
        self.count += 1
        connection = await self._connected()
        began = time.perf_counter_ns()
        id = f"{self._name}-{self.count}"
        body = resource("Task", id, self._size, owner=owner, sent=began)
        path = f"/fhir/r4/Task/{id}".encode()
        reply = await connection.exchange(request(b"PUT", b"127.0.0.1", path, body))
        self._used = time.perf_counter()
        check(reply.status == 201, f"PUT Task: {reply.status} {reply.body[:300]!r}")
        return (time.perf_counter_ns() - began) / 1e6

    async def _connected(self) -> Connection:
        if self._connection is None or time.perf_counter() > self._used + _IDLE:
            self.close()
            self._connection = await connect("127.0.0.1", self._port)
        return self._connection

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
