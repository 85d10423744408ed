"""Quantities of FHIRPath: literals such as ``5 'mg'`` and ``4 days``, and FHIR's Quantity.

An element is a quantity if its unit is a UCUM code and it has no ``comparator``; of any other
nothing is known, so that comparisons with it are empty.
Source: http://hl7.org/fhirpath/N1/ ("Quantity"); http://hl7.org/fhir/R5/fhirpath.html#types.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

from hub.core import fhirpath_number as numbers
from hub.core.fhirpath_number import Number
from hub.core.fhirpath_unit import CALENDAR, worth
from hub.core.release import Json

UCUM = "http://unitsofmeasure.org"
_LARGEST = 40
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number and its unit: a UCUM code, or the singular of a calendar duration.

    ``spelling`` is the unit as it was written.
    """

    value: Number
    unit: str
    spelling: str

    def __str__(self) -> str:
        number = format(Decimal(self.value), "f")
        return f"{number} {self.spelling if self.spelling in CALENDAR else repr(self.unit)}"


def quantity(value: Number, unit: str) -> Quantity:
    """Return a quantity whose unit is a UCUM code or a word such as ``days``."""
    return Quantity(value, CALENDAR.get(unit, unit), unit)


def quantity_of(value: Json) -> Quantity | None:
    """Read a value as a quantity, None if it is none that is known exactly."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return quantity(value, "1")
    if not isinstance(value, dict) or value.get("system") != UCUM or "comparator" in value:
        return None
    number, code = value.get("value"), value.get("code")
    if isinstance(number, bool) or not isinstance(number, (int, Decimal)):
        return None
    return quantity(number, code) if isinstance(code, str) else None


def is_quantity(value: Json) -> bool:
    """Tell whether a value is a quantity, or an element that looks like one."""
    return isinstance(value, Quantity) or (isinstance(value, dict) and "value" in value)


def converted(of: Quantity, unit: str) -> Number | None:
    """Return the value in another unit, None if that isn't of the same dimension."""
    if of.unit == unit:
        return of.value
    own, other = worth(of.unit), worth(unit)
    if own is None or other is None or own[1] != other[1] or not _is_small(of.value):
        return None
    value = Fraction(of.value) * own[0] / other[0]
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _is_small(value: Number) -> bool:
    return abs(Decimal(value).adjusted()) <= _LARGEST


def pair(left: Json, right: Json) -> tuple[Number, Number] | None:
    """Return the values of two quantities in one unit, None if they can't be compared."""
    first, second = quantity_of(left), quantity_of(right)
    if first is None or second is None:
        return None
    other = converted(second, first.unit)
    return None if other is None else (first.value, other)


def key_of_quantity(of: Quantity) -> object:
    """Return a hashable key that equal quantities share."""
    known = worth(of.unit)
    if known is None or not _is_small(of.value):
        return ("quantity", of.value, of.unit)
    return ("quantity", Fraction(of.value) * known[0], known[1])


def calculated(operator: str, left: Quantity, right: Quantity) -> Quantity | None:
    """Return ``left operator right``; None if the units don't go together."""
    if operator in ("+", "-"):
        other = converted(right, left.unit)
        value = None if other is None else numbers.ARITHMETIC[operator](left.value, other)
        return None if value is None else Quantity(value, left.unit, left.spelling)
    if operator not in ("*", "/"):
        return None
    value = numbers.ARITHMETIC[operator](left.value, right.value)
    unit = _joined(left.unit, operator, right.unit)
    return None if value is None or unit is None else quantity(value, unit)


def _joined(left: str, operator: str, right: str) -> str | None:
    if right == "1":
        return left
    if left == right and operator == "/":
        return "1"
    unit = (
        right
        if left == "1" and operator == "*"
        else f"({left}){'.' if operator == '*' else '/'}({right})"
    )
    return unit if worth(unit) is not None else None
