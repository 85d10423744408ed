"""The table of what is offered at which address.

Source: http://hl7.org/fhir/http.html.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

from hub.core.release import FhirRelease
from hub.errors import HubError, InvalidValue, MethodNotAllowed, NotFound
from hub.web import bundle, history, metadata, operation, resource, search
from hub.web.call import Answer, Call
from hub.web.service import TOPICS_ARE_READ, Service
from hub.web.target import Target

Handler = Callable[[Service, Call, Target], Awaitable[Answer]]

_TOPIC = "SubscriptionTopic"
_OPERATION = "OperationDefinition"
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_VERSION = re.compile(r"[1-9][0-9]{0,17}")
_READ_ONLY = frozenset((_TOPIC, _OPERATION))


class Place(StrEnum):
    """The kinds of address below a base URL."""

    BASE = "/"
    METADATA = "/metadata"
    OPERATION = "/${operation}"
    TYPE = "/{type}"
    TYPE_SEARCH = "/{type}/_search"
    TYPE_HISTORY = "/{type}/_history"
    TYPE_OPERATION = "/{type}/${operation}"
    INSTANCE = "/{type}/{id}"
    INSTANCE_HISTORY = "/{type}/{id}/_history"
    INSTANCE_OPERATION = "/{type}/{id}/${operation}"
    VERSION = "/{type}/{id}/_history/{version}"


# Bound here: of most requests, and to look a member up takes long in Python 3.11.
_INSTANCE: Final = Place.INSTANCE
_BELOW_TYPE = {"_search": Place.TYPE_SEARCH, "_history": Place.TYPE_HISTORY}


async def _process(service: Service, call: Call, target: Target) -> Answer:
    return await bundle.process(service, call, resolve, perform)


INTERACTIONS: dict[Place, dict[str, Handler]] = {
    Place.BASE: {"POST": _process},
    Place.METADATA: {"GET": metadata.read},
    Place.OPERATION: {"GET": operation.invoke, "POST": operation.invoke},
    Place.TYPE: {"GET": search.search, "POST": resource.create},
    Place.TYPE_SEARCH: {"POST": search.search},
    Place.TYPE_HISTORY: {"GET": history.of_type},
    Place.TYPE_OPERATION: {"GET": operation.invoke, "POST": operation.invoke},
    Place.INSTANCE: {
        "GET": resource.read,
        "PUT": resource.update,
        "PATCH": resource.patch,
        "DELETE": resource.delete,
    },
    Place.INSTANCE_HISTORY: {"GET": history.of_instance},
    Place.INSTANCE_OPERATION: {"GET": operation.invoke, "POST": operation.invoke},
    Place.VERSION: {"GET": resource.read_version},
}


def resolve(
    service: Service,
    release: FhirRelease,
    method: str,
    segments: tuple[str, ...],
    is_administrator: bool = False,
) -> tuple[Handler, Target]:
    """Return what answers ``method`` at an address.

    Raises:
        NotFound: there is no such address.
        InvalidValue: an id in it is not of FHIR's form.
        MethodNotAllowed: something else is offered there, see ``allowed``.
    """
    place, target = _locate(service, release, segments)
    offered = _offered(place, target, is_administrator)
    handler = offered.get("GET" if method == "HEAD" else method)
    if handler is None:
        conditional = place is Place.TYPE and method in {"PUT", "PATCH", "DELETE"}
        words = "conditional changes are not offered" if conditional else "not offered here"
        if target.resource_type == _TOPIC:
            words = TOPICS_ARE_READ
        elif target.resource_type == _OPERATION:
            words = "OperationDefinitions are the hub's own and are only read"
        allow = ", ".join(allowed(service, release, segments, is_administrator)) or "nothing"
        raise MethodNotAllowed(f"{method[:16]} {place}: {words}; allowed: {allow}")
    return handler, target


def allowed(
    service: Service,
    release: FhirRelease,
    segments: tuple[str, ...],
    is_administrator: bool = False,
) -> tuple[str, ...]:
    """Return the methods that an address offers, none where there is no such address."""
    try:
        methods = _offered(*_locate(service, release, segments), is_administrator)
    except HubError:
        return ()
    return ("GET", "HEAD", *(m for m in methods if m != "GET")) if "GET" in methods else (*methods,)


async def perform(service: Service, call: Call) -> Answer:
    """Do what a call asks for.

    Raises:
        HubError: it was refused.
    """
    handler, target = resolve(
        service, call.release, call.method, call.segments, call.is_administrator
    )
    return await handler(service, call, target)


def _offered(place: Place, target: Target, is_administrator: bool) -> dict[str, Handler]:
    offered = INTERACTIONS[place]
    if target.operation and place is Place.OPERATION and target.operation not in operation.READABLE:
        return {"POST": offered["POST"]}
    if target.resource_type not in _READ_ONLY or place not in (Place.TYPE, Place.INSTANCE):
        return offered
    writes = is_administrator and target.resource_type == _TOPIC
    methods = {"GET", "POST", "PUT", "DELETE"} if writes else {"GET"}
    return {method: handler for method, handler in offered.items() if method in methods}


def _locate(
    service: Service, release: FhirRelease, segments: tuple[str, ...]
) -> tuple[Place, Target]:
    if not segments:
        return Place.BASE, Target()
    kind, *rest = segments
    if not rest and kind == "metadata":
        return Place.METADATA, Target()
    if not rest and kind in operation.ON_SYSTEM:
        return Place.OPERATION, Target(operation=kind)
    if kind not in service.validators[release].types:
        raise NotFound(f"{kind[:64]!r} is no resource type of {release}")
    if not rest:
        return Place.TYPE, Target(kind)
    id, *rest = rest
    if not _ID.fullmatch(id) or not id.strip("."):
        if not rest and (place := _below_type(id)) is not None:
            return place, Target(kind, operation=id)
        raise InvalidValue(
            f"{id[:64]!r} is no id; allowed: 1 to 64 letters, digits, '-' and '.'",
            expression=f"{kind}.id",
        )
    if not rest:
        return _INSTANCE, Target(kind, id)
    match rest:
        case ["_history"]:
            return Place.INSTANCE_HISTORY, Target(kind, id)
        case ["_history", version] if _VERSION.fullmatch(version):
            return Place.VERSION, Target(kind, id, int(version))
        case [name] if name.startswith("$"):
            return Place.INSTANCE_OPERATION, Target(kind, id, operation=name)
    raise NotFound("there is nothing at this address")


def _below_type(segment: str) -> Place | None:
    if segment.startswith("$"):
        return Place.TYPE_OPERATION
    return _BELOW_TYPE.get(segment)
