"""Websocket frames, written by the bare server and taken by the clients."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from hub.cli.bench.bare_socket import frame
from hub.cli.bench.sockets import frame_in
from hub.cli.bench.stall import NAP, Stalls

_SIZES = st.one_of(st.integers(0, 200), st.sampled_from([125, 126, 65_535, 65_536]))


@given(st.lists(_SIZES, min_size=1, max_size=5), st.integers(0, 300))
def test_frames_are_found_one_after_the_other_once_they_are_whole(
    sizes: list[int], cut: int
) -> None:
    payloads = [bytes([number]) * size for number, size in enumerate(sizes)]
    whole = b"".join(map(frame, payloads))
    start, found = 0, []
    while (each := frame_in(whole, start)) is not None:
        opcode, begin, start = each
        assert opcode == 1
        found.append(whole[begin:start])
    assert found == payloads and start == len(whole)
    short = frame(payloads[0])[: max(0, len(frame(payloads[0])) - 1 - cut)]
    assert frame_in(short, 0) is None


async def _longest(*seconds: float) -> float:
    stalls = Stalls()
    for each in seconds:
        stalls.note(each)
    return await stalls.longest()


def test_a_stall_is_what_a_nap_took_too_long() -> None:
    assert asyncio.run(_longest(NAP, NAP + 0.05, NAP / 2)) == 50.0
    assert asyncio.run(_longest()) == 0
