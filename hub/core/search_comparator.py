"""How a search value is compared with a range: the prefixes of date, number and quantity.

A range is a half-open pair of integers.  Dates count microseconds since 1970-01-01 UTC, numbers
millionths.  Source: http://hl7.org/fhir/R5/search.html#prefix.
"""

from __future__ import annotations

import calendar
import re
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

LOWEST = -(2**62)
HIGHEST = 2**62
"""The open ends of a range; every range fits in a signed 64-bit integer."""

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_SCALE = 6


class Comparator(StrEnum):
    """A search prefix."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    LT = "lt"
    GE = "ge"
    LE = "le"
    SA = "sa"
    EB = "eb"
    AP = "ap"

    def holds(self, asked: tuple[int, int], found: tuple[int, int]) -> bool:
        """Tell whether the range ``found`` in a resource answers the range ``asked`` for."""
        low, high = asked
        start, end = found
        match self:
            case Comparator.EQ:
                return low <= start and end <= high
            case Comparator.NE:
                return start < low or high < end
            case Comparator.GT:
                return end > high
            case Comparator.LT:
                return start < low
            case Comparator.GE:
                return end > high or low <= start
            case Comparator.LE:
                return start < low or end <= high
            case Comparator.SA:
                return start >= high
            case Comparator.EB:
                return end <= low
            case _:
                return start < high and low < end


def split_prefix(text: str) -> tuple[Comparator, str]:
    """Return the comparator and the rest: ``("ge", "2024")`` for ``ge2024``, ``eq`` by default."""
    if text[:2] in Comparator.__members__.values():
        return Comparator(text[:2]), text[2:]
    return Comparator.EQ, text


@lru_cache(maxsize=8_192)
def date_range(text: str) -> tuple[int, int] | None:
    """Return the range that a date, dateTime or instant covers, None if it is none.

    ``2024-05`` covers the month.  A value without a time zone is read as UTC.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    start = _day(year, month, day)
    if start is None:
        return None
    if hour is None:
        if day is not None:
            days = 1
        elif month is not None:
            days = calendar.monthrange(int(year), int(month))[1]
        else:
            days = 366 if calendar.isleap(int(year)) else 365
        return start * _DAY, (start + days) * _DAY
    passed = _seconds(hour, minute, second)
    offset = _offset(zone)
    if passed is None or offset is None:
        return None
    low = start * _DAY + (passed - offset) * 1_000_000
    if second is None:
        return low, low + 60_000_000
    if fraction is None:
        return low, low + 1_000_000
    digits = fraction[:_SCALE]
    width = 10 ** (_SCALE - len(digits))
    low += int(digits) * width
    return low, low + width


@lru_cache(maxsize=4_096)
def _day(year: str, month: str | None, day: str | None) -> int | None:
    """Return the days since 1970 of a date or of the first day that it covers."""
    try:
        return date(int(year), int(month or 1), int(day or 1)).toordinal() - _EPOCH
    except ValueError:
        return None


def _seconds(hour: str, minute: str, second: str | None) -> int | None:
    """Return the seconds since midnight."""
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return (hours * 60 + minutes) * 60 + seconds


@lru_cache(maxsize=256)
def _offset(zone: str | None) -> int | None:
    """Return the seconds that a time zone is ahead of UTC."""
    if zone is None or zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:])
    if hours > 14 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)


def decimal_of(text: str) -> Decimal | None:
    """Return the number that ``text`` spells, None if it spells none."""
    if _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text)


def number_point(value: Decimal) -> tuple[int, int]:
    """Return the range of one number in a resource: one millionth wide."""
    low = _scaled(value)
    return low, low + 1


def number_range(comparator: Comparator, value: Decimal) -> tuple[int, int]:
    """Return the range that a number asks for.

    ``eq`` and ``ne`` take the written precision: 100 is 99.5 to 100.5.  ``ap`` is a tenth to both
    sides.  The others take the number itself.
    """
    if comparator in (Comparator.EQ, Comparator.NE):
        exponent = value.as_tuple().exponent
        half = Decimal(5).scaleb(int(exponent) - 1)
    elif comparator is Comparator.AP:
        half = abs(value) / 10
    else:
        return number_point(value)
    return _scaled(value - half), max(_scaled(value + half), _scaled(value) + 1)


def _scaled(value: Decimal) -> int:
    return max(LOWEST, min(HIGHEST - 1, int(value.scaleb(_SCALE))))
