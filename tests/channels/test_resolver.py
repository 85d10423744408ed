"""What a name stands for: looked up once for all who ask, judged as a whole."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from hub.channels.resolver import GuardedResolver, LookUpError, NotAllowedError
from tests.channels.dialling import LOOPBACK, MuteResolver, ScriptedResolver, found

HOST = "receiver.example.org"


class HeldResolver(AbstractResolver):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.families: list[socket.AddressFamily] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.families.append(family)
        await self.release.wait()
        return [found("127.0.0.1", port)]

    async def close(self) -> None:
        pass


def test_whoever_asks_meanwhile_shares_the_look_up_even_if_the_first_leaves() -> None:
    async def scenario() -> None:
        inner = HeldResolver()
        resolver = GuardedResolver(inner, LOOPBACK, 5.0)
        tasks = [asyncio.create_task(resolver.look_up(HOST, 80)) for _ in range(3)]
        while not inner.families:
            await asyncio.wait(tasks, timeout=0.001)
        assert resolver.remembered(HOST, 80) is None
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        inner.release.set()
        assert await asyncio.gather(*tasks[1:]) == [["127.0.0.1"]] * 2
        assert tasks[0].cancelled()
        # Both kinds of addresses are asked for.
        assert inner.families == [socket.AF_UNSPEC]
        await resolver.close()

    asyncio.run(scenario())


def test_several_addresses_are_used_in_turn() -> None:
    async def scenario() -> None:
        names = ScriptedResolver(["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        firsts = [(await resolver.look_up(HOST, 80))[0]]
        firsts += [(resolver.remembered(HOST, 80) or [""])[0] for _ in range(3)]
        assert firsts == ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"]
        assert names.asked == 1

    asyncio.run(scenario())


def test_a_failure_is_not_remembered() -> None:
    async def scenario() -> None:
        names = ScriptedResolver(OSError("no answer"), ["10.0.0.1"], [], ["127.0.0.1"])
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        for error in (LookUpError, NotAllowedError, LookUpError):
            with pytest.raises(error):
                await resolver.look_up(HOST, 80)
            assert resolver.remembered(HOST, 80) is None
        assert await resolver.look_up(HOST, 80) == ["127.0.0.1"]

    asyncio.run(scenario())


def test_each_port_is_judged_by_itself() -> None:
    async def scenario() -> None:
        names = ScriptedResolver(["8.8.8.8"], ["8.8.8.8"])
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        assert await resolver.look_up(HOST, 443) == ["8.8.8.8"]
        with pytest.raises(NotAllowedError):
            await resolver.look_up(HOST, 25)

    asyncio.run(scenario())


def test_no_more_than_a_thousand_names_are_remembered() -> None:
    async def scenario() -> None:
        names = ScriptedResolver(*[["127.0.0.1"]] * 1001)
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        for number in range(1001):
            await resolver.look_up(f"h{number}.example.org", 80)
        assert resolver.remembered("h0.example.org", 80) is None
        assert resolver.remembered("h1.example.org", 80) is not None
        assert resolver.remembered("h1000.example.org", 80) is not None

    asyncio.run(scenario())


def test_who_waits_for_a_name_when_the_client_is_closed_is_told_so() -> None:
    async def scenario() -> None:
        resolver = GuardedResolver(MuteResolver(), LOOPBACK, 5.0)
        task = asyncio.create_task(resolver.look_up(HOST, 80))
        await asyncio.wait([task], timeout=0.001)
        await resolver.close()
        with pytest.raises(LookUpError):
            await task

    asyncio.run(scenario())
