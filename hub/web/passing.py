"""Open connections that go from a web process to the hub.

A descriptor goes over a socket of its own, since only that can carry one; what was read of the
connection goes over the line between the processes.  Both have the connection's number.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

_NUMBER: Final = 8
"""Bytes that go with a descriptor."""


def passage() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a socket that carries descriptors."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


class Leaving:
    """The web process's end.

    Args:
        passage: carries descriptors.
        tell: tells the hub what was read of which connection.
    """

    def __init__(self, passage: socket.socket, tell: Callable[[int, bytes], None]) -> None:
        passage.setblocking(False)
        self._passage = passage
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[int, int]] = deque()
        self._last = 0

    def hand_over(self, descriptor: int, data: bytes) -> None:
        """Give a connection away.

        Args:
            descriptor: of the connection; it is closed here.
            data: what has been read of it and not been answered.
        """
        self._last += 1
        self._tell(self._last, data)
        self._waiting.append((self._last, descriptor))
        if len(self._waiting) == 1:
            self._send()

    def _send(self) -> None:
        while self._waiting:
            number, descriptor = self._waiting[0]
            try:
                socket.send_fds(self._passage, [number.to_bytes(_NUMBER)], [descriptor])
            except BlockingIOError:
                self._loop.add_writer(self._passage, self._send)
                return
            except OSError:
                # The hub is gone, or has no room for it: the connection is closed.
                pass
            os.close(descriptor)
            self._waiting.popleft()
        self._loop.remove_writer(self._passage)


class Arriving:
    """The hub's end.

    Args:
        passage: carries descriptors.
        go_on: serves a connection of which this has been read.
    """

    def __init__(
        self, passage: socket.socket, go_on: Callable[[socket.socket, bytes], Awaitable[None]]
    ) -> None:
        passage.setblocking(False)
        self._passage = passage
        self._go_on = go_on
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(passage, self._read)
        self._data: dict[int, bytes] = {}
        self._connections: dict[int, socket.socket | None] = {}
        self._going_on: set[asyncio.Future[None]] = set()

    def told(self, number: int, data: bytes) -> None:
        """Take what was read of a connection."""
        self._data[number] = data
        self._match(number)

    def close(self) -> None:
        """Take what has come, and no more: the other process is gone."""
        self._loop.remove_reader(self._passage)
        self._read()
        self._passage.close()
        for connection in self._connections.values():
            if connection is not None:
                connection.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                number, found, _, _ = socket.recv_fds(self._passage, _NUMBER, 1)
                if not number:
                    return
                # There is none if this process has as many as it may have.
                connection = socket.socket(fileno=found[0]) if found else None
                self._connections[int.from_bytes(number)] = connection
                self._match(int.from_bytes(number))

    def _match(self, number: int) -> None:
        if number not in self._data or number not in self._connections:
            return
        connection, data = self._connections.pop(number), self._data.pop(number)
        if connection is not None:
            connection.setblocking(False)
            going_on = asyncio.ensure_future(self._go_on(connection, data))
            self._going_on.add(going_on)
            going_on.add_done_callback(self._going_on.discard)
