"""The order of what a search finds: ``_sort``.

Of several values the lowest counts when the order ascends, the highest when it descends.  What has
no value stands last either way.  Source: http://hl7.org/fhir/R5/search.html#_sort.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from hub.core.release import Resource
from hub.core.search_parameter import SearchParameter, SearchParameters
from hub.core.search_term import LAST_UPDATED
from hub.core.search_value import ParameterValues
from hub.errors import InvalidSearch

SORTED_TYPES = ("token", "date", "string", "number", "uri", "reference")
"""The types of parameters that can be sorted by."""

_MOST_RULES = 10
_NOT_NAMES = ("id:", "i:")

SortKey: TypeAlias = str | int | None
"""What one rule compares; None where the resource has no value."""


@dataclass(frozen=True, slots=True)
class SortRule:
    """One parameter to sort by."""

    parameter: SearchParameter
    descending: bool = False

    def key(self, resource: Resource) -> SortKey:
        """Return what decides the place of ``resource``, which is of the parameter's type.

        Tokens are compared by their code, strings without case and accents, dates by their start
        (descending: their end), references by their relative or absolute URL.
        """
        values = self.parameter.values(resource)
        if self.parameter.type in ("date", "number"):
            return self._extreme(bounds[self.descending] for bounds in values.ranges)
        return self._extreme(_texts(self.parameter.type, values))

    def _extreme(self, found: Iterable[str] | Iterable[int]) -> SortKey:
        return max(found, default=None) if self.descending else min(found, default=None)


def _texts(kind: str, values: ParameterValues) -> Iterable[str]:
    if kind == "string":
        return values.strings
    if kind == "token":
        # A code has a form of its own without a bar; only codes that hold one do not.
        return {term for term in values.terms if "|" not in term} or values.terms
    if kind == "reference":
        return {term for term in values.terms if not term.startswith(_NOT_NAMES)} or values.terms
    return values.terms


@dataclass(frozen=True, slots=True)
class Hit:
    """A match on its way to its place: its place in the log, and the key of each rule."""

    seq: int
    keys: tuple[SortKey, ...]


def parse_sort(parameters: SearchParameters, resource_type: str, text: str) -> list[SortRule]:
    """Read the value of ``_sort``: parameters separated by commas, ``-`` before one descends.

    Raises:
        InvalidSearch: a parameter is unknown or can't be sorted by; it names those that can.
    """
    rules: list[SortRule] = []
    for part in text.split(","):
        code = part.removeprefix("-")
        found = parameters.get(resource_type, code)
        if found is None or found.type not in SORTED_TYPES:
            allowed = ", ".join(
                code
                for code, parameter in parameters.of(resource_type).items()
                if parameter.type in SORTED_TYPES
            )
            why = "unknown" if found is None else f"of type {found.type}"
            raise InvalidSearch(f"_sort={part[:64]}: {code[:64]!r} is {why}; allowed: {allowed}")
        rules.append(SortRule(found, descending=part.startswith("-")))
    if len(rules) > _MOST_RULES:
        raise InvalidSearch(f"_sort names {len(rules)} parameters; allowed: {_MOST_RULES}")
    return rules


def is_newest_first(rules: Sequence[SortRule]) -> bool:
    """Tell whether the rules ask for the order in which the index answers anyhow."""
    if not rules:
        return True
    return rules[0].descending and rules[0].parameter.code == LAST_UPDATED


def hit(rules: Sequence[SortRule], seq: int, resource: Resource) -> Hit:
    """Return ``resource`` as it is sorted.

    The log is in the order of last changes, so its places tell apart what changed at one instant.
    """
    keys = [seq if rule.parameter.code == LAST_UPDATED else rule.key(resource) for rule in rules]
    return Hit(seq, tuple(keys))


def in_order(rules: Sequence[SortRule], hits: Iterable[Hit]) -> list[Hit]:
    """Return ``hits`` sorted; those that all rules find equal stand newest first."""
    found = sorted(hits, key=lambda one: one.seq, reverse=True)
    for number in reversed(range(len(rules))):
        present: list[tuple[Any, Hit]] = []
        absent: list[Hit] = []
        for one in found:
            if one.keys[number] is None:
                absent.append(one)
            else:
                present.append((one.keys[number], one))
        present.sort(key=itemgetter(0), reverse=rules[number].descending)
        found = [one for _, one in present] + absent
    return found


def page_after(
    rules: Sequence[SortRule], hits: Iterable[Hit], after: Hit | None, count: int
) -> tuple[list[Hit], bool]:
    """Return at most ``count`` hits that come after ``after``, and whether there are more.

    ``after`` need not be among ``hits`` any more: its keys tell where it stood.
    """
    known = {one.seq: one for one in hits}
    if after is not None:
        known[after.seq] = after
    found = in_order(rules, known.values())
    start = 0 if after is None else found.index(after) + 1
    return found[start : start + count], len(found) > start + count
