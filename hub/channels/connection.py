"""One HTTP/1.1 connection to an endpoint, which carries one exchange at a time.

It is used again only after an answer that is complete, that nothing followed, and that came when
the whole request was sent.  After anything else it is closed, so that no exchange ever sees a byte
of another.
Source: RFC 9112, 6.3 (length of a body), 9.3 (persistence), 9.6 (closing).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from hub.channels.limits import EgressLimits
from hub.channels.reader import NotHttpError, Reader


class DroppedError(Exception):
    """The connection ended before the head of an answer; ``reason`` is None for a polite end.

    ``silent`` is True when not one byte had come: the endpoint has not begun to answer.
    """

    def __init__(self, reason: Exception | None = None, *, silent: bool = True) -> None:
        super().__init__("the connection ended")
        self.reason = reason
        self.silent = silent


@dataclass(slots=True)
class Response:
    """The answer to one request; ``at`` is when its head was complete.

    ``body`` is empty where it was too long, or did not come whole or in time.
    """

    status: int
    retry_after: str | None
    body: bytes
    at: float


class Connection(asyncio.Protocol):
    """The client's end of a connection.

    Args:
        limits: how large an answer may be, and how long its body may take.
        monotonic: the clock of ``Response.at``.
        ended: told when the connection is closed.
    """

    def __init__(
        self,
        limits: EgressLimits,
        monotonic: Callable[[], float],
        ended: Callable[[Connection], None],
    ) -> None:
        self.kept_since = 0.0
        self.used = False
        self._drain = limits.drain
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._reader = Reader(limits, monotonic)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._deadline: float | None = None
        self._hurries = False
        self._timer: asyncio.TimerHandle | None = None
        self._rings = 0.0
        """When the timer rings.  It is kept from one exchange to the next, as it mostly is early
        enough for that, too."""

    @property
    def usable(self) -> bool:
        """Whether it can carry another exchange."""
        return self._transport is not None and not self._transport.is_closing()

    async def exchange(self, request: bytes, deadline: float, most: int) -> Response:
        """Send a request and return its answer.

        Cancelled, or failed, it leaves the connection closed.

        Args:
            deadline: until when the head of the answer may come, on the loop's clock.
            most: how many bytes of the body are kept.

        Raises:
            DroppedError: there was no answer.
            NotHttpError: it was none.
            TimeoutError: it did not come in time.
        """
        transport = self._transport
        if self._reader.heard:
            raise NotHttpError
        if transport is None or transport.is_closing():
            raise DroppedError
        self._reader.begin(most)
        self._hurries = False
        self._end_by(deadline)
        answer: asyncio.Future[Response] = self._loop.create_future()
        self._answer = answer
        transport.write(request)
        try:
            return await answer
        finally:
            # An error would keep this frame, which keeps the future that keeps the error.
            del answer
            self.used = True
            if self._answer is not None:
                self._release()
                self.abort()

    def close(self) -> None:
        """Close it politely."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        reader = self._reader
        if self._answer is None:
            # Nobody asked: whatever it is, it must not be taken for the next answer.
            reader.heard = True
            self.abort()
            return
        answered = reader.status
        try:
            reader.feed(data)
        except NotHttpError as error:
            self._fail(error, answered=answered > 0)
            return
        if reader.complete:
            self._finish()
        elif reader.too_long:
            self._hand_over(b"")
            self.abort()
        elif reader.status:
            self._hurry()

    def eof_received(self) -> None:
        """End the exchange; the connection closes itself."""
        self._over(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the exchange."""
        self._over(exc)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ended(self)

    def _finish(self) -> None:
        """Hand over the complete answer, and close unless the connection may be used again."""
        reader = self._reader
        transport = self._transport
        unsent = transport is not None and transport.get_write_buffer_size() > 0
        self._hand_over(reader.body)
        if unsent or reader.followed:
            self.abort()
        elif reader.persists:
            reader.heard = False
        else:
            self.close()

    def _hurry(self) -> None:
        """Give the rest of the body its own time, once the head has come."""
        if self._deadline is not None and not self._hurries:
            self._hurries = True
            self._end_by(min(self._deadline, self._loop.time() + self._drain))

    def _end_by(self, deadline: float) -> None:
        """Let the exchange be over at ``deadline``."""
        self._deadline = deadline
        if self._timer is not None:
            if self._rings <= deadline:
                return
            self._timer.cancel()
        self._rings = deadline
        self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        """End the exchange if it is late, and wait on if it is not."""
        self._timer = None
        if self._deadline is None:
            return
        if self._rings < self._deadline:
            self._end_by(self._deadline)
        else:
            self._fail(TimeoutError(), answered=self._reader.status > 0)

    def _over(self, reason: Exception | None) -> None:
        """End the exchange with the connection."""
        reader = self._reader
        if self._answer is None:
            return
        if reader.status and reason is None and not reader.measured:
            # A body without a length ends with the connection.
            self._hand_over(reader.body)
        else:
            error = DroppedError(reason, silent=not reader.heard)
            self._fail(error, answered=reader.status > 0)

    def _fail(self, error: Exception, *, answered: bool) -> None:
        """End the exchange and close.  An answer whose head has come has come, without its body."""
        if answered:
            self._hand_over(b"")
        else:
            answer = self._release()
            if answer is not None:
                answer.set_exception(error)
        self.abort()

    def _hand_over(self, body: bytes) -> None:
        answer = self._release()
        if answer is not None:
            reader = self._reader
            answer.set_result(Response(reader.status, reader.retry_after, body, reader.at))

    def _release(self) -> asyncio.Future[Response] | None:
        """End the exchange; return what waits for it, unless it was given up meanwhile."""
        answer, self._answer, self._deadline = self._answer, None, None
        return None if answer is None or answer.done() else answer
