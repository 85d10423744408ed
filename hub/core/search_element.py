"""What the elements of a resource add to its index entry.

``read_values`` says what that is, parameter by parameter.  But nearly all elements are of a few
simple shapes, and most parameters have nothing in a resource: ``read_elements`` goes through the
elements that are there, and writers turn the simple ones straight into the same terms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from hub.core.release import Json, Resource
from hub.core.search_comparator import date_range
from hub.core.search_parameter import SearchParameter, SearchParameters
from hub.core.search_path import Step, branches
from hub.core.search_term import ALWAYS, LAST_UPDATED, ParameterTerms, has_term, terms_of
from hub.core.search_value import NO_VALUES, coding_parts, local_parts

Ranges: TypeAlias = list[tuple[int, int, int]]

Writer: TypeAlias = Callable[[Json, list[str], Ranges], bool]
"""Adds what one element has to terms and ranges; False if its shape is not simple."""

OF_VERSION = frozenset(("id", "meta"))
"""The elements in which the hub sets something when it writes a version."""

_REMEMBERED = 512
"""Of how many values each parameter's writer remembers the terms: most come again and again."""

_OF_CONCEPT = frozenset(("coding", "text"))


class Part(StrEnum):
    """What of a resource is looked at: what is in ``OF_VERSION``, or all else."""

    VERSION = "version"
    CONTENT = "content"


class _Element(NamedTuple):
    """Who looks at an element with this name, and what they look at inside it."""

    writers: list[tuple[Writer, SearchParameter]]
    inside: dict[str, _Element]


def read_elements(
    parameters: SearchParameters,
    resource_type: str,
    resource: Resource,
    part: Part,
) -> tuple[list[str], Ranges]:
    """Return what a part of a resource adds: terms and ranges of all parameters; some come twice.

    The type has a term of its own, and when a resource was written its version says.
    """
    terms: list[str] = []
    ranges: Ranges = []
    everywhere, elements = _elements(parameters, resource_type, part)
    late = everywhere.copy()
    if part is Part.CONTENT:
        _write(elements, resource, terms, ranges, late)
    else:
        # Of many elements two.
        for name in OF_VERSION:
            if name in resource:
                _write(elements, {name: resource[name]}, terms, ranges, late)
    if late and part is Part.CONTENT:
        # They may look at more elements than those that were not simple.
        resource = {name: resource[name] for name in resource if name not in OF_VERSION}
    for parameter in late.values():
        read_values(parameter, resource_type, resource, terms, ranges)
    return terms, ranges


def _write(
    elements: dict[str, _Element],
    parent: dict[str, Json],
    terms: list[str],
    ranges: Ranges,
    late: dict[str, SearchParameter],
) -> None:
    """Add what is in ``parent``; the parameters of whatever is not simple come into ``late``."""
    for name, value in parent.items():
        element = elements.get(name)
        if element is None:
            continue
        writers, inside = element
        if type(value) is not list:
            for write, parameter in writers:
                if not write(value, terms, ranges):
                    late[parameter.code] = parameter
            if inside and type(value) is dict:
                _write(inside, value, terms, ranges, late)
            continue
        for item in value:
            for write, parameter in writers:
                if not write(item, terms, ranges):
                    late[parameter.code] = parameter
            if inside and type(item) is dict:
                _write(inside, item, terms, ranges, late)


def read_values(
    parameter: SearchParameter,
    resource_type: str,
    resource: Resource,
    terms: list[str],
    ranges: Ranges,
) -> None:
    """Add what ``parameter`` has in ``resource`` to ``terms`` and ``ranges``."""
    values = parameter.values(resource)
    if values is NO_VALUES:
        return
    names = terms_of(resource_type, parameter.code)
    if parameter.code not in ALWAYS:
        terms.append(names.presence)
    terms += [names.form(form) for form in values.terms if has_term(parameter.type, form)]
    if parameter.type == "string":
        terms += map(names.string, values.strings)
    elif parameter.type == "special":
        ranges += [(names.axis(axis), *found) for axis, found in enumerate(values.ranges)]
    else:
        ranges += [(names.number, *found) for found in values.ranges]


@lru_cache(maxsize=1_024)
def _elements(
    parameters: SearchParameters, resource_type: str, part: Part
) -> tuple[dict[str, SearchParameter], dict[str, _Element]]:
    """Return the parameters to try on any resource of the type, and the others by element."""
    everywhere: dict[str, SearchParameter] = {}
    elements: dict[str, _Element] = {}
    for code, parameter in parameters.of(resource_type).items():
        if not parameter.has_values or code in ("_type", LAST_UPDATED):
            continue
        found = branches(parameter.path) if parameter.path else []
        if not found or parameter.path.startswith("?") or parameter.type == "special":
            of_version = any(steps[0][0] in OF_VERSION for steps in found)
            if of_version is (part is Part.VERSION):
                everywhere[code] = parameter
            continue
        for steps in found:
            if (steps[0][0] in OF_VERSION) is not (part is Part.VERSION):
                continue
            inside = elements
            for name, _ in steps:
                element = inside.setdefault(name, _Element([], {}))
                inside = element.inside
            write = _writer(terms_of(resource_type, code), parameter, steps)
            element.writers.append((write, parameter))
    return everywhere, elements


def _writer(names: ParameterTerms, parameter: SearchParameter, steps: Sequence[Step]) -> Writer:
    """Return the writer of the elements at the end of ``steps``."""
    *above, (_, kept) = steps
    if any(filters for _, filters in above):
        return _unwritten
    match parameter.type, kept:
        case "token", [] if parameter.code == "_id":
            return _id_writer(names)
        case "token", [] if parameter.form != "bare":
            return _coded_writer(names)
        case "token" | "uri" as kind, []:
            return _text_writer(names, kind)
        case "reference", []:
            return _reference_writer(names, None)
        case "reference", [only] if only.startswith(":"):
            return _reference_writer(names, only[1:])
        case "date", []:
            return _date_writer(names)
        case _:
            return _unwritten


def _unwritten(element: Json, terms: list[str], ranges: Ranges) -> bool:
    return False


def _id_writer(names: ParameterTerms) -> Writer:
    def write(element: Json, terms: list[str], ranges: Ranges) -> bool:
        if type(element) is not str or not element or element[-1] == "|":
            return False
        terms.append(names.form(element))
        return True

    return write


def _text_writer(names: ParameterTerms, kind: str) -> Writer:
    @lru_cache(maxsize=_REMEMBERED)
    def terms_of_text(text: str) -> tuple[str, ...]:
        return (names.presence, names.form(text)) if has_term(kind, text) else (names.presence,)

    def write(element: Json, terms: list[str], ranges: Ranges) -> bool:
        if type(element) is not str or not element:
            return False
        terms += terms_of_text(element)
        return True

    return write


def _coded_writer(names: ParameterTerms) -> Writer:
    @lru_cache(maxsize=_REMEMBERED)
    def terms_of_code(system: str | None, code: str | None) -> tuple[str, ...]:
        if not code or code[-1] == "|":
            return (names.presence,)
        return names.presence, names.form(code), names.form(f"{system or ''}|{code}")

    def write(element: Json, terms: list[str], ranges: Ranges) -> bool:
        parts = coding_parts(element)
        if parts is None:
            return write_codings(element, terms, ranges)
        system, code, display, text = parts
        if system is None and not code:
            if display is not None or text is not None:
                terms.append(names.presence)
        else:
            terms += terms_of_code(system, code)
        return True

    def write_codings(element: Json, terms: list[str], ranges: Ranges) -> bool:
        codings = element.get("coding") if type(element) is dict else None
        if type(codings) is not list or not element.keys() <= _OF_CONCEPT:
            return False
        if type(element.get("text")) is str:
            terms.append(names.presence)
        return all(write(coding, terms, ranges) for coding in codings)

    return write


def _reference_writer(names: ParameterTerms, wanted: str | None) -> Writer:
    """Return the writer of references of the type ``wanted``, of any if it is None."""

    @lru_cache(maxsize=_REMEMBERED)
    def terms_of_literal(literal: str) -> tuple[str, ...] | None:
        local = local_parts(literal)
        if local is None:
            return None
        return (names.presence, names.form(literal)) if wanted in (None, local[0]) else ()

    def write(element: Json, terms: list[str], ranges: Ranges) -> bool:
        if type(element) is not dict or "identifier" in element:
            return False
        literal = element.get("reference")
        if type(literal) is not str:
            return False
        if wanted is not None and ("type" in element or "resourceType" in element):
            return False
        found = terms_of_literal(literal)
        if found is None:
            return False
        terms += found
        return True

    return write


def _date_writer(names: ParameterTerms) -> Writer:
    presence, number = names.presence, names.number

    def write(element: Json, terms: list[str], ranges: Ranges) -> bool:
        if type(element) is not str:
            return False
        found = date_range(element)
        if found is not None:
            terms.append(presence)
            ranges.append((number, *found))
        return True

    return write
