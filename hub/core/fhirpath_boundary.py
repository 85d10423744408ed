"""How exactly a value is known: ``precision()``, and the least and the most it can be.

``2024-05`` begins at its ``lowBoundary()`` and ends at its ``highBoundary()``; ``1.5`` is anything
from 1.45 to 1.55.  The text of an element is read as a dateTime, whose boundaries have a time, or
as a time.  The boundary of a decimal is rounded away from the value, never towards it.
Source: http://hl7.org/fhirpath/ ("Boundary functions", "precision").
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from hub.core.fhirpath_calendar import written
from hub.core.fhirpath_conversion import date_time_of
from hub.core.fhirpath_moment import Moment, days_of, time_of_day
from hub.core.fhirpath_number import bounded
from hub.core.fhirpath_quantity import Quantity, converted, quantity_of
from hub.core.fhirpath_run import FhirPathFailure, Node, Run, calculated, one, whole
from hub.core.fhirpath_value import Collection, Valueless, is_number
from hub.core.release import Json

_EXACT = Context(prec=100)
_PLACES, _MOST_PLACES = 8, 31
_DATE_DIGITS = {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 6}
_TIME_DIGITS = {2: 1, 4: 2, 6: 3, 9: 3}
_SECOND = {False: Decimal("0.000"), True: Decimal("59.999")}


def _known(value: Json) -> Json:
    """Return a number, quantity or moment.

    Raises:
        FhirPathFailure: the value is none.
    """
    found = value
    if isinstance(value, str):
        found = date_time_of(value) or time_of_day(value)
    elif isinstance(value, dict):
        found = quantity_of(value)
    if not is_number(found) and not isinstance(found, (Moment, Quantity)):
        raise FhirPathFailure("a number, quantity, date or time expected")
    return found


def _boundary(high: bool) -> Callable[..., Node]:
    def make(owner: Node, digits: Node | None = None) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            values = owner(run, this)
            if not values or isinstance(values[0], Valueless):
                return []
            value = _known(one(values))
            wanted = [] if digits is None else digits(run, this)
            return calculated(_boundary_of, value, whole(wanted) if wanted else None, high)

        return answer

    return make


def _boundary_of(value: Json, digits: int | None, high: bool) -> Json:
    if isinstance(value, Moment):
        return _moment(value, digits, high)
    if isinstance(value, Quantity):
        number = _decimal(value.value, digits, high)
        return None if number is None else Quantity(number, value.unit, value.spelling)
    return _decimal(value, digits, high)


def _decimal(value: int | Decimal, digits: int | None, high: bool) -> Decimal | None:
    places = _PLACES if digits is None else digits
    if not 0 <= places <= _MOST_PLACES:
        return None
    exact = Decimal(bounded(value))
    half = Decimal(5).scaleb(-precision_of(exact) - 1)
    edge = _EXACT.add(exact, half if high else -half)
    unit = Decimal(1).scaleb(-places)
    return edge.quantize(unit, ROUND_CEILING if high else ROUND_FLOOR, _EXACT)


def _moment(moment: Moment, digits: int | None, high: bool) -> Moment | None:
    known = _TIME_DIGITS if moment.kind == "Time" else _DATE_DIGITS
    wanted = {"Date": 8, "DateTime": 17, "Time": 9}[moment.kind] if digits is None else digits
    count = known.get(wanted)
    if count is None:
        return None
    parts = moment.parts[:count]
    if moment.kind == "Time":
        return written("Time", (), _clock(parts, count, wanted == 9, high), "")
    day = parts[:3]
    while len(day) < min(count, 3):
        last = 12 if len(day) == 1 else days_of(int(day[0]), int(day[-1]), 2)
        day = (*day, last if high else 1)
    whole_day = tuple(int(part) for part in day)
    if count <= 3:
        return written("Date" if moment.kind == "Date" else "DateTime", whole_day, (), "")
    zone = moment.zone or ("-12:00" if high else "+14:00")
    clock = _clock(parts[3:], count - 3, wanted == 17, high)
    return written("DateTime", whole_day, clock, zone)


def _clock(
    parts: tuple[int | Decimal, ...], count: int, milliseconds: bool, high: bool
) -> tuple[int | Decimal, ...]:
    missing = (23, 59, _SECOND[True]) if high else (0, 0, _SECOND[False])
    clock = (*parts, *missing[len(parts) : count])
    if count < 3:
        return clock
    second = Decimal(clock[2])
    return (*clock[:2], second + _SECOND[False] if milliseconds else int(second))


def precision_of(value: int | Decimal) -> int:
    """Return how many digits stand after the point."""
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _precision(value: Json) -> int:
    if isinstance(value, Quantity):
        return precision_of(value.value)
    if not isinstance(value, Moment):
        return precision_of(value)
    known = _TIME_DIGITS if value.kind == "Time" else _DATE_DIGITS
    fine = isinstance(value.parts[-1], Decimal)
    return next(n for n, parts in sorted(known.items(), reverse=fine) if parts == len(value.parts))


def _precision_node(owner: Node) -> Node:
    def answer(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        if not values or isinstance(values[0], Valueless):
            return []
        return [_precision(_known(one(values)))]

    return answer


def _comparable(owner: Node, other: Node) -> Node:
    def answer(run: Run, this: Collection) -> Collection:
        values, others = owner(run, this), other(run, this)
        if not values or not others:
            return []
        first, second = quantity_of(one(values)), quantity_of(one(others))
        if first is None or second is None:
            return [False]
        return [converted(second, first.unit) is not None]

    return answer


BOUNDARY_FUNCTIONS: dict[tuple[str, int], Callable[..., Node]] = {
    ("lowBoundary", 0): _boundary(False),
    ("lowBoundary", 1): _boundary(False),
    ("highBoundary", 0): _boundary(True),
    ("highBoundary", 1): _boundary(True),
    ("precision", 0): _precision_node,
    ("comparable", 1): _comparable,
}
