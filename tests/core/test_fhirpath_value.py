"""Values of FHIRPath: which are equal, which are alike, which come first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.fhirpath_value import equal, equivalent, key_of, less

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=4))
def test_every_collection_equals_itself_and_is_like_any_order_of_itself(values: list[Any]) -> None:
    assert equal(values, values) is (True if values else None)
    assert equivalent(values, values[::-1])


@given(JSON, JSON)
def test_equality_is_symmetric_and_implies_equivalence(left: Any, right: Any) -> None:
    assert equal([left], [right]) is equal([right], [left])
    if equal([left], [right]):
        assert equivalent([left], [right])


@pytest.mark.parametrize(
    ("left", "right"), [(1, True), ({"a": 0}, {"a": False}), ([1, {"a": 1}], [1, {"a": True}])]
)
def test_what_python_takes_for_one_value_is_two(left: Any, right: Any) -> None:
    assert equal([left], [right]) is False
    assert not equivalent([left], [right])


@given(st.text(), st.text())
def test_text_has_one_order(left: str, right: str) -> None:
    assert not (less(left, right) and less(right, left))


def test_booleans_and_numbers_are_never_equal() -> None:
    assert key_of(True) != key_of(1)
    assert key_of([True]) != key_of([1])


def test_numbers_of_very_different_size_are_compared_without_being_written_out() -> None:
    assert not equivalent([Decimal("1E+999999")], [Decimal("1.5")])
    assert equivalent([Decimal("1E+999999")], [Decimal("1E+999999")])
    assert not equivalent([10**40], [Decimal("0.5")])


def test_a_text_that_only_looks_like_an_instant_is_text() -> None:
    assert key_of("2025-13-45T10:00:00Z") == "2025-13-45T10:00:00Z"
    assert less("2025-01-01", "2025-01-01T10:00:00Z") is None
    assert less("2025-01-01", "2025-01-02") is True
