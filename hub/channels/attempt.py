"""What is seen of one attempt while it runs: its phases, its sockets, and how it went on.

The client library tells some of it through its tracing signals, the sockets and the TLS context
tell the rest.  They find the attempt that they belong to in ``current``.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp

from hub.core.delivery import Timing


@dataclass(slots=True)
class Phase:
    """When a part of an attempt began and ended, on the monotonic clock."""

    began: float | None = None
    ended: float | None = None

    def milliseconds(self, now: float) -> float | None:
        """Return how long it lasted, or has lasted at ``now``; None if it never began."""
        if self.began is None:
            return None
        return ((now if self.ended is None else self.ended) - self.began) * 1000.0


@dataclass(slots=True)
class Attempt:
    """What is seen of one attempt while it runs."""

    monotonic: Callable[[], float]
    total: Phase = field(default_factory=Phase)
    dns: Phase = field(default_factory=Phase)
    connect: Phase = field(default_factory=Phase)
    tls: Phase = field(default_factory=Phase)
    wait: Phase = field(default_factory=Phase)
    dialled: list[tuple[socket.socket, str]] = field(default_factory=list)
    address: str | None = None
    blocked: bool = False
    reused: bool = False

    def start(self, phase: Phase) -> None:
        """Note that ``phase`` begins now."""
        phase.began, phase.ended = self.monotonic(), None

    def end(self, phase: Phase) -> None:
        """Note that ``phase`` ends now, if it is under way."""
        if phase.began is not None and phase.ended is None:
            phase.ended = self.monotonic()

    def timing(self) -> Timing:
        """Return where the time went; a phase that never ended lasted until now."""
        now = self.monotonic()
        return Timing(
            address=None if self.blocked else self.address,
            dns=self.dns.milliseconds(now),
            connect=self.connect.milliseconds(now),
            tls=self.tls.milliseconds(now),
            wait=self.wait.milliseconds(now),
            total=self.total.milliseconds(now) or 0.0,
        )


current: ContextVar[Attempt] = ContextVar("attempt")


class TimedTls(ssl.SSLContext):
    """A TLS client context that notes when a handshake begins, which nothing else tells."""

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Note that the dial is done and the handshake begins."""
        attempt = current.get()
        attempt.end(attempt.connect)
        attempt.start(attempt.tls)
        return super().wrap_bio(*args, **kwargs)


def tracing() -> aiohttp.TraceConfig:
    """Note the phases of each attempt as the library goes through them."""
    config = aiohttp.TraceConfig()

    def on(signal: Any, note: Callable[[Attempt], None]) -> None:
        async def noted(_session: object, context: SimpleNamespace, _params: object) -> None:
            note(context.trace_request_ctx)

        signal.append(noted)

    def connected(attempt: Attempt) -> None:
        attempt.end(attempt.connect)
        attempt.end(attempt.tls)
        # Of the sockets that raced, only the winner is still open.
        open_ones = [address for made, address in attempt.dialled if made.fileno() != -1]
        attempt.address = open_ones[-1] if open_ones else attempt.address
        attempt.dialled.clear()
        attempt.start(attempt.wait)

    def reused(attempt: Attempt) -> None:
        attempt.reused = True
        attempt.start(attempt.wait)

    on(config.on_dns_resolvehost_start, lambda attempt: attempt.start(attempt.dns))
    on(config.on_dns_resolvehost_end, lambda attempt: attempt.end(attempt.dns))
    on(config.on_connection_create_end, connected)
    on(config.on_connection_reuseconn, reused)
    return config
