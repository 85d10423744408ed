"""One request and its answer on a connection, with a short way out for an answer that is whole.

uvicorn's cycle takes an answer in pieces and looks through each header.  What the hub says below
its base URLs is whole when it is said, under names that it wrote itself: it goes out at once.

Source: https://asgi.readthedocs.io/en/latest/extensions.html; RFC 9112, 4 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent

WHOLE: Final = "fhir-hub.whole"
"""The extension under which a scope offers ``Cycle.answer``."""


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, which can also answer at once."""

    async def receive(self) -> ASGIReceiveEvent:
        """Return the next piece of the body, without waiting where it has come."""
        if (
            self.waiting_for_100_continue
            or self.disconnected
            or self.response_complete
            or not self.message_event.is_set()
        ):
            return await super().receive()
        self.flow.resume_reading()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def answer(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Write a whole answer, unless the client has gone.

        Args:
            headers: with Content-Length, unless ``status`` has no body; names in lower case.

        Raises:
            RuntimeError: one has begun, or a header is more than one line.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        lines = [b": ".join(each) for each in self.default_headers]
        lines += map(b": ".join, headers)
        if not self.keep_alive:
            lines.append(b"connection: close")
        head = b"%b%b\r\n\r\n" % (STATUS_LINE[status], b"\r\n".join(lines))
        if self.response_started or head.count(b"\n") != len(lines) + 2:
            raise RuntimeError("an answer has begun, or a header is more than one line")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(head if self.scope["method"] == "HEAD" else head + body)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
