"""Conditions that terms alone decide give keys to look them up by."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.search import NOWHERE, Condition, parse_condition
from tests.support.searches import R4, TASK


def test_keys_are_given_where_terms_decide() -> None:
    def keys(name: str, value: str) -> tuple[str, tuple[str, ...]] | None:
        return parse_condition(R4, "Task", name, value).keys()

    assert keys("status", "b,http://x|a") == ("status", ("a", "b"))
    assert keys("code", "s|c") == ("code", ("s|c",))
    assert keys("patient", "1") == ("patient", ("Patient/1",))
    assert keys("owner:identifier", "s|v") == ("owner", ("i:s|v",))
    assert keys("_profile", "http://p") == ("_profile", ("http://p",))
    for name in ("status:not", "code:text", "owner.name", "_has:Task:part-of:status"):
        assert keys(name, "a") is None
    assert keys("status:missing", "true") is None
    assert keys("authored-on", "2024") is None


TERMS = [
    ("status", "requested"),
    ("status", "draft,requested"),
    ("status", "draft"),
    ("code", "http://codes|fulfill"),
    ("code", "|fulfill"),
    ("owner", "7"),
    ("owner", "Patient/7,PractitionerRole/7"),
    ("owner:identifier", "owner"),
    ("_tag", "actionable"),
    ("patient", "2"),
]


@given(st.sampled_from(TERMS), st.booleans())
def test_keys_decide_as_matching_does(term: tuple[str, str], bare: bool) -> None:
    condition: Condition = parse_condition(R4, "Task", *term)
    resource = {"resourceType": "Task", "id": "1"} if bare else TASK
    found = condition.keys()
    assert found is not None
    code, alternatives = found
    parameter = R4.get("Task", code)
    assert parameter is not None
    terms = parameter.values(resource).terms
    assert condition.matches(resource, NOWHERE) == (not terms.isdisjoint(alternatives))
