"""A process with many websocket clients, each bound to a Subscription of its own.

It looks every millisecond at all sockets on which something has come.  One that waits on them would
be woken by nearly each message that the hub sends, at the hub's expense: what receivers on machines
of their own don't cost it.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson

from hub.cli.bench.child import Command, pause, run_child
from hub.cli.bench.failure import Wrong, check
from hub.cli.bench.receipt import Receipt
from hub.cli.bench.wire import Connection, connect, request

_UPGRADE = (
    b"GET /ws HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n\r\n"
)
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_NUMBER = b'"event-number","valueString":"'
_AT_ONCE = 50

_BETWEEN: Final = 0.001
"""Seconds between two looks at the sockets."""

_MOST_BYTES: Final = 64 * 1024
"""How much is taken from a socket at once."""


class SocketClient:
    """One client: it takes frames and looks for event numbers, as cheaply as it can.

    ``socket`` is connected by ``connect``; whoever sees that something has come there calls
    ``read``.
    """

    def __init__(self, clients: SocketClients, token: str, before: int) -> None:
        self.receipt = Receipt(top=before)
        self.greeted = asyncio.get_running_loop().create_future()
        self.socket = socket.socket()
        self._clients = clients
        self._token = token
        self._rest = b""
        self._open = False

    async def connect(self, port: int) -> None:
        """Connect to a port of 127.0.0.1, and ask for a websocket."""
        self.socket.setblocking(False)
        await asyncio.get_running_loop().sock_connect(self.socket, ("127.0.0.1", port))
        self.socket.send(_UPGRADE)

    def read(self) -> bool:
        """Take what has come; return whether more may come.

        Raises:
            ConnectionError: the hub has gone.
        """
        data = self.socket.recv(_MOST_BYTES)
        self._received(data)
        return bool(data)

    def _received(self, data: bytes) -> None:
        """Take whole frames."""
        if self._rest:
            data = self._rest + data
        start = 0
        if not self._open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            self._open = True
            start = end + 4
            self._write(_TEXT, f"bind-with-token {self._token}".encode())
        while (frame := frame_in(data, start)) is not None:
            opcode, begin, start = frame
            if opcode == _TEXT:
                self._take(data, begin, start)
            elif opcode == _PING:
                self._write(_PONG, data[begin:start])
        self._rest = data[start:]

    def _take(self, buffer: bytes, begin: int, end: int) -> None:
        clients = self._clients
        at = buffer.find(_NUMBER, begin, end)
        if at < 0:
            if not self.greeted.done():
                self.greeted.set_result(None)
            return
        clients.messages += 1
        while at >= 0:
            at += len(_NUMBER)
            number = int(buffer[at : buffer.find(b'"', at)])
            clients.events += self.receipt.take(number)
            at = buffer.find(_NUMBER, at, end)

    def _write(self, opcode: int, payload: bytes) -> None:
        # Masked with zeros, so that the payload stays as it is.
        assert len(payload) < 126
        head = bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4)
        self.socket.send(head + payload)

    def lost(self) -> None:
        """Note that the hub closed it."""
        self.socket.close()
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError("closed before it was bound"))


def frame_in(buffer: bytes, start: int) -> tuple[int, int, int] | None:
    """Return opcode, begin and end of the frame that begins at ``start``, None if it is not whole.

    Source: RFC 6455, 5.2; a server does not mask.
    """
    if len(buffer) < start + 2:
        return None
    length, begin = buffer[start + 1] & 0x7F, start + 2
    if length >= 126:
        size = 2 if length == 126 else 8
        if len(buffer) < begin + size:
            return None
        length = int.from_bytes(buffer[begin : begin + size], "big")
        begin += size
    if len(buffer) < begin + length:
        return None
    return buffer[start] & 0x0F, begin, begin + length


class SocketClients:
    """All clients of this process."""

    def __init__(self) -> None:
        self.messages = 0
        self.events = 0
        self.lost = 0
        self._clients: list[SocketClient] = []
        self._selector = selectors.DefaultSelector()
        self._reading: asyncio.Task[None] | None = None

    async def bind(self, port: int, ids: list[str], before: list[int] | None = None) -> None:
        """Bind one client to each Subscription; return when all were greeted.

        Args:
            port: of the hub.
            ids: of the Subscriptions.
            before: how many events each has had already, none where None.
        """
        asking = await connect("127.0.0.1", port)
        # All before the first client: a busy hub may take longer for some than it keeps a
        # connection on which nothing comes.
        tokens = [await _token(asking, id) for id in ids]
        asking.close()
        wanted = list(zip(tokens, before or [0] * len(tokens), strict=True))
        for first in range(0, len(wanted), _AT_ONCE):
            await self._connect(port, wanted[first : first + _AT_ONCE])

    async def bind_bare(self, port: int, count: int) -> None:
        """Connect so many clients to a server that takes every token."""
        for first in range(0, count, _AT_ONCE):
            await self._connect(port, [("bare", 0)] * min(_AT_ONCE, count - first))

    async def _connect(self, port: int, wanted: list[tuple[str, int]]) -> None:
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        some = []
        for token, before in wanted:
            client = SocketClient(self, token, before)
            await client.connect(port)
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            some.append(client)
        async with asyncio.timeout(60):
            await asyncio.gather(*(client.greeted for client in some))
        self._clients += some

    async def _read(self) -> None:
        """Take what has come for any client, again and again."""
        while True:
            for key, _ in self._selector.select(0):
                self._read_one(key.data)
            await pause(_BETWEEN)

    def _read_one(self, client: SocketClient) -> None:
        try:
            if client.read():
                return
        except ConnectionError:
            pass  # What was lost is counted, however it was.
        self.lost += 1
        self._selector.unregister(client.socket)
        client.lost()

    async def wait(self, events: int, seconds: float) -> None:
        """Return when so many events have come.

        Raises:
            Wrong: they did not, in so many seconds.
        """
        until = time.perf_counter() + seconds
        while self.events < events:
            if time.perf_counter() > until:
                raise Wrong(f"{self.events} of {events} events came in {seconds:.0f} s")
            await pause(0.001)

    async def report(self) -> dict[str, Any]:
        """Return what came, and how many clients the hub has closed."""
        receipts = {
            str(number): client.receipt.report() for number, client in enumerate(self._clients)
        }
        return {"messages": self.messages, "lost": self.lost, "receipts": receipts}

    async def close(self) -> None:
        """Close all clients, for good."""
        if self._reading is not None:
            self._reading.cancel()
        self._selector.close()
        for client in self._clients:
            client.socket.close()
        self._clients.clear()


async def _token(asking: Connection, id: str) -> str:
    path = f"/fhir/r4/Subscription/{id}/$get-ws-binding-token".encode()
    reply = await asking.exchange(request(b"GET", b"127.0.0.1", path))
    check(reply.status == 200, f"no token for {id}: {reply.status} {reply.body!r}")
    parameters = orjson.loads(reply.body)["parameter"]
    return str(next(each["valueString"] for each in parameters if each["name"] == "token"))


def _commands() -> Mapping[str, Command]:
    clients = SocketClients()
    return {
        "bind": clients.bind,
        "bind_bare": clients.bind_bare,
        "wait": clients.wait,
        "report": clients.report,
        "close": clients.close,
    }


if __name__ == "__main__":
    run_child(_commands)
