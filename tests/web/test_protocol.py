from __future__ import annotations

import asyncio

import pytest
import websockets

from hub.web.protocol import GuardedProtocol, InboundLimits, guarded_protocol
from tests.web.raw import (
    CALM,
    GET,
    HALF,
    LAST,
    LOOPS,
    QUICK,
    Loop,
    post,
    serving,
    talk,
    with_headers,
)


@LOOPS
@pytest.mark.parametrize(
    "request_",
    [
        with_headers("X-Long: " + "x" * 16_384),
        with_headers("X-Long: " + "x" * 1_000_000),
        with_headers(*["X-Some: " + "x" * 1_000] * 17),
        with_headers(*[f"X-{number}: 1" for number in range(100)]),
        with_headers(*[f"X-{number}: 1" for number in range(5_000)]),
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: hub\r\nX-Unfinished: " + b"x" * 20_000,
    ],
    ids=["value", "1 MB", "all values", "101", "5000", "path", "unfinished"],
)
def test_too_large_a_header_is_answered_431_and_closed(loop: Loop, request_: bytes) -> None:
    async def scenario() -> tuple[bytes, list[str]]:
        async with serving(CALM) as server, server.client() as client:
            client.writer.write(request_)
            return await client.rest(), server.app.calls

    with asyncio.Runner(loop_factory=loop) as runner:
        answer, calls = runner.run(scenario())
    # A client that is still sending may lose the answer to the reset of the connection.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    if len(request_) < 60_000:
        assert answer
    assert calls == []


def test_a_header_just_below_the_limits_is_served() -> None:
    largest = with_headers("X-Long: " + "x" * 16_200)
    most = with_headers(*[f"X-{number}: 1" for number in range(99)])
    answer, app = talk(largest, most, LAST)

    assert answer.count(b"HTTP/1.1 200") == 3
    assert app.calls == ["/x", "/x", "/last"]


def test_a_large_body_is_no_large_header() -> None:
    answer, _ = talk(post(3_000_000, b"x" * 3_000_000), LAST)

    assert b"3000000 bytes" in answer
    assert answer.count(b"HTTP/1.1 200") == 2


def test_trailers_are_not_taken_for_headers() -> None:
    chunked = b"POST /x HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer, app = talk(chunked + b"2\r\nhi\r\n0\r\nAuthorization: x\r\n\r\n", LAST)

    assert b"2 bytes" in answer
    assert [name for name, _ in app.headers[0]] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /x HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\nGET /y HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\n\r\n" + post(5, b"valid"),
        b"GET /x HTTP/1.1\r\n\r\n\x00garbage after a refusal\r\n\r\n",
    ],
)
def test_a_malformed_request_is_answered_400_once_and_reaches_no_handler(
    request_: bytes,
) -> None:
    answer, app = talk(request_, limits=CALM)

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert app.calls == []


def test_a_request_of_http_1_0_needs_no_host() -> None:
    answer, _ = talk(b"GET /x HTTP/1.0\r\n\r\n", limits=CALM)

    assert answer.startswith(b"HTTP/1.1 200")


@LOOPS
def test_a_connection_is_kept_for_further_requests(loop: Loop) -> None:
    async def scenario() -> list[str]:
        async with serving(QUICK) as server, server.client() as client:
            for _ in range(3):
                await client.send(GET)
                assert (await client.answer()).startswith(b"HTTP/1.1 200")
            # An idle connection is uvicorn's own affair (timeout_keep_alive).
            await server.past_every_deadline()
            await client.send(post(2, b"hi"))
            assert b"2 bytes" in await client.answer()
            return server.app.calls

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(scenario()) == ["/x"] * 4


@LOOPS
def test_a_slow_handler_outlives_the_deadlines(loop: Loop) -> None:
    async def scenario() -> bytes:
        async with serving(QUICK) as server, server.client() as client:
            await client.send(post(2, b"hi", "/slow"))
            await server.app.called.wait()
            await server.past_every_deadline()
            server.app.release.set()
            return await client.answer()

    with asyncio.Runner(loop_factory=loop) as runner:
        assert b"2 bytes" in runner.run(scenario())


def test_a_handler_that_reads_late_does_not_cost_the_client_its_deadline() -> None:
    async def scenario() -> bytes:
        async with serving(QUICK) as server, server.client() as client:
            client.writer.write(post(3_000_000, b"x" * 3_000_000, "/slow"))
            await server.app.called.wait()
            await server.past_every_deadline()
            server.app.release.set()
            return await client.answer()

    assert b"3000000 bytes" in asyncio.run(scenario())


@LOOPS
def test_requests_behind_a_slow_one_are_answered_in_order(loop: Loop) -> None:
    async def scenario() -> tuple[bytes, bytes, list[str]]:
        async with serving(QUICK) as server, server.client() as client:
            slow = GET.replace(b"/x", b"/slow")
            await client.send(slow + post(2, b"hi") + HALF)
            await server.app.called.wait()
            await server.past_every_deadline()
            server.app.release.set()
            first, second = await client.answer(), await client.answer()
            return first, second, server.app.calls

    with asyncio.Runner(loop_factory=loop) as runner:
        first, second, calls = runner.run(scenario())
    assert b"0 bytes" in first
    assert b"2 bytes" in second
    assert calls == ["/slow", "/x"]


def test_a_refusal_does_not_write_into_an_answer_that_is_under_way() -> None:
    async def scenario() -> tuple[bytes, list[str]]:
        async with serving(CALM) as server, server.client() as client:
            await client.send(post(2, b"hi", "/slow"))
            await server.app.called.wait()
            await client.send(b"GET /x HTTP/1.1\r\n\r\n")
            return await client.rest(), server.app.calls

    assert asyncio.run(scenario()) == (b"", ["/slow"])


@LOOPS
def test_a_websocket_lives_longer_than_the_deadlines(loop: Loop) -> None:
    async def scenario() -> list[str | bytes]:
        async with (
            serving(QUICK) as server,
            websockets.connect(f"ws://127.0.0.1:{server.port}/ws") as client,
        ):
            await client.send("before")
            heard = [await client.recv()]
            await server.past_every_deadline()
            await client.send("after")
            return [*heard, await client.recv()]

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(scenario()) == ["before", "after"]


def test_another_upgrade_is_served_as_a_plain_request() -> None:
    async def scenario() -> bytes:
        async with serving(CALM) as server, server.client() as client:
            await client.send(with_headers("Connection: Upgrade", "Upgrade: h2c"))
            return await client.answer()

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 200")


def test_the_limits_belong_to_the_class_and_have_safe_defaults() -> None:
    assert guarded_protocol(QUICK).limits is QUICK
    assert GuardedProtocol.limits == InboundLimits(10.0, 30.0, 16 * 1024, 100)
