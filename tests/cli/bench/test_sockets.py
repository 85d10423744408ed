"""The websocket clients of the benches, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hub.cli.bench.bare_socket import BareSocket
from hub.cli.bench.child import pause
from hub.cli.bench.failure import Wrong
from hub.cli.bench.sockets import SocketClients
from tests.support.deadline import DEADLINE

_CLIENTS = 3


def _served(scenario: Callable[[BareSocket, SocketClients], Awaitable[None]]) -> None:
    """Run a scenario with a server and clients that are connected to it."""

    async def whole() -> None:
        server, clients = BareSocket(), SocketClients()
        async with asyncio.timeout(DEADLINE):
            await clients.bind_bare(await server.serve(), _CLIENTS)
            await scenario(server, clients)
            await clients.close()
        server._server.close()
        for client in server.clients:
            client.abort()
        await pause(0)

    asyncio.run(whole())


@pytest.mark.parametrize("size", [10, 3_000, 200_000])
def test_each_client_takes_each_number_once(size: int) -> None:
    async def scenario(server: BareSocket, clients: SocketClients) -> None:
        await server.send(first=1, rounds=2, size=size)
        await server.send(first=3, rounds=5, size=size)
        await clients.wait(events=7 * _CLIENTS, seconds=DEADLINE)
        assert await clients.report() == {
            "messages": 7 * _CLIENTS,
            "lost": 0,
            "receipts": {str(number): [7, 0, 0, 0] for number in range(_CLIENTS)},
        }

    _served(scenario)


def test_what_comes_again_or_after_a_gap_is_told() -> None:
    async def scenario(server: BareSocket, clients: SocketClients) -> None:
        for first, rounds in ((1, 2), (2, 1), (4, 1)):
            await server.send(first=first, rounds=rounds, size=10)
        await clients.wait(events=3 * _CLIENTS, seconds=DEADLINE)
        receipts = (await clients.report())["receipts"]
        assert list(receipts.values()) == [[2, 1, 1, 1]] * _CLIENTS
        with pytest.raises(Wrong, match=r"9 of 10 events came in 0 s"):
            await clients.wait(events=10, seconds=0)

    _served(scenario)


@pytest.mark.parametrize("ends", ["close", "abort"])
def test_a_client_that_was_closed_is_lost(ends: str) -> None:
    async def scenario(server: BareSocket, clients: SocketClients) -> None:
        getattr(server.clients.pop(0), ends)()
        while not (await clients.report())["lost"]:
            await pause(0)
        await server.send(first=1, rounds=1, size=10)
        await clients.wait(events=_CLIENTS - 1, seconds=DEADLINE)
        assert (await clients.report())["lost"] == 1

    _served(scenario)
