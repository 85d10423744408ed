"""What a name stands for: looked up once for all who ask, judged as a whole."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from hub.channels.resolver import GuardedResolver, LookUpError, NotAllowedError, SystemNames
from tests.channels.dialling import LOOPBACK, LOOPS, Loop, MuteNames, ScriptedNames

HOST = "receiver.example.org"


class HeldNames:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.asked: list[str] = []

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        await self.release.wait()
        return ["127.0.0.1"]


class NamedLoop(asyncio.SelectorEventLoop):
    """Knows the addresses of all names; ``asked`` is how it was asked."""

    def __init__(self, *addresses: tuple[str | int, ...]) -> None:
        super().__init__()
        self._addresses = addresses
        self.asked: dict[str, object] = {}

    async def getaddrinfo(  # type: ignore[override]  # fewer types: it is asked in one way
        self, host: str, port: None, **how: object
    ) -> list[tuple[int, int, int, str, tuple[str | int, ...]]]:
        self.asked = how
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", each) for each in self._addresses]


@LOOPS
def test_the_machine_knows_itself(loop: Loop) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert set(runner.run(SystemNames().resolve("localhost"))) & {"127.0.0.1", "::1"}
        assert runner.run(SystemNames().resolve("127.0.0.2")) == ["127.0.0.2"]


def test_addresses_of_both_families_are_asked_for_and_of_a_link_with_its_interface() -> None:
    loop = NamedLoop(
        ("192.0.2.1", 0), ("2001:db8::1", 0, 0, 0), ("fe80::1", 0, 0, 3), ("fe80::2%lo", 0, 0, 1)
    )
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        found = runner.run(SystemNames().resolve(HOST))
    assert found == ["192.0.2.1", "2001:db8::1", "fe80::1%3", "fe80::2%lo"]
    assert loop.asked == {"type": socket.SOCK_STREAM, "flags": socket.AI_ADDRCONFIG}


def test_whoever_asks_meanwhile_shares_the_look_up_even_if_the_first_leaves() -> None:
    async def scenario() -> None:
        names = HeldNames()
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        tasks = [asyncio.create_task(resolver.look_up(HOST, 80)) for _ in range(3)]
        while not names.asked:
            await asyncio.wait(tasks, timeout=0.001)
        assert resolver.remembered(HOST, 80) is None
        tasks[0].cancel()
        await asyncio.wait(tasks[:1])
        names.release.set()
        assert await asyncio.gather(*tasks[1:]) == [["127.0.0.1"]] * 2
        assert tasks[0].cancelled()
        assert names.asked == [HOST]
        resolver.close()

    asyncio.run(scenario())


def test_several_addresses_are_used_in_turn() -> None:
    async def scenario() -> None:
        names = ScriptedNames(["127.0.0.1", "127.0.0.2", "127.0.0.3"])
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        firsts = [(await resolver.look_up(HOST, 80))[0]]
        firsts += [(resolver.remembered(HOST, 80) or [""])[0] for _ in range(3)]
        assert firsts == ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"]
        assert names.asked == 1

    asyncio.run(scenario())


def test_a_failure_is_not_remembered() -> None:
    async def scenario() -> None:
        names = ScriptedNames(OSError("no answer"), ["10.0.0.1"], [], ["127.0.0.1"])
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        for error in (LookUpError, NotAllowedError, LookUpError):
            with pytest.raises(error):
                await resolver.look_up(HOST, 80)
            assert resolver.remembered(HOST, 80) is None
        assert await resolver.look_up(HOST, 80) == ["127.0.0.1"]

    asyncio.run(scenario())


def test_each_port_is_judged_by_itself() -> None:
    async def scenario() -> None:
        names = ScriptedNames(["8.8.8.8"], ["8.8.8.8"])
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        assert await resolver.look_up(HOST, 443) == ["8.8.8.8"]
        with pytest.raises(NotAllowedError):
            await resolver.look_up(HOST, 25)

    asyncio.run(scenario())


def test_no_more_than_a_thousand_names_are_remembered() -> None:
    async def scenario() -> None:
        names = ScriptedNames(*[["127.0.0.1"]] * 1001)
        resolver = GuardedResolver(names, LOOPBACK, 5.0)
        for number in range(1001):
            await resolver.look_up(f"h{number}.example.org", 80)
        assert resolver.remembered("h0.example.org", 80) is None
        assert resolver.remembered("h1.example.org", 80) is not None
        assert resolver.remembered("h1000.example.org", 80) is not None

    asyncio.run(scenario())


def test_who_waits_for_a_name_when_the_client_is_closed_is_told_so() -> None:
    async def scenario() -> None:
        resolver = GuardedResolver(MuteNames(), LOOPBACK, 5.0)
        task = asyncio.create_task(resolver.look_up(HOST, 80))
        await asyncio.wait([task], timeout=0.001)
        resolver.close()
        with pytest.raises(LookUpError):
            await task

    asyncio.run(scenario())
