"""Connections over real sockets: when one is used again, and that exchanges never mix."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from hub.channels.connection import Connection, DroppedError
from hub.channels.egress import Answer, EgressLimits, GuardedClient
from hub.channels.reader import NotHttpError
from hub.core.delivery import Failed, FailureClass
from tests.channels.delivering import a_client
from tests.channels.dialling import LONG, LOOPBACK, LOOPS, SHORT, Loop, Wire, a_server, failed, run
from tests.support import endpoints as peer
from tests.support.deadline import DEADLINE

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
        answers: list[peer.Answer] = [Late(more, now, seen), peer.Reply(202)]
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


def test_what_came_before_the_request_is_no_answer_to_it() -> None:
    async def scenario() -> None:
        connection = Connection(EgressLimits(), time.monotonic, lambda _ended: None)
        wire = Wire(connection)
        connection.data_received(OK + EMPTY)
        assert wire.is_closing()
        with pytest.raises(NotHttpError):
            await connection.exchange(b"", asyncio.get_running_loop().time() + 1, 100)

    run(scenario)


def test_over_a_closed_connection_nothing_is_sent() -> None:
    async def scenario() -> None:
        connection = Connection(EgressLimits(), time.monotonic, lambda _ended: None)
        Wire(connection).close()
        with pytest.raises(DroppedError) as caught:
            await connection.exchange(b"", asyncio.get_running_loop().time() + 1, 100)
        assert caught.value.silent

    run(scenario)


@LOOPS
@pytest.mark.parametrize("first", [b"", OK + b"Content-Le", OK + b"Content-Length: 9\r\n\r\nx"])
@pytest.mark.parametrize("cancelled", [True, False])
def test_an_exchange_that_is_given_up_closes_its_connection(
    loop: Loop, first: bytes, cancelled: bool
) -> None:
    async def scenario() -> None:
        ended = Ended(first)
        answers: list[peer.Answer] = [ended, peer.Reply(202)]
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
def test_each_exchange_of_a_connection_has_its_own_time(loop: Loop) -> None:
    """A kept timer ends neither a later exchange too soon nor one that has less time too late."""

    async def scenario() -> None:
        clock = asyncio.get_running_loop()
        held = peer.Held(asyncio.Event())
        answers: list[peer.Answer] = [peer.Reply(200), held, peer.Reply(200), peer.Hang()]
        async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK) as client:
            first = await client.post(endpoint.url, b"1", (), SHORT)
            assert isinstance(first, Answer)
            waiting = asyncio.create_task(client.post(endpoint.url, b"2", (), LONG))
            await endpoint.wait_for(2)
            past = clock.create_future()
            clock.call_later(2 * SHORT.total_seconds(), past.set_result, None)
            await past
            held.release.set()
            assert isinstance(await waiting, Answer)
            assert isinstance(await client.post(endpoint.url, b"3", (), LONG), Answer)
            assert endpoint.connections == 1
            began = clock.time()
            late = failed(await client.post(endpoint.url, b"4", (), SHORT))
            assert late.failure is FailureClass.TIMEOUT
            assert clock.time() - began < LONG.total_seconds() / 2

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
        answers: list[peer.Answer] = [Late(b"", now, seen)]
        async with peer.Endpoint(answers) as endpoint, a_client(LOOPBACK, limits) as client:
            assert isinstance(await client.post(endpoint.url, b"", (), LONG), Answer)
            now.set()
            await seen.wait()

    run(scenario, loop)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_was_begun_to_be_answered_is_not_sent_again(method: str) -> None:
    async def scenario() -> None:
        answers: list[peer.Answer] = [
            peer.Reply(),
            peer.Raw(b"H"),
            peer.Reply(),
            peer.Raw(b"HTTP/1.1 100 x\r\n\r\n"),
        ]
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
