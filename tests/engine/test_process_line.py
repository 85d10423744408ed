"""Values over a line between two processes: all of them, in order, however they are cut."""

from __future__ import annotations

import asyncio
import pickle
import socket
import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.engine.process_line import ProcessLine
from tests.support.deadline import DEADLINE

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@given(frames=st.lists(st.lists(VALUES, max_size=4), max_size=5), cut=st.integers(1, 40))
def test_values_come_in_order_however_they_are_cut(frames: list[list[Any]], cut: int) -> None:
    came: list[Any] = []
    text = b"".join(struct.pack("!I", len(frame)) + frame for frame in map(pickle.dumps, frames))

    async def scenario() -> None:
        line = ProcessLine(came.append)
        for start in range(0, len(text), cut):
            line.data_received(text[start : start + cut])

    asyncio.run(scenario())
    assert came == [value for frame in frames for value in frame]


def test_items_of_one_kind_go_together_after_what_was_said_in_the_same_turn() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        heard: list[Any] = []
        ours, its = socket.socketpair()
        line, other = ProcessLine([].append), ProcessLine(heard.append)
        await loop.create_connection(lambda: line, sock=ours)
        await loop.create_connection(lambda: other, sock=its)
        line.gather(tuple, 1)
        line.say("said")
        line.gather(tuple, 2)
        line.gather(sum, 3)
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn
        line.gather(sum, 4)
        line.close()
        async with asyncio.timeout(DEADLINE):
            await other.lost
        assert heard == ["said", (1, 2), 3, 4]

    asyncio.run(scenario())


def test_both_ends_hear_all_until_one_closes() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        heard: tuple[list[Any], list[Any]] = ([], [])
        ends = socket.socketpair()
        lines = [ProcessLine(each.append) for each in heard]
        for line, end in zip(lines, ends, strict=True):
            await loop.create_connection(lambda line=line: line, sock=end)  # type: ignore[misc]  # mypy can't infer the type of a lambda with a default
        for number in range(100):
            lines[0].say(("big", number, b"x" * 50_000))
            lines[1].say(number)
        assert not lines[0].is_behind
        lines[0].close()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*(line.lost for line in lines))
        assert [number for _, number, _ in heard[1]] == [*range(100)]
        lines[1].say("nobody hears this")
        assert not lines[1].is_behind

    asyncio.run(scenario())
