from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.channels.egress import Answer
from hub.core.delivery import Failed, FailureClass
from tests.channels.dialling import (
    LOOPS,
    NAME,
    SHORT,
    Loop,
    ScriptedNames,
    failed,
    post,
)
from tests.support import endpoints as peer
from tests.support.certificates import Authority
from tests.support.ports import fresh_port


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("authority")))


@LOOPS
def test_a_trusted_certificate_is_accepted_and_the_handshake_is_timed(
    loop: Loop, authority: Authority
) -> None:
    async def scenario() -> list[Answer | Failed]:
        async with peer.Endpoint(tls=authority.server()) as endpoint:
            return await post(endpoint.url, ca_file=authority.ca_file, times=2)

    with asyncio.Runner(loop_factory=loop) as runner:
        first, second = runner.run(scenario())
    assert isinstance(first, Answer) and isinstance(second, Answer)
    timing = first.timing
    assert timing.connect is not None and timing.tls is not None and timing.wait is not None
    assert timing.tls > 0
    assert timing.connect + timing.tls + timing.wait <= timing.total
    # The second went over the same connection.
    assert second.timing.connect is None and second.timing.tls is None


@LOOPS
@pytest.mark.parametrize(
    ("address", "expired", "words"),
    [
        ("127.0.0.1", True, "expired"),
        ("127.0.0.9", False, "not valid for"),
    ],
)
def test_a_certificate_that_is_not_valid_is_a_tls_failure_that_says_why(
    loop: Loop, authority: Authority, address: str, expired: bool, words: str
) -> None:
    async def scenario() -> tuple[Failed, int]:
        tls = authority.server(address, expired=expired)
        async with peer.Endpoint(tls=tls) as endpoint:
            (result,) = await post(endpoint.url, ca_file=authority.ca_file)
            return failed(result), len(endpoint.received)

    with asyncio.Runner(loop_factory=loop) as runner:
        result, received = runner.run(scenario())
    assert result.failure is FailureClass.TLS
    assert words in result.reason
    assert received == 0


def test_an_unknown_authority_is_a_tls_failure(authority: Authority) -> None:
    async def scenario() -> Failed:
        async with peer.Endpoint(tls=authority.server()) as endpoint:
            (result,) = await post(endpoint.url)
            return failed(result)

    assert asyncio.run(scenario()).failure is FailureClass.TLS


@LOOPS
@pytest.mark.parametrize(
    ("opening", "failure"),
    [
        (peer.Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), FailureClass.TLS),
        (peer.Drop(), FailureClass.TLS),
        (peer.Drop(reset=True), FailureClass.TLS),
        (peer.Hang(), FailureClass.TIMEOUT),
    ],
    ids=["plain http", "close", "reset", "silence"],
)
def test_an_endpoint_that_does_not_speak_tls_is_a_failure_of_its_class(
    loop: Loop, opening: peer.Answer, failure: FailureClass
) -> None:
    async def scenario() -> Failed:
        async with peer.Endpoint(opening=opening) as endpoint:
            (result,) = await post(f"https://127.0.0.1:{endpoint.port}/", timeout=SHORT)
            return failed(result)

    with asyncio.Runner(loop_factory=loop) as runner:
        result = runner.run(scenario())
    assert result.failure is failure


@LOOPS
def test_where_one_address_fails_in_the_handshake_the_next_is_tried(loop: Loop) -> None:
    hosts = ["127.0.0.2", "127.0.0.3"]

    async def scenario() -> tuple[Failed, list[str]]:
        dialled: list[str] = []

        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            dialled.append(writer.get_extra_info("sockname")[0])
            writer.close()

        async with await asyncio.start_server(hang_up, hosts, fresh_port(hosts[0])) as server:
            port = server.sockets[0].getsockname()[1]
            (result,) = await post(f"https://{NAME}:{port}/", names=ScriptedNames(hosts))
            return failed(result), dialled

    with asyncio.Runner(loop_factory=loop) as runner:
        result, dialled = runner.run(scenario())
    assert result.failure is FailureClass.TLS
    assert dialled == hosts
    assert result.timing.address == hosts[-1]
