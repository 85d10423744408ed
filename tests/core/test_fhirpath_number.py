"""Arithmetic and functions of numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import fhirpath_number as numbers
from tests.support.fhirpath import failure_of, values_of

COUNTS = {
    "resourceType": "Task",
    "three": 3,
    "half": Decimal("0.5"),
    "wide": Decimal("1E+999999"),
    "tiny": Decimal("1E-999999"),
    "long": 10**39,
    "_gap": {"extension": [{"url": "http://e"}]},
}

TRUE = [
    "1 + 2 * 3 - 4 / 2 = 5 and (1 + 2) * 3 = 9 and 2 - -3 = 5 and -three = -3 and +three = 3",
    "three + half = 3.5 and three * half = 1.5 and three - half = 2.5 and three / 2 = 1.5",
    "7 div 2 = 3 and -7 div 2 = -3 and 7 mod 2 = 1 and -7 mod 2 = -1 and 7.5 mod 2 = 1.5",
    "(7 / 0).empty() and (7 div 0).empty() and (7 mod 0).empty() and (1 + {}).empty()",
    "({} * 1).empty() and (gap + 1).empty() and (1 - gap).empty() and (-{}).empty()",
    "(1 / 3).round(4) = 0.3333 and 1 / 3 ~ 0.33 and (2 / 1) = 2 and (4 / 2) is Decimal",
    "(4 div 2) is Integer and (4.0 div 2) is Integer and (4 mod 2) is Integer and 2 * 2 is Integer",
    "(-5).abs() = 5 and 5.abs() = 5 and {}.abs().empty() and gap.abs().empty()",
    "1.5.ceiling() = 2 and (-1.5).ceiling() = -1 and 3.ceiling() = 3 and 1.5.ceiling() is Integer",
    "1.5.floor() = 1 and (-1.5).floor() = -2 and 1.5.truncate() = 1 and (-1.5).truncate() = -1",
    "2.5.round() = 3 and 2.45.round(1) = 2.5 and (-2.5).round() = -3 and 2.5.round(-1).empty()",
    "2.round(31).empty() and 2.round({}).empty() and tiny.ceiling() = 1 and tiny.round(2) = 0",
    "9.sqrt() = 3 and (-9).sqrt().empty() and 2.sqrt().round(3) = 1.414",
    "0.exp() = 1 and 1.exp().round(3) = 2.718 and 1.ln() = 0 and 0.ln().empty()"
    " and (-1).ln().empty()",
    "8.log(2) = 3 and 1000.log(10) = 3 and 8.log(1).empty() and 8.log({}).empty() and 8.log(0) = 0",
    "2.power(10) = 1024 and 2.power(10) is Integer and 2.power(-1) = 0.5 and 4.power(0.5) = 2",
    "(-1).power(0.5).empty() and 2.power({}).empty() and 0.power(0).empty()"
    " and 1.5.power(2) = 2.25",
    "wide > three and wide = wide and wide != 1 and tiny < 1 and tiny + 1 = 1",
    "1.45.lowBoundary() = 1.445 and 1.45.highBoundary(1) = 1.5 and 2.lowBoundary(0) = 1",
    "1.lowBoundary(-1).empty() and 1.highBoundary(32).empty() and three.highBoundary() = 3.5",
    "1.50.precision() = 2 and 3.precision() = 0 and half.precision() = 1",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true_of_numbers(expression: str) -> None:
    assert values_of(expression, COUNTS) == [True]


@pytest.mark.parametrize(
    "expression",
    [
        "wide + 1",
        "1 - wide",
        "wide * 2",
        "wide / 3",
        "wide div 3",
        "wide mod 3",
        "3 mod wide",
        "wide.floor()",
        "wide.ceiling()",
        "wide.truncate()",
        "wide.round()",
        "wide.sqrt()",
        "wide.ln()",
        "wide.abs().round(1)",
        "1000.exp()",
        "10.power(40)",
        "(-10).power(41)",
        "long * 10",
        "long * 10.5",
        "long + 9 * long",
        "wide.lowBoundary()",
        "1 / tiny",
        "2.power(99999999999)",
        "0.power(-1)",
    ],
)
def test_a_number_that_is_too_large_is_an_error(expression: str) -> None:
    assert "more than 40 digits" in failure_of(expression, COUNTS)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("'1' - 1", "a quantity such as 1 day"),
        ("'1' + 1", "a quantity such as 1 day"),
        ("true * 2", "no meaning"),
        ("'9'.sqrt()", "a number expected"),
        ("true.abs()", "a number expected"),
        ("2.power('2')", "a number expected"),
        ("(1 | 2) + 1", "one value expected"),
        ("-true", "a sign goes with a number"),
        ("+'1'", "a sign goes with a number"),
    ],
)
def test_what_is_no_number_is_an_error(expression: str, reason: str) -> None:
    assert reason in failure_of(expression, COUNTS)


WHOLE = st.integers(-(10**12), 10**12)
SMALL = st.decimals(-10_000, 10_000, places=4)


@given(WHOLE | SMALL, WHOLE | SMALL)
def test_div_and_mod_make_up_the_dividend(left: Any, right: Any) -> None:
    quotient, rest = numbers.div(left, right), numbers.mod(left, right)
    if right == 0:
        assert quotient is None and rest is None
    else:
        assert quotient is not None and rest is not None
        assert quotient * right + rest == left
        assert abs(rest) < abs(right)


@given(WHOLE | SMALL, WHOLE | SMALL)
def test_what_is_added_is_taken_away_again(left: Any, right: Any) -> None:
    total = numbers.plus(left, right)
    assert total is not None and numbers.minus(total, right) == left


@given(SMALL)
def test_floor_and_ceiling_enclose_a_number(value: Decimal) -> None:
    assert numbers.floor(value) <= value <= numbers.ceiling(value)
    assert abs(numbers.truncate(value)) <= abs(value)


@given(st.integers(0, 10**9))
def test_the_root_of_a_square_is_the_number(value: int) -> None:
    assert numbers.square_root(value * value) == value
