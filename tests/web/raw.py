"""A real server with the guarded protocol and clients that speak raw bytes to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
import uvloop
from uvicorn.server import ServerState

from hub.web.protocol import GuardedProtocol, InboundLimits, guarded_protocol
from tests.support.deadline import DEADLINE

PATIENCE = DEADLINE
QUICK = InboundLimits(header_seconds=0.15, body_seconds=0.15)
CALM = InboundLimits(header_seconds=30, body_seconds=30)
GET = b"GET /x HTTP/1.1\r\nHost: hub\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
HALF = b"GET /x HTTP/1.1\r\nHost: h"
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


@dataclass
class App:
    """Answers with the size of the body; ``/slow`` waits for ``release`` first.

    ``/early`` answers without reading, ``/begun`` begins its answer before it reads.
    """

    calls: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    headers: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._echo(receive, send)
            return
        self.calls.append(scope["path"])
        self.headers.append(scope["headers"])
        self.called.set()
        start = {"type": "http.response.start", "status": 200, "headers": []}
        if scope["path"] == "/begun":
            await send(start)
        if scope["path"] == "/slow":
            await self.release.wait()
        size = 0
        more = scope["path"] != "/early"
        while more:
            message = await receive()
            self.ends.append(message["type"])
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        if scope["path"] != "/begun":
            await send(start)
        await send({"type": "http.response.body", "body": b"%d bytes" % size})
        self.ended.set()

    async def _echo(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})


@dataclass
class Client:
    """One raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Return everything until the server closes; fail if it does not."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def answer(self) -> bytes:
        """Return one chunked answer."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n0\r\n\r\n")


@dataclass
class Server:
    app: App
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    async def past_every_deadline(self) -> None:
        """Return when a connection that was opened now has met its deadline."""
        async with self.client() as other:
            await other.send(HALF)
            await other.rest()


@asynccontextmanager
async def serving(limits: InboundLimits) -> AsyncIterator[Server]:
    app = App()
    loop = asyncio.get_running_loop()
    config = uvicorn.Config(app, http=guarded_protocol(limits), ws="websockets-sansio")
    config.load()
    state = ServerState()
    protocols: list[GuardedProtocol] = []

    def connect() -> GuardedProtocol:
        protocols.append(guarded_protocol(limits)(config, state, {}, loop))
        return protocols[-1]

    server = await loop.create_server(connect, "127.0.0.1", 0)
    try:
        yield Server(app, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        app.release.set()
        for protocol in protocols:
            protocol.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)


def talk(
    *pieces: bytes, limits: InboundLimits = QUICK, loop: Loop = asyncio.new_event_loop
) -> tuple[bytes, App]:
    """Send the pieces over one connection; return all that came until the server closed it."""

    async def scenario() -> tuple[bytes, App]:
        async with serving(limits) as server, server.client() as client:
            for piece in pieces:
                await client.send(piece)
            return await client.rest(), server.app

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(scenario())


def post(size: int, body: bytes, path: str = "/x") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + body


def with_headers(*lines: str) -> bytes:
    return "\r\n".join(["GET /x HTTP/1.1", "Host: hub", *lines, "", ""]).encode()
