"""The short way of texts to a websocket, on a real server with real clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from hub.clock import SystemClock
from hub.web.socket_protocol import Put, SocketProtocol, put_of, text_head
from tests.support.deadline import DEADLINE
from tests.web.raw import LOOPS, Loop, Receive, Send

_SIZES = st.one_of(st.integers(0, 300), st.sampled_from([125, 126, 65_535, 65_536, 70_000]))
_LONG = b"x" * 50_000
_CLOCK = SystemClock()


class Offered:
    """An application that accepts a socket, gives away its short way, and ends when told."""

    def __init__(self) -> None:
        self.put: asyncio.Future[Put] = asyncio.get_running_loop().create_future()
        self.close = asyncio.Event()
        self.closed = asyncio.Event()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        put = put_of(scope)
        assert put is not None
        assert not put([b"before it is open"])
        await receive()
        await send({"type": "websocket.accept"})
        self.put.set_result(put)
        await self.close.wait()
        await send({"type": "websocket.close", "code": 1000})
        self.closed.set()


@asynccontextmanager
async def _served() -> AsyncIterator[tuple[Offered, Put, ClientConnection]]:
    app = Offered()
    config = uvicorn.Config(
        app,
        ws=SocketProtocol,
        ws_per_message_deflate=False,
        lifespan="off",
        interface="asgi3",
        log_config=None,
    )
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]  # as uvicorn calls it
        "127.0.0.1",
        0,
    )
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(DEADLINE):
        url = f"ws://127.0.0.1:{port}/"
        async with connect(url, proxy=None, max_size=None, max_queue=1) as client:
            yield app, await app.put, client
        app.close.set()
        server.close()
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def _turn() -> None:
    """Let others have their turn."""
    await _CLOCK.sleep_until(_CLOCK.now())


def _run(loop: Loop, scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(whole())


@given(_SIZES)
def test_a_frame_begins_like_the_one_that_the_library_writes(size: int) -> None:
    text = b"x" * size
    assert text_head(size) + text == Frame(Opcode.TEXT, text).serialize(mask=False)


@LOOPS
def test_texts_come_one_by_one_in_their_order(loop: Loop) -> None:
    async def scenario() -> None:
        async with _served() as (_, put, client):
            texts = [str(number).encode() * size for number, size in enumerate((1, 200, 70_000))]
            assert put(texts[:1])
            assert put(texts[1:])
            for text in texts:
                assert await client.recv() == text.decode()
            # What the library writes goes on in between.
            await (await client.ping())
            assert put([b"more"])
            assert await client.recv() == "more"

    _run(loop, scenario)


@LOOPS
def test_a_client_that_reads_nothing_is_soon_sent_nothing_more_and_later_all(loop: Loop) -> None:
    async def scenario() -> None:
        async with _served() as (_, put, client):
            sent = 0
            while put([_LONG]):
                sent += 1
                await _turn()
                assert sent < 2_000
            for _ in range(sent):
                assert len(await client.recv()) == len(_LONG)
            while not put([b"again"]):
                await _turn()
            assert await client.recv() == "again"

    _run(loop, scenario)


@LOOPS
@pytest.mark.parametrize("who", ["hub", "client", "lost"])
def test_after_the_end_nothing_is_sent(loop: Loop, who: str) -> None:
    async def scenario() -> None:
        async with _served() as (app, put, client):
            assert put([b"last"])
            assert await client.recv() == "last"
            if who == "hub":
                app.close.set()
                await app.closed.wait()
                assert not put([b"too late"])
                await client.wait_closed()
                assert client.close_code == 1000
            elif who == "client":
                await client.close()
            else:
                client.transport.abort()
            while put([b"too late"]):
                await _turn()
            assert not put([b"too late"])

    _run(loop, scenario)
