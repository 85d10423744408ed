"""``$resend``: what a Subscription has had goes over its channel once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.delivery import Delivered, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.timing import RetryPolicy
from hub.engine import resend
from hub.engine.resend import Resent, Span
from hub.errors import Deleted, Expired, InvalidValue, NotFound, Unprocessable
from hub.stores.memory import MemoryStore
from tests.support.rig import HOUR, SECOND, Rig, a_rig, on_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task
from tests.support.virtual_time import run_virtually

R4 = FhirRelease.R4
BUSY = Failed(failure=FailureClass.BUSY, reason="overloaded", status=503)
POLICY = RetryPolicy(schedule=(SECOND,), give_up_after=5 * SECOND, floor=SECOND)


async def subscribed(rig: Rig, events: int, **changes: Any) -> None:
    """Create the Subscription ``sub``, let it have events, one per second, and be sent them."""
    await rig.update("sub", **changes)
    await rig.after(SECOND)
    for _ in range(events):
        await rig.write(a_task())
        await rig.after(SECOND)


async def again(
    rig: Rig,
    since: int | None = None,
    until: int | None = None,
    *,
    from_instant: datetime | None = None,
    to_instant: datetime | None = None,
) -> Resent:
    """Ask for events of ``sub`` once more."""
    span = Span(
        since_number=since, until_number=until, since_instant=from_instant, until_instant=to_instant
    )
    return await rig.hub.resends.resend(R4, "sub", span)


def test_events_are_sent_again_as_they_were_and_nothing_moves() -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 5, max_count=2)
        first = [envelope.body for _, envelope in rig.endpoints.received[1:]]
        before = rig.subscriber("sub").delivery
        assert await again(rig, 2, 4) == Resent(first=2, last=4, waiting=((2, 4),))
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1, 2, 3, 4, 5, 2, 3, 4]
        after = rig.subscriber("sub").delivery
        assert (after.cursor, after.resend) == (before.cursor, ()) == (5, ())
        assert rig.top("sub") == 5
        # A notification of the same numbers is the same text; the last one here is event 4 alone.
        assert rig.endpoints.received[-1][1].body == first[3]
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.endpoints.numbers()[-1] == 6

    on_rig(scenario)


def test_events_that_were_never_sent_follow_what_is_sent_again_in_order() -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 3)
        rig.endpoints.answers = lambda *_: BUSY
        await rig.write(a_task())
        await rig.write(a_task())
        await rig.after(SECOND / 2)
        told = await again(rig)
        assert (told.first, told.last, told.pending) == (1, 3, 4)
        rig.endpoints.answers = lambda *_: Delivered(status=200)
        await rig.after(HOUR)
        assert rig.endpoints.numbers() == [1, 2, 3, 1, 2, 3, 4, 5]

    on_rig(scenario)


def test_what_is_to_be_sent_again_survives_a_restart_and_an_error() -> None:
    store = MemoryStore()
    endpoints = Endpoints()

    async def first() -> None:
        async with a_rig(store=store, endpoints=endpoints, policy=POLICY) as rig:
            await subscribed(rig, 3)
            endpoints.answers = lambda *_: BUSY
            await again(rig, 1, 2)
            await rig.after(SECOND / 2)
            assert rig.subscriber("sub").delivery.failures == 1

    async def second() -> None:
        async with a_rig(store=store, endpoints=endpoints, policy=POLICY) as rig:
            assert rig.subscriber("sub").delivery.resend == ((1, 2),)
            await rig.after(HOUR)
            assert rig.status("sub") == "error"
            with pytest.raises(Unprocessable, match=r"is error.*requested first"):
                await again(rig)
            endpoints.answers = lambda *_: Delivered(status=200)
            await rig.update("sub")
            await rig.after(SECOND)
            assert rig.status("sub") == "active"
            assert endpoints.numbers() == [1, 2, 3, 1, 2]

    run_virtually(first())
    run_virtually(second())


def test_numbers_asked_for_twice_wait_once_and_too_many_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resend, "MOST_RESENT", 3)

    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 8)
        with pytest.raises(Unprocessable, match=r"1 to 8 are 8 events.*ask for 1 to 3 first"):
            await again(rig)
        rig.endpoints.answers = lambda *_: BUSY
        await again(rig, 1, 2)
        await rig.after(SECOND / 10)
        assert (await again(rig, 2, 3)).waiting == ((1, 3),)
        with pytest.raises(Unprocessable, match=r"3 events of earlier calls"):
            await again(rig, 8)
        assert rig.subscriber("sub").delivery.resend == ((1, 3),)

    on_rig(scenario)


@pytest.mark.parametrize(
    ("span", "error"),
    [
        ({"since": 3, "until": 2}, InvalidValue),
        ({"from_instant": datetime.max.replace(tzinfo=UTC), "to_instant": None}, None),
        (
            {
                "from_instant": datetime(2026, 1, 2, tzinfo=UTC),
                "to_instant": datetime(2026, 1, 1, tzinfo=UTC),
            },
            InvalidValue,
        ),
        ({"since": 9}, None),
        ({"until": 0}, None),
    ],
)
def test_a_span_without_events_sends_nothing(
    span: dict[str, Any], error: type[Exception] | None
) -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 2)
        if error is None:
            assert await again(rig, **span) == Resent()
        else:
            with pytest.raises(error):
                await again(rig, **span)
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1, 2]

    on_rig(scenario)


@given(
    st.none() | st.integers(-3, 12), st.none() | st.integers(-3, 12), st.none() | st.integers(0, 7)
)
def test_instants_choose_the_events_that_happened_within_them(
    since: int | None, until: int | None, number: int | None
) -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 6)
        events = (await rig.hub.statuses.events(R4, "sub")).notification.events
        begin = events[0].timestamp

        def at(half_seconds: int | None) -> datetime | None:
            return None if half_seconds is None else begin + half_seconds * SECOND / 2

        low, high = at(since), at(until)
        expected = [
            event.event_number
            for event in events
            if (low is None or event.timestamp >= low)
            and (high is None or event.timestamp <= high)
            and (number is None or event.event_number >= number)
        ]
        if low and high and low > high:
            return
        await again(rig, number, from_instant=low, to_instant=high)
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1, 2, 3, 4, 5, 6, *expected]

    on_rig(scenario)


def test_events_that_are_no_longer_kept_are_refused_by_number_and_told_by_instant() -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 3)
        await rig.after(3 * HOUR)
        await rig.write(a_task())
        await rig.after(SECOND)
        await rig.retention.sweep()
        with pytest.raises(Expired, match="the lowest is 4"):
            await again(rig, 2)
        told = await again(rig, from_instant=datetime(2026, 1, 1, tzinfo=UTC))
        assert (told.first, told.last, told.lowest) == (4, 4, 4)
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1, 2, 3, 4, 4]

    on_rig(scenario, retain=2 * HOUR)


def test_what_expires_while_it_waits_is_named_and_passed_over() -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 3)
        rig.endpoints.answers = lambda *_: BUSY
        await again(rig, 1, 2)
        await rig.after(3 * HOUR)
        await rig.retention.sweep()
        rig.endpoints.answers = lambda *_: Delivered(status=200)
        await rig.after(30 * HOUR)
        assert rig.endpoints.numbers() == [1, 2, 3]
        assert rig.subscriber("sub").delivery.resend == ()
        assert rig.subscriber("sub").error == "events 1 to 2 are no longer kept"

    on_rig(scenario, retain=2 * HOUR)


def test_sockets_are_sent_again_what_a_socket_was_sent() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", max_count=2)
        with pytest.raises(Unprocessable, match="no socket is bound"):
            await again(rig)
        one, first = await rig.bind("sub")
        two, second = await rig.bind("sub")
        for _ in range(3):
            await rig.write(a_task())
        await rig.after(SECOND)
        assert await again(rig, 1) == Resent(first=1, last=3, waiting=((1, 3),), sockets=2)
        await rig.after(SECOND)
        assert one.numbers == two.numbers == [1, 2, 3, 1, 2, 3]
        await rig.write(a_task())
        await rig.after(SECOND)
        assert one.numbers[-1] == 4
        assert rig.hub.sockets.sent_through(rig.subscriber("sub")) == 4
        await first.close()
        await second.close()

    on_rig(scenario)


def test_sockets_have_a_bound_on_what_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "MOST_RESENT", 2)

    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        _, session = await rig.bind("sub")
        for _ in range(4):
            await rig.write(a_task())
        await rig.after(SECOND)
        await again(rig, 1, 2)
        with pytest.raises(Unprocessable, match="2 events of earlier calls"):
            await again(rig, 3, 4)
        await session.close()

    on_rig(scenario)


def test_only_what_is_active_is_sent_again() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(NotFound):
            await again(rig)
        await rig.update("sub")
        with pytest.raises(Unprocessable, match=r"is requested.*wait for its handshake"):
            await again(rig)
        await rig.update("sub", status="off")
        with pytest.raises(Unprocessable, match=r"is off.*\$events"):
            await again(rig)
        await rig.hub.subscriptions.delete(R4, "sub")
        with pytest.raises(Deleted):
            await again(rig)

    on_rig(scenario)


def test_heartbeats_wait_for_what_is_sent_again() -> None:
    async def scenario(rig: Rig) -> None:
        await subscribed(rig, 1, heartbeat=60)
        await rig.after(timedelta(seconds=30))
        await again(rig)
        await rig.after(timedelta(seconds=59))
        assert rig.endpoints.of("heartbeat") == []
        await rig.after(2 * SECOND)
        assert len(rig.endpoints.of("heartbeat")) == 1

    on_rig(scenario)
