from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease, Resource
from hub.core.search_sort import (
    SORTED_TYPES,
    Hit,
    SortKey,
    SortRule,
    hit,
    in_order,
    is_newest_first,
    page_after,
    parse_sort,
)
from hub.errors import InvalidSearch
from tests.support.search_tables import PARAMETERS

R4 = PARAMETERS[FhirRelease.R4]
LOWEST_FIRST, HIGHEST_FIRST = parse_sort(R4, "Patient", "_id,-_id")


def key(resource_type: str, text: str, **elements: Any) -> SortKey:
    (rule,) = parse_sort(R4, resource_type, text)
    return rule.key({"resourceType": resource_type, **elements})


@pytest.mark.parametrize(
    ("resource_type", "code", "elements", "expected"),
    [
        ("Task", "status", {"status": "ready"}, "ready"),
        ("Task", "-status", {}, None),
        ("Task", "_id", {"id": "9"}, "9"),
        ("Task", "code", {"code": {"coding": [{"system": "s", "code": "b"}, {"code": "a"}]}}, "a"),
        ("Task", "-code", {"code": {"coding": [{"system": "s", "code": "b"}, {"code": "a"}]}}, "b"),
        ("Task", "code", {"code": {"text": "only"}}, None),
        ("Patient", "identifier", {"identifier": [{"value": "x|y"}]}, "x|y"),
        (
            "Patient",
            "identifier",
            {"identifier": [{"value": "7", "type": {"coding": [{"code": "MR"}]}}]},
            "7",
        ),
        ("Task", "owner", {"owner": {"reference": "Device/1"}}, "Device/1"),
        ("Task", "owner", {"owner": {"identifier": {"value": "7"}}}, "i:7"),
        ("Patient", "family", {"name": [{"family": "Öz"}, {"family": "ALI"}]}, "ali"),
        ("Patient", "-family", {"name": [{"family": "Öz"}, {"family": "ALI"}]}, "oz"),
        ("ValueSet", "url", {"url": "http://v"}, "http://v"),
        ("RiskAssessment", "probability", {"prediction": [{"probabilityDecimal": 1}]}, 1_000_000),
        (
            "RiskAssessment",
            "-probability",
            {"prediction": [{"probabilityDecimal": Decimal("0.5")}]},
            500_001,
        ),
        ("Task", "authored-on", {"authoredOn": "1970-01-02"}, 86_400_000_000),
        ("Task", "-authored-on", {"authoredOn": "1970-01-02"}, 2 * 86_400_000_000),
        ("Task", "_lastUpdated", {"meta": {"lastUpdated": "1970-01-01T00:00:01Z"}}, 1_000_000),
    ],
)
def test_the_lowest_value_counts_and_descending_the_highest(
    resource_type: str, code: str, elements: Resource, expected: SortKey
) -> None:
    assert key(resource_type, code, **elements) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "'nothing' is unknown; allowed: _id, _lastUpdated"),
        ("status,", "'' is unknown"),
        ("--status", "'-status' is unknown"),
        (",".join(["status"] * 11), "names 11 parameters; allowed: 10"),
    ],
)
def test_what_can_not_be_sorted_by_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidSearch) as refused:
        parse_sort(R4, "Task", text)
    assert words in refused.value.diagnostics


def test_quantities_of_any_unit_have_no_order() -> None:
    with pytest.raises(InvalidSearch, match="of type quantity; allowed") as refused:
        parse_sort(R4, "Observation", "value-quantity")
    assert "code-value-quantity" not in refused.value.diagnostics


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("-_lastUpdated", True),
        ("-_lastUpdated,status", True),
        ("_lastUpdated", False),
        ("status,-_lastUpdated", False),
        ("-status", False),
    ],
)
def test_the_order_of_the_log_is_known(text: str, is_so: bool) -> None:
    assert is_newest_first(parse_sort(R4, "Task", text)) is is_so
    assert is_newest_first([])


def test_a_hit_has_one_key_per_rule() -> None:
    rules = parse_sort(R4, "Task", "status,-_id")
    task = {"resourceType": "Task", "status": "ready", "id": "4"}
    assert hit(rules, 9, task) == Hit(9, ("ready", "4"))
    assert SORTED_TYPES[0] == rules[0].parameter.type


def test_what_changed_at_one_instant_is_told_apart_by_its_place_in_the_log() -> None:
    rules = parse_sort(R4, "Task", "_lastUpdated")
    task = {"resourceType": "Task", "meta": {"lastUpdated": "1970-01-01T00:00:01Z"}}
    hits = [hit(rules, seq, task) for seq in (3, 1, 2)]
    assert [one.seq for one in in_order(rules, hits)] == [1, 2, 3]


KEYS = st.one_of(st.none(), st.sampled_from("abc"))
RULES = st.lists(st.sampled_from((LOWEST_FIRST, HIGHEST_FIRST)), max_size=3)


@st.composite
def sortings(draw: st.DrawFn) -> tuple[list[SortRule], list[Hit]]:
    rules = draw(RULES)
    rows = draw(st.lists(st.tuples(*[KEYS for _ in rules]), max_size=12))
    numbers = draw(st.permutations(range(len(rows))))
    return rules, [Hit(seq, keys) for seq, keys in zip(numbers, rows, strict=True)]


def comes_before(rules: list[SortRule], one: Hit, other: Hit) -> bool:
    """The law, said slowly: the first rule that tells them apart decides, else the newer."""
    for rule, left, right in zip(rules, one.keys, other.keys, strict=True):
        if left == right:
            continue
        if left is None or right is None:
            return right is None
        assert isinstance(left, str) and isinstance(right, str)
        return (left > right) if rule.descending else (left < right)
    return one.seq > other.seq


@given(sortings())
def test_each_hit_comes_before_all_that_follow_it(
    sorting: tuple[list[SortRule], list[Hit]],
) -> None:
    rules, hits = sorting
    found = in_order(rules, hits)
    assert sorted(found, key=lambda one: one.seq) == sorted(hits, key=lambda one: one.seq)
    for number, one in enumerate(found):
        assert all(comes_before(rules, one, other) for other in found[number + 1 :])


@given(sortings(), st.integers(1, 4), st.data())
def test_pages_are_the_whole_also_when_the_last_hit_of_a_page_is_gone(
    sorting: tuple[list[SortRule], list[Hit]], count: int, data: st.DataObject
) -> None:
    rules, hits = sorting
    whole = in_order(rules, hits)
    left = list(hits)
    seen: list[Hit] = []
    after: Hit | None = None
    more = True
    while more:
        page, more = page_after(rules, left, after, count)
        assert len(page) == count or not more
        seen += page
        after = page[-1] if page else None
        if after is not None and data.draw(st.booleans()):
            left.remove(after)
    assert seen == whole
