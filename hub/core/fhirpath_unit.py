"""Units of measure: what a UCUM code is worth, so that ``4 'g'`` and ``4000 'mg'`` are equal.

Known are the units of clinical data.  A unit on a scale of its own (degrees Celsius, pH) or by
arbitrary definition (``[iU]``) compares with itself only; so does amount of substance (``mol``).
Calendar durations (``4 days``) are units too: those from weeks down are worth what UCUM's are,
years and months only each other.
Source: https://ucum.org/ucum; http://hl7.org/fhirpath/N1/ ("Time-valued Quantities").
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

Dimensions = tuple[tuple[str, int], ...]
Worth = tuple[Fraction, Dimensions]
"""A factor, and the base units with their exponents in the order of their names."""

CALENDAR = {
    name + plural: name
    for name in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for plural in ("", "s")
}
"""The words of calendar durations, with the singular of each."""

DEFINITE = {
    "wk": "week",
    "d": "day",
    "h": "hour",
    "min": "minute",
    "s": "second",
    "ms": "millisecond",
}
"""The UCUM codes that are calendar durations of the same length."""

CALENDAR_AS_UCUM = {"year": "a", "month": "mo"}
"""What a calendar duration of no fixed length is equivalent to (``~``)."""

_LONGEST = 80
_MOST_BITS = 500
_PREFIXES = {
    **{
        prefix: Fraction(10) ** power
        for prefix, power in zip(
            "YZEPTGMkhdcmunpfazy",
            (24, 21, 18, 15, 12, 9, 6, 3, 2, -1, -2, -3, -6, -9, -12, -15, -18, -21, -24),
            strict=True,
        )
    },
    "da": Fraction(10),
}
_BASES = ("m", "s", "g", "rad", "K", "C", "cd", "mol", "Cel", "[degF]", "[pH]", "[iU]", "month")
_PREFIXED = frozenset(_BASES) - {"[degF]", "[pH]", "month"}
_METRIC = {
    "L": "dm3",
    "l": "dm3",
    "Hz": "s-1",
    "N": "kg.m/s2",
    "Pa": "N/m2",
    "J": "N.m",
    "W": "J/s",
    "A": "C/s",
    "V": "J/C",
    "F": "C/V",
    "Ohm": "V/A",
    "S": "Ohm-1",
    "Wb": "V.s",
    "T": "Wb/m2",
    "H": "Wb/A",
    "Bq": "s-1",
    "Gy": "J/kg",
    "Sv": "J/kg",
    "bar": "100000.Pa",
    "t": "1000.kg",
    "eq": "mol",
    "osm": "mol",
    "kat": "mol/s",
    "U": "umol/min",
    "IU": "[iU]",
    "[IU]": "[iU]",
    "m[Hg]": "133322.Pa",
    "m[H2O]": "980665.Pa/100",
}
_CUSTOMARY = {
    "%": "1/100",
    "10*": "10",
    "10^": "10",
    "[ppth]": "1/1000",
    "[ppm]": "1/1000000",
    "min": "60.s",
    "h": "60.min",
    "d": "24.h",
    "wk": "7.d",
    "a": "36525.d/100",
    "mo": "a/12",
    "[in_i]": "254.cm/100",
    "[ft_i]": "12.[in_i]",
    "[yd_i]": "3.[ft_i]",
    "[mi_i]": "5280.[ft_i]",
    "[lb_av]": "45359237.g/100000",
    "[oz_av]": "[lb_av]/16",
    "[stone_av]": "14.[lb_av]",
    "[pt_us]": "473176473.nL/1000",
    "[foz_us]": "[pt_us]/16",
    "[cup_us]": "[pt_us]/2",
    "[psi]": "6894757.Pa/1000",
    "cal": "4184.J/1000",
    "kcal": "1000.cal",
    "[Cal]": "kcal",
    "year": "12.month",
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
_TOKEN = re.compile(
    r"(?P<note>\{[^{}]*\})|(?P<sign>[./()])"
    r"|(?P<unit>(?:10[*^]|\[[^\]]*\]|[^\W\d]|%)+)(?P<power>[+-]?\d{1,2})?(?:\{[^{}]*\})?"
    r"|(?P<number>\d{1,30})"
)


class _Unknown(Exception):
    """The code is none, or of a unit that isn't known."""


@lru_cache(1_024)
def worth(code: str) -> Worth | None:
    """Return what a UCUM code, or the singular of a calendar duration, is worth."""
    try:
        return _worth(code)
    except _Unknown:
        return None


def _worth(code: str) -> Worth:
    if not code or len(code) > _LONGEST:
        raise _Unknown
    tokens, end = [], 0
    for found in _TOKEN.finditer(code):
        if found.start() != end:
            raise _Unknown
        tokens.append(found)
        end = found.end()
    if end != len(code):
        raise _Unknown
    tokens.reverse()
    total = _term(tokens)
    if tokens:
        raise _Unknown
    return total


def _term(tokens: list[re.Match[str]]) -> Worth:
    """Read components joined by ``.`` and ``/`` from the end of the list."""
    total: Worth = (Fraction(1), ())
    divide = bool(tokens) and tokens[-1][0] == "/"
    if divide:
        tokens.pop()
    while True:
        total = times(total, power(_component(tokens), -1 if divide else 1))
        if not tokens or tokens[-1][0] not in (".", "/"):
            return total
        divide = tokens.pop()[0] == "/"


def _component(tokens: list[re.Match[str]]) -> Worth:
    if not tokens:
        raise _Unknown
    token = tokens.pop()
    if token["note"]:
        return Fraction(1), ()
    if token["number"]:
        return Fraction(int(token["number"])), ()
    if token["unit"]:
        return power(_unit(token["unit"]), int(token["power"] or 1))
    if token[0] != "(":
        raise _Unknown
    inner = _term(tokens)
    if not tokens or tokens.pop()[0] != ")":
        raise _Unknown
    return inner


def _unit(name: str) -> Worth:
    if name in _BASES:
        return Fraction(1), ((name, 1),)
    defined = _METRIC.get(name) or _CUSTOMARY.get(name)
    if defined:
        return _worth(defined)
    for length in (2, 1):
        prefix, rest = name[:length], name[length:]
        if prefix in _PREFIXES and (rest in _PREFIXED or rest in _METRIC):
            factor, dimensions = _unit(rest)
            return _PREFIXES[prefix] * factor, dimensions
    raise _Unknown


def times(left: Worth, right: Worth) -> Worth:
    """Multiply two worths."""
    exponents = dict(left[1])
    for name, exponent in right[1]:
        exponents[name] = exponents.get(name, 0) + exponent
    dimensions = tuple(sorted((name, each) for name, each in exponents.items() if each))
    return _bounded(left[0] * right[0]), dimensions


def power(worth: Worth, exponent: int) -> Worth:
    """Raise a worth to a power."""
    if worth[0] == 0:
        raise _Unknown
    dimensions = tuple((name, each * exponent) for name, each in worth[1])
    return _bounded(worth[0] ** exponent), dimensions


def _bounded(factor: Fraction) -> Fraction:
    if max(factor.numerator.bit_length(), factor.denominator.bit_length()) > _MOST_BITS:
        raise _Unknown
    return factor
