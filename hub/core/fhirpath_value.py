"""How FHIRPath compares values: equal, equivalent, ordered.

Values are parsed JSON: str, bool, int, ``Decimal``, dict, list.  Collections are lists.
Every comparison takes time in proportion to the size of the values.
Source: http://hl7.org/fhirpath/N1/ ("Equality", "Comparison").
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from decimal import Context, Decimal

from hub.core.release import Json

Collection = list[Json]
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_HUGE = 60
_EXACT = Context(prec=100)


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
    return value


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
    return value


def equal(left: Collection, right: Collection) -> bool | None:
    """Tell whether two collections are equal in order; None if either is empty."""
    if not left or not right:
        return None
    return len(left) == len(right) and key_of(left) == key_of(right)


def equivalent(left: Collection, right: Collection) -> bool:
    """Tell whether two collections are equivalent in any order; two empty ones are.

    Two single decimals are compared at the precision of the coarser one.
    """
    if len(left) != len(right):
        return False
    if left == right and all(isinstance(value, str) for value in left):
        return True
    if len(left) == 1 and is_number(left[0]) and is_number(right[0]):
        return _same_to_the_coarser(Decimal(left[0]), Decimal(right[0]))
    return likeness_of(left) == likeness_of(right)


def less(left: Json, right: Json) -> bool | None:
    """Tell whether ``left`` comes before ``right``; None where dates leave it open.

    Raises:
        TypeError: values of these types have no order.
    """
    if is_number(left) and is_number(right):
        return bool(left < right)
    if not isinstance(left, str) or not isinstance(right, str):
        raise TypeError("only numbers, strings and dates have an order")
    instants = instant_of(left), instant_of(right)
    if instants[0] and instants[1]:
        return instants[0] < instants[1]
    if _is_date(left, instants[0]) and _is_date(right, instants[1]):
        shared = min(len(left), len(right), 10)
        if left[:shared] == right[:shared] and len(left) != len(right):
            return None
    return left < right


def is_number(value: Json) -> bool:
    """Tell whether a value is a number; a boolean is none."""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def instant_of(text: str) -> datetime | None:
    """Return the instant that a dateTime with a time zone names, None for any other text."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _is_date(text: str, instant: datetime | None) -> bool:
    return instant is not None or _DATE.fullmatch(text) is not None


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
