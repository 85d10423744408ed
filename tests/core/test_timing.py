"""When something is due, and when it is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease
from hub.core.subscription import (
    ChannelType,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.timing import (
    CONFIRM_WITHIN,
    MAX_RETRY_AFTER,
    MOST_LOST,
    DeliveryState,
    Due,
    Kind,
    RetryPolicy,
    Settled,
    after_failure,
    after_success,
    next_due,
    retry_at,
    settled,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACTIVE = Subscription(
    release=FhirRelease.R4,
    id="s",
    status=SubscriptionStatusCode.ACTIVE,
    topic="http://example.org/t",
    channel_type=ChannelType.REST_HOOK,
    content=PayloadContent.ID_ONLY,
)
REQUESTED = replace(ACTIVE, status=SubscriptionStatusCode.REQUESTED)
BEATING = replace(ACTIVE, heartbeat_period=60 * SECOND)


def test_nothing_is_due_when_everything_is_delivered() -> None:
    assert next_due(ACTIVE, DeliveryState(cursor=3), 3, NOW) is None


def test_undelivered_events_are_due_at_once() -> None:
    assert next_due(ACTIVE, DeliveryState(cursor=2), 3, NOW) == Due(Kind.EVENTS, NOW)


def test_a_retry_is_due_at_its_instant() -> None:
    state = DeliveryState(cursor=2, failures=1, due=NOW + 5 * SECOND)
    assert next_due(ACTIVE, state, 3, NOW) == Due(Kind.EVENTS, NOW + 5 * SECOND)


def test_a_handshake_is_due_while_requested_and_events_wait_for_it() -> None:
    assert next_due(REQUESTED, DeliveryState(), 3, NOW) == Due(Kind.HANDSHAKE, NOW)
    later = DeliveryState(due=NOW + SECOND)
    assert next_due(REQUESTED, later, 3, NOW) == Due(Kind.HANDSHAKE, NOW + SECOND)


def test_a_heartbeat_is_due_a_period_after_the_last_answered_send() -> None:
    state = DeliveryState(last_sent=NOW)
    assert next_due(BEATING, state, 0, NOW) == Due(Kind.HEARTBEAT, NOW + 60 * SECOND)
    assert next_due(BEATING, DeliveryState(), 0, NOW) == Due(Kind.HEARTBEAT, NOW)


def test_heartbeats_go_on_while_a_retry_waits() -> None:
    state = DeliveryState(cursor=0, failures=5, due=NOW + 3600 * SECOND, last_sent=NOW)
    assert next_due(BEATING, state, 1, NOW) == Due(Kind.HEARTBEAT, NOW + 60 * SECOND)


def test_without_a_period_there_is_never_a_heartbeat() -> None:
    state = DeliveryState(cursor=1, last_sent=NOW - timedelta(days=9))
    assert next_due(ACTIVE, state, 1, NOW) is None


def test_the_end_cuts_everything_short() -> None:
    ending = replace(ACTIVE, end=NOW + SECOND)
    assert next_due(ending, DeliveryState(due=NOW + 9 * SECOND), 1, NOW) == Due(
        Kind.END, NOW + SECOND
    )
    failed = replace(ending, status=SubscriptionStatusCode.ERROR)
    assert next_due(failed, DeliveryState(), 1, NOW) == Due(Kind.END, NOW + SECOND)
    off = replace(ending, status=SubscriptionStatusCode.OFF)
    assert next_due(off, DeliveryState(), 1, NOW) is None


def test_a_websocket_subscription_waits_for_nothing_but_its_end() -> None:
    socket = replace(BEATING, channel_type=ChannelType.WEBSOCKET)
    assert next_due(socket, DeliveryState(), 5, NOW) is None
    assert next_due(replace(socket, end=NOW), DeliveryState(), 5, NOW) == Due(Kind.END, NOW)


POLICY = RetryPolicy(schedule=(5 * SECOND, 30 * SECOND, 120 * SECOND), give_up_after=600 * SECOND)


@given(st.integers(0, 20), st.floats(0, 1, exclude_max=True))
def test_every_wait_is_within_a_fifth_of_the_schedule(failures: int, luck: float) -> None:
    at = retry_at(POLICY, DeliveryState(failures=failures), NOW, luck)
    wait = POLICY.schedule[min(failures, 2)]
    assert at is not None
    assert wait * 0.8 <= at - NOW <= wait * 1.2


def test_an_overloaded_endpoint_is_left_alone_for_a_minute_from_the_third_failure_on() -> None:
    quick = RetryPolicy(schedule=(SECOND,))
    assert retry_at(quick, DeliveryState(failures=1), NOW, 0.5, busy=True) == NOW + SECOND
    third = retry_at(quick, DeliveryState(failures=2), NOW, 0.5, busy=True)
    assert third == NOW + 60 * SECOND


def test_retry_after_lengthens_the_wait_but_never_shortens_it() -> None:
    patient = RetryPolicy()
    assert retry_at(patient, DeliveryState(), NOW, 0.5, SECOND) == NOW + 5 * SECOND
    assert retry_at(patient, DeliveryState(), NOW, 0.5, 90 * SECOND) == NOW + 90 * SECOND
    assert retry_at(patient, DeliveryState(), NOW, 0.5, timedelta(days=9)) == NOW + MAX_RETRY_AFTER


def test_the_hub_gives_up_when_the_next_try_would_come_too_late() -> None:
    state = DeliveryState(failures=9, failing_since=NOW - 500 * SECOND)
    assert retry_at(POLICY, state, NOW, 0.5) is None
    assert retry_at(POLICY, state, NOW - 100 * SECOND, 0.5) is not None


def test_a_failure_keeps_its_range_and_its_beginning() -> None:
    first = after_failure(DeliveryState(cursor=4), NOW, NOW + SECOND, 9)
    second = after_failure(first, NOW + SECOND, NOW + 9 * SECOND, 9)
    assert (second.cursor, second.failures, second.retry_to) == (4, 2, 9)
    assert second.failing_since == NOW


def test_a_success_clears_what_failed_and_never_moves_back() -> None:
    failing = after_failure(DeliveryState(cursor=4), NOW, NOW + SECOND, 9)
    assert after_success(failing, NOW, 9) == DeliveryState(cursor=9, last_sent=NOW)
    assert after_success(failing, NOW, 2).cursor == 4


def test_an_answered_heartbeat_pulls_a_pending_try_and_a_failed_one_is_no_try() -> None:
    waiting = DeliveryState(cursor=2, failures=3, due=NOW + SECOND, retry_to=5)
    assert settled(waiting, Settled.HEARTBEAT, NOW) == waiting._replace(due=None, last_sent=NOW)
    assert settled(waiting, Settled.HEARTBEAT_FAILED, NOW) == waiting


def test_each_outcome_settles_the_state_in_its_own_way() -> None:
    state = DeliveryState(cursor=2, failures=1, retry_to=5)
    delivered = settled(state, Settled.DELIVERED, NOW, cursor=5)
    assert delivered == DeliveryState(cursor=5, last_sent=NOW)
    failed = settled(state, Settled.FAILED, NOW, due=NOW + SECOND, retry_to=5)
    assert (failed.failures, failed.due, failed.retry_to) == (2, NOW + SECOND, 5)
    reached = settled(state, Settled.REACHED, NOW, cursor=1)
    assert (reached.cursor, reached.last_sent) == (2, NOW)
    skipped = settled(state, Settled.SKIPPED, NOW, cursor=9)
    assert (skipped.cursor, skipped.retry_to, skipped.failures) == (9, None, 1)


def test_failures_and_questions_are_about_the_subscription_as_it_was() -> None:
    assert [each for each in Settled if each.is_of_one_generation] == [
        Settled.ASKED,
        Settled.FAILED,
        Settled.HEARTBEAT_FAILED,
    ]


def test_what_is_sent_once_more_goes_before_what_was_never_sent() -> None:
    state = DeliveryState(cursor=3, resend=((1, 2),))
    assert next_due(ACTIVE, state, 5, NOW) == Due(Kind.RESEND, NOW)
    assert next_due(ACTIVE, state, 3, NOW) == Due(Kind.RESEND, NOW)
    waiting = state._replace(failures=1, due=NOW + SECOND)
    assert next_due(ACTIVE, waiting, 5, NOW) == Due(Kind.RESEND, NOW + SECOND)
    assert next_due(REQUESTED, state, 5, NOW) == Due(Kind.HANDSHAKE, NOW)


def test_what_was_sent_once_more_moves_no_cursor_and_keeps_what_waits() -> None:
    state = DeliveryState(
        cursor=4,
        failures=2,
        failing_since=NOW,
        due=NOW,
        retry_to=6,
        resend=((1, 3), (4, 4)),
        asked=2,
    )
    later = NOW + SECOND
    sent = settled(state, Settled.RESENT, later, cursor=3, resent=(1, 3), asked=2)
    left = DeliveryState(cursor=4, retry_to=6, last_sent=later, resend=((4, 4),), asked=2)
    assert sent == left
    lost = settled(state, Settled.LOST, later, cursor=3, resent=(1, 3), asked=2)
    assert lost == state._replace(resend=((4, 4),))
    done = settled(left, Settled.RESENT, later, cursor=4, resent=(4, 4), asked=2)
    assert (done.resend, done.asked) == ((), 0)
    # The client has asked again while it was being sent.
    again = settled(state, Settled.RESENT, later, cursor=3, resent=(1, 3), asked=1)
    assert (again.resend, again.asked) == (state.resend, 2)
    assert settled(state, Settled.DELIVERED, NOW, cursor=6).resend == state.resend


def test_who_was_asked_is_waited_for_and_not_asked_again() -> None:
    failing = DeliveryState(cursor=4, failures=2, failing_since=NOW, due=NOW)
    asked = settled(failing, Settled.ASKED, NOW)
    assert asked == DeliveryState(cursor=4, last_sent=NOW, asking_since=NOW)
    assert next_due(REQUESTED, asked, 9, NOW) == Due(Kind.UNCONFIRMED, NOW + CONFIRM_WITHIN)
    assert after_success(asked, NOW, 4).asking_since is None


def test_what_was_never_delivered_is_remembered() -> None:
    state = settled(DeliveryState(cursor=2), Settled.SKIPPED, NOW, cursor=5)
    assert (state.cursor, state.lost) == (5, ((3, 5),))
    state = settled(state, Settled.DELIVERED, NOW, cursor=9, resent=(8, 9))
    assert (state.cursor, state.lost) == (9, ((3, 7),))
    assert settled(state, Settled.SKIPPED, NOW, cursor=4) == state
    state = settled(state, Settled.DELIVERED, NOW, cursor=10, resent=(10, 10))
    assert state.lost == ((3, 7),)


def test_only_so_many_ranges_of_what_was_lost_are_remembered() -> None:
    state = DeliveryState()
    for cursor in range(2, 4 * MOST_LOST, 2):
        state = settled(state, Settled.DELIVERED, NOW, cursor=cursor, resent=(cursor, cursor))
    assert len(state.lost) == MOST_LOST
    assert state.lost[-1] == (4 * MOST_LOST - 3, 4 * MOST_LOST - 3)
