"""Reading events under a Subscription's own numbers.

Source: http://hl7.org/fhir/R5/subscriptionstatus.html (notificationEvent).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from hub.core.notification import NumberedEvent, context_versions
from hub.core.numbering import stretches
from hub.core.subscriber import Subscriber
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent, VersionReference


class EventReader(Protocol):
    """The part of ``hub.ports.Reader`` that reading events takes."""

    def events(self, stream: int, low: int, high: int) -> list[StreamEvent]:
        """Return the events of a stream with n from ``low`` to ``high``, in order."""

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""

    def version(self, key: ResourceKey, version: int) -> ResourceVersion | None:
        """Return one version, None if it does not exist or is no longer kept."""


def read_events(
    reader: EventReader, subscriber: Subscriber, low: int, high: int
) -> list[NumberedEvent]:
    """Return the events numbered ``low``..``high`` (inclusive), in order, with their content.

    What retention removed is left out.  Content is read at the versions of the commit.
    """
    found = [
        (stretch.first + event.n - stretch.low, event)
        for stretch in stretches(subscriber.segments, low, high)
        for event in reader.events(stretch.stream, stretch.low, stretch.high)
    ]
    versions = reader.at({event.seq for _, event in found})
    includes: dict[VersionReference, ResourceVersion] = {}
    for reference in {each for _, event in found for each in _named(event)}:
        if (version := _version(reader, subscriber, reference)) is not None:
            includes[reference] = version
    return [_numbered(number, event, versions, includes) for number, event in found]


def _numbered(
    number: int,
    event: StreamEvent,
    versions: Mapping[int, ResourceVersion],
    includes: Mapping[VersionReference, ResourceVersion],
) -> NumberedEvent:
    context = event.context
    told = context.occurrence
    if told is None:
        focus: ResourceVersion | None = versions[event.seq]
        at = versions[event.seq].timestamp
    else:
        focus, at = includes.get(told.focus), told.at
    return NumberedEvent(
        number=number,
        timestamp=at,
        focus=focus,
        context=context_versions(context.includes, includes) if context.includes else (),
        queries=context.queries,
        lost=context.lost,
    )


def instant_of(reader: EventReader, subscriber: Subscriber, number: int) -> datetime:
    """Return when the event ``number``, which must still be kept, happened."""
    found = kept_instant(reader, subscriber, number)
    if found is None:
        raise ValueError(f"event {number} is no longer kept")
    return found


def kept_instant(reader: EventReader, subscriber: Subscriber, number: int) -> datetime | None:
    """Return when the event ``number`` happened, None if it is no longer kept."""
    for stretch in stretches(subscriber.segments, number, number):
        for event in reader.events(stretch.stream, stretch.low, stretch.high):
            told = event.context.occurrence
            return told.at if told else reader.at([event.seq])[event.seq].timestamp
    return None


def _named(event: StreamEvent) -> tuple[VersionReference, ...]:
    told = event.context.occurrence
    return event.context.includes if told is None else (told.focus, *event.context.includes)


def _version(
    reader: EventReader, subscriber: Subscriber, reference: VersionReference
) -> ResourceVersion | None:
    release = subscriber.subscription.release
    return reader.version(
        ResourceKey(release, reference.resource_type, reference.id), reference.version
    )
