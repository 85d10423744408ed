"""The number line of a Subscription: what became of each of its event numbers, as runs.

Law: the runs are in order and cover every number from 1 to the newest exactly once; two runs that
touch differ in what they say.
Source: http://hl7.org/fhir/R5/subscriptionstatus.html (eventNumber, eventsSinceSubscriptionStart).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hub.core.number_range import NumberRanges, without_range
from hub.core.subscription import ChannelType, Subscription, SubscriptionStatusCode
from hub.core.timing import DeliveryState


class NumberState(StrEnum):
    """What became of an event.

    ``former`` numbers belong to a deleted Subscription of the same id; ``resend`` was delivered and
    will be once more; ``lost`` was never delivered and is no longer kept; ``retrying`` failed and
    will be tried again; ``held`` waits until the client reactivates; ``pending`` was not sent yet.
    """

    FORMER = "former"
    DELIVERED = "delivered"
    RESEND = "resend"
    LOST = "lost"
    RETRYING = "retrying"
    HELD = "held"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class NumberRun:
    """Event numbers ``first`` to ``last``, both inclusive, of which the same is to be said."""

    first: int
    last: int
    state: NumberState


def number_line(
    subscription: Subscription,
    delivery: DeliveryState,
    *,
    total: int,
    lowest: int,
    former: int = 0,
    sent: int = 0,
) -> tuple[NumberRun, ...]:
    """Return the runs of the numbers 1 to ``total``.

    Args:
        subscription: as it is now.
        delivery: where its delivery stands.
        total: the number of all events so far.
        lowest: the lowest number from which on all events are still kept.
        former: the highest number of a deleted Subscription of the same id, 0 if none.
        sent: the highest number that any socket was sent, for a websocket.
    """
    delivery = delivery._replace(cursor=max(delivery.cursor, sent))
    left: NumberRanges = ((1, total),) if total else ()
    runs: list[NumberRun] = []
    for first, last, state in _layers(subscription, delivery, total, lowest, former):
        runs += (
            NumberRun(max(low, first), min(high, last), state)
            for low, high in left
            if low <= last and first <= high
        )
        left = without_range(left, first, last)
    return _joined(sorted(runs, key=lambda run: run.first))


def _layers(
    subscription: Subscription,
    delivery: DeliveryState,
    total: int,
    lowest: int,
    former: int,
) -> Iterator[tuple[int, int, NumberState]]:
    """Yield what is said of which numbers; of a number counts what is said first.

    The last layer holds every number that no other does.
    """
    yield 1, former, NumberState.FORMER
    for first, last in delivery.resend:
        yield first, last, NumberState.RESEND
    for first, last in delivery.lost:
        yield first, last, NumberState.LOST
    yield 1, delivery.cursor, NumberState.DELIVERED
    yield 1, lowest - 1, NumberState.LOST
    status = subscription.status
    if status is SubscriptionStatusCode.ACTIVE and _is_tried_again(subscription, delivery):
        yield 1, delivery.retry_to or 0, NumberState.RETRYING
    is_served = status in (SubscriptionStatusCode.REQUESTED, SubscriptionStatusCode.ACTIVE)
    yield 1, total, NumberState.PENDING if is_served else NumberState.HELD


def _is_tried_again(subscription: Subscription, delivery: DeliveryState) -> bool:
    """Tell whether what fails are events: what is sent once more is sent, and fails, before."""
    return (
        delivery.failures > 0
        and not delivery.resend
        and subscription.channel_type is not ChannelType.WEBSOCKET
    )


def _joined(runs: list[NumberRun]) -> tuple[NumberRun, ...]:
    """Return the runs, which follow upon each other, with those joined that say the same."""
    joined: list[NumberRun] = []
    for run in runs:
        if joined and joined[-1].state is run.state:
            run = NumberRun(joined.pop().first, run.last, run.state)
        joined.append(run)
    return tuple(joined)
