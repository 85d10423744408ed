from __future__ import annotations

import asyncio

import pytest

from tests.web.raw import (
    GET,
    HALF,
    LOOPS,
    QUICK,
    App,
    Loop,
    post,
    serving,
    talk,
)


@LOOPS
@pytest.mark.parametrize("piece", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_connection_without_a_request_is_closed(loop: Loop, piece: bytes) -> None:
    answer, app = talk(piece, loop=loop)

    assert answer == b""
    assert app.calls == []


@LOOPS
@pytest.mark.parametrize("piece", [b"G", b"GET /x", HALF, b"GET /x HTTP/1.1\r\n"])
def test_half_a_header_is_answered_408_and_closed(loop: Loop, piece: bytes) -> None:
    answer, app = talk(piece, loop=loop)

    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert app.calls == []


@LOOPS
@pytest.mark.parametrize(
    "request_",
    [
        post(10, b""),
        post(10, b"half"),
        b"POST /x HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"POST /x HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_half_a_body_is_answered_408_and_the_application_told(loop: Loop, request_: bytes) -> None:
    answer, app = talk(request_, loop=loop)

    assert b"HTTP/1.1 408 Request Timeout\r\n" in answer
    assert answer.count(b"HTTP/1.1 200") == 0
    assert app.ends[-1] == "http.disconnect"


@pytest.mark.parametrize(
    ("begin", "calls"),
    [(b"GET /x HTTP/1.1\r\nHost: hub\r\nX-Slow: ", []), (post(5_000, b""), ["/x"])],
    ids=["header", "body"],
)
def test_a_deadline_is_absolute_and_not_per_byte(begin: bytes, calls: list[str]) -> None:
    async def scenario() -> tuple[bytes, App]:
        async with serving(QUICK) as server, server.client() as client:
            await client.send(begin)
            ended = asyncio.create_task(client.rest())
            while not ended.done():
                client.writer.write(b"x")
                await asyncio.wait([ended], timeout=0.02)
            return await ended, server.app

    answer, app = asyncio.run(scenario())
    # The byte that crosses the answer may reset the connection and lose it.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
    assert app.calls == calls
    assert not app.ends or app.ends[-1] == "http.disconnect"


def test_a_body_that_stops_after_the_answer_began_only_closes() -> None:
    answer, _ = talk(post(10, b"half", "/begun"))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"408" not in answer


def test_a_body_that_nobody_waits_for_closes_after_the_answer() -> None:
    answer, _ = talk(post(10, b"half", "/early"))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"0 bytes" in answer


def test_a_later_request_has_the_same_deadlines() -> None:
    answer, app = talk(GET, HALF)

    assert answer.startswith(b"HTTP/1.1 200")
    assert app.calls == ["/x"]


def test_blank_lines_do_not_keep_a_connection_open() -> None:
    async def scenario() -> bytes:
        async with serving(QUICK) as server, server.client() as client:
            await client.send(GET)
            await client.answer()
            await client.send(b"\r\n")
            return await client.rest()

    assert asyncio.run(scenario()) == b""
