"""The operations ``$status`` and ``$events``: what a Subscription has had, and has again.

Source: http://hl7.org/fhir/R5/subscription-operation-status.html and
subscription-operation-events.html; backport IG, OperationDefinitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.client import Client
from hub.core.notification import Notification, NotificationType, build_notification
from hub.core.release import FhirRelease
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import PayloadContent
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.numbered_events import read_events
from hub.engine.status_error import status_errors
from hub.engine.subscribers import Subscribers
from hub.errors import Expired, InvalidValue
from hub.ports import Clock, Store

EVENTS_PAGE = 1000
"""How many events one answer of ``$events`` holds at most."""

_LEVELS = (PayloadContent.EMPTY, PayloadContent.ID_ONLY, PayloadContent.FULL_RESOURCE)


@dataclass(frozen=True, slots=True)
class EventsAnswer:
    """What ``$events`` answers; ``next_since`` is where the next page starts, if there is one."""

    notification: Notification
    next_since: int | None


class SubscriptionStatuses:
    """Answers about Subscriptions; moves neither cursor nor counter."""

    def __init__(
        self, store: Store, subscribers: Subscribers, clock: Clock, hints: AuthorizationHints
    ) -> None:
        self._store = store
        self._hints = hints
        self._subscribers = subscribers
        self._clock = clock

    def statuses(
        self,
        release: FhirRelease,
        ids: Sequence[str] | None,
        statuses: Sequence[str],
        *,
        caller: Client | None = None,
    ) -> list[Notification]:
        """Return the status of the Subscriptions named, or of all.

        Unknown ids are left out, and so are classic Subscriptions: they have no such status.

        Args:
            ids: None for all; values are alternatives.
            statuses: only those in one of these states, any state where empty.
            caller: only those that this caller knows of.
        """
        named = [
            each
            for each in self._subscribers
            if not each.deleted
            and not each.subscription.is_classic
            and each.belonging.is_shown_to(caller)
            and each.subscription.release is release
            and (ids is None or each.subscription.id in ids)
            and (not statuses or each.subscription.status in statuses)
        ]
        return [self.status(each) for each in named]

    def status(self, subscriber: Subscriber) -> Notification:
        """Return the present status of one Subscription."""
        return build_notification(
            subscriber.subscription,
            NotificationType.QUERY_STATUS,
            total=self._subscribers.top(subscriber),
            timestamp=self._clock.now(),
            errors=status_errors(subscriber),
        )

    async def events(
        self,
        release: FhirRelease,
        id: str,
        *,
        since: int | None = None,
        until: int | None = None,
        content: PayloadContent | None = None,
    ) -> EventsAnswer:
        """Return the events numbered ``since``..``until``, both inclusive.

        Args:
            since: absent, from the lowest number that is still kept.
            until: absent, or beyond the counter, to the newest.
            content: a lower content level than the Subscription's own; a higher one is not given.

        Raises:
            InvalidValue: since > until.
            Expired: events from ``since`` on are no longer kept; names the lowest.
            NotTopicBased: it is a classic one.
        """
        subscriber = self._subscribers.topic_based(release, id)
        total = self._subscribers.top(subscriber)
        lowest = self._subscribers.lowest(subscriber)
        if since is not None and until is not None and since > until:
            raise InvalidValue(
                f"eventsSinceNumber {since} is greater than eventsUntilNumber {until}"
            )
        low = max(since, 1) if since is not None else lowest
        if low < lowest:
            raise Expired(
                f"events before number {lowest} are no longer kept; the lowest is {lowest}"
            )
        wanted = total if until is None else min(until, total)
        high = min(wanted, low + EVENTS_PAGE - 1)
        events = (
            await self._store.read(lambda reader: read_events(reader, subscriber, low, high))
            if low <= high
            else []
        )
        kind = NotificationType.QUERY_EVENT
        if not events and release is not FhirRelease.R4:
            kind = NotificationType.QUERY_STATUS
        notification = build_notification(
            subscriber.subscription,
            kind,
            total=total,
            timestamp=self._clock.now(),
            events=events,
            errors=status_errors(subscriber),
            content=_lower(subscriber.subscription.content, content),
            hint=self._hints.of_answers(),
        )
        return EventsAnswer(notification, high + 1 if events and high < wanted else None)

    async def attempts(self, release: FhirRelease, id: str, count: int = 50) -> list[Attempt]:
        """Return the newest attempts to deliver to a Subscription, newest first."""
        sid = self._subscribers.named(release, id).sid
        return await self._store.read(lambda reader: reader.attempts(sid, count))


def _lower(own: PayloadContent, asked: PayloadContent | None) -> PayloadContent:
    """Return the lower of two content levels: an operation never widens what is seen."""
    return own if asked is None else min(own, asked, key=_LEVELS.index)
