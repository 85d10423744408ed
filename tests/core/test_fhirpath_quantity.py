"""Quantities and units: what is equal, what can be compared, and what is not known."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.fhirpath_quantity import UCUM, quantity, quantity_of
from hub.core.fhirpath_unit import worth
from tests.support.fhirpath import failure_of, values_of


def measured(value: Any, code: str | None = "mg", **others: Any) -> dict[str, Any]:
    return {"value": value, "unit": "unit", "system": UCUM, "code": code, **others}


LAB = {
    "resourceType": "Observation",
    "valueQuantity": measured(Decimal("185.0"), "[lb_av]"),
    "dose": measured(1500),
    "below": measured(5, comparator="<"),
    "foreign": {"value": 5, "unit": "mg"},
    "named": measured(5, None),
    "text": measured("5"),
    "flag": measured(True),
    "age": measured(3, "d"),
    "huge": measured(Decimal("1E+999999")),
}

TRUE = [
    "1 'g' = 1000 'mg' and 1 'g' != 1001 'mg' and 1.0 'g' = 1 'g'",
    "1 'g' < 1001 'mg' and 1 'kg' > 999 'g' and 1 'g' <= 1000 'mg' and 1 'g' >= 1 'g'",
    "(1 'g' = 1 'm').empty() and (1 'g' < 1 'm').empty() and (1 'g' != 1 'm').empty()",
    "1 'g' ~ 1000 'mg' and 4 'g' ~ 4040 'mg' and (4.0 'g' ~ 4140 'mg').not()",
    "(1 'g' ~ 1 'm').not() and (1 'g' ~ 'g').not() and 1 'g' != 'g' and 'g' != 1 'g'",
    "value = 185 '[lb_av]' and value < 84 'kg' and value > 83000 'g' and 185 '[lb_av]' = value",
    "value ~ 185 '[lb_av]' and value != 185 'kg' and value = value",
    "dose = 1.5 'g' and dose > 1 'g' and dose + 500 'mg' = 2 'g' and dose - 1 'g' = 500 'mg'",
    "(below = 5 'mg').empty() and (below < 9 'mg').empty() and (foreign = 5 'mg').empty()",
    "(named > 1 'mg').empty() and (text > 1 'mg').empty() and (flag > 1 'mg').empty()",
    "(huge > 1 'g').empty() and huge > 1 'mg' and huge = huge",
    "7 days = 1 week and 1 week = 1 'wk' and 24 hours = 1 day and 1 day = 1 'd'",
    "12 months = 1 year and (1 year = 1 'a').empty() and 1 year ~ 1 'a' and 1 month ~ 1 'mo'",
    "(1 month = 30 days).empty() and 6 days < 1 week and age = 72 hours and age < 4 days",
    "1000 milliseconds = 1 second and 60 seconds = 1 minute and 1 's' = 1 second",
    "4 < 5 '1' and 5 '1' >= 4",
    "5 = 5 '1' and 5 '1' = 5 and (5 = 5 'mg').empty() and 5.toQuantity() = 5 '1'",
    "2 'cm' * 3 'm' = 0.06 'm2' and 6 'g' / 2 'mL' = 3000 'g/L' and 4 'm' / 2 'm' = 2",
    "2 * 3 'mg' = 6 'mg' and 6 'mg' * 2 = 12 'mg' and 6 'mg' / 2 = 3 'mg' and 6 / 2 'L' = 3 '/L'",
    "(6 'g' / 0 'L').empty() and (1 'g' + 1 'm').empty() and (2 'g' div 1 'g').empty()",
    "(1 'g' * 1 'nonsense').empty() and (1 'nonsense' = 1 'g').empty()",
    "1 'nonsense' = 1.0 'nonsense' and 1 'nonsense' < 2 'nonsense'",
    "-(5 'mg') = -5 'mg' and +(5 'mg') = 5 'mg' and (-5.5 'mg').abs() = 5.5 'mg'",
    "(5.5 'mg').floor() = 5 'mg' and (5.5 'mg').round() = 6 'mg' and (-4 'mg').sqrt().empty()",
    "1 'g' in (1000 'mg' | 2 'g') and (3 'g' in (1000 'mg' | 2 'g')).not()"
    " and value in 185 '[lb_av]'",
    "dose in (1 'g').combine(1.5 'g') and (1 'g' | 1000 'mg').count() = 1"
    " and (1 'g' | 1 'x').count() = 2",
    "5 'mg'.comparable(1 'kg') and 5 'mg'.comparable(1 'L').not() and {}.comparable(1 'L').empty()",
    "dose.comparable(1 'g') and foreign.comparable(1 'mg').not() and dose.comparable({}).empty()",
    "1.5 'mg'.lowBoundary() = 1.45 'mg' and 1.5 'mg'.highBoundary(1) = 1.6 'mg'",
    "1.5 'mg'.lowBoundary(40).empty() and 1.50 'mg'.precision() = 2"
    " and dose.lowBoundary() = 1499.5 'mg'",
    "1 'wk'.toString() = '1 \\'wk\\'' and 4 days.toString() = '4 days'"
    " and dose.toString() = '1500 \\'mg\\''",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true_of_quantities(expression: str) -> None:
    assert values_of(expression, LAB) == [True]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("dose > 'much'", "have an order"),
        ("dose > 5", "write its unit"),
        ("5 < foreign", "write its unit"),
        ("dose + 'much'", "no meaning"),
        ("foreign * 2", "no meaning"),
        ("-'much'", "a sign goes with a number"),
        ("huge + 1 'mg'", "more than 40 digits"),
        ("(5 'mg').exp().exp().exp()", "more than 40 digits"),
    ],
)
def test_what_has_no_meaning_is_an_error(expression: str, reason: str) -> None:
    assert reason in failure_of(expression, LAB)


@pytest.mark.parametrize(
    ("code", "other", "factor"),
    [
        ("kg", "g", "1000"),
        ("mg/dL", "g/L", "1/100"),
        ("mm[Hg]", "Pa", "66661/500"),
        ("10*3/uL", "10^9/L", "1"),
        ("{beats}/min", "/min", "1"),
        ("mL/min/{1.73_m2}", "mL/min", "1"),
        ("m{stick}2", "m2", None),
        ("(kg.m)/s2", "N", "1"),
        ("dam", "m", "10"),
        ("[in_i]", "cm", "127/50"),
        ("kat", "mol.s-1", "1"),
        ("%", "1", "1/100"),
        ("mmol/L", "mol/m3", "1"),
        ("Cel", "K", None),
        ("[iU]/L", "[IU]/L", "1"),
        ("mol", "1", None),
        ("m-2", "/m2", "1"),
        ("kcal", "J", "4184"),
    ],
)
def test_a_unit_is_worth_what_ucum_says(code: str, other: str, factor: str | None) -> None:
    left, right = worth(code), worth(other)
    if factor is None:
        assert left is None or right is None or left[1] != right[1]
    else:
        assert left is not None and right is not None
        assert (left[0] / right[0], left[1]) == (Fraction(factor), right[1])


@pytest.mark.parametrize(
    "code",
    [
        "",
        "k",
        "[s]",
        "((m",
        "m)",
        "m.",
        ".m",
        "(m",
        "1/0",
        "0",
        "m m",
        "m9999",
        "Ym99",
        "Ym9.Ym9.Ym9",
        "x" * 81,
        "§",
        "m/{",
    ],
)
def test_what_is_no_unit_is_worth_nothing(code: str) -> None:
    assert worth(code) is None


@given(st.decimals(-1_000_000, 1_000_000, places=3), st.sampled_from(["g", "L", "m", "s", "mol/L"]))
def test_a_prefix_moves_the_point(value: Decimal, unit: str) -> None:
    small = value * 1000
    resource = {
        "resourceType": "Task",
        "a": measured(value, unit),
        "b": measured(small, f"m{unit}"),
    }
    assert values_of("a + 0 'x' = b or (a * 1) = (b * 1)", resource) == [True]
    assert values_of("(a * 1) < (b * 1)", resource) == [False]


def test_a_number_is_a_quantity_of_ones_and_text_is_none() -> None:
    assert quantity_of(5) == quantity(5, "1")
    assert quantity_of("5") is None
