"""Dates, dateTimes and times: what is known of them, their order, arithmetic and boundaries."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.fhirpath_calendar import moved
from hub.core.fhirpath_moment import Moment, date_or_time, order_of, time_of_day
from hub.core.fhirpath_quantity import quantity
from tests.support.fhirpath import failure_of, values_of

VISIT = {
    "resourceType": "Encounter",
    "period": {"start": "2024-03-31T23:30:00+02:00", "end": "2024-04"},
    "onDay": "2024-03-31",
    "clock": "08:15",
    "_noted": {"extension": [{"url": "http://e"}]},
}

TRUE = [
    "@2024-05-01 < @2024-05-02 and @2024-05-02 > @2024-05-01",
    "@2024-05-01 <= @2024-05-01 and @2024-05-01 >= @2024-05-01",
    "@2024T = @2024T and @2024 = @2024T and @2024-05T is DateTime and @2024-05-01T is DateTime",
    "(@2024-05 = @2024-05-01).empty() and (@2024-05 < @2024-05-31).empty()",
    "@2024-04 < @2024-05-01 and @2024 != @2025-01-01",
    "@2024-05-01T10:00:00 = @2024-05-01T10:00:00.000",
    "@2024-05-01T10:00:00 != @2024-05-01T10:00:00.001",
    "(@2024-05-01T10:00 = @2024-05-01T10:00:00).empty()",
    "@2024-05-01T10:00:00Z = @2024-05-01T12:00:00+02:00",
    "@2024-05-01T10:00:00Z = @2024-05-01T07:30:00-02:30",
    "(@2024-05-01T10:00:00Z = @2024-05-01T10:00:00).empty()",
    "@2024-05-01T10:00:00Z < @2024-05-02T01:00:00",
    "(@2024-05-01T10:00:00Z < @2024-05-02T00:00:00).empty()",
    "@T10:30 < @T10:31 and (@T10:30 < @T10:30:00).empty() and @T10 < @T11:00:00.5",
    "@2024-05-01 != @T10:00 and @T10:00 != 'noon' and @2024 != 7",
    "period.start < @2024-04-02 and (period.end < @2024-04-05).empty()",
    "period.start > @2024-03 = {} or period.end > @2024-03",
    "onDay = @2024-03-31 and @2024-03-31 = onDay and clock = @T08:15 and @T09 > clock",
    "onDay ~ @2024-03-31 and (onDay ~ @2024-03).not() and (onDay | 'x').count() = 2",
    "onDay in (@2024-03-30 | @2024-03-31) and (onDay | @2024-03-31).count() = 1",
    "(noted < @2024).empty() and (noted + 1 day).empty()",
    "@2024-01-31 + 1 month = @2024-02-29 and @2023-01-31 + 1 month = @2023-02-28",
    "@2024-02-29 + 1 year = @2025-02-28 and @2000-02-29 - 100 years = @1900-02-28",
    "@2024-03-31 - 1 month = @2024-02-29 and @2024-01-15 - 1 month = @2023-12-15",
    "@2024-12-31 + 1 day = @2025-01-01 and @2024-03-01 - 1 'd' = @2024-02-29",
    "@2024-01-01 + 1 week = @2024-01-08 and @2024-01-01 + 2 'wk' = @2024-01-15",
    "@2024-01-01 + 1.9 days = @2024-01-02 and @2024-01-01 + 47 hours = @2024-01-02",
    "@2024 + 1 month = @2024 and @2024 + 24 months = @2026 and @2024-03 + 31 days = @2024-04",
    "@2024 + 366 days = @2025 and @2024 - 11 months = @2024 and @2024-11 + 3 months = @2025-02",
    "@2024-01-01T23:59:59.5 + 1 second = @2024-01-02T00:00:00.5",
    "@2024-01-01T00:00:00Z - 1 millisecond = @2023-12-31T23:59:59.999Z",
    "@2024-01-01T10:30 + 90 seconds = @2024-01-01T10:31"
    " and @2024-01-01T10 + 59 'min' = @2024-01-01T10",
    "(@2024-01-01T10:30 + 1 'ms').toString() = '2024-01-01T10:30'",
    "@T23:30 + 1 hour = @T00:30 and @T00:00:00 - 1 second = @T23:59:59"
    " and @T10 + 90 minutes = @T11",
    "(@T10 + 1 month).empty() and (@9999-12-31 + 1 day).empty() and (@0001 - 1 year).empty()",
    "(@0001-01-01 - 1 day).empty() and (@2024 + 1000000000000000 days).empty()",
    "(@9999-12-01 + 1 month).empty() and (@2024 + {}).empty() and ({} + 1 day).empty()",
    "onDay + 1 day = @2024-04-01 and clock + 1 hour = @T09:15 and onDay - 1 'month' = @2024-02-29",
    "period.start + 30 minutes = @2024-04-01T00:00:00+02:00",
    "@2024.lowBoundary() = @2024-01-01 and @2024-02.highBoundary() = @2024-02-29",
    "@2023-02.highBoundary() = @2023-02-28 and @2100-02.highBoundary() = @2100-02-28",
    "@2024-04.highBoundary() = @2024-04-30 and @2024.highBoundary() = @2024-12-31",
    "@2024.highBoundary(6) = @2024-12 and @2024-05-06.lowBoundary(4) = @2024",
    "@2024.lowBoundary(5).empty() and {}.lowBoundary().empty() and noted.lowBoundary().empty()",
    "@2024-05T.highBoundary().toString() = '2024-05-31T23:59:59.999-12:00'",
    "@2024-05-01T08Z.lowBoundary().toString() = '2024-05-01T08:00:00.000Z'",
    "@2024-05-01T08:09:10.highBoundary(14).toString() = '2024-05-01T08:09:10-12:00'",
    "@2024-05-01T08:09.highBoundary(12).toString() = '2024-05-01T08:09-12:00'",
    "@T08:15.highBoundary() = @T08:15:59.999 and clock.lowBoundary(6) = @T08:15:00",
    "@T08.lowBoundary(4) = @T08:00 and period.end.highBoundary() > @2024-04-30T23:59:59Z",
    "period.start.lowBoundary() < period.end.highBoundary()",
    "@2024.precision() = 4 and @2024-05-06.precision() = 8 and @2024-05-06T07:08.precision() = 12",
    "@2024-05-06T07:08:09.precision() = 14 and @2024-05-06T07:08:09.1.precision() = 17",
    "@T08:15.precision() = 4 and @T08:15:30.precision() = 6 and @T08:15:30.5.precision() = 9",
    "noted.precision().empty() and {}.precision().empty()",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true_of_dates_and_times(expression: str) -> None:
    assert values_of(expression, VISIT) == [True]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("@2024 < 5", "another one only"),
        ("@2024 < @T10", "another one only"),
        ("'soon' < @2024", "another one only"),
        ("@2024 + 1 'mo'", "can't be added"),
        ("@2024 - 1 'cm'", "can't be added"),
        ("@2024 + 1", "a quantity such as 1 day"),
        ("'soon' + 1 day", "neither a date nor a time"),
        ("@2024 * 2", "no meaning"),
        ("true.lowBoundary()", "a number, quantity, date or time expected"),
        ("'soon'.precision()", "a number, quantity, date or time expected"),
    ],
)
def test_what_has_no_meaning_is_an_error(expression: str, reason: str) -> None:
    assert reason in failure_of(expression, VISIT)


@pytest.mark.parametrize(
    "text", ["2024-13", "2024-02-30", "2024T10", "2024-05-01T24", "0000", "24", "2024-1", "x", ""]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert date_or_time(text) is None


@pytest.mark.parametrize("text", ["24", "10:60", "10:30:61", "10:30Z", "1", "", "2024"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert time_of_day(text) is None


def test_a_time_has_no_order_with_a_date() -> None:
    day, time = date_or_time("2024"), time_of_day("10:30")
    assert day is not None and time is not None
    with pytest.raises(TypeError, match="no order"):
        order_of(day, time)


DAYS = st.dates(min_value=date(2, 1, 1), max_value=date(9998, 12, 31))
ZONES = st.sampled_from(["", "Z", "+05:30", "-12:00", "+14:00"])


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    text = draw(DAYS).isoformat()
    clock = draw(st.sampled_from(["", "T23", "T08:30", "T08:30:15", "T08:30:15.250"]))
    if not clock:
        text = text[: draw(st.sampled_from([4, 7, 10]))]
    found = date_or_time(f"{text}{clock}{draw(ZONES) if clock else ''}")
    assert found is not None
    return found


@given(moments(), moments())
def test_the_order_of_moments_has_two_sides(left: Moment, right: Moment) -> None:
    order, other = order_of(left, right), order_of(right, left)
    assert (order is None) is (other is None)
    if order is not None and other is not None:
        assert order == -other
    assert order_of(left, left) == 0


@given(moments(), moments(), moments())
def test_before_is_passed_on(first: Moment, second: Moment, third: Moment) -> None:
    zones = {bool(moment.zone) for moment in (first, second, third)}
    if len(zones) == 1 and order_of(first, second) == -1 and order_of(second, third) == -1:
        assert order_of(first, third) == -1


@given(DAYS, st.integers(-300, 300))
def test_days_are_added_as_a_calendar_has_them(day: date, count: int) -> None:
    start = date_or_time(day.isoformat())
    assert start is not None
    result = moved(start, quantity(Decimal(abs(count)), "days"), -1 if count < 0 else 1)
    assert result is not None
    assert result.text == (day + timedelta(days=count)).isoformat()


@given(moments(), st.integers(0, 100_000), st.sampled_from(["week", "day", "hour", "second"]))
def test_what_is_added_is_taken_away_again(start: Moment, count: int, unit: str) -> None:
    later = moved(start, quantity(count, unit), 1)
    if later is not None and len(start.parts) >= 3:
        back = moved(later, quantity(count, unit), -1)
        assert back is not None and order_of(back, start) == 0
