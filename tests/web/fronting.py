"""A web process's server and the hub's behind it, both on one loop, and clients of raw bytes."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from hub.web.front_protocol import front_protocol
from hub.web.passing import Arriving, Leaving, passage
from hub.web.protocol import GuardedProtocol, InboundLimits, guarded_protocol
from hub.web.server import Server, server_of
from tests.web.raw import PATIENCE, Client

LIMITS = InboundLimits(header_seconds=30, body_seconds=30)


@dataclass
class Answering:
    """Answers with its name, the request's address and body; ``slow`` in it waits for release."""

    name: str
    called: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})
            return
        self.called.set()
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if "slow" in scope["path"]:
            await self.release.wait()
        said = f"<{self.name} {scope['method']} {scope['path']} ".encode() + body + b">"
        length = (b"content-length", str(len(said)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": said})


@dataclass
class Fronted:
    """Both servers; ``hub`` answers what ``web`` does not."""

    web: Answering
    hub: Answering
    front: Server
    back: Server
    port: int

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Connect to the one in front."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**24)
        try:
            yield Client(reader, writer)
        finally:
            writer.close()


@asynccontextmanager
async def fronted(
    limits: InboundLimits = LIMITS, *, rest_seconds: float = PATIENCE
) -> AsyncIterator[Fronted]:
    """Run both servers; the one in front waits so long for the rest of a header."""
    arrivals, departures = passage()
    web, hub = Answering("web"), Answering("hub")
    with socket.create_server(("127.0.0.1", 0)) as listening, departures:
        back = await _started(hub, guarded_protocol(limits), [])
        arriving = Arriving(arrivals, back.go_on)
        leaving = Leaving(departures, arriving.told)
        protocol = front_protocol(limits, leaving.hand_over)
        protocol.rest_seconds = rest_seconds
        front = await _started(web, protocol, [socket.socket(fileno=os.dup(listening.fileno()))])
        try:
            async with asyncio.timeout(PATIENCE):
                yield Fronted(web, hub, front, back, listening.getsockname()[1])
        finally:
            arriving.close()
            for server in (front, back):
                server.leave_accepting()
                for each in list(server.server_state.connections):
                    each.transport.abort()
                for task in server.server_state.tasks:
                    task.cancel()
                await asyncio.gather(*server.server_state.tasks, return_exceptions=True)


async def _started(
    app: Any, protocol: type[GuardedProtocol], sockets: list[socket.socket]
) -> Server:
    """Return a server that serves, without the loop that ends it."""
    server = server_of(app, protocol, drain=1)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=sockets)
    return server
