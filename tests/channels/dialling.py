"""What the tests of the guarded client share: policies, resolvers that lie, servers, one call."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network

import pytest
import uvloop

from hub.channels.connection import Connection
from hub.channels.egress import Answer, EgressLimits, EgressPolicy, GuardedClient
from hub.channels.resolver import NameService
from hub.core.delivery import Failed
from tests.support.deadline import DEADLINE
from tests.support.ports import fresh_port

NAME = "receiver.example.org"
LONG = timedelta(seconds=10)
SHORT = timedelta(milliseconds=150)
PUBLIC = EgressPolicy(allow_http=True)
LOOPBACK = EgressPolicy((ip_network("127.0.0.0/8"),), allow_http=True)
ONE = EgressPolicy((ip_network("127.0.0.2/32"),), allow_http=True)
UVLOOP = uvloop.new_event_loop
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, UVLOOP], ids=["asyncio", "uvloop"])
Loop = Callable[[], asyncio.AbstractEventLoop]


class ScriptedNames:
    """Answers each look-up with the next of the answers; a last exception is raised."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers: Iterator[Sequence[str] | Exception] = iter(answers)
        self.asked = 0

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked += 1
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


class TwoFaced(list[str]):
    """Addresses that are others for whoever looks first than for whoever dials."""

    def __init__(self, shown: str, dialled: str) -> None:
        super().__init__([dialled])
        self._shown = [[shown]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown.pop()) if self._shown else super().__iter__()


class TwoFacedNames:
    def __init__(self, shown: str, dialled: str) -> None:
        self._faces = (shown, dialled)

    async def resolve(self, host: str) -> Sequence[str]:
        return TwoFaced(*self._faces)


class MuteNames:
    """Never answers."""

    async def resolve(self, host: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return []


class Wire(asyncio.Transport):
    """A transport without a socket."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._closed = False
        connection.connection_made(self)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._connection.connection_lost(None)

    abort = close


def run(scenario: Callable[[], Awaitable[None]], loop: Loop = asyncio.new_event_loop) -> None:
    async def within_the_deadline() -> None:
        async with asyncio.timeout(DEADLINE):
            await scenario()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(within_the_deadline())


@asynccontextmanager
async def a_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve connections as ``serve`` does; yield the URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", fresh_port("127.0.0.1"))
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def post(
    url: str,
    policy: EgressPolicy = LOOPBACK,
    *,
    names: NameService | None = None,
    ca_file: str | None = None,
    timeout: timedelta = LONG,
    times: int = 1,
) -> list[Answer | Failed]:
    client = GuardedClient(
        policy,
        time.monotonic,
        limits=EgressLimits(dns=0.1, connect=5),
        ca_file=ca_file,
        names=names,
    )
    await client.start()
    try:
        return [await client.post(url, b"{}", (), timeout) for _ in range(times)]
    finally:
        await client.close()


def failed(result: Answer | Failed) -> Failed:
    assert isinstance(result, Failed)
    return result
