"""Websockets that are bound: what they are sent and when, what holds them up, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from hub.engine.announcement import Audience
from hub.engine.socket_binding import MOST_AT_ONCE
from hub.engine.sockets import MOST_IN_SLICE
from tests.engine.socketing import R4, TICK, written
from tests.support.rig import HOUR, SECOND, Rig, on_rig
from tests.support.rig_endpoints import Wire
from tests.support.rig_resources import a_task

pytestmark = pytest.mark.usefixtures("ways")


class Stuck(Wire):
    """A socket that takes nothing."""

    waits = True

    async def send(self, text: bytes) -> None:
        await asyncio.Event().wait()


def test_heartbeats_follow_each_sockets_own_clock() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", heartbeat=60)
        one, _ = await rig.bind("sub")
        await rig.after(30 * SECOND)
        other, _ = await rig.bind("sub")
        await rig.after(95 * SECOND)
        begun = one.came[0][0]
        assert [round((at - begun).total_seconds()) for at, _ in one.came] == [0, 60, 120]
        assert [round((at - begun).total_seconds()) for at, _ in other.came] == [30, 90]
        await written(rig, 1)
        await rig.after(61 * SECOND)
        assert [round((at - begun).total_seconds()) for at, _ in one.came][3:] == [125, 185]
        assert one.types[3:] == ["event-notification", "heartbeat"]
        assert one.came[-1][1]["events-since-subscription-start"] == "1"

    on_rig(scenario)


def test_a_shorter_heartbeat_period_holds_for_a_socket_that_is_bound() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", heartbeat=3600)
        wire, session = await rig.bind("sub")
        await rig.after(10 * SECOND)
        await rig.update("sub", type="websocket", heartbeat=60)
        await rig.after(135 * SECOND)
        begun = wire.came[0][0]
        assert [round((at - begun).total_seconds()) for at, _ in wire.came] == [0, 60, 120]
        await session.close()
        await rig.after(HOUR)
        assert len(wire.came) == 3

    on_rig(scenario)


def test_many_sockets_are_served_in_slices_and_others_have_their_turn() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        wire = Wire(rig.clock.now)
        sockets = 2 * MOST_IN_SLICE + 10
        for _ in range(sockets):
            token = rig.hub.tokens.issue(R4, ["sub"]).token
            await rig.hub.sockets.session(wire).bind(token)
        await rig.after(TICK)
        assert len(wire.came) == sockets
        wire.came.clear()
        await written(rig, 1)
        turns = []
        while len(wire.came) < sockets:
            turns.append(len(wire.came))
            await rig.after(timedelta())
        assert {MOST_IN_SLICE, 2 * MOST_IN_SLICE} <= set(turns)

    on_rig(scenario)


@pytest.mark.parametrize("how", ["deleted", "off", "ended"])
def test_a_socket_hears_the_end_of_its_subscription_and_is_let_go(how: str) -> None:
    async def scenario(rig: Rig) -> None:
        end: dict[str, Any] = {"end": "2026-01-01T00:01:00Z"} if how == "ended" else {}
        await rig.update("sub", type="websocket", **end)
        wire, session = await rig.bind("sub")
        await written(rig, 1)
        await rig.after(TICK)
        if how == "deleted":
            await rig.hub.subscriptions.delete(R4, "sub")
        elif how == "off":
            await rig.update("sub", type="websocket", status="off")
        await rig.after(120 * SECOND)
        assert session.failed.done()
        assert session.failed.exception() is None
        assert wire.types == ["handshake", "event-notification", "heartbeat"]
        assert wire.came[-1][1]["status"] == "off"

    on_rig(scenario)


def test_a_socket_of_two_subscriptions_lives_until_the_last_one_ends() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("a", type="websocket")
        await rig.update("b", type="websocket")
        wire = Wire(rig.clock.now)
        session = rig.hub.sockets.session(wire)
        await session.bind(rig.hub.tokens.issue(R4, None).token)
        await rig.hub.subscriptions.delete(R4, "a")
        await rig.after(TICK)
        assert not session.failed.done()
        await written(rig, 1)
        await rig.after(TICK)
        assert wire.numbers == [1]
        await rig.hub.subscriptions.delete(R4, "b")
        await rig.after(TICK)
        assert session.failed.done()
        await session.close()

    on_rig(scenario)


def test_a_subscription_that_takes_another_channel_leaves_its_sockets() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        wire, session = await rig.bind("sub")
        await written(rig, 1)
        await rig.after(2 * SECOND)
        await rig.update("sub")
        await rig.after(SECOND)
        await written(rig, 1)
        await rig.after(SECOND)
        assert session.failed.done()
        assert wire.numbers == [1]
        assert rig.endpoints.numbers() == [2]

    on_rig(scenario)


def test_a_send_that_fails_ends_the_session_and_the_event_is_sent_to_the_next() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        wire, session = await rig.bind("sub")
        await rig.after(TICK)
        wire.broken = ConnectionError("the socket is gone")
        await written(rig, 1)
        await rig.after(TICK)
        assert isinstance(session.failed.exception(), ConnectionError)
        await session.close()
        again, _ = await rig.bind("sub")
        await rig.after(TICK)
        assert again.numbers == [1]

    on_rig(scenario)


def test_of_many_events_of_one_commit_each_socket_is_sent_a_few_at_a_time() -> None:
    turns: list[tuple[Wire, int]] = []

    class Watched(Wire):
        def put(self, texts: Sequence[bytes]) -> bool:
            turns.append((self, len(texts)))
            return super().put(texts)

    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", max_count=1)
        wires = [Watched(rig.clock.now) for _ in range(2)]
        for wire in wires:
            token = rig.hub.tokens.issue(R4, ["sub"]).token
            await rig.hub.sockets.session(wire).bind(token)
        await rig.after(TICK)
        count = 3 * MOST_AT_ONCE + 1
        await rig.write(*(a_task() for _ in range(count)))
        await rig.after(TICK)
        for wire in wires:
            assert wire.numbers == list(range(1, count + 1))
        if not Wire.waits:
            assert [texts for _, texts in turns] == [MOST_AT_ONCE] * 6 + [1] * 2
            assert all(
                one is not other
                for (one, _), (other, _) in zip(turns[::2], turns[1::2], strict=True)
            )

    on_rig(scenario)


def test_a_bug_ends_its_own_session_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("a", type="websocket")
        await rig.update("b", type="websocket", content="id-only")
        (_, broken), (wire, sound) = await rig.bind("a"), await rig.bind("b")
        await rig.after(TICK)
        announcements = rig.hub.sockets.announcements
        at_once = announcements.at_once

        def fails_for_a(audience: Audience, *more: Any) -> bytes | None:
            if audience.subscription.id == "a":
                raise RuntimeError("a bug")
            return at_once(audience, *more)

        monkeypatch.setattr(announcements, "at_once", fails_for_a)
        await written(rig, 2)
        await rig.after(TICK)
        assert isinstance(broken.failed.exception(), RuntimeError)
        assert not sound.failed.done()
        assert wire.numbers == [1, 2]
        await broken.close()

    on_rig(scenario)


def test_a_socket_that_takes_long_holds_only_itself() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        session = rig.hub.sockets.session(Stuck(rig.clock.now))
        await session.bind(rig.hub.tokens.issue(R4, ["sub"]).token)
        quick, _ = await rig.bind("sub")
        await written(rig, 3)
        await rig.after(timedelta(minutes=1))
        assert quick.numbers == [1, 2, 3]
        await session.close()

    on_rig(scenario)
