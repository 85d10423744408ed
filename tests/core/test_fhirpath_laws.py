"""Laws that hold for all collections."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fhirpath import values_of

VALUES = (
    st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([Decimal("1.0"), Decimal("0.5"), "a", "A", "2024", "2024-05-01T00:00:00Z"])
    | st.sampled_from([{"x": 1}, {"x": Decimal("1.0")}, {"x": 1, "y": "a"}])
)
COLLECTIONS = st.lists(VALUES, max_size=5)

LAWS = [
    "a.intersect(%current.b).subsetOf(%current.a) and a.intersect(%current.b).subsetOf(%current.b)",
    "a.intersect(%current.b) ~ b.intersect(%current.a)",
    "(a | b).supersetOf(%current.b | %current.a) and (a | b).subsetOf(%current.b | %current.a)",
    "(a | b).isDistinct() and (a | b).count() <= a.count() + b.count()",
    "(a | b) ~ (b | a) and (a | a) ~ a.distinct() and a.union(%current.b) ~ (a | b)",
    "a.exclude(%current.b).intersect(%current.b).empty() and a.exclude({}) ~ a",
    "(a.exclude(%current.b) | a.intersect(%current.b)).subsetOf(%current.a)",
    "a.combine(%current.b).count() = a.count() + b.count() and a.combine({}) ~ a",
    "a.distinct().subsetOf(%current.a) and a.subsetOf(%current.a.distinct())",
    "a.take(2).combine(%current.a.skip(2)) ~ a and a.first() ~ a.take(1) and a.tail() ~ a.skip(1)",
    "a.count() = 0 or a.last() ~ a.skip(a.count() - 1)",
    "a ~ a and (a = a or a.empty()) and (a != b).empty() = (a.empty() or b.empty())",
    "a.empty() = a.exists().not() and a.where(true) ~ a and a.where(false).empty()",
    "a.all($this in %current.a) and a.select($this) ~ a and a.repeat({}).empty()",
    "a.exists($this in %current.b) = a.intersect(%current.b).exists()",
    "a.where($this is Patient).empty() and a.aggregate($total.combine($this), {}) ~ a",
    "a.isDistinct() = (a.count() = a.distinct().count())",
]


@pytest.mark.parametrize("law", LAWS)
@given(a=COLLECTIONS, b=COLLECTIONS)
def test_it_holds_for_all_collections(law: str, a: list[Any], b: list[Any]) -> None:
    assert values_of(law, {"resourceType": "Task", "a": a, "b": b}) == [True]


TRUTHS = st.sampled_from(["true", "false", "{}"])


@given(TRUTHS, TRUTHS, TRUTHS)
def test_the_laws_of_three_valued_logic_hold(x: str, y: str, z: str) -> None:
    for left, right in (
        (f"{x}.not().not()", x),
        (f"{x} and {y}", f"{y} and {x}"),
        (f"{x} or {y}", f"{y} or {x}"),
        (f"{x} xor {y}", f"{y} xor {x}"),
        (f"({x} and {y}).not()", f"{x}.not() or {y}.not()"),
        (f"{x} implies {y}", f"{x}.not() or {y}"),
        (f"{x} xor {y}", f"({x} or {y}) and ({x} and {y}).not()"),
        (f"({x} and {y}) and {z}", f"{x} and ({y} and {z})"),
        (f"{x} and ({y} or {z})", f"({x} and {y}) or ({x} and {z})"),
    ):
        assert values_of(left) == values_of(right)


ORDERED = st.lists(st.integers(-50, 50), max_size=8)


@given(ORDERED)
def test_what_is_sorted_is_in_order_and_complete(numbers: list[int]) -> None:
    task = {"resourceType": "Task", "n": numbers}
    assert values_of("n.sort()", task) == sorted(numbers)
    assert values_of("n.sort(-$this)", task) == sorted(numbers, reverse=True)
    assert values_of("n.aggregate($total + $this, 0)", task) == [sum(numbers)]
