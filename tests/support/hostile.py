"""Endpoints that mean harm, as answers for ``tests.support.endpoints.Endpoint``.

Each never ends by itself, or lies, and counts what it got rid of in ``sent``.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from tests.support.endpoints import Exchange, Hang, Raw, Reply

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(slots=True)
class Endless:
    """``first``, and then ``piece`` again and again for as long as somebody reads."""

    first: bytes
    piece: bytes
    sent: int = 0

    async def play(self, exchange: Exchange) -> bool:
        exchange.writer.write(self.first)
        while not exchange.writer.is_closing():
            exchange.writer.write(self.piece)
            await exchange.writer.drain()
            self.sent += len(self.piece)
        return False


def endless_body() -> Endless:
    """200 and a chunked body without end."""
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    return Endless(head, b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def endless_header() -> Endless:
    """A header line without end."""
    return Endless(OK + b"X-Long: ", b"x" * 65536)


def endless_headers() -> Endless:
    """Short headers without end."""
    return Endless(OK, b"X-Another: 1\r\n" * 1000)


def endless_continue() -> Endless:
    """100 Continue without end."""
    return Endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def huge_header() -> Raw:
    """A header of one megabyte."""
    return Raw(OK + b"X-Huge: " + b"x" * 1_000_000 + b"\r\nContent-Length: 0\r\n\r\n")


def gzip_bomb() -> Reply:
    """Ten megabytes of zeros in ten kilobytes."""
    return Reply(200, (("Content-Encoding", "gzip"),), gzip.compress(b"\0" * 10_000_000))


def slow_header() -> Hang:
    """Half a header, then silence."""
    return Hang(OK + b"Content-Le")


def slow_body() -> Hang:
    """200 and one byte of the body, then silence."""
    return Hang(OK + b"Content-Length: 100\r\n\r\nx")


def half_answer() -> Raw:
    """The connection ends within the header."""
    return Raw(OK + b"Content-Le")


def short_body() -> Raw:
    """A body shorter than its Content-Length."""
    return Raw(OK + b"Content-Length: 100\r\n\r\nshort")


def long_body() -> Raw:
    """A body longer than its Content-Length."""
    return Raw(OK + b"Content-Length: 1\r\n\r\nlonger than announced")


def two_lengths() -> Raw:
    """Two Content-Lengths that differ."""
    return Raw(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy")


def other_protocols() -> tuple[Raw, ...]:
    """What servers of other protocols say."""
    return (
        Raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        Raw(b"<html>HTTP/0.9 has no header</html>"),
        Raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64"),
        Raw(b"220 mail.example.org ESMTP\r\n"),
        Raw(b"\xff" * 512),
    )
