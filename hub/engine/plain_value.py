"""What goes between the processes of one hub most often, as plain tuples.

Pickling a tuple of numbers and texts takes a tenth of what pickling the values themselves takes.
What goes seldom is pickled as it is.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from hub.core.change import Interaction
from hub.core.delivery import Timing
from hub.core.release import FhirRelease
from hub.core.subscriber import Attempt
from hub.core.timing import DeliveryState, Settled
from hub.core.version import (
    EventContext,
    ResourceKey,
    ResourceVersion,
    StreamEvent,
    VersionReference,
)
from hub.engine.settlement import Settlement

Plain: TypeAlias = tuple[Any, ...]

# Looking a member up by its value takes a sixth of what asking its class takes.
_RELEASES: Final = {str(each): each for each in FhirRelease}
_INTERACTIONS: Final = {str(each): each for each in Interaction}
_SETTLED: Final = {str(each): each for each in Settled}


def plain_version(version: ResourceVersion) -> Plain:
    """Return a version as a tuple."""
    seq, (release, kind, id), number, interaction, *rest = version
    return seq, str(release), kind, id, number, str(interaction), *rest


def version_of(plain: Plain) -> ResourceVersion:
    """Return the version that ``plain_version`` wrote."""
    seq, release, kind, id, number, interaction, *rest = plain
    key = ResourceKey(_RELEASES[release], kind, id)
    return ResourceVersion(seq, key, number, _INTERACTIONS[interaction], *rest)


def plain_event(event: StreamEvent) -> Plain:
    """Return an event as a tuple; a rare context stays as it is."""
    stream, n, seq, context = event
    triggers, includes, queries, occurrence, lost = context
    if queries or occurrence is not None:
        return stream, n, seq, context
    return stream, n, seq, (triggers, tuple([tuple(each) for each in includes]), lost)


def event_of(plain: Plain) -> StreamEvent:
    """Return the event that ``plain_event`` wrote."""
    stream, n, seq, context = plain
    if not isinstance(context, EventContext):
        triggers, includes, lost = context
        references = tuple(map(VersionReference._make, includes))
        context = EventContext(triggers, references, (), None, lost)
    return StreamEvent(stream, n, seq, context)


def plain_state(state: DeliveryState) -> Plain:
    """Return a delivery state as a tuple."""
    return tuple(state)


def state_of(plain: Plain) -> DeliveryState:
    """Return the delivery state that ``plain_state`` wrote."""
    return DeliveryState._make(plain)


def plain_settlement(settlement: Settlement) -> Plain:
    """Return a settlement as a tuple."""
    sid, generation, what, *rest, attempts, error, code = settlement
    return sid, generation, str(what), *rest, tuple(map(_plain_attempt, attempts)), error, code


def settlement_of(plain: Plain) -> Settlement:
    """Return the settlement that ``plain_settlement`` wrote."""
    sid, generation, what, *rest, attempts, error, code = plain
    made = tuple(map(_attempt_of, attempts))
    return Settlement._make((sid, generation, _SETTLED[what], *rest, made, error, code))


def _plain_attempt(attempt: Attempt) -> Plain:
    sid, at, kind, first, last, outcome, status, timing, reason = attempt
    return sid, at, str(kind), first, last, str(outcome), status, tuple(timing), reason


def _attempt_of(plain: Plain) -> Attempt:
    *rest, timing, reason = plain
    return Attempt._make((*rest, Timing._make(timing), reason))
