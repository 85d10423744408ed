"""The one client with which the hub sends to addresses that somebody else wrote.

The address is checked where it can't change any more: at the socket that is about to be connected.
What a name resolves to is checked as well, all of it, but only so that a name with one forbidden
address is refused as a whole.  Redirects, proxies of the environment, cookies and decompression
are off, and everything that the other side may send is bounded.
Source: RFC 9110, 9112; OWASP "Server-Side Request Forgery Prevention".
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from hub.channels.addresses import EgressPolicy, Network
from hub.channels.attempt import Attempt, TimedTls, current, tracing
from hub.channels.endpoint import parse
from hub.core.delivery import Failed, FailureClass, Timing
from hub.errors import HubError

__all__ = ["Answer", "EgressLimits", "EgressPolicy", "GuardedClient", "Network"]

_NOT_ALLOWED = (
    "the hub's settings do not let it send to this address; `--egress-allow CIDR` would allow it"
)
_NO_HTTP = "the endpoint is plain http; `--allow-http` would allow it"


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """How much one attempt may take: seconds, connections and bytes.

    ``drain`` is how long the body of an answer may take after its head.
    """

    dns: float = 2.0
    connect: float = 5.0
    drain: float = 1.0
    body_bytes: int = 16 * 1024
    header_line_bytes: int = 8 * 1024
    headers: int = 100
    connections: int = 1_000
    connections_per_origin: int = 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered, as far as the hub looks at it.

    ``retry_after`` is the header's text as it came; ``body`` is empty where it was not asked for,
    was too long or did not come in time.
    """

    status: int
    retry_after: str | None
    timing: Timing
    body: bytes = field(default=b"", repr=False)


class _NotAllowedError(OSError):
    """Nothing is sent there.  An OSError, as a socket that can't be made is one to the library."""


class _GuardedResolver(AbstractResolver):
    """Refuses a name as a whole when one of its addresses is denied."""

    def __init__(self, inner: AbstractResolver, policy: EgressPolicy, seconds: float) -> None:
        self._inner = inner
        self._policy = policy
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._inner.resolve(host, port, family)
        except TimeoutError:
            raise OSError(None, "the name look-up took too long") from None
        if any(self._policy.deny_reason(one["host"], port) for one in found):
            raise _NotAllowedError(_NOT_ALLOWED)
        return found

    async def close(self) -> None:
        await self._inner.close()


class GuardedClient:
    """Posts or puts to endpoints and tells what came of it, as a value.

    Args:
        policy: where it may send.
        monotonic: seconds on a clock that never goes back, for ``Timing``.
        limits: what an attempt may take.
        ca_file: PEM file of certificate authorities to trust instead of the system's.
        resolver: looks names up; the system's by default.
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
        resolver: AbstractResolver | None = None,
        keep: bool = True,
    ) -> None:
        self.policy = policy
        self._keep = keep
        self._monotonic = monotonic
        self._limits = limits or EgressLimits()
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._tls = TimedTls(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if ca_file is None:
            self._tls.load_default_certs()
        else:
            self._tls.load_verify_locations(ca_file)

    async def start(self) -> None:
        """Make the connection pool."""
        limits = self._limits
        inner = self._resolver or aiohttp.DefaultResolver()
        self._guard = _GuardedResolver(inner, self.policy, limits.dns)
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=self._guard,
            limit=limits.connections,
            limit_per_host=limits.connections_per_origin,
            force_close=not self._keep,
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            raise_for_status=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect),
            read_bufsize=limits.body_bytes,
            max_line_size=limits.header_line_bytes,
            max_field_size=limits.header_line_bytes,
            max_headers=limits.headers,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            trace_configs=[tracing()],
        )

    async def close(self) -> None:
        """Close every connection; what is in flight fails."""
        if self._session is not None:
            await self._session.close()
            await self._guard.close()
            self._session = None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        timeout: timedelta,  # the bound of the attempt belongs to the contract of a channel
        *,
        read: int = 0,
    ) -> Answer | Failed:
        """Send ``body`` by POST once; wait at most ``timeout`` for the head of the answer.

        Of its body at most ``read`` bytes are returned, and nothing of a longer one.

        A kept-alive connection that turns out closed before anything was answered is replaced
        once: the endpoint never took the request.
        """
        return await self._send("POST", url, body, headers, timeout, read=read)

    async def put(
        self,
        url: str,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        timeout: timedelta,
    ) -> Answer | Failed:
        """Send ``body`` by PUT; see ``post``.

        The library sends it once more where the connection was closed without an answer: PUT may
        be repeated (RFC 9110, 9.2.2).
        """
        return await self._send("PUT", url, body, headers, timeout)

    async def _send(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: Iterable[tuple[str, str]],
        timeout: timedelta,
        *,
        read: int = 0,
    ) -> Answer | Failed:
        attempt = Attempt(self._monotonic)
        attempt.start(attempt.total)
        token = current.set(attempt)
        try:
            async with asyncio.timeout(timeout.total_seconds()) as deadline:
                spelled = _one_spelling(headers)
                return await self._once(
                    attempt, method, url, body, spelled, deadline=deadline, read=read
                )
        except (TimeoutError, HubError, aiohttp.ClientError, OSError) as error:
            failure, reason = _judge(error, attempt)
            return Failed(failure=failure, reason=reason, timing=attempt.timing())
        finally:
            current.reset(token)

    async def _once(
        self,
        attempt: Attempt,
        method: str,
        url: str,
        body: bytes,
        headers: tuple[tuple[str, str], ...],
        *,
        deadline: asyncio.Timeout,
        read: int,
    ) -> Answer:
        endpoint = parse(url)
        if endpoint.scheme == "http" and not self.policy.allow_http:
            attempt.blocked = True
            raise _NotAllowedError(_NO_HTTP)
        try:
            response = await self._exchange(attempt, method, endpoint.url, body, headers)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if not attempt.reused:
                raise
            attempt.reused = False
            response = await self._exchange(attempt, method, endpoint.url, body, headers)
        attempt.end(attempt.wait)
        answer = Answer(response.status, response.headers.get("Retry-After"), attempt.timing())
        text = await self._drain(response, deadline, max(read, self._limits.body_bytes))
        return replace(answer, body=text) if 0 < len(text) <= read else answer

    async def _exchange(
        self,
        attempt: Attempt,
        method: str,
        url: Any,
        body: bytes,
        headers: tuple[tuple[str, str], ...],
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("GuardedClient.start() was not called")
        return await self._session.request(
            method,
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=attempt,
        )

    async def _drain(
        self, response: aiohttp.ClientResponse, deadline: asyncio.Timeout, most: int
    ) -> bytes:
        """Return a body of at most ``most`` bytes, so that the connection can be used again.

        Of a longer one, and of one that does not come in time, nothing is returned and the
        connection is closed.  The answer has come: whatever happens here, the attempt is over.
        """
        soon = asyncio.get_running_loop().time() + self._limits.drain
        soon = min(soon, deadline.when() or soon)
        deadline.reschedule(None)
        text = b""
        try:
            async with asyncio.timeout_at(soon):
                while chunk := await response.content.read(most + 1 - len(text)):
                    text += chunk
                    if len(text) > most:
                        return b""
        except (TimeoutError, aiohttp.ClientError, OSError):
            return b""
        finally:
            response.close()
        return text

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for one address, if the policy admits exactly this address."""
        family, kind, proto, _, sockaddr = info
        attempt = current.get()
        address, port = str(sockaddr[0]), int(sockaddr[1])
        if self.policy.deny_reason(address, port) is not None:
            attempt.blocked = True
            raise _NotAllowedError(_NOT_ALLOWED)
        made = socket.socket(family, kind, proto)
        if attempt.connect.began is None:
            attempt.start(attempt.connect)
        attempt.address = address
        attempt.dialled.append((made, address))
        return made


def _one_spelling(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Write a name that comes again as it came first: the library would drop the earlier one."""
    spelling: dict[str, str] = {}
    return tuple((spelling.setdefault(name.lower(), name), value) for name, value in headers)


def _judge(error: Exception, attempt: Attempt) -> tuple[FailureClass, str]:
    """Tell the class of a failed attempt, in words that hold nothing the other side sent."""
    cause = getattr(error, "os_error", error)
    if isinstance(error, HubError) or isinstance(cause, _NotAllowedError) or attempt.blocked:
        attempt.blocked = True
        plain_http = isinstance(error, _NotAllowedError)
        words = error.diagnostics if isinstance(error, HubError) else _NOT_ALLOWED
        return FailureClass.BLOCKED, _NO_HTTP if plain_http else words
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FailureClass.DNS, "the name of the endpoint could not be looked up"
    if isinstance(error, TimeoutError):
        return FailureClass.TIMEOUT, f"no answer in time, while {_doing(attempt)}"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        words = getattr(error.certificate_error, "verify_message", "") or "not valid"
        return FailureClass.TLS, f"the endpoint's certificate was not accepted: {words}"
    handshaking = attempt.tls.began is not None and attempt.tls.ended is None
    if handshaking or isinstance(error, (aiohttp.ClientConnectorSSLError, ssl.SSLError)):
        return FailureClass.TLS, "the TLS handshake with the endpoint failed"
    if isinstance(cause, OSError):
        return FailureClass.CONNECTION, _connection_words(cause)
    if isinstance(error, aiohttp.ClientConnectionError):
        return FailureClass.CONNECTION, "the endpoint closed the connection without an answer"
    return FailureClass.PROTOCOL, "the endpoint's answer was not valid HTTP or too large"


def _doing(attempt: Attempt) -> str:
    phases = (
        (attempt.wait, "waiting for the answer"),
        (attempt.tls, "in the TLS handshake"),
        (attempt.connect, "connecting"),
        (attempt.dns, "looking up the name"),
    )
    return next(
        (words for phase, words in phases if phase.began is not None and phase.ended is None),
        "waiting for a connection",
    )


def _connection_words(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "the connection was reset"
    return "the endpoint could not be reached"
