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
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.web.cycle import WHOLE, Cycle

if TYPE_CHECKING:
    from uvicorn._types import HTTPScope


@dataclass(frozen=True, slots=True)
class InboundLimits:
    """How long a request may take to arrive, in seconds, and how large its header may be.

    ``header_bytes`` counts the request line, names and values.
    """

    header_seconds: float = 10.0
    body_seconds: float = 30.0
    header_bytes: int = 16 * 1024
    headers: int = 100


_Awaited = Literal["request", "header", "body"]
"""For what the connection waits: the first byte of a request, or the rest of a part of it."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with ``limits``, and with cycles that can answer at once.

    How many connections there may be is not limited here (uvicorn's ``limit_concurrency``).
    """

    limits: ClassVar[InboundLimits] = InboundLimits()

    _awaited: _Awaited = "request"
    _header_bytes = 0
    _requests = 0
    _deadline: asyncio.TimerHandle | None = None
    _refused = False
    _upgrades = False
    _idle_since: float | None = None
    """Since when nothing is asked, in the loop's time; None while something is."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Wait for the first header."""
        super().connection_made(transport)
        self._arm(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadlines."""
        self._disarm()
        super()._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a header, and give what has still to come its time."""
        if self._awaited != "body":
            self._header_bytes += len(data)
        before = self._requests
        super().data_received(data)
        if self._refused or self.transport.is_closing():
            return
        if self._awaited == "header":
            if self._header_bytes > self.limits.header_bytes:
                self._refuse(431)
            else:
                self._arm(self.limits.header_seconds)
        elif self._awaited == "body":
            self._arm(self.limits.body_seconds)
        elif self._requests == before:
            # Blank lines between requests would otherwise keep a connection open for ever.
            self._arm(self.limits.header_seconds)

    def on_message_begin(self) -> None:
        """Note that a header has begun."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._awaited = "header"

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but no trailer."""
        # Trailers come by the same callback; the application has its headers already.
        if self._awaited != "body":
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Refuse by the header alone, or go on to the body; most have come with it."""
        if self._deadline is not None:
            self._disarm()
        self._header_bytes = 0
        self._awaited = "body"
        if self._refused:
            return
        version = self.parser.get_http_version()
        status = self._header_status(version)
        if status is not None:
            self._refuse(status)
            return
        self.scope = self._scope(version)
        self._upgrades = self.parser.should_upgrade() and self._should_upgrade()
        if not self._upgrades:
            self._begin()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless its request is refused or answered."""
        cycle = self.cycle
        if self._refused or self._upgrades or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """End the request and wait for the next."""
        if self._deadline is not None:
            self._disarm()
        self._requests += 1
        self._awaited = "request"
        cycle = self.cycle
        if self._refused or self._upgrades:
            return
        if cycle.response_complete:  # It was answered before its body had come.
            self._be_idle()
            return
        cycle.more_body = False
        cycle.message_event.set()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over: a socket has limits of its own."""
        self._disarm()
        super()._unset_keepalive_if_required()
        if not self._refused:
            super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        """Go on to what was asked meanwhile, or begin to be idle."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._be_idle()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was idle for the whole time."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._end_idle_in(left)
        else:
            super().timeout_keep_alive_handler()

    def _unset_keepalive_if_required(self) -> None:
        # The timer stays and looks again when it rings: making one for each request costs more.
        self._idle_since = None

    def _be_idle(self) -> None:
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._end_idle_in(self.timeout_keep_alive)

    def _end_idle_in(self, seconds: float) -> None:
        handler = self.timeout_keep_alive_handler
        self.timeout_keep_alive_task = self.loop.call_later(seconds, handler)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, once."""
        if not self._refused:
            self._refused = True
            self._disarm()
            super().send_400_response(msg)

    def _header_status(self, version: str) -> int | None:
        """Return the status with which a complete header is refused, if it is."""
        limits = self.limits
        size, hosts = len(self.url), 0
        for name, value in self.headers:
            size += len(name) + len(value) + 4
            hosts += name == b"host"
        if size > limits.header_bytes or len(self.headers) > limits.headers:
            return 431
        return 400 if hosts > 1 or (not hosts and version != "1.0") else None

    def _scope(self, version: str) -> HTTPScope:
        """Return what applications are told of a request whose header is complete."""
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": self.parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "path": self.root_path + (unquote(path) if "%" in path else path),
            "raw_path": self.root_path.encode("ascii") + url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    def _begin(self) -> None:
        """Let the application answer: now, or after what was asked before on this connection."""
        before = self.cycle
        cycle = self.cycle = Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if not self.access_log:  # which only uvicorn's own way of answering writes
            self.scope["extensions"] = {WHOLE: {"answer": cycle.answer}}
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

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
        if self.flow.read_paused or (busy and self._awaited != "body"):
            # The hub itself is slow: it has not read, or not answered, what came before.
            self._arm(seconds)
        elif self._awaited == "request":
            self.transport.close()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer ``status`` if no answer has begun on this connection, and close it."""
        self._disarm()
        self._refused = True
        cycle = self.cycle
        own = self._awaited == "body" and status == 408
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
