"""Topics between R5 JSON, R4B JSON and R4 Basic."""

from __future__ import annotations

from typing import Any

import pytest

from hub.codecs.topic import ROOTS, from_json, is_topic, to_release
from hub.core.release import FhirRelease
from hub.core.topic import parse_topic
from hub.errors import InvalidResource

CODE = {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]}
RELATED = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-related-query"
TOPIC: dict[str, Any] = {
    "resourceType": "SubscriptionTopic",
    "id": "t",
    "url": "http://example.org/topic",
    "identifier": [{"value": "1"}, {"value": "2"}],
    "version": "1",
    "versionAlgorithmString": "semver",
    "name": "Topic",
    "title": "Topic",
    "derivedFrom": ["http://example.org/other"],
    "status": "active",
    "experimental": False,
    "date": "2025-01-01",
    "copyrightLabel": "nobody",
    "extension": [{"url": "http://example.org/own", "valueString": "kept"}],
    "resourceTrigger": [
        {
            "description": "first",
            "resource": "Task",
            "supportedInteraction": ["create", "update"],
            "queryCriteria": {
                "previous": "status:not=requested",
                "resultForCreate": "test-passes",
                "current": "status=requested",
                "resultForDelete": "test-fails",
                "requireBoth": True,
            },
            "fhirPathCriteria": "true",
        },
        {"resource": "Task", "supportedInteraction": ["delete"]},
    ],
    "eventTrigger": [{"description": "e", "event": {"text": "A01"}, "resource": "Encounter"}],
    "canFilterBy": [
        {
            "resource": "Task",
            "filterParameter": "owner",
            "filterDefinition": "http://example.org/owner",
            "modifier": ["missing", "not", "in"],
        },
        {"filterParameter": "modified", "comparator": ["gt", "le"]},
        {"filterParameter": "focus", "extension": [{"url": "http://e", "valueCode": "x"}]},
    ],
    "notificationShape": [
        {
            "resource": "Task",
            "include": ["Task:focus"],
            "revInclude": ["Task:part-of"],
            "extension": [{"url": RELATED, "extension": [{"url": "query", "valueString": "q"}]}],
        }
    ],
}


def extension(name: str, kind: str, value: Any, root: int = 0) -> dict[str, Any]:
    return {"url": ROOTS[root] + name, f"value{kind}": value}


def basic(*extensions: Any) -> dict[str, Any]:
    return {"resourceType": "Basic", "code": CODE, "extension": list(extensions)}


@pytest.mark.parametrize("release", FhirRelease)
def test_nothing_is_lost_on_the_way_through_a_release(release: FhirRelease) -> None:
    before = repr(TOPIC)
    found = from_json(to_release(TOPIC, release))
    for entry in found["canFilterBy"]:
        entry.get("modifier", []).sort()
    expected = {**TOPIC, "canFilterBy": [{**e} for e in TOPIC["canFilterBy"]]}
    expected["canFilterBy"][0] = {
        **expected["canFilterBy"][0],
        "modifier": ["in", "missing", "not"],
    }
    assert found == expected
    assert repr(TOPIC) == before


def test_r5_is_left_as_it_is() -> None:
    assert to_release(TOPIC, FhirRelease.R5) is TOPIC


def test_r4b_has_one_list_for_modifiers_and_comparators() -> None:
    found = to_release(TOPIC, FhirRelease.R4B)
    owner, modified, _ = found["canFilterBy"]
    assert owner["modifier"] == ["in"]
    assert [each["valueCode"] for each in owner["extension"]] == ["missing", "not"]
    assert modified["modifier"] == ["gt", "le"]
    assert "comparator" not in modified
    assert "name" not in found


def test_an_r4b_topic_gets_its_comparators_apart_and_loses_the_equals_sign() -> None:
    r4b = {**TOPIC, "canFilterBy": [{"filterParameter": "length", "modifier": ["=", "gt", "in"]}]}
    assert from_json(r4b)["canFilterBy"] == [
        {"filterParameter": "length", "comparator": ["gt"], "modifier": ["in"]}
    ]


def test_an_extension_for_an_element_that_is_there_anyway_stays_an_extension() -> None:
    other = extension("name", "String", "Other")
    assert from_json({**TOPIC, "extension": [other]})["extension"] == [other]


def test_in_r4_a_topic_is_a_basic_whose_status_modifies_it() -> None:
    found = to_release(TOPIC, FhirRelease.R4)
    assert (found["resourceType"], found["code"], found["id"]) == ("Basic", CODE, "t")
    assert found["modifierExtension"] == [extension("status", "Code", "active")]
    assert all(
        each["url"].startswith((ROOTS[0], "http://example.org")) for each in found["extension"]
    )


def test_a_bare_topic_gives_a_bare_basic() -> None:
    assert to_release({"resourceType": "SubscriptionTopic", "url": None}, FhirRelease.R4) == {
        "resourceType": "Basic",
        "code": CODE,
    }


@pytest.mark.parametrize("root", [0, 1])
def test_both_roots_are_read_also_mixed_and_with_the_status_anywhere(root: int) -> None:
    found = from_json(
        basic(
            extension("url", "Uri", "http://example.org/t", 0),
            extension("status", "Code", "draft", root),
            {
                "url": f"{ROOTS[root]}resourceTrigger",
                "extension": [
                    {"url": "resource", "valueUri": "Task"},
                    {"url": f"{ROOTS[root]}resourceTrigger.description", "valueMarkdown": "d"},
                    {"url": f"{ROOTS[root]}resourceTrigger.unheard", "valueMarkdown": "d"},
                    {"url": "supportedInteraction", "valueCode": "create"},
                    {"url": "supportedInteraction", "valueCode": "update"},
                    {
                        "url": "queryCriteria",
                        "extension": [{"url": "current", "valueString": "status=requested"}],
                    },
                ],
            },
        )
    )
    topic = parse_topic(found)
    assert (topic.url, topic.status) == ("http://example.org/t", "draft")
    trigger = topic.resource_triggers[0]
    assert trigger.description == "d"
    assert len(trigger.supported_interaction) == 2
    assert trigger.query_criteria is not None
    assert trigger.query_criteria.current == "status=requested"


@pytest.mark.parametrize(
    "extensions",
    [
        [extension("url", "Uri", "a"), extension("url", "Uri", "b")],
        [{"url": f"{ROOTS[0]}url"}],
        [{"url": f"{ROOTS[0]}url", "valueUri": "a", "valueString": "b"}],
        ["text"],
        [{"url": f"{ROOTS[0]}canFilterBy", "extension": "text"}],
    ],
)
def test_an_extension_of_the_wrong_form_is_refused(extensions: list[Any]) -> None:
    with pytest.raises(InvalidResource):
        from_json(basic(*extensions))


def test_an_extension_list_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidResource):
        from_json({"resourceType": "Basic", "code": CODE, "extension": {}})


@pytest.mark.parametrize(
    "resource", [{"resourceType": "Task"}, {"resourceType": "Basic", "code": {"text": "x"}}, []]
)
def test_what_is_no_topic_is_refused(resource: Any) -> None:
    with pytest.raises(InvalidResource):
        from_json(resource)


def test_both_forms_are_topics() -> None:
    assert is_topic(TOPIC)
    assert is_topic(basic())
    assert not is_topic({"resourceType": "Basic"})


@pytest.mark.parametrize(
    "filters", ["text", ["text"], [{"filterParameter": "a", "modifier": "x", "extension": "y"}]]
)
def test_a_broken_list_is_left_for_the_reader_to_refuse(filters: Any) -> None:
    with pytest.raises(InvalidResource):
        parse_topic(from_json({**TOPIC, "canFilterBy": filters}))
