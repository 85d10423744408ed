from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.difference import Difference, differences
from hub.core.json_text import parse, same
from hub.core.release import Json

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=9,
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("X.a", 1, 2)]),
        ({"a": 1}, {}, [("X.a", 1, None)]),
        ({}, {"_a": {"id": "b"}}, [("X.a", None, {"id": "b"})]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]}, [("X.a[1]", 2, 3), ("X.a[2]", None, 4)]),
        ({"a": [{"b": 1}]}, {"a": [{"b": "1"}]}, [("X.a[0].b", 1, "1")]),
        ({"a": {"b": 1}}, {"a": [1]}, [("X.a", {"b": 1}, [1])]),
    ],
)
def test_the_smallest_elements_that_differ_are_told(
    before: Json, after: Json, expected: list[tuple[str, Json, Json]]
) -> None:
    assert list(differences(before, after, "X")) == [Difference(*each) for each in expected]


def test_a_number_in_another_spelling_is_another_one() -> None:
    before, after = parse(b'{"a":1.10}').value, parse(b'{"a":1.1}').value
    assert [each.path for each in differences(before, after, "X")] == ["X.a"]


@given(values, values)
def test_nothing_is_told_of_what_is_the_same_and_something_of_what_is_not(
    before: Json, after: Json
) -> None:
    assert not list(differences(before, before, "X"))
    found = list(differences(before, after, "X"))
    assert not (found and same([before], [after]))
    assert all(not same([each.before], [each.after]) for each in found)
