"""The websocket protocol of the server, with a short way for texts.

uvicorn builds a frame for each text and waits where nothing is to be awaited; of a message that
goes to a thousand sockets that would be most of the work.  Everything but the way of such texts
stays as it is: opening, what is received, pings, closing.
Source: RFC 6455, 5.2 (frames; what a server sends is not masked).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final, TypeAlias

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import Protocol, State

Put: TypeAlias = Callable[[Sequence[bytes]], bool]
"""Writes texts, in UTF-8, to a socket if it takes more now; tells whether they were written."""

EXTENSION: Final = "fhir-hub.put"
"""The name in the ASGI scope, among its extensions, under which a socket has its ``Put``."""

_OPEN: Final = State.OPEN
_TEXT: Final = 0x81
_SHORT, _MIDDLE, _LONG = Struct("!BB").pack, Struct("!BBH").pack, Struct("!BBQ").pack


def text_head(length: int) -> bytes:
    """Return what stands before a whole text of so many bytes."""
    if length < 126:
        return _SHORT(_TEXT, length)
    if length < 2**16:
        return _MIDDLE(_TEXT, 126, length)
    return _LONG(_TEXT, 127, length)


class ShortWay:
    """The short way to one socket; ``is_full`` is true while enough waits to be sent there."""

    __slots__ = ("_connection", "_transport", "is_full")

    def __init__(self, connection: Protocol, transport: asyncio.Transport) -> None:
        self._connection = connection
        self._transport = transport
        self.is_full = False

    def put(self, texts: Sequence[bytes]) -> bool:
        """Write texts, each a frame, if the socket is open and takes more now."""
        transport = self._transport
        if self.is_full or self._connection.state is not _OPEN or transport.is_closing():
            return False
        pieces: list[bytes] = []
        for text in texts:
            pieces += (text_head(len(text)), text)
        transport.write(b"".join(pieces))
        return True


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which offers ``put`` to the application."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing that waits."""
        super().connection_made(transport)
        self._way = ShortWay(self.conn, self.transport)

    def handle_connect(self, event: Request) -> None:
        """Offer the short way with the request for the socket."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"put": self._way.put}

    def pause_writing(self) -> None:
        """Note that enough waits to be sent."""
        self._way.is_full = True
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that most of what waited was sent."""
        self._way.is_full = False
        super().resume_writing()


def put_of(scope: Scope) -> Put | None:
    """Return the short way of a socket, None where the server has none."""
    offered = scope.get("extensions", {}).get(EXTENSION)
    return None if offered is None else offered["put"]
