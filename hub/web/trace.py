"""``$trace``: what became of a resource: each change, who was told of it, and did it arrive.

It answers a placer's "did the lab get it?".  No endpoint, header or body is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.core.instant import format_instant
from hub.core.json_text import dumps
from hub.core.release import Json, Resource
from hub.core.version import ResourceKey
from hub.engine.trace import Told, Trace, TracedChange
from hub.web.arguments import Arguments
from hub.web.call import Answer, Call
from hub.web.service import Service
from hub.web.target import Target

TRACE: Final = "$trace"
NOBODY: Final = (
    "nobody matched: no filter of a Subscription that you may know of let this change through"
)


async def trace(service: Service, call: Call, target: Target) -> Answer:
    """Trace a resource; an order with the Tasks and results that point to it.

    Raises:
        NotFound: there never was such a resource.
        InvalidValue: a parameter is given; there are none.
    """
    Arguments(service, call, ())
    found = await service.hub.tracing.trace(
        ResourceKey(call.release, target.resource_type, target.id),
        caller=call.client,
    )
    return Answer(status=200, body=dumps(_written(found)))


def _written(trace: Trace) -> Resource:
    parameters: list[Json] = [
        {"name": "undelivered", "valueInteger": trace.undelivered},
        {"name": "cut", "valueBoolean": trace.cut},
        *({"name": "change", "part": list(_change(change))} for change in trace.changes),
    ]
    return {"resourceType": "Parameters", "parameter": parameters}


def _change(change: TracedChange) -> Iterator[Json]:
    version = change.version
    yield {"name": "focus", "valueReference": {"reference": version.key.reference}}
    yield {"name": "version", "valueInteger": version.version}
    yield {"name": "interaction", "valueCode": version.interaction}
    yield {"name": "timestamp", "valueInstant": format_instant(version.timestamp)}
    for each in change.told:
        yield {"name": "told", "part": list(_told(each))}
    if not change.told:
        yield {"name": "words", "valueString": NOBODY}


def _told(told: Told) -> Iterator[Json]:
    subscription = told.subscriber.subscription
    if told.is_shown:
        yield {"name": "subscription", "valueReference": {"reference": subscription.reference}}
    if told.name:
        yield {"name": "name", "valueString": told.name}
    yield {"name": "channel", "valueCode": subscription.channel_type}
    if not subscription.is_classic:
        yield {"name": "event-number", "valueString": str(told.number)}
    yield {"name": "standing", "valueCode": told.standing.standing}
    yield {"name": "words", "valueString": told.standing.words}
    if told.delivered is not None:
        yield {"name": "delivered", "valueInstant": format_instant(told.delivered)}
