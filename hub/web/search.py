"""Search on a type, by GET and by POST of a form.

Source: http://hl7.org/fhir/search.html.
"""

from __future__ import annotations

import orjson

from hub.core.release import Json, Resource
from hub.core.version import ResourceVersion
from hub.ports import Reader
from hub.web.call import Answer, Call
from hub.web.page import bundle_of, links
from hub.web.search_request import Asked, read_search
from hub.web.search_scan import Found, Scan
from hub.web.search_subset import Shown
from hub.web.service import Service
from hub.web.target import Target


async def search(service: Service, call: Call, target: Target) -> Answer:
    """Answer the resources of a type that match; unless sorted, those that changed last first.

    Raises:
        InvalidSearch, InvalidValue: a parameter is unknown or can't be evaluated.
    """
    parameters = service.hub.parameters[call.release]
    asked = read_search(parameters, call, target.resource_type, service.limits)

    now = service.hub.clock.now()

    def query(reader: Reader) -> Found:
        return Scan(reader, parameters, asked, service.limits, now).page()

    found = await service.read(call, query)
    base = service.hub.base_url(call.release)
    entries = [_entry(base, version, asked.shown, "match") for version in found.versions]
    entries += [_entry(base, version, asked.shown, "include") for version in found.included]
    if asked.ignored:
        entries.append({"resource": _ignored(asked), "search": {"mode": "outcome"}})
    where = f"{base}/{target.resource_type}"
    link = links(where, asked.used, asked.page, found.next_place)
    body = orjson.dumps(bundle_of("searchset", entries, link=link, total=found.total))
    return Answer(status=200, body=body)


def _entry(base: str, version: ResourceVersion, shown: Shown, mode: str) -> Json:
    return {
        "fullUrl": f"{base}/{version.key.reference}",
        "resource": orjson.Fragment(shown.body(version)),
        "search": {"mode": mode},
    }


def _ignored(asked: Asked) -> Resource:
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "not-supported",
                "diagnostics": f"the unknown search parameter {name!r} was ignored",
            }
            for name in asked.ignored
        ],
    }
