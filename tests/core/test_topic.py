"""A SubscriptionTopic is read in R5 terms; every complaint names the element."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.change import Interaction
from hub.core.topic import bare_type, may_become, parse_topic, with_status, without_status
from hub.errors import HubError, InvalidResource, TopicRefused

URL = "http://example.org/topic"


def topic(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "SubscriptionTopic", "url": URL, "status": "active", **elements}


def test_every_element_is_read() -> None:
    resource = topic(
        version="1.2",
        title="Title",
        description="Words",
        derivedFrom=["http://example.org/other"],
        resourceTrigger=[
            {
                "description": "one",
                "resource": "http://hl7.org/fhir/StructureDefinition/Task",
                "supportedInteraction": ["create", "delete"],
                "queryCriteria": {
                    "previous": "status=a",
                    "resultForCreate": "test-passes",
                    "current": "status=b",
                    "resultForDelete": "test-fails",
                    "requireBoth": True,
                },
                "fhirPathCriteria": "true",
            },
            {"resource": "Resource"},
        ],
        eventTrigger=[{"resource": "Encounter", "event": {"text": "A01"}, "description": "d"}],
        canFilterBy=[
            {"filterParameter": "_tag", "resource": "*"},
            {
                "filterParameter": "owner",
                "resource": "Task",
                "modifier": ["not"],
                "comparator": ["gt"],
                "filterDefinition": "http://example.org/p",
                "description": "d",
            },
        ],
        notificationShape=[
            {"resource": "Task", "include": ["Task:focus"], "revInclude": ["Task:part-of"]}
        ],
    )
    read = parse_topic(resource)
    assert read.canonical == f"{URL}|1.2"
    assert (read.title, read.description) == ("Title", "Words")
    assert read.derived_from == ("http://example.org/other",)
    first, second = read.resource_triggers
    assert (first.resource, second.resource) == ("Task", "Resource")
    assert first.supported_interaction == {Interaction.CREATE, Interaction.DELETE}
    assert second.supported_interaction == set(Interaction)
    criteria = first.query_criteria
    assert criteria is not None
    assert (criteria.result_for_create, criteria.result_for_delete) == (True, False)
    assert criteria.require_both
    assert (criteria.previous, criteria.current) == ("status=a", "status=b")
    assert second.query_criteria is None
    assert read.event_triggers[0].event == {"text": "A01"}
    anything, owner = read.can_filter_by
    assert anything.resource is None
    assert (owner.resource, owner.modifier, owner.comparator) == ("Task", ("not",), ("gt",))
    assert read.notification_shapes[0].rev_include == ("Task:part-of",)
    assert read.source is resource


def test_a_topic_without_version_is_named_by_its_url() -> None:
    assert parse_topic(topic()).canonical == URL


def test_unstated_votes_are_none() -> None:
    read = parse_topic(topic(resourceTrigger=[{"resource": "Task", "queryCriteria": {}}]))
    criteria = read.resource_triggers[0].query_criteria
    assert criteria is not None
    assert criteria.result_for_create is None
    assert not criteria.require_both


@pytest.mark.parametrize(
    ("elements", "element", "kind"),
    [
        ({"url": ""}, "url", InvalidResource),
        ({"url": None}, "url", InvalidResource),
        ({"url": "http://example.org/a|1"}, "url", InvalidResource),
        ({"url": "relative"}, "url", InvalidResource),
        ({"url": 7}, "url", InvalidResource),
        ({"status": "ready"}, "status", InvalidResource),
        ({"status": None}, "status", InvalidResource),
        ({"derivedFrom": "x"}, "derivedFrom", InvalidResource),
        ({"derivedFrom": [1]}, "derivedFrom", InvalidResource),
        ({"resourceTrigger": {}}, "resourceTrigger", InvalidResource),
        ({"resourceTrigger": ["x"]}, "resourceTrigger[0]", InvalidResource),
        ({"resourceTrigger": [{}]}, "resourceTrigger[0].resource", InvalidResource),
        (
            {"resourceTrigger": [{"resource": "a profile"}]},
            "resourceTrigger[0].resource",
            TopicRefused,
        ),
        (
            {"resourceTrigger": [{"resource": "Task", "supportedInteraction": ["read"]}]},
            "resourceTrigger[0].supportedInteraction",
            InvalidResource,
        ),
        (
            {"resourceTrigger": [{"resource": "Task", "queryCriteria": {"requireBoth": "yes"}}]},
            "resourceTrigger[0].queryCriteria.requireBoth",
            InvalidResource,
        ),
        (
            {"resourceTrigger": [{"resource": "Task", "queryCriteria": {"resultForCreate": "x"}}]},
            "resourceTrigger[0].queryCriteria.resultForCreate",
            InvalidResource,
        ),
        ({"canFilterBy": [{}]}, "canFilterBy[0].filterParameter", InvalidResource),
        ({"trigger": []}, "trigger", TopicRefused),
    ],
)
def test_a_wrong_element_is_named(
    elements: dict[str, Any], element: str, kind: type[HubError]
) -> None:
    with pytest.raises(kind) as caught:
        parse_topic(topic(**elements))
    assert caught.value.expression == f"SubscriptionTopic.{element}"


@pytest.mark.parametrize("resource", [{}, {"resourceType": "Task"}, []])
def test_another_resource_is_refused(resource: Any) -> None:
    with pytest.raises(InvalidResource):
        parse_topic(resource)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("Task", "Task"),
        ("http://hl7.org/fhir/StructureDefinition/Task", "Task"),
        ("http://hl7.org/fhir/StructureDefinition/Task|5.0.0", "Task"),
        ("http://example.org/StructureDefinition/Task", None),
        ("task", None),
        ("", None),
    ],
)
def test_a_type_is_read_from_both_spellings(url: str, name: str | None) -> None:
    assert bare_type(url) == name


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("draft", "active", True),
        ("draft", "retired", True),
        ("active", "active", True),
        ("unknown", "draft", True),
        ("active", "draft", False),
        ("retired", "active", False),
    ],
)
def test_a_status_only_goes_on(before: str, after: str, allowed: bool) -> None:
    assert may_become(before, after) is allowed


def test_a_topic_takes_the_status_of_another_with_its_date_and_nothing_else() -> None:
    draft = parse_topic(topic(status="draft", title="One", date="2025-01-01"))
    retired = parse_topic(topic(status="retired", title="Two", date="2026-01-01"))
    taken = with_status(draft, retired)
    assert (taken.status, taken.title) == ("retired", "One")
    assert taken.source == topic(status="retired", title="One", date="2026-01-01")
    undated = with_status(draft, parse_topic(topic(status="active")))
    assert undated.source == topic(status="active", title="One", date="2025-01-01")
    assert without_status(taken).source == without_status(draft).source
    assert "status" not in without_status(draft).source
