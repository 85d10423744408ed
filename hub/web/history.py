"""The history of a resource, and of a type.

Source: http://hl7.org/fhir/http.html#history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import orjson

from hub.core.change import Interaction
from hub.core.instant import format_instant, read_instant
from hub.core.release import Json
from hub.core.version import ResourceKey, ResourceVersion
from hub.errors import InvalidSearch, InvalidValue, NotFound
from hub.ports import Reader
from hub.web.call import Answer, Call
from hub.web.page import CURSOR, PRESENTATION, Page, bundle_of, links, read_page
from hub.web.service import Service
from hub.web.target import Target

_ALLOWED: Final = ("_count", "_since", CURSOR)
_REQUESTS: Final = {
    Interaction.CREATE: ("POST", "201"),
    Interaction.UPDATE: ("PUT", "200"),
    Interaction.DELETE: ("DELETE", "204"),
}


async def of_type(service: Service, call: Call, target: Target) -> Answer:
    """Answer all versions of all resources of a type, newest first."""
    return await _history(service, call, target, None)


async def of_instance(service: Service, call: Call, target: Target) -> Answer:
    """Answer all versions of a resource, newest first."""
    return await _history(service, call, target, target.id)


async def _history(service: Service, call: Call, target: Target, id: str | None) -> Answer:
    page, since = read_page(call.query, service.limits), _since(call)
    kind = target.resource_type

    def query(reader: Reader) -> list[ResourceVersion]:
        if id is not None and reader.head(ResourceKey(call.release, kind, id)) is None:
            raise NotFound(f"there is no {kind}/{id} at this base")
        return reader.history(
            call.release, kind, id, count=page.count + 1, before=page.before, since=since
        )

    found = await service.read(call, query)
    base = service.hub.base_url(call.release)
    where = f"{base}/{kind}/_history" if id is None else f"{base}/{kind}/{id}/_history"
    return Answer(status=200, body=_bundle(base, where, call, page, found))


def _bundle(
    base: str, where: str, call: Call, page: Page, found: Sequence[ResourceVersion]
) -> bytes:
    shown = found[: page.count]
    more = len(found) > page.count and page.count > 0
    pairs = [pair for pair in call.query if pair[0] not in PRESENTATION]
    whole = page.before is None and len(found) <= page.count
    return orjson.dumps(
        bundle_of(
            "history",
            [_entry(base, version) for version in shown],
            link=links(where, pairs, page, shown[-1].seq if more else None),
            total=len(found) if whole else None,
        )
    )


def _entry(base: str, version: ResourceVersion) -> Json:
    method, status = _REQUESTS[version.interaction]
    reference = version.key.reference
    entry: dict[str, Json] = {"fullUrl": f"{base}/{reference}"}
    if version.body is not None:
        entry["resource"] = orjson.Fragment(version.body)
    entry["request"] = {
        "method": method,
        "url": version.key.resource_type if method == "POST" else reference,
    }
    entry["response"] = {
        "status": status,
        "etag": version.etag,
        "lastModified": format_instant(version.timestamp),
    }
    return entry


def _since(call: Call) -> datetime | None:
    found = None
    for name, value in call.query:
        if name == "_since":
            # A plus that was not percent-encoded arrives as a blank.
            found = read_instant(value.replace(" ", "+"))
            if found is None:
                raise InvalidValue("_since must be an instant such as 2026-01-31T09:30:00Z")
        elif name not in _ALLOWED and name not in PRESENTATION:
            raise InvalidSearch(f"_history has no parameter {name[:64]!r}; allowed: _count, _since")
    return found
