"""A Subscription as the hub keeps it: with its numbers, its delivery and its attempts.

Source: http://hl7.org/fhir/R5/subscriptionstatus.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from typing import Any, NamedTuple

from hub.core.belonging import Belonging
from hub.core.delivery import Timing
from hub.core.numbering import Segment
from hub.core.release import FhirRelease
from hub.core.subscription import Subscription
from hub.core.timing import DeliveryState
from hub.core.value import value


@value(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Everything about one Subscription but its events.

    ``sid`` is the hub's own number for it, never used twice; ``owner`` the name of the client that
    created it, for good (empty where nobody was asked); ``generation`` rises with every update by
    the client, so that a failure of an older endpoint is not held against the new one;
    ``topic_version`` is the ``url|version`` to which it is pinned, or the type that its classic
    criteria search; ``error`` what is wrong with its delivery in words and ``error_code`` the code
    of that (``no-response`` and so on); ``deleted`` marks what is kept of a deleted one: its
    numbers, which go on if the id is put again.
    """

    sid: int
    subscription: Subscription
    owner: str = ""
    visibility: str = ""
    generation: int = 1
    topic_version: str = ""
    error: str | None = None
    error_code: str | None = None
    segments: tuple[Segment, ...] = ()
    delivery: DeliveryState = DeliveryState()
    created: datetime | None = None
    deleted: bool = False

    def faring(
        self, delivery: DeliveryState, error: str | None, error_code: str | None
    ) -> Subscriber:
        """Return it as it is after its delivery went on; nothing else changes as often."""
        return Subscriber(
            sid=self.sid,
            subscription=self.subscription,
            owner=self.owner,
            visibility=self.visibility,
            generation=self.generation,
            topic_version=self.topic_version,
            error=error,
            error_code=error_code,
            segments=self.segments,
            delivery=delivery,
            created=self.created,
            deleted=self.deleted,
        )

    @property
    def belonging(self) -> Belonging:
        """Whose it is."""
        return Belonging(
            owner=self.owner,
            administrative=self.subscription.administrative,
            managing_entity=self.subscription.managing_entity,
        )


@value(frozen=True, slots=True)
class StoredSubscriber:
    """A Subscription as a store has it: what finds it is at hand, the whole is made when asked for.

    ``make`` makes it of ``rest``, on any thread, and does not fail: what has a form that could be
    wrong was read before.
    """

    sid: int
    release: FhirRelease
    id: str
    segments: tuple[Segment, ...]
    rest: Any = field(repr=False)
    make: Callable[[StoredSubscriber], Subscriber] = field(repr=False)

    @classmethod
    def of(cls, whole: Subscriber) -> StoredSubscriber:
        """Return one that was made before."""
        subscription = whole.subscription
        return cls(
            whole.sid, subscription.release, subscription.id, whole.segments, whole, _as_it_is
        )

    def whole(self) -> Subscriber:
        """Return everything about the Subscription but its events."""
        return self.make(self)


def _as_it_is(stored: StoredSubscriber) -> Subscriber:
    whole: Subscriber = stored.rest
    return whole


class Attempt(NamedTuple):
    """One attempt to deliver, as it is kept: no body, no header value.

    ``outcome`` is ``delivered`` or a failure class; ``first`` and ``last`` are the numbers in it,
    both 0 for a handshake or heartbeat; ``timing`` tells where its time went.
    """

    sid: int
    at: datetime
    kind: str
    first: int
    last: int
    outcome: str
    status: int | None = None
    timing: Timing = Timing()
    reason: str = ""

    def __repr__(self) -> str:
        """Tell all but the words of its reason."""
        what = f"{self.kind} {self.first}-{self.last} of {self.sid} at {self.at}"
        return f"<{what}: {self.outcome} {self.status} {self.timing}>"
