"""Connections that a web process accepts, and hands over to the hub once they need it.

A connection is the web process's as long as only plain writes come.  What comes then, all that is
read of it, and the connection itself go to the hub for good.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import ClassVar

from hub.web.plain_write import plain_write
from hub.web.protocol import GuardedProtocol, InboundLimits

HandOver = Callable[[int, bytes], None]
"""Takes a descriptor, which it must close, and what was read of the connection."""


class FrontProtocol(GuardedProtocol):
    """The protocol of the web process: plain writes as in the hub, all else is handed over."""

    hand_over: ClassVar[HandOver]
    rest_seconds: ClassVar[float] = 1.0
    """How long the rest of a header is waited for, before the hub waits for it."""

    _due = 0  # bytes of the body of a plain write that have not come yet
    _held = b""  # what came after the last plain write
    _leaving = False
    _waiting: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Take what belongs to plain writes; hold, or hand over, what follows them."""
        if self._held:
            data = self._held + data
            self._held = b""
        if self._leaving:
            self._held = data
            self.flow.pause_reading()
            return
        end = self._due
        while end < len(data):
            found = plain_write(data, end)
            if not found:
                self._leaving = found is None
                break
            end += found
        self._due = max(end - len(data), 0)
        if end >= len(data):
            self._stop_waiting()
            super().data_received(data)
            return
        if end:
            super().data_received(data[:end])
        if self._refused or self.transport.is_closing():
            return
        self._held = data[end:]
        self._unset_keepalive_if_required()
        if self._leaving:
            self._stop_waiting()
            self.flow.pause_reading()
            self._leave()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.rest_seconds, self._give_up)

    def on_response_complete(self) -> None:
        """Go on, with the hub if that was waited for."""
        super().on_response_complete()
        if self._leaving and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._leave()

    def resume_writing(self) -> None:
        """Go on: what was answered has gone out."""
        super().resume_writing()
        if self._leaving:
            self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End as the hub's connections do; what is to be handed over will end there."""
        if not self._leaving:
            super().shutdown()

    def _late(self, seconds: float) -> None:
        """Refuse a header that is not complete, too; the rest is as ever."""
        if self._held and self._is_idle:
            self._deadline = None
            self._refuse(408)
        else:
            super()._late(seconds)

    @property
    def _is_idle(self) -> bool:
        """Whether everything that was asked is answered."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def _give_up(self) -> None:
        self._waiting = None
        self._leaving = True
        self.flow.pause_reading()
        self._leave()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _leave(self) -> None:
        """Hand the connection over, once all answers have gone out."""
        transport = self.transport
        if not self._is_idle or transport.is_closing():
            return
        if transport.get_write_buffer_size():
            transport.set_write_buffer_limits(high=0)
            return
        self._disarm()
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        # Without a word to the peer: the connection itself goes on.
        transport.abort()
        held, self._held = self._held, b""
        type(self).hand_over(descriptor, held)


def front_protocol(limits: InboundLimits, hand_over: HandOver) -> type[FrontProtocol]:
    """Return the protocol class with ``limits`` that hands over by ``hand_over``."""
    return type(
        "LimitedFrontProtocol",
        (FrontProtocol,),
        {"limits": limits, "hand_over": staticmethod(hand_over)},
    )
