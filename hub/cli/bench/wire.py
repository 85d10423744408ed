"""HTTP/1.1 with as little as possible around it: generator and receiver must not be what is slow.

Only what the benches need: one exchange at a time on kept-alive connections, no redirects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import httptools

FHIR_JSON = b"application/fhir+json"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class ConnectionLost(OSError):
    """The other side closed the connection during an exchange."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered."""

    status: int
    body: bytes


def request(
    method: bytes, host: bytes, path: bytes, body: bytes = b"", headers: bytes = b""
) -> bytes:
    """Return a request; ``headers`` are whole lines."""
    return (
        b"%b %b HTTP/1.1\r\nhost: %b\r\naccept: %b\r\ncontent-type: %b\r\n%bcontent-length: %d"
        b"\r\n\r\n%b" % (method, path, host, FHIR_JSON, FHIR_JSON, headers, len(body), body)
    )


class Connection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the exchange that is waiting."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionLost(str(exc or "closed")))

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the answer."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """End the exchange."""
        body = b"".join(self._body)
        self._body.clear()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(Reply(self._parser.get_status_code(), body))

    async def exchange(self, text: bytes) -> Reply:
        """Send a request and return its answer.

        Raises:
            ConnectionLost: there was none.
        """
        if self._transport is None:
            raise ConnectionLost("not connected")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(text)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


async def connect(host: str, port: int) -> Connection:
    """Return a new connection."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, host, port)
    return connection


Handler = Callable[[bytes, bytes, Callable[[bytes], None]], None]
"""Takes a request's path, its body, and what answers it, now or later or never."""


class Served(asyncio.Protocol):
    """One connection of a server."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Answer nothing any more."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Keep the path."""
        self._path = url

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        body = b"".join(self._body)
        self._body.clear()
        self._handler(self._path, body, self._answer)

    def _answer(self, text: bytes) -> None:
        if self._transport is not None:
            self._transport.write(text)


async def listen(
    handler: Handler, hosts: Iterable[str] = ("127.0.0.1",), port: int = 0
) -> tuple[asyncio.Server, int]:
    """Serve ``handler`` on every one of ``hosts``, on one port; return it."""
    loop = asyncio.get_running_loop()
    first, *others = hosts
    server = await loop.create_server(lambda: Served(handler), first, port, backlog=1024)
    port = int(server.sockets[0].getsockname()[1])
    if others:
        server.close()
        await server.wait_closed()
        server = await loop.create_server(
            lambda: Served(handler), [first, *others], port, backlog=1024
        )
    return server, port
