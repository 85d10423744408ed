"""A connection to a site without sockets, on virtual time: what one side of it says and hears."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from hub.web.limits import Limits
from hub.web.protocol import GuardedProtocol
from tests.support.virtual_time import START, run_virtually
from tests.web.site import a_site

HOST = b"hub.example.org"
KEPT = 5.0
"""Seconds for which uvicorn keeps an idle connection."""


class Wire(asyncio.Transport):
    """The server's end of a connection; ``heard`` is what the client was sent."""

    def __init__(self, app: ASGIApp, kind: type[HttpToolsProtocol]) -> None:
        super().__init__()
        self.loop = asyncio.get_running_loop()
        self.heard: list[bytes] = []
        self.closed_at: float | None = None
        self._waiting: list[bytes] = []
        self._paused = False
        config = uvicorn.Config(
            app,
            http=kind,
            ws="websockets-sansio",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            access_log=False,
            log_config=None,
        )
        config.load()
        self.state = ServerState()
        date = format_datetime(START, usegmt=True).encode()
        self.state.default_headers = [(b"date", date)]
        self.protocol = kind(config, self.state, {}, self.loop)
        self.protocol.connection_made(self)

    def send(self, data: bytes) -> None:
        """Send bytes to the server, which takes them when it reads."""
        self._waiting.append(data)
        self._deliver()

    def _deliver(self) -> None:
        while self._waiting and not self._paused and self.closed_at is None:
            self.protocol.data_received(self._waiting.pop(0))

    def leave(self) -> None:
        """Go away as a client."""
        if self.closed_at is None:
            self.closed_at = self.loop.time()
            self.protocol.connection_lost(ConnectionResetError())

    async def pass_(self, seconds: float = 0.001) -> None:
        """Return when all that can be done now is done."""
        woken: asyncio.Future[None] = self.loop.create_future()
        self.loop.call_later(seconds, woken.set_result, None)
        await woken

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 5000)}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closed_at is None:
            self.heard.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed_at is not None

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = self.loop.time()
            self.loop.call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self.loop.call_soon(self._deliver)


@dataclass(frozen=True)
class Heard:
    """What came of a conversation: the bytes, and when the server closed."""

    said: bytes
    closed_at: float | None
    requests: int
    tasks: int


def converse(
    kind: type[HttpToolsProtocol], pieces: Sequence[bytes], *, at_once: bool = False
) -> Heard:
    """Send ``pieces`` to a new hub and wait until it closes.

    Args:
        kind: how the hub speaks HTTP.
        at_once: whether all is sent before the hub does anything.
    """
    heard: list[Heard] = []

    async def scenario() -> None:
        async with a_site(limits=Limits(body_bytes=2000)) as site:
            wire = Wire(site.app, kind)
            for piece in pieces:
                wire.send(piece)
                if not at_once:
                    await wire.pass_()
            await wire.pass_(2 * KEPT)
            said, state = b"".join(wire.heard), wire.state
            heard.append(Heard(said, wire.closed_at, state.total_requests, len(state.tasks)))
            wire.leave()
            await wire.pass_()

    run_virtually(scenario())
    return heard[0]


def guarded(pieces: Sequence[bytes], *, at_once: bool = False) -> Heard:
    """Return what the hub's own protocol says."""
    return converse(GuardedProtocol, pieces, at_once=at_once)


def plain(pieces: Sequence[bytes], *, at_once: bool = False) -> Heard:
    """Return what uvicorn's protocol would say."""
    return converse(HttpToolsProtocol, pieces, at_once=at_once)
