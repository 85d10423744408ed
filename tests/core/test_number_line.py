"""The number line: its runs partition 1..n, and say of each number what a slow rule says."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.core.number_line import NumberRun, NumberState, number_line
from hub.core.number_range import NumberRanges, with_range
from hub.core.release import FhirRelease
from hub.core.subscription import (
    ChannelType,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.timing import DeliveryState

ACTIVE = Subscription(
    release=FhirRelease.R4,
    id="s",
    status=SubscriptionStatusCode.ACTIVE,
    topic="http://example.org/t",
    channel_type=ChannelType.REST_HOOK,
    content=PayloadContent.ID_ONLY,
)
NUMBER = st.integers(0, 25)
S = NumberState


def _ranges(pairs: list[tuple[int, int]]) -> NumberRanges:
    found: NumberRanges = ()
    for first, more in pairs:
        found = with_range(found, first + 1, first + 1 + more)
    return found


RANGES = st.lists(st.tuples(NUMBER, st.integers(0, 5)), max_size=5).map(_ranges)
DELIVERY = st.builds(
    DeliveryState,
    cursor=NUMBER,
    failures=st.integers(0, 3),
    retry_to=st.none() | NUMBER,
    resend=RANGES,
    lost=RANGES,
)


def is_in(ranges: NumberRanges, number: int) -> bool:
    return any(first <= number <= last for first, last in ranges)


def slowly(
    number: int, subscription: Subscription, delivery: DeliveryState, low: int, former: int
) -> NumberState:
    """Return what is to be said of one number."""
    if number <= former:
        return S.FORMER
    if is_in(delivery.resend, number):
        return S.RESEND
    if is_in(delivery.lost, number):
        return S.LOST
    if number <= delivery.cursor:
        return S.DELIVERED
    if number < low:
        return S.LOST
    if subscription.status in ("error", "off", "entered-in-error"):
        return S.HELD
    fails = subscription.status == "active" and delivery.failures and not delivery.resend
    if fails and number <= (delivery.retry_to or 0):
        return S.RETRYING
    return S.PENDING


@given(
    st.sampled_from(SubscriptionStatusCode), DELIVERY, NUMBER, st.integers(1, 26), st.integers(0, 9)
)
def test_runs_cover_each_number_once_and_say_what_became_of_it(
    status: SubscriptionStatusCode, delivery: DeliveryState, total: int, lowest: int, former: int
) -> None:
    subscription = replace(ACTIVE, status=status)
    runs = number_line(subscription, delivery, total=total, lowest=lowest, former=former)
    assert [n for run in runs for n in range(run.first, run.last + 1)] == list(range(1, total + 1))
    assert all(before.state is not after.state for before, after in itertools.pairwise(runs))
    for run in runs:
        for number in range(run.first, run.last + 1):
            assert run.state is slowly(number, subscription, delivery, lowest, former)


def test_an_outage_shows_what_is_tried_again_and_what_waits_behind() -> None:
    delivery = DeliveryState(cursor=4, failures=2, retry_to=6, resend=(), lost=((2, 2),))
    assert number_line(ACTIVE, delivery, total=1_000_000, lowest=3) == (
        NumberRun(1, 1, S.DELIVERED),
        NumberRun(2, 2, S.LOST),
        NumberRun(3, 4, S.DELIVERED),
        NumberRun(5, 6, S.RETRYING),
        NumberRun(7, 1_000_000, S.PENDING),
    )


def test_what_sockets_were_sent_counts_before_it_is_kept_and_is_never_tried_again() -> None:
    socket = replace(ACTIVE, channel_type=ChannelType.WEBSOCKET)
    delivery = DeliveryState(cursor=1, failures=1, retry_to=9)
    assert number_line(socket, delivery, total=5, lowest=1, sent=3) == (
        NumberRun(1, 3, S.DELIVERED),
        NumberRun(4, 5, S.PENDING),
    )
