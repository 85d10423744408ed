"""What goes between the processes of one hub most often, as plain tuples.

Pickling a tuple of numbers and texts takes a tenth of what pickling the values themselves takes.
What goes seldom is pickled as it is.
"""

from __future__ import annotations

from typing import Any, TypeAlias

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


def plain_version(version: ResourceVersion) -> Plain:
    """Return a version as a tuple."""
    key = version.key
    return (
        version.seq,
        key.release.value,
        key.resource_type,
        key.id,
        version.version,
        version.interaction.value,
        version.timestamp,
        version.body,
        version.transaction,
        version.previous,
        version.author,
    )


def version_of(plain: Plain) -> ResourceVersion:
    """Return the version that ``plain_version`` wrote."""
    seq, release, kind, id, number, interaction, at, body, transaction, previous, author = plain
    return ResourceVersion(
        seq=seq,
        key=ResourceKey(FhirRelease(release), kind, id),
        version=number,
        interaction=Interaction(interaction),
        timestamp=at,
        body=body,
        transaction=transaction,
        previous=previous,
        author=author,
    )


def plain_event(event: StreamEvent) -> Plain:
    """Return an event as a tuple; a rare context stays as it is."""
    context = event.context
    if context.queries or context.occurrence is not None:
        return event.stream, event.n, event.seq, context
    includes = tuple((each.resource_type, each.id, each.version) for each in context.includes)
    return event.stream, event.n, event.seq, (context.triggers, includes, context.lost)


def event_of(plain: Plain) -> StreamEvent:
    """Return the event that ``plain_event`` wrote."""
    stream, n, seq, context = plain
    if not isinstance(context, EventContext):
        triggers, includes, lost = context
        context = EventContext(
            triggers=triggers,
            includes=tuple(VersionReference(*each) for each in includes),
            lost=lost,
        )
    return StreamEvent(stream=stream, n=n, seq=seq, context=context)


def plain_state(state: DeliveryState) -> Plain:
    """Return a delivery state as a tuple."""
    return (
        state.cursor,
        state.failures,
        state.failing_since,
        state.due,
        state.retry_to,
        state.last_sent,
        state.resend,
        state.asked,
        state.asking_since,
        state.lost,
    )


def state_of(plain: Plain) -> DeliveryState:
    """Return the delivery state that ``plain_state`` wrote."""
    cursor, failures, since, due, retry_to, last_sent, resend, asked, asking_since, lost = plain
    return DeliveryState(
        cursor=cursor,
        failures=failures,
        failing_since=since,
        due=due,
        retry_to=retry_to,
        last_sent=last_sent,
        resend=resend,
        asked=asked,
        asking_since=asking_since,
        lost=lost,
    )


def plain_settlement(settlement: Settlement) -> Plain:
    """Return a settlement as a tuple."""
    return (
        settlement.sid,
        settlement.generation,
        settlement.what.value,
        settlement.at,
        settlement.cursor,
        settlement.due,
        settlement.retry_to,
        settlement.resent,
        settlement.asked,
        tuple(map(_plain_attempt, settlement.attempts)),
        settlement.error,
        settlement.error_code,
    )


def settlement_of(plain: Plain) -> Settlement:
    """Return the settlement that ``plain_settlement`` wrote."""
    sid, generation, what, at, cursor, due, retry_to, resent, asked, attempts, error, code = plain
    return Settlement(
        sid=sid,
        generation=generation,
        what=Settled(what),
        at=at,
        cursor=cursor,
        due=due,
        retry_to=retry_to,
        resent=resent,
        asked=asked,
        attempts=tuple(map(_attempt_of, attempts)),
        error=error,
        error_code=code,
    )


def _plain_attempt(attempt: Attempt) -> Plain:
    timing = attempt.timing
    return (
        attempt.sid,
        attempt.at,
        str(attempt.kind),
        attempt.first,
        attempt.last,
        str(attempt.outcome),
        attempt.status,
        (timing.address, timing.dns, timing.connect, timing.tls, timing.wait, timing.total),
        attempt.reason,
    )


def _attempt_of(plain: Plain) -> Attempt:
    sid, at, kind, first, last, outcome, status, timing, reason = plain
    address, dns, connect, tls, wait, total = timing
    return Attempt(
        sid=sid,
        at=at,
        kind=kind,
        first=first,
        last=last,
        outcome=outcome,
        status=status,
        timing=Timing(address=address, dns=dns, connect=connect, tls=tls, wait=wait, total=total),
        reason=reason,
    )
