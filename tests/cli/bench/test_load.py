"""A load: paced evenly, timed from when each request was meant to be sent, counted exactly."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.bench.failure import Wrong
from hub.cli.bench.load import Schedule, changes_by, check_accepted, run_load
from hub.cli.bench.wire import OK, ConnectionLost, connect, listen, request

_SECOND = 1_000_000_000
_TASKS = {"kind": "writes", "seed": "x", "prefix": "p", "owners": 5, "only": "Task"}

Take = Callable[[bytes, bytes, Callable[[bytes], None]], None]


@given(st.floats(0.1, 3), st.floats(1, 500), st.integers(0, 10 * _SECOND))
def test_a_rate_is_kept_whatever_the_clock_says(seconds: float, rate: float, late: int) -> None:
    schedule = Schedule(0, seconds, rate)
    instants = []
    while (at := schedule.next(late)) is not None:
        instants.append(at)
    assert len(instants) == pytest.approx(seconds * rate, abs=1.01)
    assert instants[0] == 0 and instants[-1] < seconds * _SECOND
    gaps = {later - earlier for earlier, later in pairwise(instants)}
    assert all(abs(gap - _SECOND / rate) <= 1 for gap in gaps)


def test_without_a_rate_the_next_is_sent_at_once_until_time_is_over() -> None:
    schedule = Schedule(100, 1, None)
    assert schedule.next(500) == 500
    assert schedule.next(100 + _SECOND - 1) == 100 + _SECOND - 1
    assert schedule.next(100 + _SECOND) is None


def _loaded(take: Take, **arguments: Any) -> dict[str, Any]:
    async def scenario() -> dict[str, Any]:
        server, port = await listen(take)
        async with server:
            return await run_load(port=port, **{"seconds": 0.2, "connections": 3, **arguments})

    return asyncio.run(scenario())


def test_what_is_reported_is_what_came() -> None:
    came = Counter[bytes]()

    def take(path: bytes, body: bytes, answer: Callable[[bytes], None]) -> None:
        came[path.rpartition(b"/")[0]] += 1
        answer(OK)

    report = _loaded(take, traffic=_TASKS)
    assert check_accepted(report) == came[b"/fhir/r4/Task"] == len(report["times"])
    assert 0 < changes_by(report).total() <= came.total()
    assert report["seconds"] >= 0.2


def test_transactions_and_posts_are_loads_too() -> None:
    sizes = []

    def take(path: bytes, body: bytes, answer: Callable[[bytes], None]) -> None:
        sizes.append((path, len(body)))
        answer(OK)

    _loaded(take, traffic=_TASKS | {"kind": "transactions", "size": 600, "entries": 4})
    assert {path for path, _ in sizes} == {b"/fhir/r4"}
    assert min(size for _, size in sizes) > 4 * 600
    sizes.clear()
    _loaded(take, traffic=_TASKS | {"kind": "posts", "size": 900, "paths": 3})
    assert {path for path, _ in sizes} == {b"/bare/0", b"/bare/1", b"/bare/2"}


def test_who_answers_late_is_not_let_off_what_would_have_been_asked_meanwhile() -> None:
    waiting: list[Callable[[bytes], None]] = []

    def take(path: bytes, body: bytes, answer: Callable[[bytes], None]) -> None:
        waiting.append(answer)
        if len(waiting) == 1:
            # One stall of 200 ms, then all is answered at once.
            asyncio.get_running_loop().call_later(0.2, lambda: [each(OK) for each in waiting])
        elif len(waiting) > 3:
            answer(OK)

    report = _loaded(take, traffic=_TASKS, rate=50.0)
    slow = [each for each in report["times"] if each > 100]
    # 50 a second for 200 ms: half of the ten were meant to be sent in its first half.
    assert len(report["times"]) == 10 and len(slow) >= 5


def test_a_refusal_is_wrong() -> None:
    refusing = b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n"
    report = _loaded(lambda path, body, answer: answer(refusing), traffic=_TASKS)
    assert not report["done"]
    with pytest.raises(Wrong, match="422"):
        check_accepted(report)


def test_a_load_that_sent_nothing_is_wrong() -> None:
    with pytest.raises(Wrong, match="nothing was sent"):
        check_accepted({"refused": [], "done": []})


def test_a_connection_that_ends_fails_its_exchange() -> None:
    async def scenario() -> None:
        async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(close, "127.0.0.1", 0)
        async with server:
            connection = await connect("127.0.0.1", server.sockets[0].getsockname()[1])
            with pytest.raises(ConnectionLost):
                await connection.exchange(request(b"GET", b"h", b"/"))

    asyncio.run(scenario())
