"""A process that writes prepared websocket frames to every client, as fast as they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

from hub.cli.bench.child import Command, pause, run_child

_ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n"
_MOST_BUFFERED = 256 * 1024


def frame(payload: bytes) -> bytes:
    """Return a text frame as a server sends it (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 2**16:
        return bytes((0x81, 126)) + length.to_bytes(2, "big") + payload
    return bytes((0x81, 127)) + length.to_bytes(8, "big") + payload


class _Client(asyncio.Protocol):
    """A connection: what it sends is not looked at, but for the end of its request."""

    def __init__(self, server: BareSocket) -> None:
        self._server = server
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._is_open:
            self._is_open = True
            self.transport.write(_ACCEPTED)
            self._server.clients.append(self.transport)
        elif not data.startswith(b"\x8a"):  # a pong
            self.transport.write(frame(b"bound"))


class BareSocket:
    """The server; ``clients`` are those that are open."""

    def __init__(self) -> None:
        self.clients: list[asyncio.Transport] = []

    async def serve(self) -> int:
        """Listen; return the port."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Client(self), "127.0.0.1", 0, backlog=1024)
        self._server = server
        return int(server.sockets[0].getsockname()[1])

    async def send(self, first: int, rounds: int, size: int) -> None:
        """Send ``rounds`` messages of ``size`` bytes to each client, numbered from ``first``."""
        for number in range(first, first + rounds):
            head = b'{"name":"event-number","valueString":"%d"}' % number
            text = frame(head + b" " * max(0, size - len(head)))
            for client in self.clients:
                while client.get_write_buffer_size() > _MOST_BUFFERED:
                    await pause(0)
                client.write(text)
            await pause(0)


def _commands() -> Mapping[str, Command]:
    server = BareSocket()
    return {"serve": server.serve, "send": server.send}


if __name__ == "__main__":
    run_child(_commands)
