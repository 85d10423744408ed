"""What the backport guide requires of a server, and how it and R5 define the operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hub.codecs.capability import capability_statement
from hub.codecs.operation_catalogue import operation_definitions
from hub.codecs.tables import elements
from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease, Resource
from tests.reference.conftest import reference_data

DATA = (reference_data() or Path()) / "spec-examples"
GUIDE = DATA / "backport-1.2-master/definitions"
BASE = "https://hub.example.org/fhir"
EXPECTATION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-expectation"


def _load(path: Path) -> Resource:
    resource: Resource = json.loads(path.read_text(encoding="utf-8"))
    return resource


def _statement(release: FhirRelease) -> Resource:
    return capability_statement(
        release,
        base_url=BASE,
        websocket_url="wss://hub.example.org/ws",
        resource_types=elements(release).resource_types,
        search_parameters=search_parameters(release, BASE),
        topics=["http://example.org/topic"],
        date=datetime(2026, 11, 21, tzinfo=UTC),
        version="0.1.0",
    )


def _claims(statement: Resource) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Yield (expectation, type, claim) of everything that a statement lists."""
    (rest,) = statement["rest"]
    for resource in rest["resource"]:
        kind = resource["type"]
        for each in resource.get("interaction", ()):
            yield _expected(each), kind, ("interaction", each["code"])
        for each in resource.get("searchParam", ()):
            claim = ("search", each["name"], each["definition"], each["type"])
            yield _expected(each), kind, claim
        for each in resource.get("operation", ()):
            yield _expected(each), kind, ("operation", each["name"], each["definition"])
        for each in resource.get("supportedProfile", ()):
            yield "SHOULD", kind, ("profile", each)


def _expected(element: Resource) -> str:
    return next(
        (each["valueCode"] for each in element.get("extension", ()) if each["url"] == EXPECTATION),
        "",
    )


@pytest.mark.parametrize(
    ("file", "release"),
    [
        ("CapabilityStatement-backport-subscription-server-r4.json", FhirRelease.R4),
        ("CapabilityStatement-backport-subscription-server.json", FhirRelease.R4B),
    ],
)
def test_all_that_the_guide_asks_of_a_server_is_offered(file: str, release: FhirRelease) -> None:
    required = _load(GUIDE / file)
    offered = _statement(release)
    assert offered["instantiates"] == [required["url"]]
    assert offered["implementationGuide"] == required["implementationGuide"]
    ours = {(kind, claim) for _, kind, claim in _claims(offered)}
    missing = [
        (expectation, kind, claim)
        for expectation, kind, claim in _claims(required)
        if (kind, claim) not in ours
    ]
    topic_writes = [
        ("MAY", "SubscriptionTopic", ("interaction", code))
        for code in ("create", "update", "delete")
    ]
    if release is FhirRelease.R4:
        # R4 itself names the parameter Basic-code; clinical-code is R5's name for it.
        url = "http://hl7.org/fhir/SearchParameter/clinical-code"
        assert missing == [("SHOULD", "Basic", ("search", "code", url, "token"))]
    else:
        assert missing == topic_writes


@pytest.mark.parametrize("path", sorted(GUIDE.glob("SearchParameter-*.json")), ids=lambda p: p.stem)
@pytest.mark.parametrize("release", [FhirRelease.R4, FhirRelease.R4B])
def test_the_search_parameters_of_the_guide_are_offered(path: Path, release: FhirRelease) -> None:
    defined = _load(path)
    found = search_parameters(release, BASE).get("Subscription", defined["code"])
    assert found is not None
    assert (found.url, found.type) == (defined["url"], defined["type"])


DEFINED = [
    *((release, path) for release in (FhirRelease.R4, FhirRelease.R4B)
      for path in sorted(GUIDE.glob("OperationDefinition-*.json"))),
    *((FhirRelease.R5, path)
      for path in sorted((DATA / "core-r5").glob("OperationDefinition-*.json"))),
]  # fmt: skip


@pytest.mark.parametrize(("release", "path"), DEFINED, ids=lambda each: getattr(each, "stem", each))
def test_the_operations_are_those_of_the_standard(release: FhirRelease, path: Path) -> None:
    standard = _load(path)
    (ours,) = [
        each for each in operation_definitions(release, BASE) if each["url"] == standard["url"]
    ]
    for name in ("code", "kind", "resource", "system", "type", "instance"):
        assert ours[name] == standard[name], name

    def parameters(definition: Resource) -> set[tuple[Any, ...]]:
        return {
            tuple(each[name] for name in ("name", "use", "min", "max", "type"))
            for each in definition["parameter"]
        }

    assert parameters(ours) == parameters(standard)
