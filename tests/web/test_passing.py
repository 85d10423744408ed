"""Connections that go from one process to another: with what was read, or closed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hub.web.passing import Arriving, Leaving, passage
from tests.support.deadline import DEADLINE
from tests.web.raw import LOOPS, Loop


def run(scenario: Callable[[], Coroutine[Any, Any, None]], loop: Loop) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(DEADLINE):
            await scenario()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(in_time())


def a_connection() -> tuple[socket.socket, int]:
    """Return the client's end, and the descriptor of the server's."""
    client, server = socket.socketpair()
    return client, server.detach()


async def _all_read(arrivals: socket.socket) -> None:
    """Return once no descriptor waits to be read any more."""
    loop = asyncio.get_running_loop()
    while True:
        a_turn = loop.create_future()
        loop.call_later(0.01, a_turn.set_result, None)
        await a_turn
        try:
            arrivals.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return


@LOOPS
@pytest.mark.parametrize("told_first", [True, False], ids=["told first", "descriptor first"])
def test_many_go_on_with_what_was_read_of_them_whichever_comes_first(
    loop: Loop, told_first: bool
) -> None:
    async def scenario() -> None:
        told: list[tuple[int, bytes]] = []
        went_on = asyncio.Queue[tuple[socket.socket, bytes]]()

        async def go_on(connection: socket.socket, data: bytes) -> None:
            went_on.put_nowait((connection, data))

        arrivals, departures = passage()
        # More than the passage holds: the rest waits.
        departures.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        with departures:
            leaving = Leaving(departures, lambda number, data: told.append((number, data)))
            clients: list[socket.socket] = []
            for number in range(50):
                client, descriptor = a_connection()
                clients.append(client)
                leaving.hand_over(descriptor, b"read of %d" % number)
            arriving = Arriving(arrivals, go_on)
            if not told_first:
                await _all_read(arrivals)
            for each in told:
                arriving.told(*each)
            for _ in range(50):
                connection, data = await went_on.get()
                with connection, clients[int(data.split()[-1])] as client:
                    connection.setblocking(True)
                    connection.sendall(b"answer")
                    connection.close()
                    assert client.recv(100) == b"answer"
                    assert client.recv(100) == b""
            assert went_on.empty()
            arriving.close()

    run(scenario, loop)


@LOOPS
def test_nobody_waits_for_a_hub_that_is_gone(loop: Loop) -> None:
    async def scenario() -> None:
        arrivals, departures = passage()
        arrivals.close()
        with departures:
            client, descriptor = a_connection()
            Leaving(departures, lambda number, data: None).hand_over(descriptor, b"")
            with client:
                assert client.recv(1) == b""

    run(scenario, loop)


@LOOPS
def test_what_has_come_by_the_end_goes_on_and_half_of_it_is_closed(loop: Loop) -> None:
    async def scenario() -> None:
        went_on = asyncio.Queue[bytes]()

        async def go_on(connection: socket.socket, data: bytes) -> None:
            connection.close()
            went_on.put_nowait(data)

        arrivals, departures = passage()
        arriving = Arriving(arrivals, go_on)
        with departures:
            first, descriptor = a_connection()
            leaving = Leaving(departures, arriving.told)
            leaving.hand_over(descriptor, b"whole")
            second, descriptor = a_connection()
            socket.send_fds(departures, [(9).to_bytes(8)], [descriptor])
            os.close(descriptor)
            # One of which the descriptor did not come, as when there are too many.
            departures.send((10).to_bytes(8))
        arriving.told(10, b"lost")
        arriving.close()
        assert await went_on.get() == b"whole"
        with first, second:
            assert first.recv(1) == second.recv(1) == b""
        assert went_on.empty()

    run(scenario, loop)
