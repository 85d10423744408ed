"""Where the delivery of one event to one Subscription stands, in a word and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.core.instant import format_instant
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, SubscriptionStatusCode


class Standing(StrEnum):
    """The word."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    RETRYING = "retrying"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class EventStanding:
    """The word, and a sentence that names neither endpoint nor content.

    While it is retried, ``since`` is when that began and ``due`` when the next try is.
    """

    standing: Standing
    words: str
    since: datetime | None = None
    due: datetime | None = None

    @property
    def delivered(self) -> bool:
        """Whether the subscriber's endpoint has taken it."""
        return self.standing is Standing.DELIVERED


def standing_of(subscriber: Subscriber, number: int) -> EventStanding:
    """Return where event ``number`` of a Subscription stands."""
    state, subscription = subscriber.delivery, subscriber.subscription
    if number <= state.cursor:
        return EventStanding(Standing.DELIVERED, "delivered")
    status = subscription.status
    if status is SubscriptionStatusCode.ERROR:
        return EventStanding(Standing.HELD, "kept until the subscriber reactivates")
    if status is SubscriptionStatusCode.REQUESTED:
        return EventStanding(Standing.WAITING, "waits for the handshake")
    if status is not SubscriptionStatusCode.ACTIVE:
        return EventStanding(Standing.HELD, f"kept: the Subscription is {status}")
    if subscription.channel_type is ChannelType.WEBSOCKET:
        return EventStanding(Standing.WAITING, "waits for a websocket to bind")
    if state.failures:
        return EventStanding(
            Standing.RETRYING,
            f"retrying since {_when(state.failing_since)}, next at {_when(state.due)}",
            state.failing_since,
            state.due,
        )
    return EventStanding(Standing.WAITING, "is next to be sent")


def _when(instant: datetime | None) -> str:
    return "now" if instant is None else format_instant(instant)
