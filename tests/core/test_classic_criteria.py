"""Criteria that are a search: what they accept is what the search engine says of the new state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.classic_criteria import accept_criteria, criteria_topic, is_about_result
from hub.core.filters import LONGEST_FILTER, MOST_FILTERS
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE, parse_query
from hub.core.stream import Stream
from hub.core.subscription import FilterBy
from hub.errors import CriteriaInvalid, FiltersTooCostly
from tests.support.search_tables import PARAMETERS
from tests.support.searches import SHELF
from tests.support.topics import change, task

R4 = FhirRelease.R4
OWNERS = ("Organization/a", "Organization/b", "PractitionerRole/7")
CONDITIONS = (
    ("status", "requested"),
    ("status", "accepted,requested"),
    ("status:not", "draft"),
    ("owner", OWNERS[0]),
    ("owner", ",".join(OWNERS)),
    ("owner:Organization", "a"),
    ("owner:missing", "true"),
    ("owner:PractitionerRole.organization", "Organization/3"),
    ("code", "urn:x|a"),
    ("code:text", "bitte"),
    ("authored-on", "gt2024-01-01"),
    ("_tag", "a"),
    ("_id", "t1"),
)


def conditions(*pairs: tuple[str, str]) -> tuple[FilterBy, ...]:
    found = []
    for name, value in pairs:
        head, dot, last = name.rpartition(".")
        parameter, _, modifier = last.partition(":")
        found.append(
            FilterBy(
                filter_parameter=f"{head}{dot}{parameter}",
                value=value,
                resource_type="Task",
                modifier=modifier or None,
            )
        )
    return tuple(found)


def stream(id: int, kind: str, *pairs: tuple[str, str], visibility: str = "") -> Stream:
    topic, filters = Registry().accept(R4, kind, conditions(*pairs), PARAMETERS[R4])
    return Stream(id=id, release=R4, topic=topic, filters=filters, visibility=visibility)


@st.composite
def states(draw: st.DrawFn) -> Resource:
    if draw(st.integers(0, 9)) == 0:
        return {"resourceType": "Patient", "id": "t1"}
    owner = draw(st.sampled_from([None, *OWNERS]))
    more: dict[str, Any] = {"owner": {"reference": owner}} if owner else {}
    if draw(st.booleans()):
        more["code"] = {"coding": [{"system": "urn:x", "code": "a"}], "text": "Bitte"}
    if draw(st.booleans()):
        more["authoredOn"] = draw(st.sampled_from(["2023-01-01", "2024-06-01"]))
    if draw(st.booleans()):
        more["meta"] = {"tag": [{"code": "a"}]}
    return task(draw(st.sampled_from(["requested", "accepted", "draft"])), **more)


several = st.lists(st.lists(st.sampled_from(CONDITIONS), max_size=3), max_size=8)


@given(several, st.none() | states(), st.none() | states(), st.sets(st.integers(0, 7)))
def test_a_change_belongs_to_the_criteria_that_its_new_state_matches(
    asked: list[list[tuple[str, str]]],
    previous: Resource | None,
    current: Resource | None,
    gone: set[int],
) -> None:
    if previous is None and current is None:
        return
    if current is not None and previous is not None:
        previous = {**previous, "resourceType": current["resourceType"]}
    registry = Registry()
    for id, pairs in enumerate(asked):
        registry.add_stream(stream(id, "Task", *pairs, visibility=str(id)))
    for id in gone:
        registry.remove_stream(id)
    found = registry.match(change(previous, current), SHELF)
    wanted = [
        id
        for id, pairs in enumerate(asked)
        if id not in gone
        and current is not None
        and parse_query(PARAMETERS[R4], "Task", pairs).matches(current, SHELF)
    ]
    assert [match.stream.id for match in found] == wanted
    assert all(match.topic.shape("Task") is None for match in found)


@given(st.lists(st.sampled_from(CONDITIONS), max_size=4), st.randoms(use_true_random=False))
def test_equal_criteria_share_a_stream(pairs: list[tuple[str, str]], luck: Any) -> None:
    other = [*pairs, *pairs[:1]]
    luck.shuffle(other)
    assert stream(1, "Task", *pairs).key == stream(2, "Task", *other).key


def test_other_criteria_or_another_type_have_another_stream() -> None:
    keys = {
        stream(1, "Task").key,
        stream(2, "Task", ("status", "requested")).key,
        stream(3, "Patient").key,
    }
    assert len(keys) == 3


def test_criteria_and_a_topic_on_the_same_type_are_matched_apart() -> None:
    registry = Registry()
    registry.add_stream(stream(1, "Task", ("status", "requested")))
    registry.add_stream(stream(2, "Patient"))
    for state, ids in ((task(), [1]), (task("draft"), []), ({"resourceType": "Patient"}, [2])):
        found = registry.match(change(None, state), NOWHERE)
        assert [match.stream.id for match in found] == ids
    registry.remove_stream(1)
    assert registry.match(change(None, task()), NOWHERE) == []


def test_what_stands_for_criteria_is_no_topic_that_can_be_found() -> None:
    registry = Registry()
    registry.add_stream(stream(1, "Task"))
    assert registry.every_topic() == [] == registry.topics(R4)
    assert [each.topic.canonical for each in registry.criteria_topics(R4)] == ["Task"]
    assert registry.criteria_topics(FhirRelease.R4B) == []
    topic = criteria_topic("Task", PARAMETERS[R4])
    assert topic.topic.canonical == "Task"
    assert topic.means("Task", [("", "x")]) == ()


@pytest.mark.parametrize(
    ("kind", "pairs", "words"),
    [
        ("Tusk", [], "'Tusk' is no resource type of R4"),
        ("Resource", [("_id", "1")], "no resource type"),
        ("Transport", [], "no resource type of R4"),
        ("Subscription", [], "about the hub itself"),
        ("SubscriptionTopic", [], "no resource type of R4"),
        ("AuditEvent", [("action", "C")], "about the hub itself"),
        ("Task", [("stauts", "requested")], "no search parameter 'stauts'"),
        ("Task", [("status", "requested"), ("owner:like", "x")], "owner:like"),
    ],
)
def test_what_can_t_be_evaluated_is_refused(
    kind: str, pairs: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(CriteriaInvalid, match=words) as refusal:
        accept_criteria(kind, conditions(*pairs), PARAMETERS[R4])
    assert refusal.value.expression == "Subscription.topic"


@pytest.mark.parametrize(
    "filter_by",
    [
        [FilterBy(filter_parameter="status", value="x" * (LONGEST_FILTER + 1))],
        [FilterBy(filter_parameter="status", value="x")] * (MOST_FILTERS + 1),
    ],
    ids=["long", "many"],
)
def test_criteria_that_cost_too_much_are_refused(filter_by: list[FilterBy]) -> None:
    with pytest.raises(FiltersTooCostly, match="allowed: 1000 of 8192") as refusal:
        accept_criteria("Task", filter_by, PARAMETERS[R4])
    assert refusal.value.expression == "Subscription.topic"


def test_a_comparator_that_stands_apart_is_the_prefix_of_the_value() -> None:
    apart = FilterBy(filter_parameter="authored-on", comparator="gt", value="2024")
    together = FilterBy(filter_parameter="authored-on", value="gt2024")
    found = [accept_criteria("Task", [each], PARAMETERS[R4]) for each in (apart, together)]
    assert found[0].canonical == found[1].canonical


@pytest.mark.parametrize("name", ["_format", "_sort", "_count", "_include", "_include:iterate"])
def test_what_is_about_the_result_filters_nothing(name: str) -> None:
    assert is_about_result(name)


@pytest.mark.parametrize("name", ["_id", "_lastUpdated", "_tag", "_contained", "_has:A:b:c", "_x"])
def test_what_selects_is_not_about_the_result(name: str) -> None:
    assert not is_about_result(name)
