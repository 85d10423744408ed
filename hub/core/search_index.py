"""What a store keeps of a resource so that it can be found, and what it must look up.

A resource becomes an ``IndexEntry``: terms (ascii words of ``[0-9a-z]``) and ranges.  A query
becomes an ``Expression`` over entries that selects every resource that matches, and perhaps more:
``Query.matches`` decides then.

``hub.core.search_term`` says what the terms are.  What is asked rarely has no term of its own: the
query then selects every resource that has the parameter at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from hub.core.release import Resource
from hub.core.search import Query
from hub.core.search_comparator import Comparator
from hub.core.search_criterion import (
    Criterion,
    HasParts,
    HasRange,
    HasTerm,
    HasText,
    IsBelow,
    IsMissing,
    PartGroups,
    TextMatch,
)
from hub.core.search_element import Part, read_elements
from hub.core.search_near import Circle, IsNear
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter, SearchParameters
from hub.core.search_term import (
    ALWAYS,
    LAST_UPDATED,
    LONGEST,
    encoded,
    has_term,
    kind_term,
    terms_of,
)
from hub.core.search_value import normalise


class IndexEntry(NamedTuple):
    """What is kept of one resource.

    ``text`` has its terms, each once, with a space between them: first those of its content in
    order, then those that its id and meta add, in order.  ``ranges`` are triples in order, each
    once: the parameter (63-bit hash), low and high, half-open.
    """

    text: str
    ranges: tuple[tuple[int, int, int], ...]


NOTHING: Final = IndexEntry("", ())


@dataclass(frozen=True, slots=True)
class Term:
    """Entries that have exactly this term."""

    text: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """Entries that have a term which begins so."""

    text: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """Entries with a range of ``parameter`` that answers [low, high) as ``how`` says.

    ``Comparator.holds`` defines it: with (lo, hi) in the entry, ``eq`` is lo >= low and hi <= high,
    ``ne`` its opposite, ``gt`` hi > high, ``lt`` lo < low, ``ge`` hi > high or lo >= low, ``le``
    lo < low or hi <= high, ``sa`` lo >= high, ``eb`` hi <= low, ``ap`` lo < high and hi > low.
    """

    parameter: int
    low: int
    high: int
    how: Comparator


@dataclass(frozen=True, slots=True)
class Updated:
    """Versions of an instant that answers [low, high) as ``how`` says, as in ``Overlap``.

    All are microseconds since 1970 UTC.  An entry does not hold it: whoever has a version knows it.
    """

    low: int
    high: int
    how: Comparator


@dataclass(frozen=True, slots=True)
class And:
    """Entries that every part selects; never empty."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Entries that at least one part selects; never empty."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Entries that the part doesn't select; stands only inside ``And``, beside a kind term."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Everything:
    """All entries of the release."""


Expression: TypeAlias = Term | Prefix | Overlap | Updated | And | Or | Not | Everything


def index_entry(
    parameters: SearchParameters, resource: Resource, content: IndexEntry | None = None
) -> IndexEntry:
    """Return what to keep of ``resource``: every parameter of its type, and the type.

    Args:
        content: what ``content_entry`` returned for a resource that differs in nothing but what
            the hub sets; None if nobody asked.
    """
    text, ranges = content or content_entry(parameters, resource)
    resource_type = str(resource.get("resourceType"))
    more, more_ranges = read_elements(parameters, resource_type, resource, Part.VERSION)
    own = sorted({term for term in more if term not in text or f" {term} " not in f" {text} "})
    if more_ranges:
        ranges = tuple(sorted({*ranges, *more_ranges}))
    return IndexEntry(" ".join((text, *own)), ranges)


def content_entry(parameters: SearchParameters, resource: Resource) -> IndexEntry:
    """Return what to keep of a resource whatever its id and meta: its type, and most parameters."""
    resource_type = str(resource.get("resourceType"))
    terms, ranges = read_elements(parameters, resource_type, resource, Part.CONTENT)
    terms.append(kind_term(resource_type))
    return IndexEntry(" ".join(sorted(set(terms))), tuple(sorted(set(ranges))))


def selects(expression: Expression, entry: IndexEntry, at: int = 0) -> bool:
    """Tell whether ``expression`` selects ``entry``: what every store must do.

    Args:
        at: the instant of the version, in microseconds since 1970 UTC; only ``Updated`` asks.
    """
    match expression:
        case Term(text):
            return f" {text} " in f" {entry.text} "
        case Prefix(text):
            return f" {text}" in f" {entry.text}"
        case Overlap(parameter, low, high, how):
            return any(
                number == parameter and how.holds((low, high), (start, end))
                for number, start, end in entry.ranges
            )
        case Updated(low, high, how):
            return how.holds((low, high), (at, at + 1))
        case And(parts):
            return all(selects(part, entry, at) for part in parts)
        case Or(parts):
            return any(selects(part, entry, at) for part in parts)
        case Not(part):
            return not selects(part, entry, at)
        case _:
            return True


def plan(query: Query, parameters: SearchParameters) -> tuple[Expression, bool]:
    """Return what to look up for ``query``, and whether that is exact.

    The expression selects every match.  If it is not exact, hits must be checked with
    ``Query.matches``.
    """
    criteria = [condition.criterion for condition in query.conditions]
    if query.resource_type != ANY_RESOURCE:
        return _plan_type(query.resource_type, criteria)
    if not criteria:
        return Everything(), True
    plans = [_plan_type(name, criteria) for name in _types_asked(criteria, parameters)]
    if not plans:
        return Term(kind_term("")), True
    return _either([part for part, _ in plans]), all(exact for _, exact in plans)


def _types_asked(criteria: list[Criterion], parameters: SearchParameters) -> list[str]:
    asked = set(parameters.types())
    for criterion in criteria:
        if isinstance(criterion, HasTerm) and criterion.parameter.code == "_type":
            asked = (
                asked - criterion.alternatives
                if criterion.negated
                else asked & criterion.alternatives
            )
    return sorted(asked)


def _plan_type(resource_type: str, criteria: list[Criterion]) -> tuple[Expression, bool]:
    parts: list[Expression] = [Term(kind_term(resource_type))]
    exact = True
    for criterion in criteria:
        part, precise = _plan_criterion(resource_type, criterion)
        if part is not None:
            parts.append(part)
        exact = exact and precise
    if any(not isinstance(part, Not) for part in parts[1:]) and not any(
        isinstance(part, Not) for part in parts
    ):
        del parts[0]
    return (parts[0] if len(parts) == 1 else And(tuple(parts))), exact


def _plan_criterion(resource_type: str, criterion: Criterion) -> tuple[Expression | None, bool]:
    match criterion:
        case HasTerm(parameter, alternatives, negated):
            return _plan_terms(resource_type, parameter, sorted(alternatives), negated)
        case IsMissing(parameter, missing):
            if parameter.code in ALWAYS:
                return None, False
            present = Term(terms_of(resource_type, parameter.code).presence)
            return Not(present) if missing else present, True
        case HasText(parameter, alternatives, how):
            if parameter.type != "string" or how is TextMatch.CONTAINS:
                return Term(terms_of(resource_type, parameter.code).presence), False
            names = terms_of(resource_type, parameter.code)
            texts = sorted(map(normalise, alternatives))
            short = all(len(encoded(text)) <= LONGEST for text in texts)
            return (
                _either([Prefix(names.string(text)) for text in texts]),
                short and how is TextMatch.STARTS,
            )
        case HasParts(_, groups):
            return _plan_parts(resource_type, groups), False
        case IsBelow(parameter):
            return Term(terms_of(resource_type, parameter.code).presence), False
        case HasRange(parameter, alternatives) if parameter.code == LAST_UPDATED:
            instants = sorted(alternatives, key=str)
            return _either(
                [Updated(each.low, each.high, each.comparator) for each in instants]
            ), True
        case HasRange(parameter, alternatives):
            number = terms_of(resource_type, parameter.code).number
            return (
                _either(
                    [
                        Overlap(number, asked.low, asked.high, asked.comparator)
                        for asked in sorted(alternatives, key=str)
                    ]
                ),
                all(asked.unit is None for asked in alternatives),
            )
        case IsNear(parameter, circles):
            boxes = [_plan_box(resource_type, parameter, each) for each in sorted(circles)]
            return _either(boxes), False
        case _:
            return None, False


def _plan_box(resource_type: str, parameter: SearchParameter, circle: Circle) -> Expression:
    box = circle.box()
    north, east = map(terms_of(resource_type, parameter.code).axis, (0, 1))
    between = Overlap(north, *box.latitudes, Comparator.AP)
    if not box.longitudes:
        return between
    across: list[Expression] = [Overlap(east, *each, Comparator.AP) for each in box.longitudes]
    return And((between, _either(across)))


def _plan_parts(resource_type: str, groups: PartGroups) -> Expression | None:
    """Return what every match has: some alternative's values, if not in the same element."""
    found: list[Expression] = []
    for _, alternatives in groups:
        for alternative in alternatives:
            plans = [
                _plan_criterion(resource_type, criterion)[0]
                for criterion in alternative
                if isinstance(criterion, HasTerm | HasText | HasRange | IsBelow)
                and criterion.parameter.code
            ]
            parts = [part for part in plans if part is not None]
            if not parts:
                return None
            found.append(parts[0] if len(parts) == 1 else And(tuple(parts)))
    return _either(found)


def _plan_terms(
    resource_type: str, parameter: SearchParameter, forms: list[str], negated: bool
) -> tuple[Expression | None, bool]:
    if parameter.code == "_type":
        found = _either([Term(kind_term(form)) for form in forms])
    elif all(has_term(parameter.type, form) for form in forms):
        names = terms_of(resource_type, parameter.code)
        found = _either([Term(names.form(form)) for form in forms])
    elif negated or parameter.code in ALWAYS:
        return None, False
    else:
        return Term(terms_of(resource_type, parameter.code).presence), False
    return Not(found) if negated else found, True


def _either(parts: Iterable[Expression]) -> Expression:
    different = tuple(dict.fromkeys(parts))
    return different[0] if len(different) == 1 else Or(different)
