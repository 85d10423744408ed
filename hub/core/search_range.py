"""What one search parameter has in one resource, where it is an extent: of time, number, place.

Each function here turns the elements that a parameter's expression selects into the ranges of
``ParameterValues``.
Source: http://hl7.org/fhir/R5/search.html (date, number, quantity).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from hub.core.release import Json
from hub.core.search_comparator import HIGHEST, LOWEST, date_range, decimal_of, number_point
from hub.core.search_value import NO_VALUES, ParameterValues, primitive, token_forms


def dates(elements: Sequence[Json]) -> ParameterValues:
    """Read date, dateTime, instant, Period and Timing elements."""
    if len(elements) == 1 and type(elements[0]) is str:
        return _one_date(elements[0])
    ranges = tuple(found for element in elements for found in _date_ranges(element))
    return ParameterValues(ranges=ranges) if ranges else NO_VALUES


@lru_cache(maxsize=8_192)
def _one_date(text: str) -> ParameterValues:
    found = date_range(text)
    return ParameterValues(ranges=(found,)) if found is not None else NO_VALUES


def _date_ranges(element: Json) -> Iterator[tuple[int, int]]:
    if isinstance(element, str):
        found = date_range(element)
        if found is not None:
            yield found
    elif isinstance(element, dict):
        events = element.get("event")
        for event in events if isinstance(events, list) else ():
            yield from _date_ranges(event)
        repeat = element.get("repeat")
        if isinstance(repeat, dict):
            yield from _date_ranges(repeat.get("boundsPeriod"))
        start, end = element.get("start"), element.get("end")
        first = date_range(start) if isinstance(start, str) else None
        last = date_range(end) if isinstance(end, str) else None
        low = first[0] if first else LOWEST
        high = last[1] if last else HIGHEST
        if (first or last) and low < high:
            yield low, high


def numbers(elements: Sequence[Json]) -> ParameterValues:
    """Read integers and decimals."""
    found = map(_decimal, elements)
    ranges = tuple(number_point(value) for value in found if value is not None)
    return ParameterValues(ranges=ranges) if ranges else NO_VALUES


def positions(elements: Sequence[Json]) -> ParameterValues:
    """Read where a Location is: two ranges, latitude and longitude in millionths of a degree."""
    for element in elements:
        if isinstance(element, dict):
            found = [_decimal(element.get(name)) for name in ("latitude", "longitude")]
            ranges = tuple(number_point(value) for value in found if value is not None)
            if len(ranges) == 2:
                return ParameterValues(ranges=ranges)
    return NO_VALUES


def quantities(elements: Sequence[Json]) -> ParameterValues:
    """Read Quantity and its kin, Money and Range; units are not converted."""
    ranges: list[tuple[int, int]] = []
    units: list[frozenset[str]] = []
    for element in elements:
        if not isinstance(element, dict):
            continue
        low, high = element.get("low"), element.get("high")
        if isinstance(low, dict) or isinstance(high, dict):
            first = _decimal(low.get("value")) if isinstance(low, dict) else None
            last = _decimal(high.get("value")) if isinstance(high, dict) else None
            start = number_point(first)[0] if first is not None else LOWEST
            end = number_point(last)[1] if last is not None else HIGHEST
            known = first is not None or last is not None
            unit = low if isinstance(low, dict) else high
        else:
            value = _decimal(element.get("value"))
            known = value is not None
            start, end = number_point(value) if value is not None else (LOWEST, HIGHEST)
            unit = element
        if known and start < end:
            ranges.append((start, end))
            units.append(_unit_forms(unit or {}))
    return ParameterValues(ranges=tuple(ranges), units=tuple(units)) if ranges else NO_VALUES


def _unit_forms(element: dict[str, Json]) -> frozenset[str]:
    forms = set(token_forms(element.get("system"), primitive(element.get("code"))))
    for key in ("unit", "currency"):
        if isinstance(element.get(key), str):
            forms.add(element[key])
    return frozenset(forms)


def _decimal(value: Json) -> Decimal | None:
    text = primitive(value)
    return decimal_of(text) if text is not None else None
