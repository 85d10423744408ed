"""The one client with which the hub sends to addresses that somebody else wrote.

The address is checked where it can't change any more: at the socket that is about to be connected.
What a name resolves to is checked as well, all of it, but only so that a name with one forbidden
address is refused as a whole.  Redirects, proxies, cookies and decompression are not known here,
and everything that the other side may send is bounded.
Source: RFC 9110, 9112; OWASP "Server-Side Request Forgery Prevention".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import field
from datetime import timedelta
from typing import Any

from hub.channels.addresses import EgressPolicy, Network
from hub.channels.attempt import Attempt
from hub.channels.connection import Connection, DroppedError, Response
from hub.channels.dialler import Dialler
from hub.channels.limits import EgressLimits
from hub.channels.pool import Pool
from hub.channels.reader import NotHttpError
from hub.channels.request import Origin, header_lines, target_of
from hub.channels.resolver import (
    NOT_ALLOWED,
    GuardedResolver,
    LookUpError,
    NameService,
    NotAllowedError,
    SystemNames,
)
from hub.channels.tls import client_tls
from hub.core.delivery import Failed, FailureClass, Timing
from hub.core.value import value
from hub.errors import HubError

__all__ = ["Answer", "EgressLimits", "EgressPolicy", "GuardedClient", "Network"]

_NO_HTTP = "the endpoint is plain http; `--allow-http` would allow it"


@value(frozen=True, slots=True)
class Answer:
    """What an endpoint answered, as far as the hub looks at it.

    ``retry_after`` is the header's text as it came; ``body`` is empty where it was not asked for,
    was too long or did not come in time.
    """

    status: int
    retry_after: str | None
    timing: Timing
    body: bytes = field(default=b"", repr=False)


class GuardedClient:
    """Posts or puts to endpoints and tells what came of it, as a value.

    Args:
        policy: where it may send.
        monotonic: seconds on a clock that never goes back, for ``Timing``.
        limits: what an attempt may take.
        ca_file: PEM file of certificate authorities to trust instead of the system's.
        names: the name service; the system's by default.
        keep: keep connections for the next attempt; without, each attempt dials.

    Call ``start`` inside the running event loop before the first ``post``, and ``close`` at the
    end.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        monotonic: Callable[[], float],
        *,
        limits: EgressLimits | None = None,
        ca_file: str | None = None,
        names: NameService | None = None,
        keep: bool = True,
    ) -> None:
        self.policy = policy
        self._ending = b"\r\n" if keep else b"\r\nConnection: close\r\n"
        self._keep = keep
        self._monotonic = monotonic
        self._limits = limits or EgressLimits()
        self._names = names or SystemNames()
        self._pool: Pool | None = None
        self._tls = None if ca_file is None else client_tls(ca_file)

    async def start(self) -> None:
        """Make the connection pool."""
        limits = self._limits
        self._loop = asyncio.get_running_loop()
        resolver = GuardedResolver(self._names, self.policy, limits.dns)
        self._dialler = Dialler(resolver, self.policy, self._tls, limits)
        self._pool = Pool(limits, keep=self._keep)

    async def close(self) -> None:
        """Close every connection; what is in flight fails."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()
            self._dialler.close()

    def post(
        self,
        url: str,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        timeout: timedelta,  # the bound of the attempt belongs to the contract of a channel
        *,
        read: int = 0,
    ) -> Coroutine[Any, Any, Answer | Failed]:
        """Send ``body`` by POST once; wait at most ``timeout`` for the head of the answer.

        Of its body at most ``read`` bytes are returned, and nothing of a longer one.

        A kept-alive connection that turns out closed before anything was answered is replaced
        once: the endpoint never took the request.
        """
        return self._send("POST", url, body, headers, timeout, read=read)

    def put(
        self,
        url: str,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        timeout: timedelta,
    ) -> Coroutine[Any, Any, Answer | Failed]:
        """Send ``body`` by PUT; see ``post``.

        It is sent once more wherever the connection was closed without an answer: PUT may be
        repeated (RFC 9110, 9.2.2).
        """
        return self._send("PUT", url, body, headers, timeout, repeat=True)

    async def _send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        timeout: timedelta,
        *,
        read: int = 0,
        repeat: bool = False,
    ) -> Answer | Failed:
        pool = self._pool
        if pool is None:
            raise RuntimeError("GuardedClient.start() was not called")
        attempt = Attempt(self._monotonic)
        try:
            target = target_of(method, url)
            if not (target.origin.tls or self.policy.allow_http):
                raise NotAllowedError(_NO_HTTP)
            # One piece: sending two takes longer than putting them together.
            request = b"%b%bContent-Length: %d%b\r\n%b" % (
                *(target.opening, header_lines(tuple(headers)), len(body), self._ending, body),
            )
            response = await self._exchange(
                pool,
                target.origin,
                request,
                attempt,
                deadline=self._loop.time() + timeout.total_seconds(),
                most=max(read, self._limits.body_bytes),
                repeat=repeat,
            )
        except (HubError, OSError, DroppedError, NotHttpError) as error:
            failure, reason = _judge(error, attempt)
            return Failed(failure=failure, reason=reason, timing=attempt.timing())
        text = response.body if len(response.body) <= read else b""
        return Answer(response.status, response.retry_after, attempt.timing(response.at), text)

    async def _exchange(
        self,
        pool: Pool,
        origin: Origin,
        request: bytes,
        attempt: Attempt,
        *,
        deadline: float,
        most: int,
        repeat: bool,
    ) -> Response:
        """Send a request over a kept connection or a new one, and return the answer."""
        connection = pool.take(origin)
        if connection is None:
            connection = await pool.claim(origin, deadline)
        try:
            if connection is None:
                connection = await self._dial(pool, origin, attempt, deadline)
            again = repeat or connection.used
            attempt.enter("wait")
            try:
                return await connection.exchange(request, deadline, most)
            except DroppedError as dropped:
                if not (again and dropped.silent) or pool.closed:
                    raise
            connection = await self._dial(pool, origin, attempt, deadline)
            attempt.enter("wait")
            return await connection.exchange(request, deadline, most)
        finally:
            pool.give(origin, connection)

    async def _dial(
        self, pool: Pool, origin: Origin, attempt: Attempt, deadline: float
    ) -> Connection:
        def protocol() -> Connection:
            return Connection(self._limits, self._monotonic, pool.ended)

        async with asyncio.timeout_at(deadline):
            connection = await self._dialler.dial(origin, attempt, protocol)
        pool.opened(connection)
        if pool.closed:
            connection.abort()
        return connection


def _judge(error: Exception, attempt: Attempt) -> tuple[FailureClass, str]:
    """Tell the class of a failed attempt, in words that hold nothing the other side sent."""
    if isinstance(error, HubError):
        attempt.blocked = True
        return FailureClass.BLOCKED, error.diagnostics
    if isinstance(error, NotAllowedError) or attempt.blocked:
        attempt.blocked = True
        plain_http = error.args == (_NO_HTTP,)
        return FailureClass.BLOCKED, _NO_HTTP if plain_http else NOT_ALLOWED
    if isinstance(error, LookUpError):
        return FailureClass.DNS, "the name of the endpoint could not be looked up"
    if isinstance(error, NotHttpError):
        return FailureClass.PROTOCOL, "the endpoint's answer was not valid HTTP or too large"
    if isinstance(error, DroppedError):
        if error.reason is None:
            words = "the endpoint closed the connection without an answer"
            return FailureClass.CONNECTION, words
        return FailureClass.CONNECTION, _connection_words(error.reason)
    if isinstance(error, TimeoutError) and error.errno is None:
        return FailureClass.TIMEOUT, f"no answer in time, while {attempt.doing}"
    if isinstance(error, ssl.SSLCertVerificationError):
        words = error.verify_message or "not valid"
        return FailureClass.TLS, f"the endpoint's certificate was not accepted: {words}"
    if attempt.phase == "tls":
        return FailureClass.TLS, "the TLS handshake with the endpoint failed"
    return FailureClass.CONNECTION, _connection_words(error)


def _connection_words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "the connection was reset"
    return "the endpoint could not be reached"
