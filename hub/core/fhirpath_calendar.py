"""Arithmetic of dates and times: a moment and a duration give a moment.

A calendar duration, or a UCUM unit of the same fixed length, can be added; UCUM's year and month
are means and fit no calendar.
Source: http://hl7.org/fhirpath/N1/ ("Date/Time Arithmetic").
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hub.core.fhirpath_moment import DAY, GRAINS, Moment, date_or_time, days_of, time_of_day
from hub.core.fhirpath_quantity import Quantity
from hub.core.fhirpath_unit import CALENDAR, DEFINITE

_MONTHS_OF = {"year": 12, "month": 1}
_SECONDS_OF = {
    "week": Decimal(7 * DAY),
    "day": Decimal(DAY),
    "hour": Decimal(3_600),
    "minute": Decimal(60),
    "second": Decimal(1),
    "millisecond": Decimal("0.001"),
}
_MOST = Decimal(10) ** 12


def moved(moment: str | Moment, by: Quantity, sign: int) -> Moment | None:
    """Return the moment later, or earlier if ``sign`` is -1; None where the calendar ends.

    Raises:
        TypeError: the text is no date or time, or the unit is none that can be added to it.
    """
    start = moment if isinstance(moment, Moment) else date_or_time(moment) or time_of_day(moment)
    if start is None:
        raise TypeError("neither a date nor a time")
    unit = DEFINITE.get(by.unit, by.unit)
    if unit not in CALENDAR:
        raise TypeError(f"{by.unit} can't be added to a date or time; write 1 day, 1 month ...")
    return _add(start, sign * Decimal(by.value), unit)


def _add(moment: Moment, amount: Decimal, unit: str) -> Moment | None:
    """Add ``amount`` (which may be negative) of a calendar unit; None if the result has no date.

    Fractions count for seconds only.  A moment keeps its precision: what is smaller is cut off,
    months being 30 days and years 365 then.
    """
    if abs(amount) > _MOST:
        return None
    if unit not in ("second", "millisecond"):
        amount = Decimal(int(amount))
    months, seconds = _MONTHS_OF.get(unit), amount * _SECONDS_OF.get(unit, 0)
    precision = len(moment.parts)
    if moment.kind == "Time":
        return None if months else _moved_time(moment, seconds)
    if months is None and precision < 3:
        days = int(seconds / DAY)
        months, amount = 1, Decimal(int(days / 30) if precision == 2 else int(days / 365) * 12)
    if months is not None:
        return _moved_months(moment, int(amount) * months)
    return _moved_seconds(moment, _cut(seconds, GRAINS[precision]))


def _cut(seconds: Decimal, grain: int) -> Decimal:
    return Decimal(int(seconds / grain) * grain) if grain else seconds


def _moved_months(moment: Moment, months: int) -> Moment | None:
    """Move by calendar months; the 31st becomes the last day of a shorter month."""
    precision = len(moment.parts)
    year, month, day = (int(part) for part in (*moment.parts[:3], 1, 1)[:3])
    if precision == 1:
        months = int(months / 12) * 12
    years, index = divmod(year * 12 + month - 1 + months, 12)
    if not 1 <= years <= 9999:
        return None
    month = index + 1
    day = min(day, days_of(years, month, 2))
    return written(moment.kind, (years, month, day)[:precision], moment.parts[3:], moment.zone)


def _moved_time(moment: Moment, seconds: Decimal) -> Moment:
    hour, minute, second = (*moment.parts, 0, 0)[:3]
    seconds = _cut(seconds, (3_600, 60, 0)[len(moment.parts) - 1])
    total = (hour * 3_600 + minute * 60 + second + seconds) % DAY
    # The remainder of a negative Decimal is negative.
    clock = _clock(total + DAY if total < 0 else total, len(moment.parts))
    return written("Time", (), clock, "")


def _moved_seconds(moment: Moment, seconds: Decimal) -> Moment | None:
    year, month, day = (int(part) for part in moment.parts[:3])
    hour, minute, second = (*moment.parts[3:], 0, 0, 0)[:3]
    total = hour * 3_600 + minute * 60 + second + seconds
    days = int(total // DAY)
    if total < days * DAY:
        days -= 1
    ordinal = date(year, month, day).toordinal() + days
    if not 1 <= ordinal <= date.max.toordinal():
        return None
    moved = date.fromordinal(ordinal)
    clock = _clock(total - days * DAY, len(moment.parts) - 3)
    return written(moment.kind, (moved.year, moved.month, moved.day), clock, moment.zone)


def _clock(seconds: Decimal, precision: int) -> tuple[int | Decimal, ...]:
    hour, rest = divmod(seconds, 3_600)
    minute, second = divmod(rest, 60)
    return (int(hour), int(minute), second)[:precision]


def written(kind: str, day: tuple[int, ...], clock: tuple[int | Decimal, ...], zone: str) -> Moment:
    """Return the moment with these parts: year, month, day; hour, minute, second."""
    date_text = "-".join(f"{part:0{width}}" for part, width in zip(day, (4, 2, 2), strict=False))
    texts = [f"{part:02}" if isinstance(part, int) else _second(part) for part in clock]
    mark = "T" if kind == "DateTime" and clock else ""
    return Moment(kind, f"{date_text}{mark}{':'.join(texts)}{zone}", (*day, *clock), zone)


def _second(second: Decimal) -> str:
    whole, _, fraction = format(second, "f").partition(".")
    return f"{whole:0>2}.{fraction}" if fraction else f"{whole:0>2}"
