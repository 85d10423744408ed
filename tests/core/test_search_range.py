from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.core.search_comparator import HIGHEST, LOWEST, date_range
from hub.core.search_range import dates, numbers, positions, quantities
from hub.core.search_value import NO_VALUES


def test_a_period_is_open_where_it_has_no_bound() -> None:
    may = date_range("2024-05") or (0, 0)
    assert dates(["2024-05"]).ranges == (may,)
    assert dates([{"start": "2024-05"}]).ranges == ((may[0], HIGHEST),)
    assert dates([{"end": "2024-05"}]).ranges == ((LOWEST, may[1]),)
    assert dates([{"start": "2024-05", "end": "2024-05"}]).ranges == (may,)


def test_a_timing_has_its_events_and_its_bounds() -> None:
    may = date_range("2024-05") or (0, 0)
    timing = {"event": ["2024-05"], "repeat": {"boundsPeriod": {"start": "2024-05"}}}
    assert dates([timing]).ranges == (may, (may[0], HIGHEST))


@pytest.mark.parametrize(
    "element",
    [
        "soon",
        3,
        {},
        {"start": 3, "end": "soon"},
        {"start": "2025", "end": "2024"},
        {"event": 3, "repeat": {}},
    ],
)
def test_what_is_no_date_has_no_values(element: Any) -> None:
    assert dates([element]) is NO_VALUES


def test_numbers_are_points() -> None:
    assert numbers([Decimal("1.5"), 2, "x", {}]).ranges == (
        (1_500_000, 1_500_001),
        (2_000_000, 2_000_001),
    )
    assert numbers(["x"]) is NO_VALUES


def test_a_quantity_has_a_range_and_its_units() -> None:
    found = quantities([{"value": Decimal(5), "unit": "milligram", "system": "u", "code": "mg"}])
    assert found.ranges == ((5_000_000, 5_000_001),)
    assert found.units == (frozenset(("milligram", "mg", "u|mg", "u|")),)
    assert quantities([{"value": 1, "currency": "EUR"}]).units == (frozenset(("EUR",)),)


@pytest.mark.parametrize(
    ("element", "extent"),
    [
        ({"low": {"value": 1}, "high": {"value": 2}}, (1_000_000, 2_000_001)),
        ({"low": {"value": 1}}, (1_000_000, HIGHEST)),
        ({"high": {"value": 2, "code": "a"}}, (LOWEST, 2_000_001)),
    ],
)
def test_a_range_is_open_where_it_has_no_bound(element: Any, extent: tuple[int, int]) -> None:
    assert quantities([element]).ranges == (extent,)


@pytest.mark.parametrize(
    "element", [3, {}, {"low": {}, "high": {}}, {"low": {"value": 2}, "high": {"value": 1}}]
)
def test_what_is_no_quantity_has_no_values(element: Any) -> None:
    assert quantities([element]) is NO_VALUES


def test_dates_are_read_one_by_one() -> None:
    may = date_range("2024-05") or (0, 0)
    assert dates(["2024-05", {"start": "2024-05"}, "soon", 3]).ranges == (may, (may[0], HIGHEST))


def test_a_position_has_a_latitude_and_a_longitude() -> None:
    there = {"latitude": 46, "longitude": Decimal("7.4")}
    found = ((46_000_000, 46_000_001), (7_400_000, 7_400_001))
    assert positions([3, {"latitude": 46}, there]).ranges == found
    assert positions([{"latitude": 46}]) is NO_VALUES
