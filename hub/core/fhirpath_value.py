"""How FHIRPath compares values: equal, equivalent, ordered.

Values are parsed JSON (str, bool, int, ``Decimal``, dict, list) and what only an expression makes:
``Moment`` and ``Quantity``.  Collections are lists.  Two elements that are both of JSON are equal
if they are the same, whatever their type; what an expression makes is compared by its meaning.
Every comparison takes time in proportion to the size of the values.
Source: http://hl7.org/fhirpath/N1/ ("Equality", "Comparison").
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from decimal import Context, Decimal

from hub.core.fhirpath_moment import Moment, date_or_time, order_of, time_of_day
from hub.core.fhirpath_quantity import Quantity, is_quantity, key_of_quantity, pair
from hub.core.fhirpath_unit import CALENDAR_AS_UCUM
from hub.core.release import Json

Collection = list[Json]
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SHORTEST = len("2024-05-01T12:00Z")
_HUGE = 60
_EXACT = Context(prec=100)


class Valueless(dict[str, Json]):
    """A primitive element that has no value, only an id or extensions."""


def key_of(value: Json) -> object:
    """Return a hashable key: two values have one key if, and only if, they are equal (``=``).

    ``1``, ``1.0`` and ``1.00`` are one number; ``true`` is none.  The order of a list counts, that
    of an object's members does not.  Two spellings of one instant are equal.
    """
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str):
        return instant_of(value) or value
    if isinstance(value, dict):
        return frozenset((name, key_of(member)) for name, member in value.items())
    if isinstance(value, list):
        return tuple(key_of(member) for member in value)
    return _key_of_made(value, value)


def _key_of_made(value: Json, otherwise: object) -> object:
    if isinstance(value, Moment):
        return instant_of(value.text) or value.text
    return key_of_quantity(value) if isinstance(value, Quantity) else otherwise


def likeness_of(value: Json) -> object:
    """Return a hashable key: two values have one key if they are equivalent (``~``).

    Letter case, runs of white space and the order of lists don't count.
    """
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str):
        return instant_of(value) or " ".join(value.casefold().split())
    if isinstance(value, dict):
        return frozenset((name, likeness_of(member)) for name, member in value.items())
    if isinstance(value, list):
        return frozenset(Counter(map(likeness_of, value)).items())
    return _key_of_made(value, value)


def equal(left: Collection, right: Collection) -> bool | None:
    """Tell whether two collections are equal in order.

    None if either is empty, or the precision of a date or the unit of a quantity leaves it open.
    """
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    if len(left) == 1:
        return _same(left[0], right[0])
    answers = [_same(a, b) for a, b in zip(left, right, strict=True)]
    return False if False in answers else None if None in answers else True


def _same(left: Json, right: Json) -> bool | None:
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _same_instant(left, right)
    if isinstance(left, Moment) or isinstance(right, Moment):
        moments = _moments(left, right)
        if moments is None:
            return False
        order = order_of(*moments)
        return None if order is None else order == 0
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        if not is_quantity(left) and not is_number(left):
            return False
        if not is_quantity(right) and not is_number(right):
            return False
        values = pair(left, right)
        return None if values is None else values[0] == values[1]
    return key_of(left) == key_of(right)


def _moments(left: Json, right: Json) -> tuple[Moment, Moment] | None:
    """Read two values as moments of one sort, None if they are not."""
    is_time = "Time" in (getattr(left, "kind", ""), getattr(right, "kind", ""))
    first, second = (
        value if isinstance(value, Moment) else _moment(value, is_time) for value in (left, right)
    )
    if first is None or second is None or (first.kind == "Time") is not (second.kind == "Time"):
        return None
    return first, second


def _moment(value: Json, is_time: bool) -> Moment | None:
    if not isinstance(value, str):
        return None
    return time_of_day(value) if is_time else date_or_time(value)


def equivalent(left: Collection, right: Collection) -> bool:
    """Tell whether two collections are equivalent in any order; two empty ones are.

    Two single decimals, or quantities, are compared at the precision of the coarser one.
    """
    if len(left) != len(right):
        return False
    if len(left) == 1:
        one, other = left[0], right[0]
        if isinstance(one, str) and isinstance(other, str):
            return one == other or likeness_of(one) == likeness_of(other)
        if is_number(one) and is_number(other):
            return _same_to_the_coarser(Decimal(one), Decimal(other))
        if isinstance(one, Moment) or isinstance(other, Moment):
            return _same(one, other) is True
        if isinstance(one, Quantity) or isinstance(other, Quantity):
            values = pair(*map(_as_ucum, (one, other)))
            return values is not None and _same_to_the_coarser(*map(Decimal, values))
    return all(map(_spelled_alike, left, right)) or likeness_of(left) == likeness_of(right)


def _spelled_alike(left: Json, right: Json) -> bool:
    """Tell whether two values are the same to the letter, which most that are compared are.

    False says nothing.  To Python ``1`` and ``true`` are one, here they are not.
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            _spelled_alike(member, right[name]) for name, member in left.items()
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_spelled_alike, left, right))
    return bool(left == right)


def _as_ucum(value: Json) -> Json:
    """Read a calendar year or month as the mean one of UCUM."""
    if isinstance(value, Quantity) and value.unit in CALENDAR_AS_UCUM:
        return Quantity(value.value, CALENDAR_AS_UCUM[value.unit], value.unit)
    return value


def less(left: Json, right: Json) -> bool | None:
    """Tell whether ``left`` comes before ``right``; None where dates or units leave it open.

    Raises:
        TypeError: values of these types have no order.
    """
    if is_number(left) and is_number(right):
        return bool(left < right)
    if isinstance(left, Valueless) or isinstance(right, Valueless):
        return None
    if all(is_quantity(value) or is_number(value) for value in (left, right)):
        values = pair(left, right)
        if values is not None:
            return bool(values[0] < values[1])
        if is_number(left) or is_number(right):
            raise TypeError("a number has no order with a quantity; write its unit: 5 'mg'")
        return None
    if isinstance(left, Moment) or isinstance(right, Moment):
        moments = _moments(left, right)
        if moments is None:
            raise TypeError("a date or time has an order with another one only")
        return _before(order_of(*moments))
    if not isinstance(left, str) or not isinstance(right, str):
        raise TypeError("only numbers, quantities, strings and dates have an order among their own")
    first, second = date_or_time(left), date_or_time(right)
    if first is None or second is None:
        return left < right
    return _before(order_of(first, second))


def _before(order: int | None) -> bool | None:
    return None if order is None else order < 0


def is_number(value: Json) -> bool:
    """Tell whether a value is a number; a boolean is none."""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def instant_of(text: str) -> datetime | None:
    """Return the instant that a dateTime with a time zone names, None for any other text."""
    if len(text) < _SHORTEST or not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _same_instant(left: str, right: str) -> bool:
    instant = instant_of(left)
    return instant is not None and instant == instant_of(right)


def _same_to_the_coarser(left: Decimal, right: Decimal) -> bool:
    if left == right:
        return True
    if max(abs(left.adjusted()), abs(right.adjusted())) > _HUGE:
        return False
    places = min(_places(left), _places(right))
    unit = Decimal(1).scaleb(-places)
    return left.quantize(unit, context=_EXACT) == right.quantize(unit, context=_EXACT)


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return min(max(0, -exponent), 20) if isinstance(exponent, int) else 0
