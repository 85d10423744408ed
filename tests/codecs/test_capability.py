from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import fhir.resources.capabilitystatement
import fhir.resources.R4B.capabilitystatement
import pytest

from hub.codecs.capability import capability_statement
from hub.codecs.tables import elements
from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease, Resource
from hub.core.search_include import parse_include

BASE = "https://hub.example.org/fhir"
BP = "http://hl7.org/fhir/uv/subscriptions-backport"
TOPICS = ["http://example.org/a", "http://example.org/b"]
RELEASES = pytest.mark.parametrize("release", FhirRelease)
MODELS: dict[FhirRelease, Any] = {
    FhirRelease.R4: fhir.resources.R4B.capabilitystatement,
    FhirRelease.R4B: fhir.resources.R4B.capabilitystatement,
    FhirRelease.R5: fhir.resources.capabilitystatement,
}


def statement(release: FhirRelease, topics: list[str] = TOPICS, **more: Any) -> Resource:
    return capability_statement(
        release,
        base_url=BASE,
        websocket_url="wss://hub.example.org/ws",
        resource_types=elements(release).resource_types,
        search_parameters=search_parameters(release, BASE),
        topics=topics,
        date=datetime(2026, 11, 21, tzinfo=UTC),
        version="0.1.0",
        **more,
    )


def entry(written: Resource, resource_type: str) -> Resource:
    found: list[Resource] = [
        one for one in written["rest"][0]["resource"] if one["type"] == resource_type
    ]
    assert len(found) == 1
    return found[0]


def codes(resource: Resource) -> list[str]:
    return [one["code"] for one in resource["interaction"]]


@RELEASES
def test_the_statement_is_valid_and_names_its_release(release: FhirRelease) -> None:
    written = statement(release)
    MODELS[release].CapabilityStatement.model_validate_json(json.dumps(written))
    assert written["fhirVersion"] == release.full_version
    assert (written["kind"], written["format"]) == ("instance", ["json"])
    assert statement(release, has_xml=True)["format"] == ["json", "xml"]
    assert written["implementation"]["url"] == BASE
    assert "wss://hub.example.org/ws" in written["rest"][0]["documentation"]
    assert codes(written["rest"][0]) == ["transaction", "batch"]


@RELEASES
def test_every_type_is_listed_with_what_can_be_done(release: FhirRelease) -> None:
    written = statement(release)
    listed = [one["type"] for one in written["rest"][0]["resource"]]
    assert listed == sorted(elements(release).resource_types)
    task = entry(written, "Task")
    assert codes(task) == [
        "read", "vread", "update", "patch", "create", "delete",
        "history-instance", "history-type", "search-type",
    ]  # fmt: skip
    assert task["versioning"] == "versioned"
    assert task["readHistory"] and task["updateCreate"] and task["conditionalCreate"]
    parameters = {one["name"]: one for one in task["searchParam"]}
    assert parameters["owner"] == {
        "name": "owner",
        "definition": "http://hl7.org/fhir/SearchParameter/Task-owner",
        "type": "reference",
    }
    assert "operation" not in task


@RELEASES
def test_every_include_that_is_listed_is_one_that_can_be_asked_for(release: FhirRelease) -> None:
    written = statement(release)
    known = search_parameters(release, BASE)
    for resource in written["rest"][0]["resource"]:
        for value in resource.get("searchInclude", ()):
            assert value.startswith(f"{resource['type']}:")
            include = parse_include(known, resource["type"], "_include", value)
            assert not include.reverse
        for value in resource.get("searchRevInclude", ()):
            include = parse_include(known, resource["type"], "_revinclude", value)
            assert include.may_name(resource["type"])
    task = entry(written, "Task")
    assert {"Task:*", "Task:owner", "Task:patient"} <= set(task["searchInclude"])
    assert "Task:status" not in task["searchInclude"]
    assert {"Task:part-of", "Provenance:target"} <= set(task["searchRevInclude"])
    assert "Task:patient" in entry(written, "Patient")["searchRevInclude"]


@RELEASES
def test_subscriptions_can_be_patched_and_have_operations(release: FhirRelease) -> None:
    subscription = entry(statement(release), "Subscription")
    assert "patch" in codes(subscription)
    operations = {one["name"]: one["definition"] for one in subscription["operation"]}
    r5 = release is FhirRelease.R5
    stem = (
        "http://hl7.org/fhir/OperationDefinition/Subscription-"
        if r5
        else f"{BP}/OperationDefinition/backport-subscription-"
    )
    own = f"{BASE}/OperationDefinition/Subscription-"
    assert operations == {
        **{name: stem + name for name in ("status", "events", "get-ws-binding-token")},
        "resend": (own if r5 else stem) + "resend",
        "attempts": f"{own}attempts",
        "verify": f"{own}verify",
        "validate": f"{own}validate",
    }
    names = [one["name"] for one in subscription["searchParam"]]
    assert {"url", "status", "topic"} <= set(names)
    assert subscription["updateCreate"] and not subscription["conditionalCreate"]


@pytest.mark.parametrize(("release", "suffix"), [(FhirRelease.R4, "-r4"), (FhirRelease.R4B, "")])
def test_the_backport_guide_is_claimed_where_it_applies(release: FhirRelease, suffix: str) -> None:
    written = statement(release)
    assert written["instantiates"] == [
        f"{BP}/CapabilityStatement/backport-subscription-server{suffix}"
    ]
    assert entry(written, "Subscription")["supportedProfile"] == [
        f"{BP}/StructureDefinition/backport-subscription"
    ]


def test_r5_claims_no_guide() -> None:
    written = statement(FhirRelease.R5)
    assert not {"instantiates", "implementationGuide"} & set(written)
    assert "supportedProfile" not in entry(written, "Subscription")


def test_r4_lists_its_topics_on_subscription() -> None:
    assert entry(statement(FhirRelease.R4), "Subscription")["extension"] == [
        {
            "url": f"{BP}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
            "valueCanonical": topic,
        }
        for topic in TOPICS
    ]
    versions = [f"{topic}|{version}" for topic in TOPICS for version in ("1.0.0", "2.0.0")]
    assert entry(statement(FhirRelease.R4, versions), "Subscription")["extension"] == [
        {
            "url": f"{BP}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
            "valueCanonical": topic,
        }
        for topic in TOPICS
    ]
    assert "extension" not in entry(statement(FhirRelease.R4, []), "Subscription")
    assert "extension" not in entry(statement(FhirRelease.R4B), "Subscription")


@RELEASES
def test_definitions_of_operations_are_read_and_searched_only(release: FhirRelease) -> None:
    definition = entry(statement(release), "OperationDefinition")
    assert codes(definition) == ["read", "search-type"]
    assert {"url", "name", "code"} <= {one["name"] for one in definition["searchParam"]}


@RELEASES
def test_where_sockets_bind_by_id_is_told_where_criteria_may_be_a_search(
    release: FhirRelease,
) -> None:
    rest = statement(release)["rest"][0]
    told = {each["url"]: each["valueUri"] for each in rest.get("extension", [])}
    url = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"
    if release is FhirRelease.R5:
        assert told == {}
    else:
        assert told == {url: f"wss://hub.example.org/ws/{release.value.lower()}"}
        assert told[url] in rest["documentation"]


@pytest.mark.parametrize("release", [FhirRelease.R4B, FhirRelease.R5])
def test_topics_are_read_and_searched_only(release: FhirRelease) -> None:
    topic = entry(statement(release), "SubscriptionTopic")
    assert codes(topic) == ["read", "search-type"]
    assert "updateCreate" not in topic
    names = {one["name"] for one in topic["searchParam"]}
    assert {"url", "derived-or-self", "resource", "title", "trigger-description"} <= names


def test_a_type_without_search_parameters_has_no_empty_list() -> None:
    written = capability_statement(
        FhirRelease.R4,
        base_url=BASE,
        websocket_url="wss://hub.example.org/ws",
        resource_types=["Unheard"],
        search_parameters=search_parameters(FhirRelease.R4, BASE),
        topics=[],
        date=datetime(2026, 11, 21, tzinfo=UTC),
        version="0.1.0",
    )
    assert not {"searchParam", "searchInclude", "searchRevInclude"} & set(entry(written, "Unheard"))


@RELEASES
def test_a_type_that_needs_if_match_says_so(release: FhirRelease) -> None:
    written = statement(release, versioned_update={"Task"})
    MODELS[release].CapabilityStatement.model_validate(written)
    assert entry(written, "Task")["versioning"] == "versioned-update"
    assert entry(written, "Patient")["versioning"] == "versioned"
    assert entry(statement(release), "Task")["versioning"] == "versioned"
