"""Open a websocket by hand, send frames of any form, and tell how it was closed."""

from __future__ import annotations

import asyncio
import os
import struct
from dataclasses import dataclass

from hub.core.release import Json, Resource
from tests.journeys.hosting import PATIENCE, RunningHub

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
_CLOSE = 8


@dataclass(slots=True)
class RawSocket:
    """A websocket after its handshake."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def text(self, text: str) -> None:
        """Send a text in one masked frame."""
        self.frame(0x81, text.encode())

    def frame(self, first: int, payload: bytes) -> None:
        """Send one masked frame with this first byte."""
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.writer.write(bytes([first]) + length + mask + masked)

    async def next_frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame."""
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", await self.reader.readexactly(8))
        return first & 0x0F, await self.reader.readexactly(size)

    async def closed(self) -> tuple[int, bytes]:
        """Return the code and reason with which the hub closes."""
        async with asyncio.timeout(PATIENCE):
            while True:
                opcode, payload = await self.next_frame()
                if opcode == _CLOSE:
                    (code,) = struct.unpack(">H", payload[:2])
                    return code, payload[2:]


async def open_socket(hub: RunningHub, what: Resource) -> tuple[int, str, RawSocket]:
    """Ask for a websocket; return the status, the head of the answer, and the socket."""
    host, _, port = hub.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [
        f"GET /ws{what.get('query', '')} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    if "origin" in what:
        lines.append(f"Origin: {what['origin']}")
    if what.get("compression"):
        lines.append("Sec-WebSocket-Extensions: permessage-deflate")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    return int(head.split(" ")[1]), head, RawSocket(reader, writer)


def send_frame(socket: RawSocket, frame: Json) -> None:
    """Send one frame of a row: a text, parts of one, bytes as ``hex``, or a ``wire`` form."""
    if isinstance(frame, str):
        socket.text(frame)
    elif isinstance(frame, list):
        socket.text("".join(frame))
    elif "hex" in frame:
        socket.frame(0x82, bytes.fromhex(frame["hex"]))
    else:
        wire = bytes.fromhex(frame["wire"]) + b"x" * frame.get("payload", 0)
        socket.writer.write(wire * frame.get("times", 1))
