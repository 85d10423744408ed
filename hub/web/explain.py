"""``$explain``: why a change is, or would be, told to whom; nothing is written or sent.

Asked of a stored resource (``GET {base}/Task/17/$explain?version=3``), or of a made-up change
(``POST {base}/$explain`` with Parameters ``before`` and ``after``, and ``author``: the name of the
client that would write it).  With ``case``, a name, each topic says it as a row of its truth table,
too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from hub.core.change import Change
from hub.core.clause import Clause
from hub.core.compiled_topic import Verdict
from hub.core.json_text import dumps, parse
from hub.core.release import Json, Resource
from hub.core.version import ResourceKey
from hub.engine.explain import (
    ExplainedStream,
    ExplainedSubscription,
    ExplainedTopic,
    Explanation,
)
from hub.errors import InvalidValue
from hub.web.arguments import Arguments
from hub.web.call import Answer, Call
from hub.web.service import Service
from hub.web.target import Target
from hub.web.truth_table_row import row_of

EXPLAIN: Final = "$explain"
CASE: Final = "case"
_LONGEST_NAME: Final = 200
_STATES: Final = ("before", "after")


async def explain_version(service: Service, call: Call, target: Target) -> Answer:
    """Explain a stored version of a resource.

    Raises:
        NotFound, Deleted: there is no such version, Subscription or topic.
        InvalidValue: a parameter is unknown or of the wrong form.
    """
    arguments = Arguments(service, call, ("version", "subscription", "topic", CASE))
    found = await service.hub.explain.version(
        ResourceKey(call.release, target.resource_type, target.id),
        arguments.number("version"),
        subscription=_one(arguments, "subscription"),
        topic=_one(arguments, "topic"),
        caller=call.client,
    )
    return Answer(status=200, body=dumps(_written(found, _one(arguments, CASE))))


async def explain_change(service: Service, call: Call, _: Target) -> Answer:
    """Explain what would come of a change from ``before`` to ``after``.

    Raises:
        InvalidResource, InvalidValue: a state is no resource of the release, or a parameter is
            unknown.
        Unprocessable: there is neither state, or they are of different types.
    """
    states, rest = _states(service, call)
    arguments = Arguments(service, rest, ("author", "subscription", "topic", CASE))
    found = await service.hub.explain.change(
        call.release,
        states.get("before"),
        states.get("after"),
        author=_one(arguments, "author") or "",
        subscription=_one(arguments, "subscription"),
        topic=_one(arguments, "topic"),
        caller=call.client,
    )
    return Answer(status=200, body=dumps(_written(found, _one(arguments, CASE))))


def _one(arguments: Arguments, name: str) -> str | None:
    values = [value for found, value in arguments.pairs if found == name]
    if len(values) > 1:
        raise InvalidValue(f"{name} may be given once")
    return values[0] if values else None


def _states(service: Service, call: Call) -> tuple[dict[str, Resource], Call]:
    """Return the resources among the parameters, and the call without them."""
    document = service.validated(call.release, call.document, "Parameters")
    states: dict[str, Resource] = {}
    others: list[Json] = []
    for index, parameter in enumerate(document.value.get("parameter", [])):
        if "resource" not in parameter:
            others.append(parameter)
            continue
        name = parameter["name"]
        if name not in _STATES or name in states:
            raise InvalidValue(
                f"{name[:64]!r} can't be a resource here; allowed: before and after, once each",
                expression=f"Parameters.parameter[{index}]",
            )
        states[name] = parameter["resource"]
    rest = {"resourceType": "Parameters", "parameter": others}
    return states, replace(call, document=parse(dumps(rest)) if others else None)


def _written(found: Explanation, case: str | None) -> Resource:
    change = found.change
    if case is not None and not 0 < len(case.strip()) <= _LONGEST_NAME:
        raise InvalidValue(f"{CASE} must be a name of 1 to {_LONGEST_NAME} characters")
    parameters: list[Json] = [
        {"name": "interaction", "valueCode": change.interaction},
        {"name": "told", "valueInteger": found.told},
        *({"name": "topic", "part": list(_topic(topic, change, case))} for topic in found.topics),
    ]
    if found.version is not None:
        parameters.insert(0, {"name": "version", "valueInteger": found.version.version})
    return {"resourceType": "Parameters", "parameter": parameters}


def _topic(topic: ExplainedTopic, change: Change, case: str | None) -> Iterator[Json]:
    yield {"name": "canonical", "valueCanonical": topic.topic.topic.canonical}
    yield {"name": "fires", "valueBoolean": topic.fires}
    if topic.why_not is not None:
        yield {"name": "why-not", "valueString": topic.why_not}
    for verdict in topic.verdicts:
        yield {"name": "trigger", "part": list(_verdict(verdict))}
    for stream in topic.streams:
        yield {"name": "filters", "part": list(_stream(stream))}
    if topic.left_out:
        yield {"name": "left-out", "valueInteger": topic.left_out}
    row = None if case is None else row_of(case, change, topic)
    if row is not None:
        yield {"name": CASE, "valueString": row}


def _verdict(verdict: Verdict) -> Iterator[Json]:
    yield {"name": "index", "valueInteger": verdict.index}
    yield {"name": "fires", "valueBoolean": verdict.fires}
    for name, words in (("why-not", verdict.why_not), ("error", verdict.error)):
        if words is not None:
            yield {"name": name, "valueString": words}
    yield from _clauses(verdict.clauses)


def _stream(stream: ExplainedStream) -> Iterator[Json]:
    yield {"name": "accept", "valueBoolean": stream.accepts}
    if stream.lost:
        yield {"name": "lost", "valueBoolean": True}
    if stream.echo:
        yield {"name": "echo", "valueBoolean": True}
    if stream.counted is not None:
        yield {"name": "counted", "valueBoolean": stream.counted}
    yield from _clauses(stream.clauses)
    for each in stream.subscriptions:
        yield {"name": "subscription", "part": list(_subscription(each))}


def _clauses(clauses: Sequence[Clause]) -> Iterator[Json]:
    for clause in clauses:
        part: list[Json] = [
            {"name": "name", "valueString": clause.name},
            {"name": "text", "valueString": clause.text},
        ]
        if clause.holds is not None:
            part.append({"name": "holds", "valueBoolean": clause.holds})
        part += [{"name": "found", "valueString": text} for text in clause.found if text]
        if clause.error is not None:
            part.append({"name": "error", "valueString": clause.error})
        yield {"name": "clause", "part": part}


def _subscription(explained: ExplainedSubscription) -> Iterator[Json]:
    subscription = explained.subscriber.subscription
    yield {"name": "reference", "valueReference": {"reference": subscription.reference}}
    if explained.name:
        yield {"name": "name", "valueString": explained.name}
    yield {"name": "channel", "valueCode": subscription.channel_type}
    yield {"name": "status", "valueCode": subscription.status}
    if explained.number is not None:
        yield {"name": "event-number", "valueString": str(explained.number)}
    if explained.standing is not None:
        yield {"name": "standing", "valueCode": explained.standing.standing}
        yield {"name": "words", "valueString": explained.standing.words}
