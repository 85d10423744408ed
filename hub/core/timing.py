"""When a Subscription next needs the hub's attention: one instant for everything, and retries.

Nothing here knows a clock; instants and luck are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from hub.core.number_range import NumberRanges, with_range, without_range
from hub.core.subscription import ChannelType, Subscription, SubscriptionStatusCode

FIRST_HANDSHAKE_DELAY = timedelta(milliseconds=250)
"""How long after the 201 the first handshake waits at least, so that the client knows its id."""

HANDSHAKE_RETRIES = (timedelta(seconds=1), timedelta(seconds=3), timedelta(seconds=10))
"""When a handshake that met no answer, or a busy endpoint, is tried again."""

CONFIRM_WITHIN = timedelta(hours=24)
"""How long a person who was asked by mail may take to agree."""

RETRY_FLOOR = timedelta(seconds=60)
"""From the third failure on a retry waits at least this long, unless the schedule is shorter."""

MAX_RETRY_AFTER = timedelta(hours=6)
"""The longest wait that an endpoint can ask for."""

MOST_LOST = 100
"""How many ranges of lost numbers are remembered of a Subscription."""

DEFAULT_RETRY_SCHEDULE = tuple(
    timedelta(seconds=s)
    for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 57600, 86400)
)
DEFAULT_GIVE_UP_AFTER = timedelta(hours=72)


class Kind(StrEnum):
    """What is due."""

    END = "end"
    HANDSHAKE = "handshake"
    UNCONFIRMED = "unconfirmed"
    EVENTS = "events"
    RESEND = "resend"
    HEARTBEAT = "heartbeat"


class DeliveryState(NamedTuple):
    """Where the delivery of one Subscription stands; persisted.

    ``cursor`` is the highest number delivered; ``failures`` counts failed tries of what is due
    now, the first of them at ``failing_since``; ``due`` is when to try again; ``retry_to`` keeps
    the last number of the notification that is being tried, so that a retry has the same range;
    ``last_sent`` is the end of the last answered send; ``resend`` are the numbers that the client
    wants to have once more, and ``asked`` how often it has asked since there were none;
    ``asking_since`` is since when a person was asked to agree and has not; ``lost`` are numbers
    that were never delivered, as their events were no longer kept: the newest ``MOST_LOST`` ranges.
    """

    cursor: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    due: datetime | None = None
    retry_to: int | None = None
    last_sent: datetime | None = None
    resend: NumberRanges = ()
    asked: int = 0
    asking_since: datetime | None = None
    lost: NumberRanges = ()


class Due(NamedTuple):
    """What is due, and when."""

    kind: Kind
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed delivery is tried again, and when the hub gives up.

    ``schedule`` holds the waits after the first, second, ... failure; the last one repeats until
    ``give_up_after`` has passed since the first failure.
    """

    schedule: tuple[timedelta, ...] = DEFAULT_RETRY_SCHEDULE
    give_up_after: timedelta = DEFAULT_GIVE_UP_AFTER
    floor: timedelta = RETRY_FLOOR


def next_due(
    subscription: Subscription, state: DeliveryState, total: int, now: datetime
) -> Due | None:
    """Return what this Subscription next needs, if anything.

    One instant covers everything: the end, a handshake, the end of waiting for a person to agree,
    undelivered events or their retry, the next heartbeat.  What is to be sent once more goes before
    what was never sent.  While an endpoint fails, heartbeats go on, one per period.  A websocket
    Subscription only waits for its end: its notifications belong to the sockets.

    Args:
        subscription: as it is now.
        state: where its delivery stands.
        total: the number of all events so far.
        now: the present instant; what has no other instant is due now.
    """
    status = subscription.status
    due: Due | None = None
    if subscription.end is not None and status in _MAY_END:
        due = Due(Kind.END, subscription.end)
    if subscription.channel_type is ChannelType.WEBSOCKET:
        return due
    if status is SubscriptionStatusCode.REQUESTED:
        if state.asking_since is None:
            return _sooner(due, Kind.HANDSHAKE, state.due or now)
        return _sooner(due, Kind.UNCONFIRMED, state.asking_since + CONFIRM_WITHIN)
    if status is not SubscriptionStatusCode.ACTIVE:
        return due
    if state.resend:
        due = _sooner(due, Kind.RESEND, state.due or now)
    elif state.cursor < total:
        due = _sooner(due, Kind.EVENTS, state.due or now)
    if subscription.heartbeat_period is not None:
        beat = state.last_sent + subscription.heartbeat_period if state.last_sent else now
        due = _sooner(due, Kind.HEARTBEAT, beat)
    return due


def _sooner(due: Due | None, kind: Kind, at: datetime) -> Due:
    """Return what is due sooner, what was named first where both are at once."""
    return due if due is not None and due.at <= at else Due(kind, at)


_MAY_END = (
    SubscriptionStatusCode.REQUESTED,
    SubscriptionStatusCode.ACTIVE,
    SubscriptionStatusCode.ERROR,
)


def retry_at(
    policy: RetryPolicy,
    state: DeliveryState,
    now: datetime,
    luck: float,
    retry_after: timedelta | None = None,
    *,
    busy: bool = False,
) -> datetime | None:
    """Return when to try again after another failure at ``now``, None to give up.

    Args:
        policy: the schedule.
        state: before this failure.
        now: the end of the failed attempt.
        luck: from 0 up to 1; spreads the wait by a fifth to both sides.
        retry_after: what the endpoint asked for; it may lengthen the wait, never shorten it.
        busy: whether the endpoint is overloaded or silent, so that the floor holds.
    """
    first = state.failing_since or now
    wait = policy.schedule[min(state.failures, len(policy.schedule) - 1)]
    wait *= 0.8 + 0.4 * luck
    if busy and state.failures >= 2:
        wait = max(wait, policy.floor)
    if retry_after is not None:
        wait = max(wait, min(retry_after, MAX_RETRY_AFTER))
    at = now + wait
    return None if at - first > policy.give_up_after else at


class Settled(StrEnum):
    """What an attempt, or the lack of one, came to.

    ``asked`` is a mail that asks a person to agree, taken by its server; ``reached`` is what
    sockets were sent; ``resent`` what was sent once more; ``skipped`` passes over events that are
    no longer kept, ``lost`` over such that were to be sent once more.
    """

    ASKED = "asked"
    DELIVERED = "delivered"
    FAILED = "failed"
    HEARTBEAT = "heartbeat"
    HEARTBEAT_FAILED = "heartbeat-failed"
    REACHED = "reached"
    RESENT = "resent"
    SKIPPED = "skipped"
    LOST = "lost"

    @property
    def is_of_one_generation(self) -> bool:
        """Whether it says nothing about the Subscription as it was changed since."""
        return self in (Settled.FAILED, Settled.HEARTBEAT_FAILED, Settled.ASKED)


def settled(
    state: DeliveryState,
    what: Settled,
    at: datetime,
    *,
    cursor: int = 0,
    due: datetime | None = None,
    retry_to: int | None = None,
    resent: tuple[int, int] = (0, 0),
    asked: int = 0,
) -> DeliveryState:
    """Return the delivery state after ``what`` happened at ``at``.

    Args:
        cursor: the highest number that was sent, or passed over.
        due: when to try again after a failure.
        retry_to: the last number of what will be tried again.
        resent: the first and the last number of what was sent, and need not be sent once more now.
        asked: how often the client had asked when that was sent; if it has asked again since, it
            gets everything again.

    A heartbeat that is answered pulls a pending try to now; one that fails is no try.
    """
    if what is Settled.DELIVERED:
        state = _with_lost(state, resent[0] - 1)
        return after_success(state, at, cursor)
    if what is Settled.ASKED:
        return after_success(state, at, state.cursor)._replace(asking_since=at)
    if what is Settled.FAILED:
        return after_failure(state, at, due, retry_to)
    if what is Settled.RESENT:
        # The cursor stays, and so does the range of a notification that waits for its next try.
        state = after_success(state, at, 0)._replace(retry_to=state.retry_to)
    if what in (Settled.RESENT, Settled.LOST):
        if asked != state.asked:
            return state
        left = without_range(state.resend, *resent)
        return state._replace(resend=left, asked=asked if left else 0)
    if what is Settled.HEARTBEAT:
        return state._replace(due=None, last_sent=at)
    if what is Settled.REACHED:
        return state._replace(cursor=max(state.cursor, cursor), last_sent=at)
    if what is Settled.SKIPPED:
        state = _with_lost(state, cursor)
        return state._replace(cursor=max(state.cursor, cursor), retry_to=None)
    return state


def after_failure(
    state: DeliveryState, now: datetime, due: datetime | None, retry_to: int | None
) -> DeliveryState:
    """Return the state after one more failure, to be tried again at ``due``."""
    return state._replace(
        failures=state.failures + 1,
        failing_since=state.failing_since or now,
        due=due,
        retry_to=retry_to,
    )


def after_success(state: DeliveryState, now: datetime, cursor: int) -> DeliveryState:
    """Return the state after a delivery through number ``cursor``."""
    return DeliveryState(
        cursor=max(state.cursor, cursor),
        last_sent=now,
        resend=state.resend,
        asked=state.asked,
        lost=state.lost,
    )


def _with_lost(state: DeliveryState, through: int) -> DeliveryState:
    """Return the state that knows that what was due up to ``through`` was never delivered."""
    first = state.cursor + 1
    if first > through:
        return state
    return state._replace(lost=with_range(state.lost, first, through)[-MOST_LOST:])
