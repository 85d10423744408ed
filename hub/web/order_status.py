"""``$order-status``: the Tasks of an order that is known by a number of whoever asks.

The number may be that of the placer, the filler, the requisition or the Task.
Source: http://hl7.org/fhir/R4/workflow-management.html ("Querying for status", option with an
operation).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from hub.core.search import parse_query
from hub.core.search_parameter import SearchParameters
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.resolver import ReaderResolver
from hub.errors import InvalidValue, NotFound
from hub.ports import Reader
from hub.web.arguments import Arguments
from hub.web.call import Answer, Call, answer_version
from hub.web.page import address, bundle_of
from hub.web.service import Service
from hub.web.target import Target

ORDER_STATUS: Final = "$order-status"
_MOST: Final = 100
_BY_NUMBER: Final = (
    ("Task", ("identifier", "group-identifier")),
    ("ServiceRequest", ("identifier", "requisition")),
)
_OF_ORDER: Final = ("focus", "based-on")


async def order_status(service: Service, call: Call, target: Target) -> Answer:
    """Answer the one Task, or a searchset of all of them, those changed last first.

    Raises:
        InvalidValue: there is no identifier, or several, or it is none.
        NotFound: no order or Task has it, or the order has no Task yet.
    """
    del target  # it is the base itself
    values = Arguments(service, call, ("identifier",)).pairs
    if len(values) != 1:
        raise InvalidValue(f"{ORDER_STATUS} takes one identifier, as system|value")
    number = values[0][1]
    parameters, now = service.hub.parameters[call.release], service.hub.clock.now()

    def read(reader: Reader) -> list[ResourceVersion]:
        return _tasks(ReaderResolver(reader, call.release, parameters, now=now), parameters, number)

    found = await service.hub.store.read(read)
    if not found:
        raise NotFound("no Task has this number, and no Task is for an order that has it")
    if len(found) == 1:
        return answer_version(200, found[0], found[0].body)
    base = service.hub.base_url(call.release)
    entries = [
        {
            "fullUrl": f"{base}/{version.key.reference}",
            "resource": orjson.Fragment(version.body or b""),
            "search": {"mode": "match"},
        }
        for version in found
    ]
    link = [{"relation": "self", "url": address(f"{base}/{ORDER_STATUS}", values)}]
    body = orjson.dumps(bundle_of("searchset", entries, link=link, total=len(found)))
    return Answer(status=200, body=body)


def _tasks(
    resolver: ReaderResolver, parameters: SearchParameters, number: str
) -> list[ResourceVersion]:
    def matching(kind: str, code: str, value: str) -> Iterator[ResourceVersion]:
        query = parse_query(parameters, kind, [(code, value)])
        for version, _ in resolver.matching(query, _MOST):
            yield version

    tasks: dict[ResourceKey, ResourceVersion] = {}
    for kind, codes in _BY_NUMBER:
        for code in codes:
            for version in matching(kind, code, number):
                if kind == "Task":
                    tasks[version.key] = version
                    continue
                for of_order in _OF_ORDER:
                    for task in matching("Task", of_order, version.key.reference):
                        tasks[task.key] = task
    return sorted(tasks.values(), key=lambda version: -version.seq)[:_MOST]
