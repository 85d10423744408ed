"""The operation ``$resend``: events that a Subscription has had are sent to it once more.

Numbers and timestamps are those of the first time, and neither cursor nor counter moves.  What a
lane is to send again is kept with its delivery state, so that it survives a restart.  Sockets are
sent it while they are bound.
Source: backport IG, OperationDefinition backport-subscription-resend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hub.core.number_range import NumberRanges, how_many, with_range
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, SubscriptionStatusCode
from hub.engine.intake import Intake
from hub.engine.numbered_events import instant_of
from hub.engine.plan import Plan
from hub.engine.sockets import Sockets
from hub.engine.subscribers import Subscribers
from hub.errors import Expired, InvalidValue, Unprocessable
from hub.ports import Reader, Store

MOST_RESENT = 1000
"""How many numbers of a Subscription wait at most to be sent once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which events are asked for: numbers and instants, all inclusive, None where unbounded."""

    since_number: int | None = None
    until_number: int | None = None
    since_instant: datetime | None = None
    until_instant: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """What ``$resend`` came to.

    ``first`` and ``last`` are None where there is nothing to send again.  ``waiting`` are all
    numbers that are to be sent again, those of earlier calls included; ``sockets`` to how many
    sockets they go, None for the other channels.  ``pending`` is the first number that was asked
    for and was never sent, and so will be anyway; ``lowest`` the lowest that is still kept, where
    older ones may have been asked for.
    """

    first: int | None = None
    last: int | None = None
    waiting: NumberRanges = ()
    sockets: int | None = None
    pending: int | None = None
    lowest: int | None = None


class Resends:
    """Lets events be sent once more."""

    def __init__(
        self, store: Store, intake: Intake, subscribers: Subscribers, sockets: Sockets
    ) -> None:
        self._store = store
        self._intake = intake
        self._subscribers = subscribers
        self._sockets = sockets

    async def resend(self, release: FhirRelease, id: str, span: Span) -> Resent:
        """Let the events of ``span`` be sent once more; returns when that is durable.

        Raises:
            NotFound, Deleted: there is no such Subscription.
            NotTopicBased: it is a classic one.
            InvalidValue: the span ends before it begins.
            Expired: its first number is no longer kept; names the lowest.
            Unprocessable: the Subscription is not active, has no bound socket, or the span is
                longer than what may wait.
        """
        subscriber = self._ready(self._subscribers.topic_based(release, id))
        _check(span)
        lowest = self._subscribers.lowest(subscriber)
        total = self._subscribers.top(subscriber)
        low = lowest if span.since_number is None else max(span.since_number, 1)
        if low < lowest:
            raise Expired(
                f"events before number {lowest} are no longer kept; the lowest is {lowest}"
            )
        high = total if span.until_number is None else min(span.until_number, total)
        if low <= high and (span.since_instant or span.until_instant):
            low, high = await self._store.read(
                lambda reader: _within(reader, subscriber, span, low, high)
            )
        before = None
        if span.since_number is None and lowest > 1:
            before = lowest
        sent = self._sent_through(subscriber)
        pending = max(low, sent + 1) if low <= high and high > sent else None
        high = min(high, sent)
        if low > high:
            return Resent(pending=pending, lowest=before)
        if high - low >= MOST_RESENT:
            raise Unprocessable(
                f"numbers {low} to {high} are {high - low + 1} events; a call sends at most "
                f"{MOST_RESENT} again: ask for {low} to {low + MOST_RESENT - 1} first, and for "
                "the rest when they have arrived"
            )
        found = Resent(first=low, last=high, pending=pending, lowest=before)
        if subscriber.subscription.channel_type is ChannelType.WEBSOCKET:
            sid = self._ready(self._subscribers.topic_based(release, id)).sid
            _added(self._sockets.to_resend(sid), low, high)
            sockets = self._sockets.resend(sid, low, high)
            return replace(found, waiting=self._sockets.to_resend(sid), sockets=sockets)
        waiting = await self._intake.register(lambda plan: self._plan(plan, release, id, low, high))
        return replace(found, waiting=waiting)

    def _ready(self, subscriber: Subscriber) -> Subscriber:
        """Return the Subscription if it can be sent something now."""
        subscription = subscriber.subscription
        if subscription.status is not SubscriptionStatusCode.ACTIVE:
            raise Unprocessable(
                f"{subscription.reference} is {subscription.status}; only an active Subscription "
                "is sent events again: "
                + (
                    "wait for its handshake"
                    if subscription.status is SubscriptionStatusCode.REQUESTED
                    else "put its status to requested first, or read the events with $events"
                )
            )
        is_socket = subscription.channel_type is ChannelType.WEBSOCKET
        if is_socket and not self._sockets.bound_to(subscriber.sid):
            raise Unprocessable(
                f"no socket is bound to {subscription.reference}; bind one with a token of "
                "$get-ws-binding-token, whose resume-after says where to start, or read the "
                "events with $events"
            )
        return subscriber

    def _sent_through(self, subscriber: Subscriber) -> int:
        if subscriber.subscription.channel_type is ChannelType.WEBSOCKET:
            return self._sockets.sent_through(subscriber)
        return subscriber.delivery.cursor

    def _plan(self, plan: Plan, release: FhirRelease, id: str, low: int, high: int) -> NumberRanges:
        subscriber = self._ready(self._subscribers.topic_based(release, id))
        waiting = _added(subscriber.delivery.resend, low, high)
        before = subscriber.delivery
        delivery = before._replace(resend=waiting, asked=before.asked + 1)
        plan.subscribers[subscriber.sid] = replace(subscriber, delivery=delivery)
        return waiting


def _added(waiting: NumberRanges, low: int, high: int) -> NumberRanges:
    """Return what waits once ``low``..``high`` does, too."""
    found = with_range(waiting, low, high)
    if how_many(found) > MOST_RESENT:
        raise Unprocessable(
            f"{how_many(waiting)} events of earlier calls are still to be sent again, and at most "
            f"{MOST_RESENT} may wait; ask again when they have arrived"
        )
    return found


def _check(span: Span) -> None:
    if (
        span.since_number is not None
        and span.until_number is not None
        and span.since_number > span.until_number
    ):
        raise InvalidValue(
            f"eventsSinceNumber {span.since_number} is greater than eventsUntilNumber "
            f"{span.until_number}"
        )
    if span.since_instant and span.until_instant and span.since_instant > span.until_instant:
        raise InvalidValue("eventsSinceInstant is later than eventsUntilInstant")


def _within(
    reader: Reader, subscriber: Subscriber, span: Span, low: int, high: int
) -> tuple[int, int]:
    """Return the numbers of ``low``..``high`` whose instants are in the span.

    Instants never go back along the numbers, so that they are found by halving.
    """

    def first_of(low: int, high: int, instant: datetime, *, later: bool) -> int:
        while low < high:
            middle = (low + high) // 2
            at = instant_of(reader, subscriber, middle)
            if at > instant if later else at >= instant:
                high = middle
            else:
                low = middle + 1
        return low

    if span.since_instant is not None:
        low = first_of(low, high + 1, span.since_instant, later=False)
    if span.until_instant is not None:
        high = first_of(low, high + 1, span.until_instant, later=True) - 1
    return low, high
