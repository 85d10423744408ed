"""Where delivery and the writer meet: what one has to know, and to be told, of the other.

Only plain values go between them, so that delivery can run in another process over the same store.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import Signal
from hub.core.timing import DeliveryState, Settled


class Settlement(NamedTuple):
    """What a delivery came to, to be written with the next batch; plain values only.

    ``generation`` is the one that the attempt was made for: a failure of an older one is dropped,
    while what was delivered counts for ever.  ``cursor``, ``due``, ``retry_to``, ``resent``
    and ``asked`` are as in ``hub.core.timing.settled``.
    """

    sid: int
    generation: int
    what: Settled
    at: datetime
    cursor: int = 0
    due: datetime | None = None
    retry_to: int | None = None
    resent: tuple[int, int] = (0, 0)
    asked: int = 0
    attempts: tuple[Attempt, ...] = ()
    error: str | None = None
    error_code: str | None = None


class Settling(Protocol):
    """Writes what deliveries come to."""

    async def settle(self, settlement: Settlement) -> None:
        """Return when it is durable, and ``Known`` shows it.

        Raises:
            HubError: nothing was written; what was delivered will be delivered again.
        """


class Signalling(Protocol):
    """Lets Subscriptions follow what happened to their delivery."""

    async def signal(
        self,
        sid: int,
        generation: int,
        signal: Signal,
        *,
        error: str | None = None,
        error_code: str | None = None,
        attempt: Attempt | None = None,
        delivery: DeliveryState | None = None,
    ) -> bool:
        """Return, when it is durable and ``Known`` shows it, whether the Subscription followed.

        Args:
            generation: the one that was seen; if the client has changed the Subscription since,
                nothing happens.
            delivery: the delivery state to keep, the present one where None.

        Raises:
            HubError: nothing was written.
        """


class Known(Protocol):
    """What is known of all Subscriptions: committed, and never older than what was settled.

    As long as nothing of a Subscription changes, ``get`` returns the same object.
    """

    def sids(self) -> Sequence[int]:
        """Return the numbers of all Subscriptions, also of deleted ones."""

    def get(self, sid: int) -> Subscriber | None:
        """Return a Subscription, also a deleted one; None if there never was one."""

    def top(self, subscriber: Subscriber) -> int:
        """Return how many events a Subscription has had."""

    def lowest(self, subscriber: Subscriber) -> int:
        """Return the lowest number from which on all events are still kept."""
