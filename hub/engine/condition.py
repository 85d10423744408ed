"""How a Subscription fares, in one word, with its numbers: what whoever runs the hub looks at.

Source: http://hl7.org/fhir/R5/subscriptionstatus.html; backport IG, "Handling Errors".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.core.number_line import NumberRun, number_line
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, SubscriptionStatusCode
from hub.core.timing import Due, next_due
from hub.engine.sockets import Sockets
from hub.engine.subscribers import GONE, Subscribers


class Condition(StrEnum):
    """The word, worst first.

    ``failing`` is active, or waits for its handshake, while tries fail; ``unbound`` an active
    websocket Subscription to which no socket is bound; the others are its status.
    """

    ERROR = "error"
    FAILING = "failing"
    REQUESTED = "requested"
    UNBOUND = "unbound"
    ACTIVE = "active"
    OFF = "off"
    ENTERED_IN_ERROR = "entered-in-error"


WORST_FIRST = tuple(Condition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fare:
    """How one Subscription fares.

    ``total`` counts its events so far and ``sent`` is the highest number that was delivered, or
    written to a socket; ``lowest`` the lowest that is still kept; ``answered`` the end of the last
    send that was answered, ``beat`` of the last heartbeat, answered or not, None where something
    else came later; ``sockets`` how many are bound, None for other channels.  All as of ``at``.
    """

    subscriber: Subscriber
    condition: Condition
    total: int
    sent: int
    lowest: int
    answered: datetime | None
    beat: datetime | None
    sockets: int | None
    at: datetime

    @property
    def due(self) -> Due | None:
        """What the hub does next by itself."""
        state = self.subscriber.delivery
        if self.beat is not None:
            state = state._replace(last_sent=self.beat)
        return next_due(self.subscriber.subscription, state, self.total, self.at)

    @property
    def undelivered(self) -> int:
        """How many events were not delivered yet and are kept."""
        return max(0, self.total - max(self.sent, self.lowest - 1))

    @property
    def oldest(self) -> int | None:
        """The number of the oldest event that was not delivered yet and is kept."""
        return max(self.sent + 1, self.lowest) if self.undelivered else None

    @property
    def runs(self) -> tuple[NumberRun, ...]:
        """The number line."""
        subscriber = self.subscriber
        return number_line(
            subscriber.subscription,
            subscriber.delivery,
            total=self.total,
            lowest=self.lowest,
            former=max(
                (each.last or 0 for each in subscriber.segments if each.stream == GONE), default=0
            ),
            sent=self.sent,
        )


class Fares:
    """Tells how Subscriptions fare.

    Args:
        last_beat: tells when a heartbeat was last sent, or tried, since what was last kept.
    """

    def __init__(
        self,
        subscribers: Subscribers,
        sockets: Sockets,
        last_beat: Callable[[int], datetime | None],
    ) -> None:
        self._subscribers = subscribers
        self._sockets = sockets
        self._last_beat = last_beat

    def of(self, subscriber: Subscriber, now: datetime) -> Fare:
        """Return how a Subscription fares at ``now``."""
        subscription, state = subscriber.subscription, subscriber.delivery
        is_socket = subscription.channel_type is ChannelType.WEBSOCKET
        sockets = self._sockets.attached_to(subscriber.sid) if is_socket else None
        sent = self._sockets.sent_through(subscriber) if is_socket else state.cursor
        beat = self._last_beat(subscriber.sid)
        if beat is not None and state.last_sent is not None and beat < state.last_sent:
            beat = None
        fails = state.failures > 0 or subscriber.error is not None
        return Fare(
            subscriber=subscriber,
            condition=_condition(subscriber, sockets),
            total=self._subscribers.top(subscriber),
            sent=sent,
            lowest=self._subscribers.lowest(subscriber),
            answered=state.last_sent if fails else beat or state.last_sent,
            beat=beat,
            sockets=sockets,
            at=now,
        )


def _condition(subscriber: Subscriber, sockets: int | None) -> Condition:
    status = subscriber.subscription.status
    is_served = status in (SubscriptionStatusCode.REQUESTED, SubscriptionStatusCode.ACTIVE)
    if is_served and (subscriber.delivery.failures or subscriber.error_code is not None):
        return Condition.FAILING
    if status is SubscriptionStatusCode.ACTIVE and sockets == 0:
        return Condition.UNBOUND
    return Condition(status)
