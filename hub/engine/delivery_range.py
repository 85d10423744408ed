"""Which events a lane sends next, and what is said of those that are no longer kept.

Source: http://hl7.org/fhir/R5/subscriptions.html; backport IG, "Handling Errors as a Server".
"""

from __future__ import annotations

from datetime import datetime

from hub.core.notification import StatusError, most_events
from hub.core.number_range import begin_of
from hub.core.subscriber import Subscriber
from hub.core.timing import Kind, Settled
from hub.engine.settlement import Settlement
from hub.engine.status_error import lost_events


def numbers_due(subscriber: Subscriber, kind: Kind, total: int, lowest: int) -> tuple[int, int]:
    """Return the first and the last number that the lane sends next, in one notification.

    Args:
        subscriber: whose lane it is.
        kind: ``EVENTS`` what was never sent, ``RESEND`` what is asked for once more.
        total: the number of all events so far.
        lowest: the lowest number from which on all events are still kept.
    """
    state = subscriber.delivery
    count = most_events(subscriber.subscription)
    if kind is Kind.RESEND:
        return begin_of(state.resend, count)
    first = max(state.cursor + 1, lowest)
    return first, min(state.retry_to or total, first + count - 1)


def lost_before(
    subscriber: Subscriber, kind: Kind, first: int, found: int
) -> tuple[StatusError, ...]:
    """Return what a notification says of numbers whose place it takes without having them.

    Args:
        subscriber: whose lane it is.
        kind: as in ``numbers_due``.
        first: the first number that was due.
        found: the number of the first event that is still kept.
    """
    expected = first if kind is Kind.RESEND else subscriber.delivery.cursor + 1
    if found <= expected:
        return ()
    return (StatusError(None, lost_events(subscriber, expected, found - 1)),)


def passed_over(
    subscriber: Subscriber, kind: Kind, first: int, last: int, now: datetime
) -> Settlement:
    """Return what passes over numbers whose events are no longer kept, and says so."""
    again = kind is Kind.RESEND
    return Settlement(
        sid=subscriber.sid,
        generation=subscriber.generation,
        what=Settled.LOST if again else Settled.SKIPPED,
        at=now,
        cursor=last,
        resent=(first, last),
        asked=subscriber.delivery.asked,
        error=lost_events(subscriber, first if again else subscriber.delivery.cursor + 1, last),
    )
