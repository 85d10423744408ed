"""What a topic tells, for people and programs."""

from __future__ import annotations

from typing import Any

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.topic_description import (
    compile_all,
    criteria_lines,
    described,
    interactions_of,
    offered_filters,
    reasons_in,
    releases_of,
)

TABLES = {release: search_parameters(release, "http://hub.example.org") for release in FhirRelease}


def a_topic(**changes: Any) -> SubscriptionTopic:
    return parse_topic(
        {
            "resourceType": "SubscriptionTopic",
            "url": "http://example.org/topics/t",
            "version": "2",
            "status": "active",
            "title": "T",
            "resourceTrigger": [{"resource": "Task"}],
            **changes,
        }
    )


def test_filters_are_told_with_what_is_allowed_and_where() -> None:
    topic = a_topic(
        canFilterBy=[
            {
                "resource": "Task",
                "filterParameter": "authored-on",
                "comparator": ["ge", "eq"],
                "modifier": ["missing", "lt", "="],
                "description": "When.",
            },
            {"filterParameter": "requestedperformer-reference"},
        ]
    )
    compiled = compile_all(topic, TABLES)
    when, performer = offered_filters(compiled)
    assert (when.name, when.search_type, when.description) == ("Task?authored-on", "date", "When.")
    assert (when.modifiers, when.comparators) == (("missing",), ("ge", "lt"))
    assert when.releases == tuple(FhirRelease)
    assert performer.releases == (FhirRelease.R5,)
    told = described("t", topic, compiled)
    assert [each["parameter"] for each in told["filters"]] == [
        "authored-on",
        "requestedperformer-reference",
    ]
    assert told["releases"]["R4"]["filters"] == ["Task?authored-on"]
    assert told["releases"]["R4"]["refusals"] == [
        "filter requestedperformer-reference of Task does not exist in R4"
    ]
    assert (told["name"], told["canonical"]) == ("t", "http://example.org/topics/t|2")


def test_triggers_are_told_in_words_and_as_they_are_written() -> None:
    topic = a_topic(
        resourceTrigger=[
            {
                "resource": "http://hl7.org/fhir/StructureDefinition/Task",
                "description": "Begins.",
                "supportedInteraction": ["update", "create"],
                "queryCriteria": {
                    "previous": "status:not=requested",
                    "resultForCreate": "test-passes",
                    "current": "status=requested",
                    "requireBoth": True,
                },
                "fhirPathCriteria": "%current.status = 'requested'",
            },
            {"resource": "Patient", "queryCriteria": {"resultForDelete": "test-fails"}},
            {"resource": "Group"},
        ]
    )
    first, second, third = topic.resource_triggers
    assert interactions_of(first) == ["create", "update"]
    assert list(criteria_lines(first)) == [
        "Begins.",
        "before  status:not=requested",
        "after   status=requested",
        "FHIRPath  %current.status = 'requested'",
    ]
    assert list(criteria_lines(second)) == list(criteria_lines(third)) == []
    told = described("t", topic, compile_all(topic, TABLES))["triggers"]
    assert told[0]["query"] == {
        "previous": "status:not=requested",
        "resultForCreate": True,
        "current": "status=requested",
        "resultForDelete": None,
        "requireBoth": True,
    }
    assert [each["resource"] for each in told] == ["Task", "Patient", "Group"]
    assert (told[1]["query"]["resultForDelete"], told[2]["query"]) == (False, None)


def test_a_topic_that_computes_in_some_releases_only_says_why() -> None:
    topic = a_topic(
        resourceTrigger=[{"resource": "InventoryReport"}],
        notificationShape=[
            {"resource": "InventoryReport", "include": ["InventoryReport:item-reference"]}
        ],
    )
    compiled = compile_all(topic, TABLES)
    assert releases_of(compiled) == (FhirRelease.R5,)
    (reason,) = reasons_in(compiled[FhirRelease.R4])
    assert "InventoryReport" in reason
    assert "does not compute in R4" not in reason
    told = described("t", topic, compiled)
    assert told["releases"]["R4"] == {"computes": False, "filters": [], "refusals": [reason]}
    assert told["shapes"][0]["include"] == ["InventoryReport:item-reference"]


def test_events_are_told_with_their_codes() -> None:
    topic = a_topic(
        eventTrigger=[
            {
                "resource": "http://hl7.org/fhir/StructureDefinition/Encounter",
                "event": {"coding": [{"system": "s", "code": "b"}, {"code": "a"}]},
                "description": "Somebody comes.",
            }
        ]
    )
    assert described("t", topic, compile_all(topic, TABLES))["events"] == [
        {
            "resource": "Encounter",
            "codings": [{"system": "", "code": "a"}, {"system": "s", "code": "b"}],
            "description": "Somebody comes.",
        }
    ]
