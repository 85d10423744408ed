"""Every topic that ships: its truth table, in every release where the topic computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from fhir.resources import get_fhir_model_class
from fhir.resources.R4B import get_fhir_model_class as get_r4b_model_class

from hub.cli.truth_table import LOST, check_row
from hub.codecs.tables.search import search_parameters
from hub.codecs.topic import from_json, to_release
from hub.core.change import Change, Interaction
from hub.core.compiled_topic import compile_topic
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.state import States
from hub.core.topic import CANONICAL_BASE, parse_topic
from hub.core.trigger_index import TriggerIndex

TOPICS = Path(__file__).parents[2] / "topics"
NAMES = sorted(path.name for path in TOPICS.iterdir() if path.is_dir())
PARAMETERS = {release: search_parameters(release, "http://hub.example") for release in FhirRelease}
BEFORE_R5 = {
    "task": {"requestedperformer-reference", "output"},
    "order": {"code-concept"},
    "prescription": {"group-identifier"},
    "document": {"based-on"},
}
"""Filters that R4 and R4B have not, by how the topic's name begins."""
IN_R5 = {"order": {"code"}, "document": {"related"}, "appointment": {"date"}}
"""Filters that R5 has no longer."""


def read(name: str, file: str) -> Any:
    return orjson.loads((TOPICS / name / file).read_bytes())


def each_case() -> Iterator[Any]:
    for name in NAMES:
        for case in read(name, "cases.json"):
            for release in case.get("release", list(FhirRelease)):
                yield pytest.param(
                    name, FhirRelease(release), case, id=f"{name}-{release}-{case['name']}"
                )


CASES = list(each_case())


def change_of(case: dict[str, Any], release: FhirRelease) -> Change:
    state: Resource = case["current"] or case["previous"]
    return Change(
        release=release,
        resource_type=state["resourceType"],
        id=state["id"],
        interaction=Interaction(case["interaction"]),
        previous=case["previous"],
        current=case["current"],
    )


@pytest.mark.parametrize(("name", "release", "case"), CASES)
def test_a_topic_fires_filters_and_shows_as_its_truth_table_says(
    name: str, release: FhirRelease, case: dict[str, Any]
) -> None:
    topic = parse_topic(read(name, "topic.json"))
    compiled = compile_topic(topic, PARAMETERS[release])
    assert list(check_row(case, compiled, PARAMETERS[release])) == []
    change = change_of(case, release)
    found = compiled.fires(change, NOWHERE)
    fired = TriggerIndex({name: compiled}).fired(States(change, NOWHERE))
    assert fired == ({name: found} if found else {})


@pytest.mark.parametrize(("name", "release", "case"), CASES)
def test_both_spellings_of_a_criterion_agree(
    name: str, release: FhirRelease, case: dict[str, Any]
) -> None:
    topic = parse_topic(read(name, "topic.json"))
    paths_only = replace(
        topic,
        resource_triggers=tuple(
            replace(trigger, query_criteria=None) if trigger.fhirpath_criteria else trigger
            for trigger in topic.resource_triggers
        ),
    )
    compiled = compile_topic(paths_only, PARAMETERS[release])
    assert bool(compiled.fires(change_of(case, release), NOWHERE)) is case["fires"]


@pytest.mark.parametrize(("name", "release", "case"), CASES)
def test_the_resources_of_a_truth_table_are_valid(
    name: str, release: FhirRelease, case: dict[str, Any]
) -> None:
    find = get_fhir_model_class if release is FhirRelease.R5 else get_r4b_model_class
    for state in (case["previous"], case["current"]):
        if state is not None:
            find(state["resourceType"]).model_validate(state)


@pytest.mark.parametrize("name", NAMES)
def test_a_truth_table_covers_both_sides_a_delete_filters_and_shape(name: str) -> None:
    table = read(name, "cases.json")
    assert {case["interaction"] for case in table} == set(Interaction)
    if name != "any-change":
        assert {case["fires"] for case in table} == {True, False}
    asked = [each for case in table for each in case.get("filters", {}).values()]
    assert {True, False} <= set(asked), "a filter that lets it through, and a near miss"
    topic = parse_topic(read(name, "topic.json"))
    lost = {
        filter.partition("?")[2].partition("=")[0]
        for case in table
        for filter, told in case.get("filters", {}).items()
        if told == LOST
    }
    assert lost >= {each.filter_parameter for each in topic.can_filter_by if each.party}
    shapes = topic.notification_shapes
    shown = [each for case in table for each in case.get("includes", [])]
    assert shown or not any(shape.include or shape.rev_include for shape in shapes)


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_is_a_valid_active_r5_topic_below_the_one_base(name: str) -> None:
    resource = read(name, "topic.json")
    get_fhir_model_class("SubscriptionTopic").model_validate(resource)
    topic = parse_topic(resource)
    assert topic.status == "active"
    assert topic.url == CANONICAL_BASE + name


@pytest.mark.parametrize("release", FhirRelease)
@pytest.mark.parametrize("name", NAMES)
def test_every_trigger_and_nearly_every_filter_computes_in_every_release(
    name: str, release: FhirRelease
) -> None:
    topic = parse_topic(read(name, "topic.json"))
    compiled = compile_topic(topic, PARAMETERS[release])
    assert len(compiled.triggers) == len(topic.resource_triggers)
    missing = {parameter for _, parameter in compiled.missing_filters}
    known = IN_R5 if release is FhirRelease.R5 else BEFORE_R5
    assert missing <= known.get(name.partition("-")[0], set())


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_survives_the_way_through_r4_and_r4b(name: str) -> None:
    topic = read(name, "topic.json")
    for release in FhirRelease:
        there = to_release(topic, release)
        find = get_fhir_model_class if release is FhirRelease.R5 else get_r4b_model_class
        find(there["resourceType"]).model_validate(there)
        assert from_json(there) == topic
