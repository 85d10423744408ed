"""What is seen of one attempt while it runs: where its time goes and which address was dialled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from hub.core.delivery import Timing

Phase = Literal["dns", "connect", "tls", "wait"]
"""A part of an attempt; one follows the other.  Without one it waits for a connection."""

_DOING: Final[dict[Phase | None, str]] = {
    None: "waiting for a connection",
    "dns": "looking up the name",
    "connect": "connecting",
    "tls": "in the TLS handshake",
    "wait": "waiting for the answer",
}


class Attempt:
    """What is seen of one attempt, which begins now.

    ``address`` is the one dialled last; ``blocked`` is True when the policy denied an address.
    Times are milliseconds, and None for a phase that did not happen.
    """

    __slots__ = (
        *("_began", "_monotonic", "_since", "address", "blocked"),
        *("connect", "dns", "phase", "tls", "wait"),
    )

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began = self._since = monotonic()
        self.phase: Phase | None = None
        self.dns: float | None = None
        self.connect: float | None = None
        self.tls: float | None = None
        self.wait: float | None = None
        self.address: str | None = None
        self.blocked = False

    def enter(self, phase: Phase | None) -> None:
        """Note that ``phase`` begins now, and that the one before it is over."""
        now = self._monotonic()
        if self.phase is not None:
            self._leave(self.phase, now)
        self.phase, self._since = phase, now

    def timing(self, now: float | None = None) -> Timing:
        """Return where the time went until ``now``, on the same clock; the attempt is over."""
        if now is None:
            now = self._monotonic()
        if self.phase is not None:
            self._leave(self.phase, now)
            self.phase = None
        address = None if self.blocked else self.address
        total = (now - self._began) * 1000.0
        return Timing(address, self.dns, self.connect, self.tls, self.wait, total)

    @property
    def doing(self) -> str:
        """What it is at, in words."""
        return _DOING[self.phase]

    def _leave(self, phase: Phase, now: float) -> None:
        setattr(self, phase, (getattr(self, phase) or 0.0) + (now - self._since) * 1000.0)
