"""Operations, most of them on Subscription: those of the standard, and the hub's own.

Sources: http://hl7.org/fhir/R5/subscription-operations.html; backport IG, OperationDefinitions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final

import orjson

from hub.core.delivery import Delivered, Timing
from hub.core.instant import format_instant
from hub.core.json_text import dumps
from hub.core.release import Json
from hub.core.subscription import PayloadContent, SubscriptionStatusCode
from hub.errors import InvalidValue, MethodNotAllowed, NotFound, TooManyEntries
from hub.web.arguments import Arguments
from hub.web.call import Answer, Call
from hub.web.explain import EXPLAIN, explain_change, explain_version
from hub.web.message import PROCESS_MESSAGE, process_message
from hub.web.order_status import ORDER_STATUS, order_status
from hub.web.page import address
from hub.web.resend import resend
from hub.web.service import Service
from hub.web.target import Target
from hub.web.topic_event import INJECT_EVENT, inject_event, is_topic_place
from hub.web.trace import TRACE, trace
from hub.web.validate import validate

_MOST_IDS: Final = 1000


Operation = Callable[[Service, Call, Target], Awaitable[Answer]]


async def invoke(service: Service, call: Call, target: Target) -> Answer:
    """Answer an operation, by GET or POST.

    Raises:
        NotFound: there is no such operation here, or no such Subscription for this caller.
        Forbidden: the operation sends something, and the caller may only read.
    """
    if target.operation == INJECT_EVENT and is_topic_place(call.release, target):
        return await inject_event(service, call, target)
    if not target.resource_type:
        return await ON_SYSTEM[target.operation](service, call, target)
    offered = ON_INSTANCE if target.id else ON_TYPE
    _check_shown(service, call, target)
    operation = offered.get(target.operation) if target.resource_type == "Subscription" else None
    if target.id and target.operation in ON_RESOURCE:
        operation = ON_RESOURCE[target.operation]
    if operation is None:
        level = "a Subscription" if target.id else "the type Subscription"
        raise NotFound(
            f"{target.operation[:64]!r} is no operation here; on {level} there are "
            f"{', '.join(offered)}"
        )
    return await operation(service, call, target)


def _check_shown(service: Service, call: Call, target: Target) -> None:
    """Raise ``NotFound`` or ``Forbidden`` for what the caller is not to be answered, or told."""
    if target.resource_type != "Subscription" or not target.id:
        return
    subscribers = service.hub.subscribers
    if not subscribers.shows(call.release, target.id, call.client):
        raise NotFound(f"there is no Subscription/{target.id} at this base")
    if target.operation in _SENDING and subscribers.find(call.release, target.id) is not None:
        subscribers.check_change(call.release, target.id, call.client)


async def _status(service: Service, call: Call, target: Target) -> Answer:
    arguments = Arguments(service, call, ("id", "status"))
    ids: list[str] | None = arguments.listed("id") or None
    statuses = arguments.listed("status")
    if target.id:
        # The definition says that both parameters are ignored then.
        service.hub.subscribers.topic_based(call.release, target.id)
        ids, statuses = [target.id], []
    for status in statuses:
        if status not in set(SubscriptionStatusCode):
            raise InvalidValue(f"status must be one of {', '.join(SubscriptionStatusCode)}")
    _check_count(ids)
    found = service.hub.statuses.statuses(call.release, ids, statuses, caller=call.client)
    base = service.hub.base_url(call.release)
    where = (
        f"{base}/Subscription/{target.id}/$status"
        if target.id
        else (f"{base}/Subscription/$status")
    )
    url = address(where, () if target.id else arguments.pairs)
    codec = service.hub.codecs[call.release]
    return Answer(status=200, body=codec.encode_statuses(found, base, url))


async def _events(service: Service, call: Call, target: Target) -> Answer:
    arguments = Arguments(service, call, ("eventsSinceNumber", "eventsUntilNumber", "content"))
    until = arguments.number("eventsUntilNumber")
    content = arguments.code("content", PayloadContent)
    answer = await service.hub.statuses.events(
        call.release,
        target.id,
        since=arguments.number("eventsSinceNumber"),
        until=until,
        content=content,
    )
    base = service.hub.base_url(call.release)
    body = service.hub.codecs[call.release].encode_notification(answer.notification, base)
    if answer.next_since is not None:
        pairs = [("eventsSinceNumber", str(answer.next_since))]
        if until is not None:
            pairs.append(("eventsUntilNumber", str(until)))
        if content is not None:
            pairs.append(("content", content))
        url = address(f"{base}/Subscription/{target.id}/$events", pairs)
        link = orjson.dumps([{"relation": "next", "url": url}])
        # The notification is an object as the codec wrote it: one more member at its end.
        body = body[:-1] + b',"link":' + link + b"}"
    return Answer(status=200, body=body)


async def _binding_token(service: Service, call: Call, target: Target) -> Answer:
    arguments = Arguments(service, call, ("id", "resume-after"))
    ids = [target.id] if target.id else arguments.listed("id") or None
    _check_count(ids)
    token = service.hub.tokens.issue(
        call.release,
        ids,
        resume_after=arguments.number("resume-after"),
        caller=call.client,
    )
    written = service.hub.codecs[call.release].encode_parameters(
        [
            ("token", "valueString", token.token),
            ("expiration", "valueDateTime", format_instant(token.expiration)),
            *(("subscription", "valueString", id) for id in token.ids),
            ("websocket-url", "valueUrl", service.hub.websocket_url),
        ]
    )
    return Answer(status=200, body=dumps(written))


async def _attempts(service: Service, call: Call, target: Target) -> Answer:
    """Answer the newest attempts to deliver, newest first, each a parameter with parts.

    A classic Subscription has no numbers to tell.
    """
    count = Arguments(service, call, ("_count",)).number("_count")
    found = await service.hub.statuses.attempts(
        call.release, target.id, min(50 if count is None else count, service.limits.longest_page)
    )
    numbered = not service.hub.subscribers.named(call.release, target.id).subscription.is_classic
    parameters = [
        {
            "name": "attempt",
            "part": list(
                _parts(
                    {
                        "at": ("valueInstant", format_instant(each.at)),
                        "kind": ("valueCode", each.kind),
                        "first": ("valueString", str(each.first) if numbered else None),
                        "last": ("valueString", str(each.last) if numbered else None),
                        "outcome": ("valueCode", each.outcome),
                        "status": ("valueInteger", each.status),
                        "milliseconds": ("valueDecimal", round(each.timing.total, 3)),
                        "reason": ("valueString", each.reason or None),
                        **_phases(each.timing),
                    }
                )
            ),
        }
        for each in found
    ]
    return _parameters(parameters)


async def _verify(service: Service, call: Call, target: Target) -> Answer:
    """Send a handshake now and answer what came of it."""
    if call.method != "POST":
        raise MethodNotAllowed("$verify sends something, so it takes POST")
    Arguments(service, call, ())
    verified = await service.hub.verification.verify(call.release, target.id)
    result = verified.result
    failed = None if isinstance(result, Delivered) else result
    timing = result.timing
    parts = _parts(
        {
            "outcome": ("valueCode", "delivered" if failed is None else failed.failure.value),
            "status": ("valueInteger", result.status),
            "reason": ("valueString", None if failed is None else failed.reason),
            "cause": ("valueString", verified.cause or None),
            **_phases(timing),
            "total": ("valueDecimal", round(timing.total, 3)),
        }
    )
    return _parameters(list(parts))


def _phases(timing: Timing) -> dict[str, tuple[str, Json]]:
    phases = {
        "dns": timing.dns,
        "connect": timing.connect,
        "tls": timing.tls,
        "wait": timing.wait,
    }
    return {
        "address": ("valueString", timing.address),
        **{
            name: ("valueDecimal", None if value is None else round(value, 3))
            for name, value in phases.items()
        },
    }


def _parts(values: Mapping[str, tuple[str, Json]]) -> Iterator[Json]:
    for name, (kind, value) in values.items():
        if value is not None:
            yield {"name": name, kind: value}


def _parameters(parameters: list[Json]) -> Answer:
    resource: dict[str, Json] = {"resourceType": "Parameters"}
    if parameters:
        resource["parameter"] = parameters
    return Answer(status=200, body=dumps(resource))


def _check_count(ids: list[str] | None) -> None:
    if ids is not None and len(ids) > _MOST_IDS:
        raise TooManyEntries(f"{len(ids)} ids were given; allowed: {_MOST_IDS}")


ON_TYPE: Final[Mapping[str, Operation]] = {
    "$status": _status,
    "$validate": validate,
    "$get-ws-binding-token": _binding_token,
}
ON_INSTANCE: Final[Mapping[str, Operation]] = {
    "$status": _status,
    "$events": _events,
    "$get-ws-binding-token": _binding_token,
    "$attempts": _attempts,
    "$resend": resend,
    "$verify": _verify,
}
ON_RESOURCE: Final[Mapping[str, Operation]] = {EXPLAIN: explain_version, TRACE: trace}
"""Offered on resources of every type."""
ON_SYSTEM: Final[Mapping[str, Operation]] = {
    EXPLAIN: explain_change,
    ORDER_STATUS: order_status,
    PROCESS_MESSAGE: process_message,
}
"""Offered at the base URL."""
_SENDING: Final = frozenset(("$resend", "$verify"))
"""Those that whoever may change the Subscription can have something sent by."""
READABLE: Final = frozenset((ORDER_STATUS,))
"""Those at the base URL that take GET, too."""
