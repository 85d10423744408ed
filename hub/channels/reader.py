"""Reads the answers of an endpoint, one after the other, and bounds everything about them.

Source: RFC 9112, 4 to 7; RFC 9110, 15.2 (1xx).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httptools

from hub.channels.limits import EgressLimits

_SWITCHING: Final = 101
_AROUND_BODY: Final = 1024 * 1024
"""How many bytes of an answer may be something else than its body: head, chunk sizes, trailers."""
_AROUND_REASON: Final = len("HTTP/1.1 200 \r\n\r\n")
_AROUND_HEADER: Final = len(": \r\n")


class NotHttpError(Exception):
    """What came is no HTTP, or has a head that is too large."""


class Reader:
    """Reads the answer to one request; ``begin`` comes before each.

    Attributes:
        heard: at least one byte has come.
        status: the answer's status; 0 until its head is complete.
        at: when its head was complete, on ``monotonic``.
        measured: its head tells how long the body is.
        complete: its body is complete as well.
        persists: the endpoint will take another request on this connection.
        followed: something came after it that nobody asked for.
        too_long: the body, or what is around it, is longer than it may be.
    """

    __slots__ = (
        *("_counted", "_first_line", "_headers", "_limits", "_monotonic", "_most", "_parser"),
        *("_pieces", "_received", "_retry_after", "_size", "at", "complete", "followed", "heard"),
        *("measured", "persists", "status", "too_long"),
    )

    def __init__(self, limits: EgressLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._retry_after: bytes | None = None
        self.begin(0)
        self._parser = httptools.HttpResponseParser(self)
        # As lenient as clients are used to be with servers of little discipline.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    def begin(self, most: int) -> None:
        """Be ready for the next answer, of whose body ``most`` bytes are kept."""
        self._most = most
        self.heard = self.complete = self.persists = self.followed = self.too_long = False
        self.status = self._size = 0
        self.at = 0.0
        self._pieces: list[bytes] = []
        self._begin_head()

    @property
    def body(self) -> bytes:
        """What has come of the body; nothing of one that is too long."""
        return b"".join(self._pieces)

    @property
    def retry_after(self) -> str | None:
        """The header of this name, without the blanks around it."""
        text = self._retry_after
        return None if text is None else text.decode("utf-8", "surrogateescape")

    def feed(self, data: bytes) -> None:
        """Read on.

        Raises:
            NotHttpError
        """
        self.heard = True
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # After 101 the parser stops by itself.
            if self.status != _SWITCHING:
                raise NotHttpError from None
        if self.status:
            self.too_long = self.too_long or self._received - self._size > _AROUND_BODY
        elif self._received - self._counted > self._limits.header_line_bytes:
            raise NotHttpError

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Note what follows a complete answer."""
        self.followed = self.complete

    def on_status(self, reason: bytes) -> None:
        """Bound the first line; it may come in pieces."""
        self._first_line += len(reason)
        self._counted += len(reason)
        if self._first_line > self._limits.header_line_bytes:
            raise NotHttpError

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the headers and keep what matters of them; trailers come by here too."""
        size = len(name) + len(value)
        self._headers += 1
        self._counted += size + _AROUND_HEADER
        limits = self._limits
        if size > limits.header_line_bytes or self._headers > limits.headers or b"\0" in value:
            raise NotHttpError
        if self.status:
            return
        name = name.lower()
        if name == b"content-length":
            self.measured = True
        elif name == b"transfer-encoding":
            self.measured = value.lower().rstrip(b" \t").endswith(b"chunked")
        elif name == b"retry-after" and self._retry_after is None:
            self._retry_after = value.rstrip(b" \t")

    def on_headers_complete(self) -> None:
        """Take the status, unless a later one is to come."""
        status = self._parser.get_status_code()
        if self.complete or (status // 100 == 1 and status != _SWITCHING):
            return
        self.status = status
        self.persists = status != _SWITCHING and self._parser.should_keep_alive()
        self.at = self._monotonic()

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body, as long as it is not too much."""
        if self.complete:
            return
        self._size += len(piece)
        if self._size > self._most:
            self.too_long = True
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """End the answer, or what was only a sign of life before it."""
        if self.status:
            self.complete = True
        else:
            self._begin_head()

    def _begin_head(self) -> None:
        self._received = self._headers = self._first_line = 0
        self._counted = _AROUND_REASON
        self._retry_after = None
        self.measured = False
