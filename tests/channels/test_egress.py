from __future__ import annotations

import asyncio
import socket
import time

import pytest

from hub.channels.egress import Answer, EgressLimits, EgressPolicy, GuardedClient
from hub.channels.resolver import NameService
from hub.core.delivery import Failed, FailureClass
from tests.channels.dialling import (
    LONG,
    LOOPBACK,
    LOOPS,
    NAME,
    ONE,
    PUBLIC,
    SHORT,
    Loop,
    MuteNames,
    ScriptedNames,
    TwoFacedNames,
    failed,
    post,
)
from tests.support import endpoints as peer


@LOOPS
def test_a_name_that_is_bound_to_another_address_meanwhile_is_blocked(loop: Loop) -> None:
    """Rebinding, live: the first look-up leads to the subscriber, the second to the hub."""

    async def scenario() -> tuple[list[Answer | Failed], int, int]:
        names = ScriptedNames(["127.0.0.2"], ["127.0.0.1"])
        drop = peer.Reply(keep_alive=False, headers=(("Connection", "close"),))
        async with peer.Endpoint([drop], host="127.0.0.2") as outside:
            client = GuardedClient(ONE, time.monotonic, names=names)
            await client.start()
            first = await client.post(outside.url_for(NAME), b"{}", (), LONG)
            async with peer.Endpoint() as inside:
                second = await client.post(inside.url_for(NAME), b"{}", (), LONG)
                await client.close()
                return [first, second], len(outside.received), inside.connections

    with asyncio.Runner(loop_factory=loop) as runner:
        results, outside, inside = runner.run(scenario())
    assert isinstance(results[0], Answer)
    assert failed(results[1]).failure is FailureClass.BLOCKED
    assert (outside, inside) == (1, 0)


@LOOPS
@pytest.mark.parametrize(
    "dialled",
    [
        *("127.0.0.1", "0.0.0.0", "169.254.169.254", "10.0.0.1", "::1", "::", "::ffff:127.0.0.1"),
        *("::ffff:7f00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "fe80::1", "fd00::1"),
    ],
)
def test_the_socket_is_checked_whatever_was_shown_before(loop: Loop, dialled: str) -> None:
    """What passed every earlier check is still not connected to a forbidden address."""

    async def scenario() -> tuple[Failed, int]:
        async with peer.Endpoint() as inside:
            url = inside.url_for(NAME)
            # The public face's port rule is that of an ephemeral port: admitted.
            (result,) = await post(url, PUBLIC, names=TwoFacedNames("8.8.8.8", dialled))
            return failed(result), inside.connections

    with asyncio.Runner(loop_factory=loop) as runner:
        result, connections = runner.run(scenario())
    assert result.failure is FailureClass.BLOCKED
    assert "--egress-allow" in result.reason
    assert result.timing.address is None
    assert connections == 0


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
        ),
        *(
            "0",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::7f00:1]",
        ),
        *("[2002:7f00:1::]", "[::127.0.0.1]", "[fe80::1%25lo]", "①②⑦.⓪.⓪.①", "１２７.0.0.1"),
        *("127。0。0。1", "127.0.0.1.", "[0:0:0:0:0:ffff:127.0.0.1]", "user@127.0.0.1"),
    ],
)
def test_no_spelling_of_the_hubs_own_machine_is_dialled(host: str) -> None:
    async def scenario() -> tuple[Failed, int]:
        async with peer.Endpoint() as inside:
            (result,) = await post(inside.url_for(host), PUBLIC)
            return failed(result), inside.connections

    result, connections = asyncio.run(scenario())
    assert result.failure is FailureClass.BLOCKED
    assert connections == 0


def test_a_name_with_one_forbidden_address_among_its_own_is_blocked_as_a_whole() -> None:
    async def scenario() -> tuple[Failed, int]:
        async with peer.Endpoint(host="127.0.0.2") as outside:
            names = ScriptedNames(["127.0.0.2", "10.0.0.1"])
            (result,) = await post(outside.url_for(NAME), ONE, names=names)
            return failed(result), outside.connections

    result, connections = asyncio.run(scenario())
    assert result.failure is FailureClass.BLOCKED
    assert connections == 0


def test_an_allowed_name_is_reached_and_its_look_up_is_timed() -> None:
    async def scenario() -> Answer | Failed:
        async with peer.Endpoint(host="127.0.0.2") as outside:
            names = ScriptedNames(["127.0.0.2"])
            (result,) = await post(outside.url_for(NAME), ONE, names=names)
            assert outside.received[0].header("host") == f"{NAME}:{outside.port}"
            return result

    result = asyncio.run(scenario())
    assert isinstance(result, Answer)
    assert result.status == 200
    assert result.timing.address == "127.0.0.2"
    assert result.timing.dns is not None


def test_of_several_addresses_the_one_that_answers_is_used() -> None:
    async def scenario() -> Answer | Failed:
        async with peer.Endpoint(host="127.0.0.3") as outside:
            names = ScriptedNames(["127.0.0.2", "127.0.0.3"])
            (result,) = await post(outside.url_for(NAME), names=names)
            return result

    result = asyncio.run(scenario())
    assert isinstance(result, Answer)
    assert result.timing.address == "127.0.0.3"


def test_the_hub_does_not_call_itself() -> None:
    async def scenario() -> tuple[Failed, int]:
        async with peer.Endpoint() as hub:
            own = EgressPolicy(LOOPBACK.allow, allow_http=True, own_ports=frozenset({hub.port}))
            (result,) = await post(hub.url, own)
            return failed(result), hub.connections

    result, connections = asyncio.run(scenario())
    assert result.failure is FailureClass.BLOCKED
    assert connections == 0


def test_plain_http_is_blocked_and_the_flag_named() -> None:
    (result,) = asyncio.run(post("http://8.8.8.8/", EgressPolicy()))

    assert failed(result).failure is FailureClass.BLOCKED
    assert "--allow-http" in failed(result).reason


def test_every_blocked_address_gets_the_same_words() -> None:
    async def scenario() -> set[str]:
        urls = ("http://127.0.0.1:1/", "http://10.0.0.1/", "http://[::1]/", "http://8.8.8.8:22/")
        return {failed(result).reason for url in urls for result in await post(url, PUBLIC)}

    assert len(asyncio.run(scenario())) == 1


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> tuple[int, int]:
        async with peer.Endpoint() as proxy, peer.Endpoint() as endpoint:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy.url)
            await post(endpoint.url)
            return proxy.connections, len(endpoint.received)

    assert asyncio.run(scenario()) == (0, 1)


@pytest.mark.parametrize(
    "names",
    [
        ScriptedNames(socket.gaierror(socket.EAI_NONAME, "no such name")),
        ScriptedNames(OSError(None, "server failure")),
        MuteNames(),
    ],
    ids=["no such name", "server failure", "silence"],
)
def test_a_name_that_cannot_be_looked_up_is_a_dns_failure(names: NameService) -> None:
    (result,) = asyncio.run(post(f"http://{NAME}/", names=names))

    assert failed(result).failure is FailureClass.DNS
    assert failed(result).timing.total < 2_000


def test_a_name_is_not_looked_up_for_each_attempt() -> None:
    async def scenario() -> int:
        names = ScriptedNames(["127.0.0.1"])
        answer = peer.Reply(keep_alive=False, headers=(("Connection", "close"),))
        async with peer.Endpoint(default=answer) as endpoint:
            results = await post(endpoint.url_for(NAME), names=names, times=3)
            assert all(isinstance(result, Answer) for result in results)
            assert endpoint.connections == 3
        return names.asked

    assert asyncio.run(scenario()) == 1


def test_a_client_that_was_not_started_says_so() -> None:
    async def scenario() -> None:
        client = GuardedClient(LOOPBACK, time.monotonic)
        await client.close()
        with pytest.raises(RuntimeError, match="start"):
            await client.post("http://127.0.0.1:1/", b"", (), LONG)

    asyncio.run(scenario())


def test_the_limit_per_origin_makes_attempts_wait_and_time_out() -> None:
    async def scenario() -> Failed:
        async with peer.Endpoint(default=peer.Hang()) as endpoint:
            client = GuardedClient(
                LOOPBACK, time.monotonic, limits=EgressLimits(connections_per_origin=1)
            )
            await client.start()
            first = asyncio.create_task(client.post(endpoint.url, b"", (), LONG))
            await endpoint.wait_for(1)
            second = await client.post(endpoint.url, b"", (), SHORT)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await client.close()
            assert endpoint.connections == 1
            return failed(second)

    result = asyncio.run(scenario())
    assert result.failure is FailureClass.TIMEOUT
    assert "waiting for a connection" in result.reason
