"""What a base offers: ``GET {base}/metadata``.

Source: http://hl7.org/fhir/http.html#capabilities; http://hl7.org/fhir/search.html#summary (nobody
is obliged to answer less than everything).
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

from hub.codecs.capability import capability_statement
from hub.core.json_text import dumps
from hub.errors import InvalidSearch
from hub.web.call import Answer, Call
from hub.web.page import PRESENTATION
from hub.web.service import Service
from hub.web.target import Target

_LESS: Final = frozenset(("_summary", "_elements"))


async def read(service: Service, call: Call, _: Target) -> Answer:
    """Answer the whole CapabilityStatement of a base; only ``mode=full`` is offered."""
    for name, value in call.query:
        if name not in PRESENTATION | _LESS and (name, value) != ("mode", "full"):
            raise InvalidSearch(f"{name[:64]!r} is not offered here; allowed: mode=full")
    hub, release = service.hub, call.release
    statement = capability_statement(
        release,
        base_url=hub.base_url(release),
        websocket_url=hub.websocket_url,
        resource_types=service.validators[release].types,
        search_parameters=hub.parameters[release],
        topics=[compiled.topic.canonical for compiled in hub.registry.open_topics(release)],
        date=service.started,
        version=software_version(),
    )
    return Answer(status=200, body=dumps(statement))


def software_version() -> str:
    """Return the version of the installed hub, ``0`` where it runs without being installed."""
    try:
        return version("fhir-hub")
    except PackageNotFoundError:
        return "0"
