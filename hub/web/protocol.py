"""Limits on requests that the server does not set itself.

uvicorn waits for ever for the rest of a request and takes headers of any size.  This protocol
gives the header and the body of a request a deadline each (absolute, not per byte), bounds the
header, and requires ``Host``.  Keep-alive, pipelining, slow handlers and websocket upgrades stay
as they are.
Source: RFC 9112, 3.2 (Host); RFC 6585, 5 (431); RFC 9110, 15.5.9 (408).
"""

from __future__ import annotations

import asyncio
import http
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


@dataclass(frozen=True, slots=True)
class InboundLimits:
    """How long a request may take to arrive, in seconds, and how large its header may be.

    ``header_bytes`` counts the request line, names and values.
    """

    header_seconds: float = 10.0
    body_seconds: float = 30.0
    header_bytes: int = 16 * 1024
    headers: int = 100


class _Awaited(Enum):
    """What the connection waits for."""

    REQUEST = "the first byte of a request"
    HEADER = "the rest of a header"
    BODY = "the rest of a body"


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with ``limits``."""

    limits: ClassVar[InboundLimits] = InboundLimits()

    _awaited = _Awaited.REQUEST
    _header_bytes = 0
    _requests = 0
    _deadline: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Wait for the first header."""
        super().connection_made(transport)
        self._arm(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a header, and give what has still to come its time."""
        if self._awaited is not _Awaited.BODY:
            self._header_bytes += len(data)
        before = self._requests
        super().data_received(data)
        if self._refused or self.transport.is_closing():
            return
        if self._awaited is _Awaited.HEADER:
            if self._header_bytes > self.limits.header_bytes:
                self._refuse(431)
            else:
                self._arm(self.limits.header_seconds)
        elif self._awaited is _Awaited.BODY:
            self._arm(self.limits.body_seconds)
        elif self._requests == before:
            # Blank lines between requests would otherwise keep a connection open for ever.
            self._arm(self.limits.header_seconds)

    def on_message_begin(self) -> None:
        """Note that a header has begun."""
        super().on_message_begin()
        self._awaited = _Awaited.HEADER

    def on_headers_complete(self) -> None:
        """Refuse by the header alone, or go on to the body; most have come with it."""
        self._disarm()
        self._header_bytes = 0
        self._awaited = _Awaited.BODY
        if self._refused:
            return
        status = self._header_status()
        if status is not None:
            self._refuse(status)
        else:
            super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but no trailer."""
        # Trailers come by the same callback; the application has its headers already.
        if self._awaited is not _Awaited.BODY:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless its request is refused."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request and wait for the next."""
        self._disarm()
        self._requests += 1
        self._awaited = _Awaited.REQUEST
        if not self._refused:
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over: a socket has limits of its own."""
        self._disarm()
        if not self._refused:
            super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, once."""
        if not self._refused:
            self._refused = True
            self._disarm()
            super().send_400_response(msg)

    def _header_status(self) -> int | None:
        """Return the status with which a complete header is refused, if it is."""
        limits = self.limits
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            hosts += name == b"host"
        if size > limits.header_bytes or len(self.headers) > limits.headers:
            return 431
        required = self.parser.get_http_version() != "1.0"
        return 400 if hosts > 1 or (required and not hosts) else None

    def _arm(self, seconds: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, self._late, seconds)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self, seconds: float) -> None:
        self._deadline = None
        busy = self.cycle is not None and not self.cycle.response_complete
        if self.flow.read_paused or (busy and self._awaited is not _Awaited.BODY):
            # The hub itself is slow: it has not read, or not answered, what came before.
            self._arm(seconds)
        elif self._awaited is _Awaited.REQUEST:
            self.transport.close()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer ``status`` if no answer has begun on this connection, and close it."""
        self._disarm()
        self._refused = True
        cycle = self.cycle
        own = self._awaited is _Awaited.BODY and status == 408
        if cycle is None or cycle.response_complete or (own and not cycle.response_started):
            phrase = http.HTTPStatus(status).phrase.encode("ascii")
            self.transport.write(
                b"HTTP/1.1 %d %s\r\n"
                b"content-type: text/plain; charset=utf-8\r\n"
                b"content-length: %d\r\n"
                b"connection: close\r\n\r\n%s" % (status, phrase, len(phrase), phrase)
            )
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def guarded_protocol(limits: InboundLimits) -> type[GuardedProtocol]:
    """Return the protocol class with ``limits``, as ``uvicorn.Config(http=...)`` takes it."""
    return type("LimitedProtocol", (GuardedProtocol,), {"limits": limits})
