"""Dates, dateTimes and times of FHIRPath: what is known of them, and their order.

A moment is known to a precision: ``2024-05`` is any instant of that month, and one without a time
zone is in any zone.  Where the precision leaves a comparison open there is no answer.
Source: http://hl7.org/fhirpath/N1/ ("Comparison").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

_CLOCK = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d{1,9})?))?)?"
_DATE_TIME = re.compile(
    rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d))?)?(T(?:{_CLOCK}(Z|[+-]\d\d:\d\d)?)?)?", re.ASCII
)
_TIME = re.compile(_CLOCK, re.ASCII)
DAY = 86_400
GRAINS = (0, 0, 0, DAY, 3_600, 60, 0)
"""How many seconds a moment of so many parts spans; 0 for less than a day's, or exact."""
_LONGEST = 40
_EAST, _WEST = 14 * 3_600, 12 * 3_600
"""How far zones go: noon without a zone is up to 14 hours before noon UTC, or 12 after."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A ``Date``, ``DateTime`` or ``Time``, as ``kind`` says.

    ``parts`` are year, month, day, hour, minute and second as far as they are known, of a time
    hour, minute and second.  ``zone`` is ``Z``, ``+02:00`` and the like.
    """

    kind: str
    text: str
    parts: tuple[int | Decimal, ...]
    zone: str = ""

    def __str__(self) -> str:
        return self.text


def date_or_time(text: str) -> Moment | None:
    """Read a date or dateTime, None if it is neither."""
    return _date_or_time(text) if 4 <= len(text) <= _LONGEST else None


@lru_cache(1_024)
def _date_or_time(text: str) -> Moment | None:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, clock, hour, minute, second, zone = found.groups()
    if hour is not None and day is None:
        return None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    parts = _numbers(year, month, day, hour, minute, second)
    if not _is_clock(parts[3:]):
        return None
    return Moment("Date" if clock is None else "DateTime", text, parts, zone or "")


def time_of_day(text: str) -> Moment | None:
    """Read a time, None if it is none."""
    found = _TIME.fullmatch(text)
    parts = () if found is None else _numbers(*found.groups())
    return Moment("Time", text, parts) if parts and _is_clock(parts) else None


def _numbers(*texts: str | None) -> tuple[int | Decimal, ...]:
    return tuple(Decimal(t) if "." in t else int(t) for t in texts if t is not None)


def _is_clock(parts: tuple[int | Decimal, ...]) -> bool:
    return all(part < most for part, most in zip(parts, (24, 60, 61), strict=False))


def _offset(zone: str) -> int:
    """Return the seconds that a zone is ahead of UTC."""
    if zone in ("", "Z"):
        return 0
    seconds = int(zone[1:3]) * 3_600 + int(zone[4:]) * 60
    return -seconds if zone[0] == "-" else seconds


def order_of(left: Moment, right: Moment) -> int | None:
    """Return -1, 0 or 1 for before, the same, after; None where it is open.

    Raises:
        TypeError: one is a time, the other is none.
    """
    if (left.kind == "Time") is not (right.kind == "Time"):
        raise TypeError("a time and a date have no order")
    zoned = bool(left.zone), bool(right.zone)
    first, second = _span(left, zoned == (False, True)), _span(right, zoned == (True, False))
    if len(left.parts) == len(right.parts) and zoned[0] is zoned[1]:
        return (first[0] > second[0]) - (first[0] < second[0])
    if first[1:] <= (second[0], False):
        return -1
    return 1 if second[1:] <= (first[0], False) else None


@lru_cache(1_024)
def _span(moment: Moment, any_zone: bool) -> tuple[Decimal, Decimal, bool]:
    """Return the first and the last instant that it may be, and whether the last one counts."""
    parts = moment.parts
    if moment.kind == "Time":
        start, grain, clock = 0, (3_600, 60, 0)[len(parts) - 1], parts
    else:
        year, month, day = (int(part) for part in (*parts[:3], 1, 1)[:3])
        start, clock = date(year, month, day).toordinal() * DAY, parts[3:]
        grain = days_of(year, month, len(parts)) * DAY if len(parts) < 3 else 0
        grain = grain or GRAINS[len(parts)]
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    first = Decimal(start + int(hour) * 3_600 + int(minute) * 60) + second - _offset(moment.zone)
    last = first + grain
    return (first - _EAST, last + _WEST, True) if any_zone else (first, last, not grain)


def days_of(year: int, month: int, precision: int) -> int:
    """Return how many days a year, or a month, has."""
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if precision == 1:
        return 366 if leap else 365
    if month == 2:
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31
