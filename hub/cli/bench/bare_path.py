"""A process that does what a hub must do at least: take a PUT, store it, answer, post it on.

Rows are committed in groups, durably, in a thread; nothing is checked, matched or numbered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hub.cli.bench.bare import commit, open_bare
from hub.cli.bench.child import Command, run_child
from hub.cli.bench.wire import OK, Connection, connect, listen, request

_SENDERS = 32


class BarePath:
    """Answers PUTs."""

    def __init__(self) -> None:
        self._waiting: list[tuple[bytes, Callable[[bytes], None]]] = []
        self._arrived = asyncio.Event()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._target = b""

    async def serve(self, folder: str, port: int) -> int:
        """Store in ``folder``, post on to ``port``; return the port to put to."""
        db = open_bare(Path(folder) / "path.db")
        writer = ThreadPoolExecutor(max_workers=1)
        self._target = b"127.0.0.1:%d" % port
        loop = asyncio.get_running_loop()

        async def write() -> None:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                batch, self._waiting = self._waiting, []
                rows = [(body,) for body, _ in batch]
                await loop.run_in_executor(writer, commit, db, rows)
                for body, answer in batch:
                    answer(OK)
                    self._outgoing.put_nowait(body)

        self._tasks.append(loop.create_task(write()))
        for _ in range(_SENDERS):
            self._tasks.append(loop.create_task(self._send(await connect("127.0.0.1", port))))
        _, own = await listen(self._take)
        return own

    def _take(self, path: bytes, body: bytes, answer: Callable[[bytes], None]) -> None:
        self._waiting.append((body, answer))
        self._arrived.set()

    async def _send(self, connection: Connection) -> None:
        while True:
            body = await self._outgoing.get()
            await connection.exchange(request(b"POST", self._target, b"/bare", body))


def _commands() -> Mapping[str, Command]:
    return {"serve": BarePath().serve}


if __name__ == "__main__":
    run_child(_commands)
