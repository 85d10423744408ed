"""A real HTTP endpoint on a loopback port that answers as a test wrote it down.

Use it inside a running event loop::

    async with Endpoint([Reply(503), Reply(200)]) as endpoint:
        ...  # deliver to endpoint.url
        first, second = await endpoint.wait_for(2)

Each request takes the next of the answers; when they are used up, ``default``.  Nothing here
sleeps: whoever waits, waits for an event.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Protocol

from tests.support.deadline import DEADLINE
from tests.support.ports import fresh_port

PATIENCE = DEADLINE
"""Seconds after which a test that waits for a request has failed."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; header names keep their case and order."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """Return the first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(slots=True)
class Exchange:
    """What an answer can work with: the connection, and when the endpoint is closed."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    closing: asyncio.Event


class Answer(Protocol):
    """How the endpoint reacts to one request."""

    async def play(self, exchange: Exchange) -> bool:
        """Answer; tell whether the connection stays open for the next request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer; ``Content-Length`` is added unless a header of it is given."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    keep_alive: bool = True

    async def play(self, exchange: Exchange) -> bool:
        exchange.writer.write(self.wire())
        await exchange.writer.drain()
        return self.keep_alive

    def wire(self) -> bytes:
        """The bytes of the answer."""
        try:
            phrase = HTTPStatus(self.status).phrase
        except ValueError:
            phrase = "Odd"
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not any(name.lower() == "content-length" for name, _ in self.headers):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True, slots=True)
class Raw:
    """Exactly these bytes, and then the connection is closed."""

    wire: bytes

    async def play(self, exchange: Exchange) -> bool:
        exchange.writer.write(self.wire)
        await exchange.writer.drain()
        return False


@dataclass(frozen=True, slots=True)
class Hang:
    """These bytes, if any, and then silence until somebody closes."""

    first: bytes = b""

    async def play(self, exchange: Exchange) -> bool:
        exchange.writer.write(self.first)
        await exchange.writer.drain()
        await gone(exchange)
        return False


@dataclass(frozen=True, slots=True)
class Drop:
    """Closes the connection without an answer; ``reset`` sends RST instead of FIN."""

    reset: bool = False

    async def play(self, exchange: Exchange) -> bool:
        if self.reset:
            plug: socket.socket = exchange.writer.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            exchange.writer.transport.abort()
        return False


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that waits until the test sets ``release``."""

    release: asyncio.Event
    then: Answer = Reply()

    async def play(self, exchange: Exchange) -> bool:
        await self.release.wait()
        return await self.then.play(exchange)


def redirect(location: str, status: int = 307) -> Reply:
    """A redirect to ``location``."""
    return Reply(status, (("Location", location),))


async def gone(exchange: Exchange) -> None:
    """Wait until the client closes the connection or the endpoint is closed."""
    ends = [
        asyncio.ensure_future(exchange.reader.read()),
        asyncio.ensure_future(exchange.closing.wait()),
    ]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


@dataclass(slots=True)
class Endpoint:
    """The server.

    ``received`` are the requests so far, ``connections`` how many were opened.  ``opening`` is
    played at each new connection before anything is read; it is for servers of no HTTP.
    """

    answers: Iterable[Answer] = ()
    default: Answer = field(default_factory=Reply)
    host: str = "127.0.0.1"
    path: str = "/hook"
    tls: ssl.SSLContext | None = None
    opening: Answer | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    _port: int = 0
    _server: asyncio.Server | None = None
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _script: Iterator[Answer] = field(default_factory=lambda: iter(()))

    async def __aenter__(self) -> Endpoint:
        self._script = iter(self.answers)
        self._server = await asyncio.start_server(
            self._accept, self.host, fresh_port(self.host), ssl=self.tls, limit=4 * 1024 * 1024
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            # A polite end of TLS would wait for the other side.
            writer.transport.abort()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port, which no other test has had."""
        return self._port

    @property
    def url(self) -> str:
        """The URL to deliver to, by address."""
        return self.url_for(f"[{self.host}]" if ":" in self.host else self.host)

    def url_for(self, host: str) -> str:
        """The URL to deliver to, by another name of this machine."""
        return f"{'https' if self.tls else 'http'}://{host}:{self._port}{self.path}"

    @property
    def bodies(self) -> list[bytes]:
        """What was received, in order."""
        return [request.body for request in self.received]

    async def wait_for(self, count: int) -> list[Received]:
        """Return the requests as soon as there are ``count``; fail after ``PATIENCE``."""
        await self.wait_until(lambda: len(self.received) >= count)
        return list(self.received)

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until ``holds``, asked again after each request."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(holds)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        self.connections += 1
        try:
            await self._serve(Exchange(reader, writer, self._closing), self.connections)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, exchange: Exchange, connection: int) -> None:
        stays = self.opening is None or await self.opening.play(exchange)
        while stays:
            request = await self._read(exchange.reader, exchange.writer, connection)
            async with self._news:
                self.received.append(request)
                self._news.notify_all()
            stays = await next(self._script, self.default).play(exchange)

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = tuple(
            (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
        )
        lengths = [int(value) for name, value in headers if name.lower() == "content-length"]
        body = await reader.readexactly(lengths[0]) if lengths else b""
        return Received(method, target, headers, body, connection)
