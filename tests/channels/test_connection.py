"""Connections over real sockets: when one is used again, and that exchanges never mix."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.channels.egress import Answer, EgressLimits, GuardedClient
from hub.core.delivery import Failed, FailureClass
from tests.channels.delivering import a_client
from tests.channels.dialling import LONG, LOOPBACK, LOOPS, SHORT, Loop, failed
from tests.support import endpoints as peer
from tests.support.deadline import DEADLINE
from tests.support.ports import fresh_port

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Kept:
    """Exactly these bytes, and the connection stays open."""

    wire: bytes

    async def play(self, exchange: peer.Exchange) -> bool:
        exchange.writer.write(self.wire)
        await exchange.writer.drain()
        return True


@dataclass(frozen=True, slots=True)
class Late:
    """An answer, and more when the test says so."""

    more: bytes
    now: asyncio.Event
    seen: asyncio.Event

    async def play(self, exchange: peer.Exchange) -> bool:
        exchange.writer.write(OK + EMPTY)
        await self.now.wait()
        exchange.writer.write(self.more)
        await peer.gone(exchange)
        self.seen.set()
        return False


@dataclass(slots=True)
class Ended:
    """Half an answer or none, and tells when the client has gone."""

    first: bytes = b""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, exchange: peer.Exchange) -> bool:
        exchange.writer.write(self.first)
        await peer.gone(exchange)
        self.gone.set()
        return False


def run(scenario: Callable[[], Awaitable[None]], loop: Loop = asyncio.new_event_loop) -> None:
    async def within_the_deadline() -> None:
        async with asyncio.timeout(DEADLINE):
            await scenario()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(within_the_deadline())


async def post_all(
    answers: Sequence[peer.Answer], *, read: int = 100, limits: EgressLimits | None = None
) -> tuple[list[Answer | Failed], peer.Endpoint]:
    async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK, limits) as client:
        results = [await client.post(endpoint.url, b"{}", (), LONG, read=read) for _ in answers]
        return results, endpoint


@LOOPS
@pytest.mark.parametrize(
    ("first", "connections"),
    [
        (OK + EMPTY, 1),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + EMPTY, 1),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + EMPTY, 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        (OK + EMPTY + b"\r\n", 1),
        (b"HTTP/1.0 200 OK\r\n" + EMPTY, 2),
        (OK + b"Connection: close\r\n" + EMPTY, 2),
        (OK + EMPTY + OK + EMPTY, 2),
        (OK + EMPTY + b"H", 2),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 2),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 2),
        (OK + b"Content-Length: 16384\r\n\r\n" + b"x" * 16384, 1),
        (OK + b"Content-Length: 999999\r\n\r\n" + b"x" * 16385, 2),
    ],
)
def test_a_connection_is_used_again_after_a_clean_answer_only(
    loop: Loop, first: bytes, connections: int
) -> None:
    async def scenario() -> None:
        results, endpoint = await post_all([Kept(first), peer.Reply(202)])
        assert isinstance(results[0], Answer)
        assert isinstance(results[1], Answer)
        assert results[1].status == 202
        assert endpoint.connections == connections

    run(scenario, loop)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    async def scenario() -> None:
        whole, cut = [
            peer.Raw(head + b"abc") for head in (OK + b"\r\n", OK + b"Content-Length: 9\r\n\r\n")
        ]
        (first, second), _ = await post_all([whole, cut])
        assert isinstance(first, Answer) and first.body == b"abc"
        assert isinstance(second, Answer) and second.body == b""

    run(scenario)


@LOOPS
@pytest.mark.parametrize("more", [b"x", b"HTTP/1.1 500 no\r\n" + EMPTY, b"\r\n"])
def test_what_comes_when_nobody_asked_closes_the_connection(loop: Loop, more: bytes) -> None:
    async def scenario() -> None:
        now, seen = asyncio.Event(), asyncio.Event()
        answers = [Late(more, now, seen), peer.Reply(202)]
        limits = EgressLimits(idle=10 * DEADLINE)
        async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK, limits) as client:
            assert isinstance(await client.post(endpoint.url, b"1", (), LONG), Answer)
            now.set()
            await seen.wait()
            second = await client.post(endpoint.url, b"2", (), LONG)
            assert isinstance(second, Answer) and second.status == 202
            assert endpoint.connections == 2

    run(scenario, loop)


@pytest.mark.parametrize("wire", [b"SSH-2.0-OpenSSH_9.2\r\n", OK[:3]])
def test_an_endpoint_that_speaks_first_is_not_understood(wire: bytes) -> None:
    async def scenario() -> None:
        async with peer.Endpoint(opening=Kept(wire)) as endpoint, a_client(LOOPBACK) as client:
            result = await client.post(endpoint.url, b"1", (), SHORT)
            assert failed(result).failure is FailureClass.PROTOCOL

    run(scenario)


@LOOPS
@pytest.mark.parametrize("first", [b"", OK + b"Content-Le", OK + b"Content-Length: 9\r\n\r\nx"])
@pytest.mark.parametrize("cancelled", [True, False])
def test_an_exchange_that_is_given_up_closes_its_connection(
    loop: Loop, first: bytes, cancelled: bool
) -> None:
    async def scenario() -> None:
        ended = Ended(first)
        answers = [ended, peer.Reply(202)]
        limits = EgressLimits(connections_per_origin=1, drain=0.1)
        async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK, limits) as client:
            limit = LONG if cancelled else SHORT
            task = asyncio.create_task(client.post(endpoint.url, b"1", (), limit))
            await endpoint.wait_for(1)
            if cancelled:
                task.cancel()
            await asyncio.wait([task])
            await ended.gone.wait()
            assert task.cancelled() is cancelled
            second = await client.post(endpoint.url, b"2", (), LONG)
            assert isinstance(second, Answer) and second.status == 202
            assert endpoint.connections == 2

    run(scenario, loop)


@LOOPS
def test_what_is_in_flight_fails_when_the_client_is_closed(loop: Loop) -> None:
    async def scenario() -> None:
        async with peer.Endpoint(default=peer.Hang()) as endpoint:
            limits = EgressLimits(connections_per_origin=2)
            client = GuardedClient(LOOPBACK, time.monotonic, limits=limits)
            await client.start()
            tasks = [asyncio.create_task(client.post(endpoint.url, b"", (), LONG)) for _ in "abc"]
            await endpoint.wait_for(2)
            await client.close()
            for task in tasks:
                assert failed(await task).failure is FailureClass.CONNECTION

    run(scenario, loop)


@LOOPS
def test_a_connection_that_nobody_uses_is_closed_after_a_while(loop: Loop) -> None:
    async def scenario() -> None:
        now, seen = asyncio.Event(), asyncio.Event()
        limits = EgressLimits(idle=0.05)
        answers = [Late(b"", now, seen)]
        async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK, limits) as client:
            assert isinstance(await client.post(endpoint.url, b"", (), LONG), Answer)
            now.set()
            await seen.wait()

    run(scenario, loop)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_was_begun_to_be_answered_is_not_sent_again(method: str) -> None:
    async def scenario() -> None:
        answers = [peer.Reply(), peer.Raw(b"H"), peer.Reply(), peer.Raw(b"HTTP/1.1 100 x\r\n\r\n")]
        async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK) as client:
            send = client.post if method == "POST" else client.put
            for _ in range(2):
                assert isinstance(await send(endpoint.url, b"{}", (), LONG), Answer)
                result = failed(await send(endpoint.url, b"{}", (), LONG))
                assert result.failure is FailureClass.CONNECTION
            assert len(endpoint.received) == 4

    run(scenario)


def test_the_limit_in_total_holds_over_all_origins_and_whoever_waits_is_served() -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        held = peer.Held(release)
        limits = EgressLimits(connections=2)
        async with (
            peer.Endpoint(default=held) as one,
            peer.Endpoint(default=held) as other,
            a_client(LOOPBACK, limits) as client,
        ):
            tasks = [
                asyncio.create_task(client.post(each.url, b"", (), LONG))
                for each in (one, one, other, other, one, other)
            ]
            await one.wait_for(2)
            late = await client.post(other.url, b"", (), SHORT)
            assert "waiting for a connection" in failed(late).reason
            assert (one.connections, other.connections) == (2, 0)
            release.set()
            assert all(isinstance(each, Answer) for each in await asyncio.gather(*tasks))

    run(scenario)


@asynccontextmanager
async def a_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Serve connections as ``serve`` does; yield the URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", fresh_port("127.0.0.1"))
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@LOOPS
def test_an_answer_before_the_whole_request_was_sent_closes_the_connection(loop: Loop) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\n" + EMPTY)
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with a_server(serve) as url, a_client(LOOPBACK) as client:
            for _ in range(2):
                result = await client.post(url, b"x" * 20_000_000, (), LONG)
                assert isinstance(result, Answer) and result.status == 413
        assert connections == 2

    run(scenario, loop)


BEHAVIOURS = (
    *("answer", "answer", "answer", "in pieces", "late", "twice", "more", "half", "half body"),
    *("close", "drop", "hang", "garbage"),
)


async def misbehave(behaviour: str, told: bytes, writer: asyncio.StreamWriter) -> bool:
    """Answer a request with the digest of its body, or not; tell whether it goes on."""
    answer = OK + b"Content-Length: %d\r\n\r\n%b" % (len(told), told)
    loop = asyncio.get_running_loop()
    if behaviour in ("late", "in pieces"):
        for piece in [answer] if behaviour == "late" else [answer[:20], answer[20:50], answer[50:]]:
            pause = loop.create_future()
            loop.call_later(0.01, pause.set_result, None)
            await pause
            writer.write(piece)
    elif behaviour == "hang":
        await asyncio.Event().wait()
    else:
        wires = {
            "twice": answer + OK + b"Content-Length: 5\r\n\r\nwrong",
            "more": answer + b"\r\n\r\nwrong",
            "half": answer[:20],
            "half body": answer[:-3],
            "close": answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1),
            "drop": b"",
            "garbage": b"wrong",
        }
        writer.write(wires.get(behaviour, answer))
    await writer.drain()
    return behaviour in ("answer", "in pieces", "late", "twice", "more")


def signed(number: int) -> bytes:
    """A body that begins with the digest of the rest."""
    rest = b"%d " % number * (number * 37 % 500)
    return hashlib.sha256(rest).hexdigest().encode() + rest


@LOOPS
@settings(deadline=None, max_examples=25)
@given(
    behaviours=st.lists(st.sampled_from(BEHAVIOURS), min_size=1, max_size=12),
    patience=st.lists(st.sampled_from([None, None, 0.0, 0.005, 0.012]), max_size=40),
)
def test_no_exchange_ever_sees_a_byte_of_another(
    loop: Loop, behaviours: list[str], patience: list[float | None]
) -> None:
    """Each request arrives whole, and each answer is the one to it, whatever happened before."""
    turns = itertools.cycle(behaviours)
    mixed: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        goes_on = True
        while goes_on:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            told = body[:64]
            if hashlib.sha256(body[64:]).hexdigest().encode() != told or head[:6] != b"POST /":
                mixed.append(head + body)
            goes_on = await misbehave(next(turns), told, writer)

    async def send(client: GuardedClient, url: str, number: int, seconds: float | None) -> None:
        body = signed(number)
        task = asyncio.create_task(client.post(url, body, (), SHORT / 3, read=100))
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        await asyncio.wait([task])
        result = None if task.cancelled() else task.result()
        if isinstance(result, Answer) and (result.status, result.body) != (200, body[:64]):
            assert result.body == b"", "of a body that is cut off nothing is told"

    async def scenario() -> None:
        limits = EgressLimits(connections_per_origin=3, drain=0.03)
        async with a_server(serve) as url, a_client(LOOPBACK, limits) as client:
            await asyncio.gather(*(send(client, url, *each) for each in enumerate(patience)))

    run(scenario, loop)
    assert not mixed
