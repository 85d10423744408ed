"""The binding of websockets: where a socket begins, and that it misses nothing."""

from __future__ import annotations

import logging

import pytest

from hub.engine.binding import MOST_MISSED
from hub.errors import NotFound, StoreFull
from tests.engine.socketing import R4, TICK, written
from tests.support.fallible_store import FallibleStore
from tests.support.rig import HOUR, SECOND, Rig, a_rig, on_rig
from tests.support.rig_endpoints import Wire
from tests.support.rig_resources import a_task
from tests.support.virtual_time import run_virtually

pytestmark = pytest.mark.usefixtures("ways")


def test_a_bind_begins_with_a_handshake_and_then_sends_what_happens() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        wire, session = await rig.bind("sub")
        await rig.after(TICK)
        assert wire.types == ["handshake"]
        assert wire.came[0][1]["events-since-subscription-start"] == "0"
        await written(rig, 2)
        await rig.after(TICK)
        assert wire.numbers == [1, 2]
        assert rig.hub.sockets.bound == 1
        await session.close()
        assert rig.hub.sockets.bound == 0
        await written(rig, 1)
        await rig.after(TICK)
        assert wire.numbers == [1, 2]

    on_rig(scenario)


def test_what_nobody_was_sent_yet_comes_first() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", max_count=2)
        await written(rig, 5)
        wire, session = await rig.bind("sub")
        await rig.after(TICK)
        assert wire.numbers == [1, 2, 3, 4, 5]
        assert [len(status["numbers"]) for _, status in wire.came] == [0, 2, 2, 1]
        await session.close()
        await written(rig, 2)
        wire, session = await rig.bind("sub")
        await rig.after(TICK)
        assert wire.came[0][1]["events-since-subscription-start"] == "7"
        assert wire.numbers == [6, 7]

    on_rig(scenario)


def test_no_more_than_a_bound_of_missed_events_is_sent_unasked() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", max_count=500)
        for _ in range(3):
            await rig.write(*(a_task() for _ in range(400)))
        wire, _ = await rig.bind("sub")
        await rig.after(TICK)
        assert wire.numbers == list(range(1200 - MOST_MISSED + 1, 1201))

    on_rig(scenario)


@pytest.mark.parametrize(
    ("resume_after", "expected"),
    [(0, [1, 2, 3, 4]), (2, [3, 4]), (4, []), (99, [])],
)
def test_a_client_may_name_the_number_after_which_to_go_on(
    resume_after: int, expected: list[int]
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        await written(rig, 4)
        before, _ = await rig.bind("sub")
        await rig.after(TICK)
        assert before.numbers == [1, 2, 3, 4]
        wire, _ = await rig.bind("sub", resume_after=resume_after)
        await rig.after(TICK)
        assert wire.numbers == expected
        assert wire.came[0][1]["errors"] == []
        await written(rig, 1)
        await rig.after(TICK)
        assert wire.numbers == [*expected, 5]
        assert before.numbers == [1, 2, 3, 4, 5]

    on_rig(scenario)


@pytest.mark.parametrize(("resume_after", "told"), [(None, "0"), (0, "0"), (1, "3")])
def test_the_handshake_of_a_client_that_names_a_number_is_not_the_very_first(
    resume_after: int | None, told: str
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        await written(rig, 3)
        # As after a kill: what sockets were sent was not kept.
        wire, _ = await rig.bind("sub", resume_after=resume_after)
        await rig.after(TICK)
        assert wire.came[0][1]["events-since-subscription-start"] == told

    on_rig(scenario)


@pytest.mark.parametrize("resume_after", [1, None])
def test_below_the_floor_the_handshake_names_the_lowest_number(resume_after: int | None) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        await written(rig, 3)
        await rig.after(2 * HOUR)
        await written(rig, 2)
        await rig.retention.sweep()
        wire, _ = await rig.bind("sub", resume_after=resume_after)
        await rig.after(TICK)
        told = [error["text"] for error in wire.came[0][1]["errors"]]
        lost = "events 2 to 3 are no longer kept; the lowest number is 4"
        assert told == ([] if resume_after is None else [lost])
        assert wire.numbers == [4, 5]

    on_rig(scenario, retain=HOUR)


def test_a_token_binds_all_its_subscriptions_to_one_socket_and_any_number_of_sockets() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("a", type="websocket")
        await rig.update("b", type="websocket", filters=("Task?owner=Organization/other",))
        token = rig.hub.tokens.issue(R4, None).token
        wires = [Wire(rig.clock.now), Wire(rig.clock.now)]
        for wire in wires:
            await rig.hub.sockets.session(wire).bind(token)
        await rig.write(a_task())
        await rig.write(a_task("Organization/other"))
        await rig.after(TICK)
        for wire in wires:
            assert sorted(wire.types) == ["event-notification"] * 2 + ["handshake"] * 2
            assert wire.numbers == [1, 1]
        assert rig.hub.sockets.bound == 4

    on_rig(scenario)


def test_binding_again_starts_anew_without_a_second_copy_of_anything() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        wire, session = await rig.bind("sub")
        await written(rig, 1)
        await rig.after(TICK)
        await session.bind(rig.hub.tokens.issue(R4, ["sub"]).token)
        await rig.after(TICK)
        await written(rig, 1)
        await rig.after(TICK)
        assert wire.types == [
            "handshake",
            "event-notification",
            "handshake",
            "event-notification",
        ]
        assert wire.numbers == [1, 2]
        assert rig.hub.sockets.bound == 1
        assert not session.failed.done()

    on_rig(scenario)


def test_an_unknown_token_binds_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        wire = Wire(rig.clock.now)
        with pytest.raises(NotFound):
            await rig.hub.sockets.session(wire).bind("guessed")
        assert rig.hub.sockets.bound == 0

    on_rig(scenario)


def test_without_a_bound_socket_nothing_is_sent_and_nothing_fails() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", heartbeat=60)
        await written(rig, 3)
        await rig.after(24 * HOUR)
        assert rig.status("sub") == "active"
        assert rig.subscriber("sub").error is None
        assert rig.hub.subscribers.top(rig.subscriber("sub")) == 3

    on_rig(scenario)


def test_the_highest_number_sent_is_kept_once_a_second_and_at_unbind() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        _, session = await rig.bind("sub")
        await rig.after(10 * SECOND)
        commits = len(store.commits)
        for _ in range(20):
            await written(rig, 1)
            await rig.after(TICK)
        await rig.after(SECOND)
        kept = [batch for batch in store.commits[commits:] if batch.deliveries]
        assert 2 <= len(kept) <= 4
        assert rig.subscriber("sub").delivery.cursor == 20
        await written(rig, 1)
        await rig.after(SECOND / 100)
        await session.close()
        assert rig.subscriber("sub").delivery.cursor == 21

    on_rig(scenario, store=store)


def test_a_full_disk_delays_what_is_kept_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        wire, _ = await rig.bind("sub")
        await rig.after(10 * SECOND)
        await written(rig, 1)
        store.refuse = lambda batch: StoreFull("no space left")
        await rig.after(10 * SECOND)
        assert rig.subscriber("sub").delivery.cursor == 0
        store.refuse = lambda batch: None
        await rig.after(2 * SECOND)
        assert rig.subscriber("sub").delivery.cursor == 1
        await written(rig, 1)
        await rig.after(TICK)
        assert wire.numbers == [1, 2]

    on_rig(scenario, store=store)


def test_after_a_restart_a_bind_goes_on_after_the_highest_number_sent() -> None:
    store = FallibleStore()

    async def scenario() -> None:
        async with a_rig(store=store) as rig:
            await rig.update("sub", type="websocket")
            _, session = await rig.bind("sub")
            await written(rig, 2)
            await rig.after(TICK)
            await session.close()
            await written(rig, 1)
        async with a_rig(store=store) as rig:
            wire, _ = await rig.bind("sub")
            await rig.after(TICK)
            assert wire.numbers == [3]

    run_virtually(scenario())


def test_a_subscription_that_is_gone_before_the_bind_ends_the_session_at_once() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        token = rig.hub.tokens.issue(R4, ["sub"]).token
        await rig.hub.subscriptions.delete(R4, "sub")
        wire = Wire(rig.clock.now)
        session = rig.hub.sockets.session(wire)
        await session.bind(token)
        await rig.after(TICK)
        assert session.failed.done()
        assert wire.numbers == []

    on_rig(scenario)
