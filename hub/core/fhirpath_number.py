"""Numbers of FHIRPath: arithmetic that neither loses digits that count nor grows without end.

Integers stay integers; a fraction is a decimal of 34 digits.  A result of more than 40 digits
before the point is an error, what has no result (a division by zero, the root of -1) is empty.
Source: http://hl7.org/fhirpath/N1/ ("Math", "Math functions").
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

Number = int | Decimal

_PRECISE = Context(prec=34, traps=[])
_ROUNDED = Context(prec=28, traps=[])
_DIGITS = 40
_PLACES = 30


class TooLarge(Exception):
    """A result has more digits than the hub calculates with."""

    def __init__(self) -> None:
        super().__init__(f"a number of more than {_DIGITS} digits")


def bounded(value: Number) -> Number:
    """Return a value that is not too large.

    Raises:
        TooLarge: it is.
    """
    if isinstance(value, int):
        if abs(value) >= 10**_DIGITS:
            raise TooLarge
    elif not value.is_finite() or value.adjusted() >= _DIGITS:
        raise TooLarge
    return value


def plus(left: Number, right: Number) -> Number | None:
    """Return the sum."""
    return _exact(left, right, int.__add__, _PRECISE.add)


def minus(left: Number, right: Number) -> Number | None:
    """Return the difference."""
    return _exact(left, right, int.__sub__, _PRECISE.subtract)


def times(left: Number, right: Number) -> Number | None:
    """Return the product."""
    return _exact(left, right, int.__mul__, _PRECISE.multiply)


def _exact(
    left: Number,
    right: Number,
    whole: Callable[[int, int], int],
    fraction: Callable[[Decimal, Decimal], Decimal],
) -> Number:
    bounded(left), bounded(right)
    if isinstance(left, int) and isinstance(right, int):
        return bounded(whole(left, right))
    return bounded(fraction(Decimal(left), Decimal(right)))


def divided(left: Number, right: Number) -> Number | None:
    """Return the quotient, a decimal."""
    bounded(left), bounded(right)
    return None if right == 0 else bounded(_PRECISE.divide(Decimal(left), Decimal(right)))


def div(left: Number, right: Number) -> Number | None:
    """Return the quotient without its fraction, an integer."""
    quotient = divided(left, right)
    return None if quotient is None else _integer(Decimal(quotient))


def mod(left: Number, right: Number) -> Number | None:
    """Return the remainder, which has the sign of the dividend."""
    bounded(left), bounded(right)
    if right == 0:
        return None
    rest = bounded(Context(prec=2 * _DIGITS, traps=[]).remainder(Decimal(left), Decimal(right)))
    return int(rest) if isinstance(left, int) and isinstance(right, int) else rest


ARITHMETIC: dict[str, Callable[[Number, Number], Number | None]] = {
    "+": plus,
    "-": minus,
    "*": times,
    "/": divided,
    "div": div,
    "mod": mod,
}


def _integer(value: Decimal) -> int:
    return int(bounded(value))


def ceiling(value: Number) -> int:
    """Return the smallest integer that is not less."""
    return _integer(Decimal(bounded(value)).to_integral_value(ROUND_CEILING))


def floor(value: Number) -> int:
    """Return the largest integer that is not more."""
    return _integer(Decimal(bounded(value)).to_integral_value(ROUND_FLOOR))


def truncate(value: Number) -> int:
    """Return the value without its fraction."""
    return _integer(Decimal(value))


def round_to(value: Number, places: Number = 0) -> Number | None:
    """Return the value rounded to ``places`` digits after the point; a half goes up."""
    if not isinstance(places, int) or not 0 <= places <= _PLACES:
        return None
    exact = Context(prec=_DIGITS + _PLACES + 1)
    unit = Decimal(1).scaleb(-places)
    return Decimal(bounded(value)).quantize(unit, ROUND_HALF_UP, exact)


def square_root(value: Number) -> Number | None:
    """Return the square root."""
    return _calculated(_PRECISE.sqrt(Decimal(bounded(value))))


def exponential(value: Number) -> Number | None:
    """Return e to the power of the value."""
    return _calculated(_PRECISE.exp(Decimal(bounded(value))))


def logarithm(value: Number, base: Number | None = None) -> Number | None:
    """Return the logarithm to a base, by default the natural one."""
    found = _PRECISE.ln(Decimal(bounded(value)))
    if base is not None:
        divisor = _PRECISE.ln(Decimal(bounded(base)))
        if divisor == 0:
            return None
        found = _PRECISE.divide(found, divisor)
    return _calculated(found)


def power(value: Number, exponent: Number) -> Number | None:
    """Return the value to a power, an integer where both are and the exponent is not negative."""
    found = _PRECISE.power(Decimal(bounded(value)), Decimal(bounded(exponent)))
    if found.is_nan():
        return None
    if isinstance(value, int) and isinstance(exponent, int) and exponent >= 0:
        bounded(found)
        return bounded(value**exponent)
    return _calculated(found)


def _calculated(found: Decimal) -> Number | None:
    """Round away the last digits, which are not exact; None if the function has no value there."""
    if found.is_nan() or found == Decimal("-Infinity"):
        return None
    return bounded(_ROUNDED.plus(found))
