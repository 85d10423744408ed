"""``$trace``: what became of a resource: each change, who was told of it, and did it arrive.

It answers a placer's "did the lab get it?".  No endpoint, header or body is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hub.core.instant import format_instant
from hub.core.json_text import dumps, parse
from hub.core.release import Json, Resource
from hub.core.version import ResourceKey
from hub.engine.standing import Standing
from hub.engine.trace import Told, Trace, TracedChange
from hub.web.arguments import Arguments
from hub.web.call import Answer, Call
from hub.web.service import Service
from hub.web.target import Target

TRACE: Final = "$trace"
NOBODY: Final = (
    "nobody matched: no filter of a Subscription that you may know of let this change through"
)
_MOST_NAMES: Final = 3
_TURNING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_WORDS: Final = {Standing.RETRYING: "it is being tried again"}


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


def answer(trace: Trace) -> str:
    """Return in one sentence whether everybody got what they are told of."""
    told = [each for change in trace.changes for each in change.told]
    missing = [each for each in told if not each.standing.delivered]
    if not told:
        return "Nobody was told: no filter of a Subscription that you may know of matched."
    if not missing:
        who = len({each.subscriber.sid for each in told})
        return (
            f"Yes, everything arrived: {_counted(len(told), 'notification')} "
            f"at {_counted(who, 'subscriber')}."
        )
    waiting: dict[int, list[Told]] = {}
    for each in missing:
        waiting.setdefault(each.subscriber.sid, []).append(each)
    names = [
        f"{called(some[0])} lacks {len(some)} "
        f"({_WORDS.get(some[0].standing.standing, some[0].standing.words)})"
        for some in waiting.values()
    ]
    left = len(names) - _MOST_NAMES
    more = f", and {_counted(left, 'other')}" if left > 0 else ""
    return (
        f"Not yet: {len(missing)} of {_counted(len(told), 'notification')} "
        f"{'has' if len(missing) == 1 else 'have'} not arrived. "
        f"{', '.join(names[:_MOST_NAMES])}{more}."
    )


def called(told: Told) -> str:
    """Return what a subscriber is called, without signs that turn what follows in a sentence."""
    name = _TURNING.sub("", told.name)
    if not name and told.is_shown:
        return told.subscriber.subscription.reference
    return name or "somebody"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _written(trace: Trace) -> Resource:
    parties: dict[int, int] = {}
    parameters: list[Json] = [
        {"name": "answer", "valueString": answer(trace)},
        {"name": "undelivered", "valueInteger": trace.undelivered},
        {"name": "cut", "valueBoolean": trace.cut},
        *({"name": "change", "part": list(_change(change, parties))} for change in trace.changes),
    ]
    return {"resourceType": "Parameters", "parameter": parameters}


def _change(change: TracedChange, parties: dict[int, int]) -> Iterator[Json]:
    version = change.version
    yield {"name": "focus", "valueReference": {"reference": version.key.reference}}
    yield {"name": "version", "valueInteger": version.version}
    yield {"name": "interaction", "valueCode": version.interaction}
    yield {"name": "timestamp", "valueInstant": format_instant(version.timestamp)}
    status = None if version.body is None else parse(version.body).value.get("status")
    if isinstance(status, str):
        yield {"name": "status", "valueCode": status}
    for each in change.told:
        party = parties.setdefault(each.subscriber.sid, len(parties) + 1)
        yield {"name": "told", "part": list(_told(each, party))}
    if not change.told:
        yield {"name": "words", "valueString": NOBODY}


def _told(told: Told, party: int) -> Iterator[Json]:
    """Yield what is told of an event; ``party`` tells subscribers apart within one answer."""
    subscription = told.subscriber.subscription
    if told.is_shown:
        yield {"name": "subscription", "valueReference": {"reference": subscription.reference}}
    if told.name:
        yield {"name": "name", "valueString": told.name}
    yield {"name": "party", "valueInteger": party}
    yield {"name": "channel", "valueCode": subscription.channel_type}
    if not subscription.is_classic:
        yield {"name": "event-number", "valueString": str(told.number)}
    yield {"name": "standing", "valueCode": told.standing.standing}
    yield {"name": "words", "valueString": told.standing.words}
    for name, at in (
        ("delivered", told.delivered),
        ("since", told.standing.since),
        ("due", told.standing.due),
    ):
        if at is not None:
            yield {"name": name, "valueInstant": format_instant(at)}
