"""What a base offers: ``GET {base}/metadata``.

Source: http://hl7.org/fhir/http.html#capabilities; http://hl7.org/fhir/search.html#summary (nobody
is obliged to answer less than everything).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from hub.codecs.capability import capability_statement
from hub.core.json_text import dumps
from hub.core.release import FhirRelease
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
    release = call.release
    topics = tuple(each.topic.canonical for each in service.hub.registry.open_topics(release))
    written = service.statements.get(release)
    if written is None or written[0] != topics:
        written = topics, _statement(service, release, topics)
        service.statements[release] = written
    return Answer(status=200, body=written[1])


def _statement(service: Service, release: FhirRelease, topics: Sequence[str]) -> bytes:
    """Write the CapabilityStatement; it is large, and nothing but the topics ever changes it."""
    hub = service.hub
    return dumps(
        capability_statement(
            release,
            base_url=hub.base_url(release),
            websocket_url=hub.websocket_url,
            resource_types=service.validators[release].types,
            search_parameters=hub.parameters[release],
            topics=topics,
            date=service.started,
            version=software_version(),
            has_xml=service.has_xml,
            versioned_update=hub.intake.guards.if_match,
            callers_asked=service.callers.asked,
        )
    )


def software_version() -> str:
    """Return the version of the installed hub, ``0`` where it runs without being installed."""
    try:
        return version("fhir-hub")
    except PackageNotFoundError:
        return "0"
