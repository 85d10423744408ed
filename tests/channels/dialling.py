"""What the tests of the guarded client share: policies, resolvers that lie, one call."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network

import pytest
import uvloop
from aiohttp.abc import AbstractResolver, ResolveResult

from hub.channels.egress import Answer, EgressLimits, EgressPolicy, GuardedClient
from hub.core.delivery import Failed

NAME = "receiver.example.org"
LONG = timedelta(seconds=10)
SHORT = timedelta(milliseconds=150)
PUBLIC = EgressPolicy(allow_http=True)
LOOPBACK = EgressPolicy((ip_network("127.0.0.0/8"),), allow_http=True)
ONE = EgressPolicy((ip_network("127.0.0.2/32"),), allow_http=True)
UVLOOP = uvloop.new_event_loop
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, UVLOOP], ids=["asyncio", "uvloop"])
Loop = Callable[[], asyncio.AbstractEventLoop]


def found(address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=NAME, host=address, port=port, family=family, proto=0, flags=0)


class ScriptedResolver(AbstractResolver):
    """Answers each look-up with the next of the answers; a last exception is raised."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self._answers: Iterator[Sequence[str] | Exception] = iter(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return [found(address, port) for address in answer]

    async def close(self) -> None:
        pass


class TwoFaced(dict[str, object]):
    """An answer that shows one address to whoever looks first, and another to whoever dials."""

    def __init__(self, shown: str, dialled: str, port: int) -> None:
        super().__init__(found(dialled, port))
        self._shown: list[str] = [shown]

    def __getitem__(self, key: str) -> object:
        if key == "host" and self._shown:
            return self._shown.pop()
        return super().__getitem__(key)


class TwoFacedResolver(AbstractResolver):
    def __init__(self, shown: str, dialled: str) -> None:
        self._faces = (shown, dialled)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [TwoFaced(*self._faces, port)]  # type: ignore[list-item]  # a lie is the point

    async def close(self) -> None:
        pass


class MuteResolver(AbstractResolver):
    """Never answers."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.Event().wait()
        return []

    async def close(self) -> None:
        pass


async def post(
    url: str,
    policy: EgressPolicy = LOOPBACK,
    *,
    resolver: AbstractResolver | None = None,
    ca_file: str | None = None,
    timeout: timedelta = LONG,
    times: int = 1,
) -> list[Answer | Failed]:
    client = GuardedClient(
        policy,
        time.monotonic,
        limits=EgressLimits(dns=0.1, connect=5),
        ca_file=ca_file,
        resolver=resolver,
    )
    await client.start()
    try:
        return [await client.post(url, b"{}", (), timeout) for _ in range(times)]
    finally:
        await client.close()


def failed(result: Answer | Failed) -> Failed:
    assert isinstance(result, Failed)
    return result
