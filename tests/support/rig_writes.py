"""What the writer of a rig is asked to write, and what came of it."""

from __future__ import annotations

from typing import Any

from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.release import FhirRelease, Resource
from hub.core.search import Query, parse_query
from hub.core.timing import Settled
from hub.engine.settlement import Settlement
from hub.engine.write import Write, Written
from tests.support.rig import Rig
from tests.support.rig_resources import document
from tests.support.virtual_time import START

R4 = FhirRelease.R4
PARAMETERS = search_parameters(R4, "http://hub.example.org/fhir/r4")


def put(resource: Resource, **more: Any) -> Write:
    """Return an update."""
    return Write(
        interaction=Interaction.UPDATE,
        resource_type=resource["resourceType"],
        id=resource["id"],
        document=document(resource),
        **more,
    )


def post(resource: Resource, **more: Any) -> Write:
    """Return a create."""
    return Write(
        interaction=Interaction.CREATE,
        resource_type=resource["resourceType"],
        document=document(resource),
        **more,
    )


def delete(reference: str, **more: Any) -> Write:
    """Return a deletion."""
    kind, _, id = reference.partition("/")
    return Write(interaction=Interaction.DELETE, resource_type=kind, id=id, **more)


def query(**pairs: str) -> Query:
    """Return a search for Tasks."""
    return parse_query(PARAMETERS, "Task", list(pairs.items()))


def a_settlement(sid: int, what: Settled, generation: int = 1, **more: Any) -> Settlement:
    """Return what became of an attempt."""
    return Settlement(sid=sid, generation=generation, what=what, at=more.pop("at", START), **more)


async def submit(rig: Rig, *writes: Write) -> list[Written]:
    """Apply writes as one unit."""
    return await rig.hub.intake.submit(R4, writes)


async def focuses(rig: Rig, id: str) -> list[str]:
    """Return what the events of a Subscription are about, in the order of their numbers."""
    answer = await rig.hub.statuses.events(R4, id)
    return [event.focus or "" for event in answer.notification.events]
