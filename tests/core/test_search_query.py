"""Queries: split, decoded, and all of their conditions at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.search import parse_query, split_query
from hub.errors import InvalidSearch
from tests.support.searches import R4, TASK


def test_conditions_on_any_resource_are_those_that_every_resource_has() -> None:
    query = parse_query(R4, "Resource", split_query("_type=Task,Patient&patient=1&_id=81"))
    assert query.matches(TASK)
    assert not query.matches({**TASK, "for": {"reference": "Patient/2"}})
    with pytest.raises(InvalidSearch):
        parse_query(R4, "Resource", [("status", "requested")])


def test_a_query_is_about_one_type_and_all_conditions() -> None:
    query = parse_query(R4, "Task", split_query("status=requested&intent=order"))
    assert query.matches(TASK)
    assert not query.matches({**TASK, "intent": "plan"})
    assert not query.matches({**TASK, "resourceType": "ServiceRequest"})
    assert parse_query(R4, "Task", []).matches(TASK)
    with pytest.raises(InvalidSearch, match="no resource type of R4"):
        parse_query(R4, "Nothing", [])


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("a=b", [("a", "b")]),
        ("a=b&&c=d&", [("a", "b"), ("c", "d")]),
        ("a=b=c", [("a", "b=c")]),
        ("a=x|y", [("a", "x|y")]),
        ("a=x%7Cy", [("a", "x|y")]),
        ("a=%2541", [("a", "%41")]),
        ("a=1+1", [("a", "1+1")]),
        ("a=1%2B1", [("a", "1+1")]),
        ("a=50%", [("a", "50%")]),
        ("a%3Anot=%C3%A4", [("a:not", "ä")]),
    ],
)
def test_a_query_is_split_and_decoded_once(text: str, pairs: list[tuple[str, str]]) -> None:
    assert split_query(text) == pairs


@pytest.mark.parametrize("text", ["a", "=b", "a=b&c", "a=%FF"])
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(InvalidSearch):
        split_query(text)


@given(st.text(alphabet="a=&%|+:.2é", max_size=30))
def test_splitting_any_text_gives_pairs_or_a_refusal(text: str) -> None:
    try:
        pairs = split_query(text)
    except InvalidSearch:
        return
    assert all(name for name, _ in pairs)
