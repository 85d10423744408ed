from __future__ import annotations

from typing import Any

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.compiled_topic import compile_topic
from hub.core.filters import Filters, accept_filters
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE, Condition, parse_condition
from hub.core.search_parameter import SearchParameters
from hub.core.subscription import FilterBy
from hub.core.topic import parse_topic
from hub.core.value_set import ValueSets
from hub.errors import FilterInvalid, FilterNotAllowed
from tests.support.topics import change, task, topic_json

VS = "http://example.org/ValueSet/urgent"
CS = "http://example.org/codes"


def value_sets(*codes: str) -> ValueSets:
    concepts = [{"code": code} for code in codes]
    include = [{"system": CS, "concept": concepts}]
    return ValueSets([{"url": VS, "version": "1", "compose": {"include": include}}])


def read(name: str, value: str, *codes: str, resource_type: str = "Task") -> Condition:
    known = search_parameters(FhirRelease.R4, "http://hub", value_sets=value_sets(*codes))
    return parse_condition(known, resource_type, name, value)


def coded(*codes: str, system: str | None = CS) -> dict[str, Any]:
    owner = {} if system is None else {"system": system}
    return {"code": {"coding": [{**owner, "code": code} for code in codes]}}


@pytest.mark.parametrize(
    ("elements", "inside"),
    [
        (coded("stat"), True),
        (coded("other", "stat"), True),
        (coded("other"), False),
        (coded("stat", system="http://elsewhere"), False),
        (coded("stat", system=None), False),
        ({}, False),
    ],
)
def test_a_concept_is_in_a_value_set_with_its_system(
    elements: dict[str, Any], inside: bool
) -> None:
    resource = task(**elements)
    assert read("code:in", VS, "stat").matches(resource) is inside
    assert read("code:not-in", VS, "stat").matches(resource) is not inside


def test_a_code_without_a_system_is_in_a_value_set_by_itself() -> None:
    assert read("status:in", VS, "requested").matches(task())
    assert not read("status:in", VS, "draft").matches(task())


def test_a_parameter_of_both_kinds_is_in_a_value_set_in_either_form() -> None:
    table = {
        "common": {},
        "types": {"Plan": {"code": {"type": "token", "url": "x", "path": "a|b", "form": "mixed"}}},
    }
    known = SearchParameters(FhirRelease.R4, table, "http://hub", value_sets("stat"))
    asked = parse_condition(known, "Plan", "code:in", VS)
    coding = {"coding": [{"system": CS, "code": "stat"}]}
    for element in ({"a": "stat"}, {"b": coding}, {"a": "no", "b": coding}):
        assert asked.matches({"resourceType": "Plan", **element})
    for element in ({"a": "no"}, {"b": {"coding": [{"system": "x", "code": "stat"}]}}, {}):
        assert not asked.matches({"resourceType": "Plan", **element})


def test_the_canonical_form_names_the_value_set_its_version_and_its_content() -> None:
    one, other = read("code:in", VS, "stat"), read("code:in", VS, "stat", "now")
    assert one.canonical.startswith(f"code:in={VS}|1")
    assert one.canonical != other.canonical
    assert one.canonical == read("code:in", f"{VS}|1", "stat").canonical
    assert read("code:not-in", VS, "stat").canonical == one.canonical.replace(":in", ":not-in")


def test_the_codes_of_a_value_set_are_no_keys_of_the_index() -> None:
    assert read("code:in", VS, "stat").keys() is None


def filters(value: str, modifier: str = "in", offered: tuple[str, ...] = ("in",)) -> Filters:
    known = search_parameters(FhirRelease.R4, "http://hub", value_sets=value_sets("stat"))
    can = [{"resource": "Task", "filterParameter": "code", "modifier": list(offered)}]
    topic = compile_topic(parse_topic(topic_json({}, canFilterBy=can)), known)
    wanted = FilterBy(
        resource_type=None, filter_parameter="code", value=value, modifier=modifier, comparator=None
    )
    return accept_filters(topic, [wanted], known)


def test_a_subscription_may_filter_by_a_value_set_where_its_topic_says_so() -> None:
    def passes(found: Filters, state: Resource) -> bool:
        return found.accepts(change(None, state), NOWHERE)

    assert passes(filters(VS), task(**coded("stat")))
    assert not passes(filters(VS), task(**coded("other")))
    outside = filters(VS, "not-in", ("not-in",))
    assert passes(outside, task(**coded("other")))
    with pytest.raises(FilterNotAllowed, match="may not use :in"):
        filters(VS, offered=())
    with pytest.raises(FilterInvalid, match=r"http://no is not loaded; give its file"):
        filters("http://no")
