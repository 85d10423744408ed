"""What is decided about the events of one change when they are planned, and kept with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.core.change import Change
from hub.core.notification_shape import includes, related_queries
from hub.core.registry import Match
from hub.core.search_parameter import SearchParameters
from hub.core.version import EventContext, ResourceVersion, VersionReference
from hub.engine.resolver import ReaderResolver


def contexts(
    matches: Sequence[Match],
    change: Change,
    parameters: SearchParameters,
    resolver: ReaderResolver,
) -> Iterator[tuple[Match, EventContext]]:
    """Yield each match with its triggers and what its topic's shape names for the focus."""
    known: dict[tuple[int, bool], EventContext] = {}
    for match in matches:
        like = id(match.topic), match.lost
        context = known.get(like)
        if context is None:
            context = known[like] = _context(match, change, parameters, resolver)
        yield match, context


def _context(
    match: Match, change: Change, parameters: SearchParameters, resolver: ReaderResolver
) -> EventContext:
    if match.lost:
        return EventContext(triggers=match.triggers, lost=True)
    subject = change.subject
    named = includes(match.topic, subject, parameters, resolver)
    found = [resolver.version(kind, id) for kind, id in named] if named else ()
    shown = tuple([reference_to(version) for version in found if version]) if found else ()
    return EventContext(match.triggers, shown, related_queries(match.topic, subject, parameters))


def reference_to(version: ResourceVersion) -> VersionReference:
    """Return what names a version of a resource."""
    return VersionReference(version.key.resource_type, version.key.id, version.version)
