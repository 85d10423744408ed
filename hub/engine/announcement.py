"""What Subscriptions are told of events, each under its own numbers.

One change often is an event for many.  What they are told differs in a few words: all else is read
and written once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from hub.core.notification import (
    Alike,
    Called,
    Notification,
    NotificationType,
    NumberedEvent,
    build_notification,
    most_events,
    name_of,
    notification_id,
)
from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import Subscription
from hub.engine.numbered_events import read_events
from hub.engine.recent_events import RecentEvents
from hub.ports import Codec

MOST_KEPT = 32
"""Enough for some commits, at several levels and in several releases."""

LONGEST_KEPT = 64 * 1024
"""Of a longer text the writing costs little, next to the sending."""

_said = attrgetter("seq", "context")
"""Returns all by which events differ for whoever hears of them, but their numbers."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A Subscription as it is now, for what it is told.

    ``hint`` is which kind of authorization gives access to what the events are about; ``manner``
    is the same for all who are told the same of the same event; ``most`` is how many events they
    are told at once; ``called`` and ``name`` are how it is called in the text, and in its id.
    """

    subscription: Subscription
    hint: Coding | None
    manner: str
    most: int
    called: Called
    name: str


class Announcements:
    """Writes notifications of events.

    Args:
        events: reads them.
        codecs: write the text of each release.
        base_url: of a release.
        most_kept: how many texts are kept for others who are told the same.
        longest_kept: a text of more bytes is not.
    """

    def __init__(
        self,
        events: RecentEvents,
        codecs: Mapping[FhirRelease, Codec],
        base_url: Callable[[FhirRelease], str],
        *,
        most_kept: int = MOST_KEPT,
        longest_kept: int = LONGEST_KEPT,
    ) -> None:
        self._events = events
        self._codecs = codecs
        self._base_url = base_url
        self._most_kept = most_kept
        self._longest_kept = longest_kept
        self._kept: dict[Hashable, tuple[str, Alike]] = {}

    def audience(self, subscription: Subscription, hint: Coding | None) -> Audience:
        """Return how a Subscription, as it is now, is told of events."""
        release, content = subscription.release, subscription.content
        manner = (
            release,
            content,
            subscription.topic,
            subscription.status,
            subscription.content_type,
            hint,
        )
        return Audience(
            subscription,
            hint,
            # Many have the same; most of them wait for long.
            sys.intern(repr(manner)),
            most_events(subscription),
            self._codecs[release].called(subscription, self._base_url(release)),
            name_of(subscription, NotificationType.EVENT_NOTIFICATION, content),
        )

    def at_once(
        self, audience: Audience, subscriber: Subscriber, first: int, last: int
    ) -> bytes | None:
        """Return what ``of_events`` does, None where it would have to read the store.

        It need not for events that are in memory, on the stream that counts now.
        """
        segment = subscriber.segments[-1]
        if not segment.is_open or first < segment.first:
            return None
        low, high = first + segment.offset, last + segment.offset
        try:
            events = self._events.events(segment.stream, low, high)
            key = (audience.manner, *map(_said, events))
            kept = self._kept.get(key)
            if kept is None:
                told = read_events(self._events, subscriber, first, last)
        except LookupError:
            return None
        at, write = kept or self._begin(self._notification(audience, last, told))
        id = notification_id(audience.name, first, last, at)
        text = write(id, audience.called, last, range(first, last + 1))
        if kept is None and len(text) <= self._longest_kept:
            self._keep(key, (at, write))
        return text

    async def of_events(
        self, audience: Audience, subscriber: Subscriber, first: int, last: int
    ) -> bytes | None:
        """Return the payload about the events numbered ``first``..``last`` (inclusive).

        What retention removed is left out; None where that is all.

        Args:
            audience: the Subscription of ``subscriber``.
            subscriber: who is told.
            first, last: its numbers.
        """
        text = self.at_once(audience, subscriber, first, last)
        if text is not None:
            return text
        events = await self._events.read(subscriber, first, last)
        if not events:
            return None
        release = audience.subscription.release
        notification = self._notification(audience, last, events)
        return self._codecs[release].encode_payload(notification, self._base_url(release))

    def _notification(
        self, audience: Audience, total: int, events: Sequence[NumberedEvent]
    ) -> Notification:
        return build_notification(
            audience.subscription,
            NotificationType.EVENT_NOTIFICATION,
            total=total,
            timestamp=events[-1].timestamp,
            events=events,
            hint=audience.hint,
        )

    def _begin(self, notification: Notification) -> tuple[str, Alike]:
        """Return when something is said, in ISO format, and what writes it."""
        release = notification.release
        write = self._codecs[release].encode_alike(notification, self._base_url(release))
        return notification.timestamp.isoformat(), write

    def _keep(self, key: Hashable, written: tuple[str, Alike]) -> None:
        """Keep for others what writes something, in place of the oldest."""
        self._kept[key] = written
        if len(self._kept) > self._most_kept:
            del self._kept[next(iter(self._kept))]
