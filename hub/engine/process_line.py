"""A connection between two processes of one hub.

Both ends are one user's, and nobody else can reach the socket: what comes is pickled values.
"""

from __future__ import annotations

import asyncio
import pickle
import struct
from collections.abc import Callable
from typing import Any, Final, cast

_LENGTH: Final = struct.Struct("!I")
_MUCH: Final = 16 * 2**20


class ProcessLine(asyncio.Protocol):
    """Says values to the other process, those of one turn of the event loop together.

    Args:
        take: is called with each value that comes, in order.
    """

    def __init__(self, take: Callable[[Any], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._came = bytearray()
        self._saying: list[Any] = []
        self._gathered: dict[Callable[[list[Any]], Any], list[Any]] = {}
        self.lost: asyncio.Future[None] = self._loop.create_future()
        """Done when the other process is gone, or closed its end."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_MUCH)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take the values that are complete."""
        self._came += data
        start = 0
        while len(self._came) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._came, start)
            end = start + _LENGTH.size + length
            if len(self._came) < end:
                break
            values = pickle.loads(self._came[start + _LENGTH.size : end])  # noqa: S301  # our own
            start = end
            for value in values:
                self._take(value)
        del self._came[:start]

    @property
    def is_behind(self) -> bool:
        """Whether the other process leaves much unread."""
        transport = self._transport
        return transport is not None and transport.get_write_buffer_size() > _MUCH

    def say(self, value: Any) -> None:
        """Say a value soon; nothing happens once the line is lost."""
        self._flush_soon()
        self._saying.append(value)

    def gather(self, kind: Callable[[list[Any]], Any], item: Any) -> None:
        """Say an item soon: all of a kind in one value, after what is said in the same turn."""
        items = self._gathered.get(kind)
        if items is None:
            self._flush_soon()
            self._gathered[kind] = items = []
        items.append(item)

    def close(self) -> None:
        """Say what is left, then close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush_soon(self) -> None:
        if not self._saying and not self._gathered:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        values, self._saying = self._saying, []
        if self._gathered:
            values += [kind(items) for kind, items in self._gathered.items()]
            self._gathered = {}
        if values and self._transport is not None:
            text = pickle.dumps(values, pickle.HIGHEST_PROTOCOL)
            self._transport.write(_LENGTH.pack(len(text)) + text)
