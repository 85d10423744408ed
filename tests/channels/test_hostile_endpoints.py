from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import timedelta
from types import FrameType

import pytest
import uvloop

from hub.channels.egress import EgressLimits
from hub.core.delivery import Delivered, DeliveryResult, Failed, FailureClass
from tests.channels.delivering import (
    an_envelope,
    channel,
    deliver,
    failed,
)
from tests.support import endpoints as peer
from tests.support import hostile

F = FailureClass
SHORT = timedelta(milliseconds=200)
NETWORK: list[tuple[str, peer.Answer, FailureClass]] = [
    ("silence", peer.Hang(), F.TIMEOUT),
    ("half a header, then silence", hostile.slow_header(), F.TIMEOUT),
    ("100 Continue without end", hostile.endless_continue(), F.TIMEOUT),
    ("RST", peer.Drop(reset=True), F.CONNECTION),
    ("close without an answer", peer.Drop(), F.CONNECTION),
    ("half an answer", hostile.half_answer(), F.CONNECTION),
    ("a header of one megabyte", hostile.huge_header(), F.PROTOCOL),
    ("a header without end", hostile.endless_header(), F.PROTOCOL),
    ("headers without end", hostile.endless_headers(), F.PROTOCOL),
    ("two lengths", hostile.two_lengths(), F.PROTOCOL),
    *((repr(raw.wire[:12]), raw, F.PROTOCOL) for raw in hostile.other_protocols()),
]


@pytest.mark.parametrize(
    ("answer", "failure"), [case[1:] for case in NETWORK], ids=[case[0] for case in NETWORK]
)
def test_a_hostile_answer_is_a_failure_of_its_class_within_the_deadline(
    answer: peer.Answer, failure: FailureClass
) -> None:
    (result,), _ = deliver([answer], timeout=SHORT)

    assert failed(result).failure is failure
    assert result.timing.total < 2_000
    assert len(failed(result).reason) < 120


@pytest.mark.parametrize(
    "answer",
    [hostile.slow_body(), hostile.short_body(), hostile.gzip_bomb()],
    ids=["slow body", "short body", "gzip bomb"],
)
def test_a_bad_body_after_200_does_not_undo_the_delivery(answer: peer.Answer) -> None:
    (result,), _ = deliver([answer], timeout=SHORT)

    assert isinstance(result, Delivered)
    assert result.timing.total < 2_000


def test_a_compressed_body_is_read_as_it_came() -> None:
    # Ten kilobytes on the wire are few enough to read and keep the connection; ten million are not.
    _, endpoint = deliver([hostile.gzip_bomb(), peer.Reply()])

    assert endpoint.connections == 1


def test_of_an_endless_body_only_a_little_is_read() -> None:
    answer = hostile.endless_body()
    (result,), endpoint = deliver([answer])

    assert isinstance(result, Delivered)
    # What the kernel's buffers of both sides hold may be on the way; the client reads 16 KiB.
    assert answer.sent < 16_000_000
    assert endpoint.connections == 1


def test_a_bad_body_is_not_taken_for_the_next_answer() -> None:
    results, endpoint = deliver([hostile.long_body(), peer.Reply(500)])

    # What follows the announced body is no HTTP; the attempt is repeated, not believed.
    assert failed(results[0]).failure is FailureClass.PROTOCOL
    assert failed(results[1]).status == 500
    assert endpoint.connections == 2


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/"])
def test_a_redirect_inside_is_not_followed(target: str) -> None:
    (result,), endpoint = deliver([peer.redirect(target)])

    assert failed(result).failure is FailureClass.REDIRECT
    assert failed(result).status == 307
    assert target not in repr(result)
    assert len(endpoint.received) == 1


def test_an_endpoint_that_is_not_there_is_a_failed_connection() -> None:
    async def scenario() -> DeliveryResult:
        async with peer.Endpoint() as endpoint:
            url = endpoint.url
        async with channel() as hook:
            return await hook.send(an_envelope(url))

    result = failed(asyncio.run(scenario()))
    assert (result.failure, result.reason) == (F.CONNECTION, "the connection was refused")


def frames_left(scenario: Callable[[], object]) -> list[str]:
    """Return which calls of channels wait for the collector after ``scenario``."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        scenario()
        gc.collect()
        codes = [each.f_code for each in gc.garbage if isinstance(each, FrameType)]
        return [code.co_name for code in codes if "/hub/channels/" in code.co_filename]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def test_a_failed_connection_leaves_nothing_for_the_collector() -> None:
    async def scenario() -> None:
        async with peer.Endpoint() as endpoint:
            url = endpoint.url
        async with channel() as hook:
            assert failed(await hook.send(an_envelope(url))).failure is F.CONNECTION

    assert not frames_left(lambda: asyncio.run(scenario()))


@pytest.mark.parametrize("answer", [case[1] for case in NETWORK], ids=[case[0] for case in NETWORK])
def test_a_failed_exchange_leaves_nothing_for_the_collector(answer: peer.Answer) -> None:
    assert not frames_left(lambda: deliver([answer], timeout=SHORT))


def test_many_hanging_endpoints_do_not_delay_a_healthy_one() -> None:
    async def scenario() -> tuple[DeliveryResult, int]:
        async with (
            peer.Endpoint(default=peer.Hang()) as stuck,
            peer.Endpoint() as healthy,
            channel(limits=EgressLimits(connections_per_origin=4)) as hook,
        ):
            envelope = an_envelope(stuck.url)
            waiting = [asyncio.create_task(hook.send(envelope)) for _ in range(40)]
            await stuck.wait_for(4)
            result = await hook.send(an_envelope(healthy.url))
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return result, stuck.connections

    result, connections = asyncio.run(scenario())
    assert isinstance(result, Delivered)
    assert connections == 4


def test_it_all_works_on_uvloop_too() -> None:
    async def scenario() -> list[DeliveryResult]:
        answers: list[peer.Answer] = [
            *(peer.Reply(), peer.Drop(), peer.Reply(503), hostile.short_body(), peer.Drop()),
            *(peer.Hang(),),
        ]
        async with peer.Endpoint(answers) as endpoint, channel() as hook:
            long, short = (an_envelope(endpoint.url, timeout=one) for one in (SHORT * 50, SHORT))
            results = [await hook.send(long) for _ in range(4)]
            return [*results, await hook.send(short)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(scenario())
    classes = [result.failure if isinstance(result, Failed) else None for result in results]
    assert classes == [None, F.BUSY, None, F.CONNECTION, F.TIMEOUT]
