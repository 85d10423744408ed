"""Many exchanges with an endpoint that does anything: none sees a byte of another."""

from __future__ import annotations

import asyncio
import hashlib
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.channels.egress import Answer, EgressLimits, GuardedClient
from tests.channels.delivering import a_client
from tests.channels.dialling import LOOPBACK, LOOPS, SHORT, Loop, a_server, run

OK = b"HTTP/1.1 200 OK\r\n"
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
