"""What Subscriptions are told of events, each under its own numbers.

One change often is an event for many.  What they are told differs in a few words: all else is read
and written once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeAlias

from hub.core.notification import (
    Addressee,
    NotificationType,
    addressed,
    build_notification,
)
from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.version import StreamEvent
from hub.engine.recent_events import RecentEvents
from hub.ports import Codec

MOST_KEPT = 32
"""Enough for some commits, at several levels and in several releases."""

LONGEST_KEPT = 64 * 1024
"""Of a longer text the writing costs little, next to the sending."""

_Write: TypeAlias = Callable[[Addressee], bytes]


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
        self._kept: dict[Hashable, tuple[str, _Write]] = {}

    async def of_events(
        self, subscriber: Subscriber, first: int, last: int, hint: Coding | None
    ) -> bytes | None:
        """Return the payload about the events numbered ``first``..``last`` (inclusive).

        What retention removed is left out; None where that is all.
        """
        subscription = subscriber.subscription
        key = self._key(subscriber, first, last, hint)
        kept = None if key is None else self._kept.get(key)
        if kept is not None:
            at, write = kept
            to = addressed(
                subscription,
                NotificationType.EVENT_NOTIFICATION,
                subscription.content,
                total=last,
                at=at,
                numbers=tuple(range(first, last + 1)),
            )
            return write(to)
        events = await self._events.read(subscriber, first, last)
        if not events:
            return None
        notification = build_notification(
            subscription,
            NotificationType.EVENT_NOTIFICATION,
            total=last,
            timestamp=events[-1].timestamp,
            events=events,
            hint=hint,
        )
        codec = self._codecs[subscription.release]
        base_url = self._base_url(subscription.release)
        if key is None:
            return codec.encode_payload(notification, base_url)
        write = codec.encode_alike(notification, base_url)
        text = write(notification.addressee)
        if len(text) <= self._longest_kept:
            self._kept[key] = notification.timestamp.isoformat(), write
            if len(self._kept) > self._most_kept:
                del self._kept[next(iter(self._kept))]
        return text

    def _key(
        self, subscriber: Subscriber, first: int, last: int, hint: Coding | None
    ) -> Hashable | None:
        """Return what is the same for all who are told the same, None where it is not known.

        It is known of events that are in memory, on the stream that counts now.
        """
        segment = subscriber.segments[-1]
        if not segment.is_open or first < segment.first:
            return None
        low, high = first + segment.offset, last + segment.offset
        try:
            events = self._events.events(segment.stream, low, high)
        except LookupError:
            return None
        subscription = subscriber.subscription
        return (
            subscription.release,
            subscription.content,
            subscription.topic,
            subscription.status,
            subscription.content_type,
            hint,
            *[_said(event) for event in events],
        )


def _said(event: StreamEvent) -> Hashable:
    """Return all by which events differ for whoever hears of them, but their numbers."""
    context = event.context
    return event.seq, context.includes, context.queries, context.occurrence, context.lost
