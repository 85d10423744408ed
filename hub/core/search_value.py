"""What one search parameter has in one resource, in forms that can be compared fast.

Each function here turns the elements that a parameter's expression selects into
``ParameterValues``, one function per type of parameter.
Source: http://hl7.org/fhir/R5/search.html (token, reference, string, date, number, quantity, uri).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from hub.core.release import Json
from hub.core.search_comparator import (
    HIGHEST,
    LOWEST,
    date_range,
    decimal_of,
    number_point,
)

ANY_SYSTEM = "*|"
"""Begins the form of a code that stands without a system beside codes that have one."""

_CONTACT_SYSTEMS = ("phone", "fax", "email", "pager", "url", "sms", "other")
_NOT_TEXT = frozenset(("use", "type", "id", "resourceType"))
_OF_CODING = frozenset(("system", "version", "code", "display", "userSelected"))
_HISTORY = re.compile(r"/_history/[A-Za-z0-9.\-]{1,64}$")
LOCAL_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})")
"""A relative reference without its version: type and id."""
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://\S|urn:\S", re.ASCII)
"""How an absolute reference or a canonical begins."""


class ParameterValues(NamedTuple):
    """What one parameter has in one resource; falsy when the resource has nothing there.

    ``terms`` are exact keys.  Token: ``system|code``, ``|code`` (no system), ``code`` (any
    system), ``system|``; of an element that never has a system only ``code``.  Reference:
    ``Type/id`` and ``id:ID`` of the hub's own resources, else the absolute URL; ``#id`` of a
    contained resource; ``i:`` before a token of the reference's identifier.  Uri: the uri.
    ``texts`` are the strings as written; ``strings`` gives them normalised.
    ``ranges`` are half-open pairs: microseconds since 1970 UTC for dates, millionths for numbers.
    ``units`` stand beside ``ranges`` for quantities: the forms of each one's unit.
    """

    terms: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    units: tuple[frozenset[str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.texts or self.ranges)

    @property
    def strings(self) -> tuple[str, ...]:
        """The texts without case and accents; worked out at each call."""
        return tuple(map(normalise, self.texts))


NO_VALUES = ParameterValues()

Reader: TypeAlias = Callable[[Sequence[Json]], ParameterValues]
"""Turns the elements that an expression selects into values."""


def normalise(text: str) -> str:
    """Return ``text`` as strings are compared: no case, no accents, single spaces."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(text.casefold().split())


def primitive(value: Json) -> str | None:
    """Return a primitive as it is written in a search, None for anything else."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return None


@lru_cache(maxsize=8_192)
def _one_term(text: str) -> ParameterValues:
    return ParameterValues(frozenset((text,)))


def bare_tokens(elements: Sequence[Json]) -> ParameterValues:
    """Read codes, booleans, ids and strings, whose system is never written."""
    if len(elements) == 1 and type(elements[0]) is str and elements[0]:
        return _one_term(elements[0])
    terms = frozenset(filter(None, map(primitive, elements)))
    return ParameterValues(terms) if terms else NO_VALUES


def tokens(elements: Sequence[Json]) -> ParameterValues:
    """Read CodeableConcept, Coding, Identifier and ContactPoint, and primitives among them."""
    if len(elements) == 1:
        (only,) = elements
        if type(only) is dict and len(only) == 1 and type(only.get("coding")) is list:
            only = only["coding"][0] if len(only["coding"]) == 1 else None
        if type(only) is dict and only.keys() <= _OF_CODING:
            values = only.get("system"), only.get("code"), only.get("display")
            if all(value is None or type(value) is str for value in values):
                return _one_coding(*values)
    terms: set[str] = set()
    texts: list[str] = []
    for element in elements:
        if not isinstance(element, dict):
            code = primitive(element)
            if code:
                terms.update((code, "|" + code, ANY_SYSTEM + code))
            continue
        if "concept" in element and isinstance(element["concept"], dict):
            element = element["concept"]
        _collect_tokens(element, terms, texts)
    return _with_texts(frozenset(terms), texts)


@lru_cache(maxsize=8_192)
def _one_coding(system: str | None, code: str | None, display: str | None) -> ParameterValues:
    forms = () if system is None and code is None else _token_forms(system, code)
    return _with_texts(frozenset(forms), [] if display is None else [display])


def _collect_tokens(element: dict[str, Json], terms: set[str], texts: list[str]) -> None:
    codings = element.get("coding")
    if isinstance(codings, list):
        for coding in codings:
            if isinstance(coding, dict):
                _collect_tokens(coding, terms, texts)
    for key in ("text", "display"):
        text = element.get(key)
        if isinstance(text, str):
            texts.append(text)
    system = element.get("system")
    code = element.get("code")
    if code is None and "value" in element:
        code = element["value"]
        if system in _CONTACT_SYSTEMS:
            system = element.get("use")
        kind = element.get("type")
        if isinstance(kind, dict) and isinstance(code, str):
            if isinstance(kind.get("text"), str):
                texts.append(kind["text"])
            terms.update(_typed_forms(kind, code))
    if code is not None or system is not None:
        terms.update(token_forms(system, primitive(code)))


def token_forms(system: Json, code: str | None) -> tuple[str, ...]:
    """Return every form in which a code in a system can be asked for."""
    return _token_forms(system if isinstance(system, str) else None, code)


@lru_cache(maxsize=8_192)
def _token_forms(system: str | None, code: str | None) -> tuple[str, ...]:
    if system is None:
        return (code, f"|{code}") if code else ()
    start = f"{system}|"
    return (code, start + code, start) if code else (start,)


def _typed_forms(kind: dict[str, Json], value: str) -> Iterator[str]:
    codings = kind.get("coding")
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict):
            yield f"t:{coding.get('system') or ''}|{coding.get('code') or ''}|{value}"


def local_reference(reference: str, base_url: str) -> str:
    """Return ``reference`` without its version, relative when it is the hub's own.

    ``base_url`` is the hub's base of this release without a slash at its end.
    """
    if reference.startswith(base_url) and reference[len(base_url) : len(base_url) + 1] == "/":
        reference = reference[len(base_url) + 1 :]
    if "/_history/" in reference:
        reference = _HISTORY.sub("", reference)
    return reference


def reference_reader(base_url: str) -> Reader:
    """Return the reader of Reference, canonical and uri elements under one base."""

    @lru_cache(maxsize=16_384)
    def forms(literal: str) -> ParameterValues:
        return ParameterValues(frozenset(_reference_forms(local_reference(literal, base_url))))

    def references(elements: Sequence[Json]) -> ParameterValues:
        if len(elements) == 1:
            (only,) = elements
            if type(only) is dict and len(only) == 1 and type(only.get("reference")) is str:
                only = only["reference"]
            if type(only) is str and only:
                return forms(only)
        terms: set[str] = set()
        texts: list[str] = []
        for element in elements:
            if isinstance(element, str):
                terms |= forms(element).terms
                continue
            if not isinstance(element, dict):
                continue
            if isinstance(element.get("reference"), dict):
                element = element["reference"]
            literal = element.get("reference")
            if isinstance(literal, str) and literal:
                terms |= forms(literal).terms
            identifier = element.get("identifier")
            if isinstance(identifier, dict):
                value = primitive(identifier.get("value"))
                terms.update("i:" + form for form in token_forms(identifier.get("system"), value))
            display = element.get("display")
            if isinstance(display, str):
                texts.append(display)
        return _with_texts(frozenset(terms), texts)

    return references


def _reference_forms(reference: str) -> tuple[str, ...]:
    local = LOCAL_REFERENCE.fullmatch(reference)
    if local is not None:
        return reference, "id:" + local[2]
    if ABSOLUTE.match(reference):
        return reference, reference.partition("|")[0]
    # Present, but nothing that a search could name: a contained resource, or no reference.
    return ("#" + reference.removeprefix("#"),)


def uris(elements: Sequence[Json]) -> ParameterValues:
    """Read uri, url, canonical and oid elements."""
    terms = frozenset(element for element in elements if isinstance(element, str))
    return ParameterValues(terms) if terms else NO_VALUES


def strings(elements: Sequence[Json]) -> ParameterValues:
    """Read strings, and the parts of names and addresses."""
    texts: list[str] = []
    for element in elements:
        if isinstance(element, str):
            texts.append(element)
        elif isinstance(element, dict):
            texts.extend(_parts(element))
    return _with_texts(frozenset(), texts)


def _parts(element: dict[str, Json]) -> Iterator[str]:
    for key, value in element.items():
        if key in _NOT_TEXT:
            continue
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, str):
                yield item


def _with_texts(terms: frozenset[str], texts: list[str]) -> ParameterValues:
    if not terms and not texts:
        return NO_VALUES
    return ParameterValues(terms, tuple(texts))


def dates(elements: Sequence[Json]) -> ParameterValues:
    """Read date, dateTime, instant, Period and Timing elements."""
    ranges = tuple(found for element in elements for found in _date_ranges(element))
    return ParameterValues(ranges=ranges) if ranges else NO_VALUES


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
