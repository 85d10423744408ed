"""What a status says of a delivery: its errors, and the counter of a handshake.

Source: http://hl7.org/fhir/R5/subscriptionstatus.html (error, eventsSinceSubscriptionStart).
"""

from __future__ import annotations

from hub.core.delivery import FailureClass
from hub.core.notification import StatusError
from hub.core.subscriber import Subscriber
from hub.engine.subscribers import GONE


def handshake_total(subscriber: Subscriber, total: int) -> int:
    """Return the counter for a handshake: all events so far, but for the very first handshake.

    That one says how many there were before this Subscription: 0, or more if its id was used and
    deleted before.
    """
    if subscriber.delivery.last_sent is None:
        return next((each.first for each in subscriber.segments if each.stream != GONE), 1) - 1
    return total


def failure_error(failure: FailureClass, status: int | None, reason: str) -> tuple[str, str]:
    """Return what a failure is called in ``SubscriptionStatus.error``: words and code."""
    if failure is FailureClass.DNS:
        return reason, "dns-resolution-error"
    if status is None:
        return reason, "no-response"
    words = reason if str(status) in reason else f"HTTP {status}: {reason}"
    return words, "error-response"


def status_errors(subscriber: Subscriber) -> tuple[StatusError, ...]:
    """Return what is wrong with a Subscription's delivery, for ``error[]`` of its status."""
    if subscriber.error is None:
        return ()
    return (StatusError(subscriber.error_code, subscriber.error),)


def lost_events(subscriber: Subscriber, first: int, last: int) -> str:
    """Return what a status says of numbers whose events are no longer kept.

    A classic Subscription has no numbers that anybody knows.
    """
    if subscriber.subscription.is_classic:
        count = last - first + 1
        which = "one notification is" if count == 1 else f"{count} notifications are"
        return f"{which} no longer kept and will not be sent"
    return f"events {first} to {last} are no longer kept"
