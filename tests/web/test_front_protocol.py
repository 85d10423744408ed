"""A web process's connections: what stays with it, what the hub goes on with, and how."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.web.protocol import InboundLimits
from tests.web.fronting import fronted
from tests.web.raw import LOOPS, Client, Loop

SAID = re.compile(rb"<(\w+) ([A-Z]+) (\S+) ([^>]*)>")
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def write(name: str = "a", body: bytes = b"{}", *lines: str) -> bytes:
    """Return a plain write."""
    head = [f"PUT /fhir/r4/Task/{name} HTTP/1.1", "Host: hub", *lines]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def read(name: str = "a", *lines: str) -> bytes:
    """Return a read."""
    head = [f"GET /fhir/r4/Task/{name} HTTP/1.1", "Host: hub", *lines, "", ""]
    return "\r\n".join(head).encode()


LAST = read("last", "Connection: close")


def run(scenario: Coroutine[Any, Any, None], loop: Loop = uvloop.new_event_loop) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario)


def said(text: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return who answered to what, in order."""
    return [(match[1], match[2], match[3].rsplit(b"/", 1)[1]) for match in SAID.finditer(text)]


async def heard(client: Client, count: int) -> list[tuple[bytes, bytes, bytes]]:
    """Return the next answers, ``count`` of them."""
    text = b""
    while len(SAID.findall(text)) < count:
        text += await client.reader.readuntil(b">")
    return said(text)


REQUESTS = st.lists(
    st.one_of(
        st.builds(
            write,
            st.sampled_from("abc"),
            st.binary(max_size=30).map(lambda b: b.replace(b">", b"")),
        ),
        st.builds(read, st.sampled_from("abc")),
    ),
    max_size=6,
)


@LOOPS
@settings(max_examples=60)
@given(requests=REQUESTS, cuts=st.lists(st.integers(0, 900), max_size=4))
def test_every_request_is_answered_in_its_turn_however_it_is_cut(
    loop: Loop, requests: list[bytes], cuts: list[int]
) -> None:
    text = b"".join(requests) + LAST

    async def scenario() -> None:
        async with fronted() as both, both.client() as client:
            client.writer.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
            )
            start = 0
            for cut in sorted({*cuts, len(text)}):
                await client.send(text[start:cut])
                start = cut
            answers = await client.rest()
        asked = [each.split(b" ", 2)[:2] for each in (*requests, LAST)]
        expected = [(method, path.rsplit(b"/", 1)[1]) for method, path in asked]
        found = said(answers)
        assert [(method, name) for _, method, name in found] == expected
        bodies = [match[4] for match in SAID.finditer(answers)]
        assert bodies == [each.partition(b"\r\n\r\n")[2] for each in (*requests, LAST)]
        who = [name for name, _, _ in found]
        reads = [number for number, (method, _) in enumerate(expected) if method == b"GET"]
        assert who == [b"web"] * reads[0] + [b"hub"] * (len(who) - reads[0])

    run(scenario(), loop)


@LOOPS
def test_what_follows_a_slow_write_waits_for_its_answer(loop: Loop) -> None:
    async def scenario() -> None:
        async with fronted() as both, both.client() as client:
            await client.send(write("slow") + write("b") + read() + write("c"))
            await both.web.called.wait()
            await client.send(LAST)
            both.web.release.set()
            assert said(await client.rest()) == [
                (b"web", b"PUT", b"slow"),
                (b"web", b"PUT", b"b"),
                (b"hub", b"GET", b"a"),
                (b"hub", b"PUT", b"c"),
                (b"hub", b"GET", b"last"),
            ]

    run(scenario(), loop)


@LOOPS
def test_an_answer_goes_out_whole_before_its_connection_leaves(loop: Loop) -> None:
    body = b"x" * 6_000_000

    async def scenario() -> None:
        async with fronted() as both, both.client() as client:
            sending = asyncio.ensure_future(client.send(write("big", body) + LAST))
            answers = await client.rest()
            await sending
            first, _, second = answers.partition(b">")
            assert first.endswith(b"<web PUT /fhir/r4/Task/big " + body)
            assert said(second) == [(b"hub", b"GET", b"last")]

    run(scenario(), loop)


@LOOPS
def test_the_hub_waits_for_the_rest_of_a_slow_header(loop: Loop) -> None:
    async def scenario() -> None:
        async with fronted(rest_seconds=0.01) as both, both.client() as client:
            await client.send(write() + LAST[:10])
            assert await heard(client, 1) == [(b"web", b"PUT", b"a")]
            while not both.back.server_state.connections:
                await _a_moment()
            assert not both.front.server_state.connections
            await client.send(LAST[10:])
            assert said(await client.rest()) == [(b"hub", b"GET", b"last")]

    run(scenario(), loop)


async def _a_moment() -> None:
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.01, over.set_result, None)
    await over


@LOOPS
def test_the_limits_hold_in_both_processes(loop: Loop) -> None:
    quick = InboundLimits(header_seconds=0.15, body_seconds=0.15)

    async def scenario() -> None:
        async with fronted(quick) as both:
            for sent, status in (
                (b"", b""),
                (write()[:-1], b"408"),
                (read()[:-1], b"408"),
                (write("a", b"{}", *(f"x-{n}: y" for n in range(101))), b"431"),
                (read("a", *(f"x-{n}: y" for n in range(101))), b"431"),
                (b"PUT /fhir/r4/Task/a HTTP/1.1\r\nx: " + b"y" * 20_000, b"431"),
                (write().replace(b"Host: hub\r\n", b""), b"400"),
                (write().replace(b"Host: hub", b"Host : hub"), b"400"),
                (b"what is this\r\n\r\n", b"400"),
            ):
                async with both.client() as client:
                    await client.send(sent)
                    answer = await client.rest()
                    assert answer[9:12] == status, (sent[:100], answer)

    run(scenario(), loop)


@LOOPS
def test_a_websocket_goes_on_with_the_hub(loop: Loop) -> None:
    async def scenario() -> None:
        async with fronted() as both, both.client() as client:
            await client.send(write())
            assert await heard(client, 1) == [(b"web", b"PUT", b"a")]
            await client.send(UPGRADE)
            assert b" 101 " in await client.reader.readuntil(b"\r\n\r\n")
            await client.send(b"\x81\x85\x00\x00\x00\x00hello")
            assert await client.reader.readexactly(7) == b"\x81\x05hello"

    run(scenario(), loop)


@LOOPS
def test_a_client_that_leaves_is_forgotten_by_both(loop: Loop) -> None:
    async def scenario() -> None:
        async with fronted(rest_seconds=0.01) as both:
            async with both.client() as client:
                await client.send(write("slow") + read())
                await both.web.called.wait()
            both.web.release.set()
            async with both.client() as client:
                await client.send(write() + LAST[:30])
                await heard(client, 1)
            while both.front.server_state.connections or both.back.server_state.connections:
                await _a_moment()

    run(scenario(), loop)


@LOOPS
@pytest.mark.parametrize("following", [b"", read("b")], ids=["nothing", "a read"])
def test_what_has_been_asked_is_answered_though_both_shut_down(
    loop: Loop, following: bytes
) -> None:
    async def scenario() -> None:
        async with fronted() as both, both.client() as idle, both.client() as client:
            await idle.send(write())
            await heard(idle, 1)
            both.web.called.clear()
            await client.send(write("slow") + following)
            await both.web.called.wait()
            await _a_moment()
            both.front.should_exit = both.back.should_exit = True
            ending = [asyncio.ensure_future(each.shutdown()) for each in (both.front, both.back)]
            assert await idle.rest() == b""
            both.web.release.set()
            expected = [(b"web", b"PUT", b"slow")]
            expected += [(b"hub", b"GET", b"b")] if following else []
            assert said(await client.rest()) == expected
            await asyncio.gather(*ending)

    run(scenario(), loop)


def test_more_leave_at_once_than_the_passage_holds() -> None:
    async def scenario() -> None:
        async with fronted() as both:
            streams = [await asyncio.open_connection("127.0.0.1", both.port) for _ in range(300)]
            for _, writer in streams:
                writer.write(LAST)
            for reader, writer in streams:
                assert said(await reader.read()) == [(b"hub", b"GET", b"last")]
                writer.close()

    run(scenario())
