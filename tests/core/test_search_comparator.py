from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.search_comparator import (
    HIGHEST,
    LOWEST,
    Comparator,
    date_range,
    decimal_of,
    number_point,
    number_range,
    split_prefix,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", "2024-01-01T00:00Z", "2025-01-01T00:00Z"),
        ("2023", "2023-01-01T00:00Z", "2024-01-01T00:00Z"),
        ("2024-02", "2024-02-01T00:00Z", "2024-03-01T00:00Z"),
        ("2024-12", "2024-12-01T00:00Z", "2025-01-01T00:00Z"),
        ("2024-02-29", "2024-02-29T00:00Z", "2024-03-01T00:00Z"),
        ("2024-05-01T10:15", "2024-05-01T10:15Z", "2024-05-01T10:16Z"),
        ("2024-05-01T10:15Z", "2024-05-01T10:15Z", "2024-05-01T10:16Z"),
        ("2024-05-01T10:15:30Z", "2024-05-01T10:15:30Z", "2024-05-01T10:15:31Z"),
        ("2024-05-01T10:15:30.5Z", "2024-05-01T10:15:30.500Z", "2024-05-01T10:15:30.600Z"),
        ("2024-05-01T10:15:30.123Z", "2024-05-01T10:15:30.123Z", "2024-05-01T10:15:30.124Z"),
        ("2024-05-01T10:15:30+02:00", "2024-05-01T08:15:30Z", "2024-05-01T08:15:31Z"),
        ("2024-05-01T10:15:30-05:30", "2024-05-01T15:45:30Z", "2024-05-01T15:45:31Z"),
        ("2024-05-01T23:59:60Z", "2024-05-02T00:00:00Z", "2024-05-02T00:00:01Z"),
    ],
)
def test_a_date_covers_what_its_precision_leaves_open(text: str, low: str, high: str) -> None:
    assert date_range(text) == (micros(low), micros(high))


def test_fractions_beyond_microseconds_are_cut() -> None:
    low, high = date_range("1970-01-01T00:00:00.123456789Z") or (0, 0)
    assert (low, high) == (123_456, 123_457)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "24",
        "2024-13",
        "2023-02-29",
        "0000",
        "2024-05-01T",
        "2024-05-01T24:00",
        "2024-05-01T10:60",
        "2024-05-01T10:15:61",
        "2024-05-01T10:15:30+15:00",
        "2024-05-01T10:15:30+01:60",
        "2024-05-01 10:15",
        "2024-5",
        "２０２４",
        "2024\n",
    ],
)
def test_what_is_no_date_has_no_range(text: str) -> None:
    assert date_range(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_read_as_the_datetime_it_spells(instant: datetime) -> None:
    text = instant.strftime("%Y").zfill(4) + instant.strftime("-%m-%dT%H:%M:%S.%fZ")
    low = (instant - EPOCH) // timedelta(microseconds=1)
    assert date_range(text) == (low, low + 1)


# Asked for: [10, 20).  Each column: a range in a resource.
TRUTH = {
    "eq": ((10, 20), (12, 13)),
    "ne": ((5, 15), (15, 25), (5, 25), (0, 10), (20, 30)),
    "gt": ((15, 25), (5, 25), (20, 30)),
    "lt": ((5, 15), (5, 25), (0, 10)),
    "ge": ((10, 20), (12, 13), (15, 25), (5, 25), (20, 30)),
    "le": ((10, 20), (12, 13), (5, 15), (5, 25), (0, 10)),
    "sa": ((20, 30),),
    "eb": ((0, 10),),
    "ap": ((10, 20), (12, 13), (5, 15), (15, 25), (5, 25)),
}
FOUND = ((10, 20), (12, 13), (5, 15), (15, 25), (5, 25), (0, 10), (20, 30))


@pytest.mark.parametrize("prefix", list(TRUTH))
def test_a_comparator_holds_for_exactly_these_ranges(prefix: str) -> None:
    held = {found for found in FOUND if Comparator(prefix).holds((10, 20), found)}
    assert held == set(TRUTH[prefix])


RANGES = st.tuples(st.integers(-50, 50), st.integers(1, 50)).map(lambda r: (r[0], r[0] + r[1]))


@given(RANGES, RANGES)
def test_greater_or_equal_is_greater_or_equal_to_a_part(
    asked: tuple[int, int], found: tuple[int, int]
) -> None:
    def holds(comparator: Comparator) -> bool:
        return comparator.holds(asked, found)

    assert holds(Comparator.GE) == (holds(Comparator.GT) or holds(Comparator.EQ))
    assert holds(Comparator.LE) == (holds(Comparator.LT) or holds(Comparator.EQ))
    assert holds(Comparator.NE) != holds(Comparator.EQ)
    assert not (holds(Comparator.SA) and holds(Comparator.AP))


def test_a_prefix_is_told_from_the_value() -> None:
    assert split_prefix("ge2024") == (Comparator.GE, "2024")
    assert split_prefix("2024") == (Comparator.EQ, "2024")
    assert split_prefix("xx2024") == (Comparator.EQ, "xx2024")


def test_only_decimals_are_numbers() -> None:
    assert decimal_of("-1.50") == Decimal("-1.50")
    assert decimal_of("1e2") == Decimal(100)
    for text in ("", "abc", "NaN", "1.", "1e999", "１"):
        assert decimal_of(text) is None


def test_equal_takes_the_written_precision() -> None:
    assert number_range(Comparator.EQ, Decimal("100")) == (99_500_000, 100_500_000)
    assert number_range(Comparator.EQ, Decimal("100.00")) == (99_995_000, 100_005_000)
    assert number_range(Comparator.EQ, Decimal("1e2")) == (50_000_000, 150_000_000)
    assert number_range(Comparator.GT, Decimal("100")) == (100_000_000, 100_000_001)
    assert number_range(Comparator.AP, Decimal("-10")) == (-11_000_000, -9_000_000)
    assert number_range(Comparator.AP, Decimal("0")) == (0, 1)


def test_numbers_too_large_for_a_range_stand_at_its_ends() -> None:
    assert number_point(Decimal("1e40")) == (HIGHEST - 1, HIGHEST)
    assert number_point(Decimal("-1e40")) == (LOWEST, LOWEST + 1)
