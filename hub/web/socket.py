"""The websocket at ``/ws``: clients bind it to Subscriptions with a token.

To a classic Subscription they bind by its id, ``bind`` and the id, best at the address of its base
(``/ws/r4``), since another base may have the same id; what is wrong is said as ``error``, the id
and the reason.  Where the hub asks who calls, the request for the upgrade says so, as any other
does; a token of ``$get-ws-binding-token`` needs no more than itself.
Sources: backport IG, "Channels" (websockets): the text message ``bind-with-token`` and the token;
http://hl7.org/fhir/R4/subscription.html (channel websocket).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from hub.core.client import Client
from hub.core.release import FhirRelease
from hub.engine.sockets import Session
from hub.errors import HubError
from hub.web.internal_error import log_bug
from hub.web.response import respond
from hub.web.service import Service
from hub.web.socket_protocol import put_of

_BIND: Final = re.compile(r"bind-with-token(?::\s*|\s+)(\S{1,512})\s*")
_CLASSIC_BIND: Final = re.compile(r"bind(?::\s*|\s+)(\S{1,64})\s*")
_PONG: Final = b'{"type":"pong"}'
_UNKNOWN: Final = "the token is unknown or has expired"

NORMAL, UNSUPPORTED, POLICY, TOO_BIG, INTERNAL, TRY_LATER = 1000, 1003, 1008, 1009, 1011, 1013


class _Closing(Exception):
    """The socket is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SocketEndpoint:
    """Answers websockets; ``releases`` are those whose classic Subscriptions bind here by id."""

    def __init__(self, service: Service, releases: Sequence[FhirRelease]) -> None:
        self._service = service
        self._releases = releases

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until one of both sides ends it."""
        websocket = WebSocket(scope, receive, send)
        try:
            caller = self._service.callers.caller(websocket.headers.getlist("authorization"))
        except HubError as error:
            await _deny(websocket, respond(self._service.refusal(error)))
            return
        await websocket.accept()
        connection = _Connection(
            self._service, websocket, receive, send, releases=self._releases, caller=caller
        )
        session = self._service.hub.sockets.session(connection)
        try:
            await connection.serve(session)
            return
        except _Closing as closing:
            code, reason = closing.code, closing.reason
        except WebSocketDisconnect:
            return
        except Exception as error:
            log_bug(error)
            code, reason = INTERNAL, "the hub failed"
        finally:
            await session.close()
        await connection.close(code, reason)


class _Connection:
    """One socket, as an outlet (``hub.engine.socket_binding``): one text after the other.

    A text that the socket takes at once goes straight to the server, where that offers it.
    """

    def __init__(
        self,
        service: Service,
        websocket: WebSocket,
        receive: Receive,
        send: Send,
        *,
        releases: Sequence[FhirRelease],
        caller: Client | None,
    ) -> None:
        self._callers = service.callers
        self._caller = caller
        self._limits = service.limits
        self._clock = service.hub.clock
        self._websocket = websocket
        self._receive = receive
        self._put_on = send
        self._put = put_of(websocket.scope)
        self._releases = releases
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.Lock()
        self._since: float | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._session: Session | None = None
        self._waiting: asyncio.Timeout | None = None
        self._is_lost = False
        self._binds = 0
        self._is_bound = False
        self._by_token = False
        self._second = 0.0
        self._texts = 0

    def put(self, texts: Sequence[bytes]) -> bool:
        """Send texts if nothing has to be awaited; tell whether they were sent."""
        if self._put is None or self._is_lost or self._since is not None:
            return False
        return self._put(texts)

    async def send(self, text: bytes) -> None:
        """Send one text, in its turn; where that takes too long, the session fails.

        Raises:
            ConnectionError: the socket is gone.
        """
        began = self._loop.time()
        async with self._sending:
            if self._is_lost:
                raise ConnectionResetError("the socket is closed")
            self._since = began
            if self._watch is None:
                self._watch = self._loop.call_at(began + self._limits.send_seconds, self._look)
            try:
                if self._put is None or not self._put((text,)):
                    await self._put_on({"type": "websocket.send", "text": text.decode()})
            except OSError:
                self._is_lost = True
                raise ConnectionResetError("the socket is closed") from None
            finally:
                self._since = None

    def _look(self) -> None:
        """Look whether a text waits too long to be taken.

        One timer looks after all the texts of some seconds: most are taken at once.
        """
        self._watch = None
        if self._since is None or self._is_lost:
            return
        until = self._since + self._limits.send_seconds
        if self._loop.time() < until:
            self._watch = self._loop.call_at(until, self._look)
            return
        self._is_lost = True
        if self._session is not None and not self._session.failed.done():
            self._session.failed.set_exception(ConnectionAbortedError("the socket is too slow"))

    async def close(self, code: int, reason: str) -> None:
        """Close, unless the other side was faster, and wait no longer than for a text."""
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await self._websocket.close(code, reason)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            # RuntimeError: the other side was faster.
            return

    async def serve(self, session: Session) -> None:
        """Take what the client sends until it goes, or until the session fails.

        Raises:
            WebSocketDisconnect: the client has gone.
            _Closing: the socket is to be closed.
        """
        self._session = session
        session.failed.add_done_callback(self._failed)
        unbound_until = self._loop.time() + self._limits.bind_seconds
        try:
            while not session.failed.done():
                try:
                    until = None if self._is_bound else unbound_until
                    async with asyncio.timeout_at(until) as self._waiting:
                        message = await self._receive()
                except TimeoutError:
                    if not session.failed.done():
                        raise _Closing(POLICY, "no bind-with-token came in time") from None
                else:
                    self._waiting = None
                    await self._take(message, session)
            self._end(session.failed)
        finally:
            self._waiting = None
            if self._watch is not None:
                self._watch.cancel()

    def _failed(self, failed: asyncio.Future[None]) -> None:
        """Wait for the client no longer."""
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._loop.time())

    async def _take(self, message: Message, session: Session) -> None:
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", NORMAL))
        text = message.get("text")
        if text is None:
            raise _Closing(UNSUPPORTED, "only text is taken")
        if len(text.encode()) > self._limits.socket_text:
            raise _Closing(TOO_BIG, f"a text may have {self._limits.socket_text} bytes")
        self._count()
        if _is_ping(text):
            await self._reply(_PONG)
            return
        token = read_bind(text)
        id = _CLASSIC_BIND.fullmatch(text.strip())
        if token is None and id is None:
            raise _Closing(POLICY, 'send "bind-with-token " and the token')
        self._binds += 1
        if self._binds > self._limits.binds:
            raise _Closing(POLICY, f"a socket can be bound {self._limits.binds} times")
        if id is not None:
            await self._bind_by_id(session, id[1])
            return
        try:
            await session.bind(token or "")
        except HubError:
            raise _Closing(POLICY, _UNKNOWN) from None
        self._is_bound = self._by_token = True

    async def _bind_by_id(self, session: Session, id: str) -> None:
        try:
            self._callers.require(self._caller)
            await session.bind_by_id(self._releases, id, caller=self._caller)
        except HubError as error:
            await self._reply(f"error {id} {error.diagnostics}".encode())
        else:
            self._is_bound = True

    async def _reply(self, text: bytes) -> None:
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await self.send(text)
        except TimeoutError:
            raise self._slow() from None
        except ConnectionError:
            raise WebSocketDisconnect(NORMAL) from None

    def _end(self, failed: asyncio.Future[None]) -> None:
        """Raise what the end of a session means for its socket."""
        error = failed.exception()
        if error is None:
            raise _Closing(NORMAL, "nothing is bound any more")
        if isinstance(error, ConnectionAbortedError | TimeoutError):
            raise self._slow()
        if isinstance(error, ConnectionError):
            raise WebSocketDisconnect(NORMAL)
        raise error

    def _slow(self) -> _Closing:
        """Return the end of a socket that takes nothing, with how to go on after it."""
        if self._by_token:
            return _Closing(TRY_LATER, "slow: resume with $events")
        if self._is_bound:
            return _Closing(TRY_LATER, "slow: bind again, a ping follows if you missed one")
        return _Closing(TRY_LATER, "slow: connect again")

    def _count(self) -> None:
        now = self._clock.monotonic()
        if now - self._second >= 1.0:
            self._second, self._texts = now, 0
        self._texts += 1
        if self._texts > self._limits.texts_per_second:
            raise _Closing(POLICY, f"at most {self._limits.texts_per_second} texts in a second")


async def _deny(websocket: WebSocket, answer: Response) -> None:
    """Answer an upgrade that is refused; a server that can't say why answers 403."""
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(answer)
    else:
        await websocket.close(POLICY)


def read_bind(text: str) -> str | None:
    """Return the token of a bind in one of its three spellings, None if it is no bind.

    They are ``bind-with-token X`` and ``bind-with-token: X`` of the guide, and
    ``{"type":"bind-with-token","payload":{"token":"X"}}``.
    """
    match = _BIND.fullmatch(text.strip())
    if match is not None:
        return match[1]
    value = _object(text)
    payload = value.get("payload") if value.get("type") == "bind-with-token" else None
    token = payload.get("token") if isinstance(payload, dict) else None
    return token if isinstance(token, str) and token else None


def _is_ping(text: str) -> bool:
    return _object(text).get("type") == "ping"


def _object(text: str) -> dict[str, object]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
