"""What one search parameter has in one resource, in forms that can be compared fast.

Each function here turns the elements that a parameter's expression selects into
``ParameterValues``, one function per type of parameter; ``hub.core.search_range`` has those of
dates and numbers.
Source: http://hl7.org/fhir/R5/search.html (token, reference, string, uri).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from hub.core.release import Json

ANY_SYSTEM = "*|"
"""Begins the form of a code that stands without a system beside codes that have one."""

_CONTACT_SYSTEMS = frozenset(("phone", "fax", "email", "pager", "url", "sms", "other"))
_NOT_TEXT = frozenset(("use", "type", "id", "resourceType"))
_OF_CODING = frozenset(("system", "version", "code", "display", "userSelected"))
_OF_IDENTIFIER = frozenset(("system", "value", "use"))
_HISTORY = re.compile(r"/_history/[A-Za-z0-9.\-]{1,64}$")
LOCAL_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})")
"""A relative reference without its version: type and id."""
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://\S|urn:\S", re.ASCII)
"""How an absolute reference or a canonical begins."""


@lru_cache(maxsize=16_384)
def local_parts(literal: str) -> tuple[str, str] | None:
    """Return type and id of a relative reference without its version, None for any other text."""
    local = LOCAL_REFERENCE.fullmatch(literal)
    return None if local is None else (local[1], local[2])


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
        parts = coding_parts(elements[0])
        if parts is not None:
            return _one_coding(*parts)
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


CodingParts: TypeAlias = tuple[str | None, str | None, str | None, str | None]
"""System, code, display, and the text beside them."""


def coding_parts(element: Json) -> CodingParts | None:
    """Return the parts of a concept of one code, a Coding or an Identifier, None of any other.

    What else stands in these counts for nothing in a search.
    """
    if type(element) is not dict:
        return None
    text = None
    codings = element.get("coding")
    if type(codings) is list:
        text = element.get("text")
        if len(codings) != 1 or len(element) != (1 if text is None else 2):
            return None
        (element,) = codings
        if type(element) is not dict:
            return None
    system, code, display = element.get("system"), element.get("code"), element.get("display")
    if type(system) is not str and system is not None:
        return None
    if not _OF_CODING.issuperset(element):
        if not _OF_IDENTIFIER.issuperset(element) or system in _CONTACT_SYSTEMS:
            return None
        code = element.get("value")
    if (
        (type(code) is str or code is None)
        and (display is None or type(display) is str)
        and (text is None or type(text) is str)
    ):
        return system, code, display, text
    return None


@lru_cache(maxsize=8_192)
def _one_coding(
    system: str | None, code: str | None, display: str | None, text: str | None
) -> ParameterValues:
    texts = [each for each in (display, text) if each is not None]
    return _with_texts(frozenset(_token_forms(system, code)), texts)


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
        if type(system) is str and system in _CONTACT_SYSTEMS:
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
    def forms(literal: str, display: str | None = None) -> ParameterValues:
        terms = frozenset(_reference_forms(literal, base_url))
        return ParameterValues(terms, () if display is None else (display,))

    def references(elements: Sequence[Json]) -> ParameterValues:
        if len(elements) == 1:
            literal, display = elements[0], None
            if type(literal) is dict and "identifier" not in literal:
                display = literal.get("display")
                literal = literal.get("reference")
            if type(literal) is str and literal and (display is None or type(display) is str):
                return forms(literal, display)
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


def _reference_forms(literal: str, base_url: str) -> tuple[str, ...]:
    reference, local = literal, local_parts(literal)
    if local is None:
        reference = local_reference(literal, base_url)
        local = local_parts(reference)
    if local is not None:
        return reference, "id:" + local[1]
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
