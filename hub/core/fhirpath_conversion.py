"""The conversions of FHIRPath: ``toInteger()``, ``convertsToDate()`` and their like.

A value that can't be converted gives empty, or false if it was only asked.
Source: http://hl7.org/fhirpath/N1/ ("Conversion").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from hub.core.fhirpath_moment import Moment, date_or_time, time_of_day
from hub.core.fhirpath_number import Number
from hub.core.fhirpath_quantity import Quantity, converted, quantity, quantity_of
from hub.core.fhirpath_run import Node, Run, calculated, one, string
from hub.core.fhirpath_unit import CALENDAR
from hub.core.fhirpath_value import Collection, is_number
from hub.core.release import Json

_YES = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_NO = frozenset(("false", "f", "no", "n", "0", "0.0"))
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)
_QUANTITY = re.compile(
    r"([+-]?\d{1,40}(?:\.\d{1,40})?)\s*(?:'([^']{1,80})'|([a-z]{1,12}))?", re.ASCII
)
_WRITTEN = 60


def _to_boolean(value: Json) -> Json:
    if isinstance(value, bool):
        return value
    if is_number(value):
        return value == 1 if value in (0, 1) else None
    if not isinstance(value, str):
        return None
    word = value.lower()
    return True if word in _YES else False if word in _NO else None


def _to_integer(value: Json) -> Json:
    if isinstance(value, int):
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _to_decimal(value: Json) -> Json:
    if isinstance(value, (int, Decimal)):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def _to_string(value: Json) -> Json:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        value = quantity_of(value)
    number = value.value if isinstance(value, Quantity) else value
    if isinstance(number, Decimal):
        if abs(number.adjusted()) > _WRITTEN:
            return None
        return str(value) if isinstance(value, Quantity) else format(number, "f")
    return None if value is None or isinstance(value, list) else str(value)


def _to_quantity(value: Json) -> Json:
    if isinstance(value, bool):
        return quantity(Decimal(value), "1")
    if not isinstance(value, str):
        return quantity_of(value)
    found = _QUANTITY.fullmatch(value)
    if found is None or (found[3] and found[3] not in CALENDAR):
        return None
    number: Number = Decimal(found[1]) if "." in found[1] else int(found[1])
    return quantity(number, found[2] or found[3] or "1")


def _to_date(value: Json) -> Json:
    moment = _moment(value)
    if moment is None or moment.kind == "Date":
        return moment
    parts = moment.parts[:3]
    return Moment("Date", moment.text[: (4, 7, 10)[len(parts) - 1]], parts)


def date_time_of(value: Json) -> Moment | None:
    """Read a value as a dateTime, None if it is neither that nor a date."""
    moment = _moment(value)
    return moment and Moment("DateTime", moment.text, moment.parts, moment.zone)


def _moment(value: Json) -> Moment | None:
    if isinstance(value, Moment):
        return None if value.kind == "Time" else value
    return date_or_time(value) if isinstance(value, str) else None


def _to_time(value: Json) -> Json:
    if isinstance(value, Moment):
        return value if value.kind == "Time" else None
    return time_of_day(value) if isinstance(value, str) else None


_CONVERSIONS: dict[str, Callable[[Json], Json]] = {
    "Boolean": _to_boolean,
    "Integer": _to_integer,
    "Decimal": _to_decimal,
    "String": _to_string,
    "Quantity": _to_quantity,
    "Date": _to_date,
    "DateTime": date_time_of,
    "Time": _to_time,
}


def _to(convert: Callable[[Json], Json]) -> Callable[..., Node]:
    def make(owner: Node) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            values = owner(run, this)
            return calculated(convert, one(values)) if values else []

        return answer

    return make


def _converts_to(convert: Callable[[Json], Json]) -> Callable[..., Node]:
    def make(owner: Node) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            values = owner(run, this)
            return [convert(one(values)) is not None] if values else []

        return answer

    return make


def _in_unit(owner: Node, unit: Node) -> Node:
    def answer(run: Run, this: Collection) -> Collection:
        values, code = owner(run, this), string(unit(run, this))
        found = _to_quantity(one(values)) if values else None
        if found is None or code is None:
            return []
        wanted = quantity(0, code)
        value = converted(found, wanted.unit)
        return [] if value is None else [Quantity(value, wanted.unit, code)]

    return answer


CONVERSION_FUNCTIONS: dict[tuple[str, int], Callable[..., Node]] = {
    **{(f"to{name}", 0): _to(convert) for name, convert in _CONVERSIONS.items()},
    **{(f"convertsTo{name}", 0): _converts_to(convert) for name, convert in _CONVERSIONS.items()},
    ("toQuantity", 1): _in_unit,
}
