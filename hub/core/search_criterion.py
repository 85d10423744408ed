"""What one search condition asks, compiled: the parameter is looked up, the values are read.

A criterion is one of a closed set of kinds; the index plans each of them
(``hub.core.search_index``).  Source: http://hl7.org/fhir/R5/search.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TypeAlias

from hub.core.release import Resource
from hub.core.search_comparator import Comparator
from hub.core.search_member import IsMember
from hub.core.search_near import IsNear
from hub.core.search_parameter import ComponentGroup, SearchParameter
from hub.core.search_path import contained
from hub.core.search_resolver import Resolver
from hub.core.search_syntax import joined
from hub.core.search_value import LOCAL_REFERENCE, ParameterValues
from hub.core.search_words import HasWords

_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class HasTerm:
    """One of ``alternatives`` is among the parameter's terms; ``negated``: none is.

    ``value_set`` is the ValueSet that the alternatives are the codes of (``Expansion.canonical``).
    """

    parameter: SearchParameter
    alternatives: frozenset[str]
    negated: bool = False
    value_set: str | None = None

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        return self.holds(self.parameter.values(resource))

    def holds(self, found: ParameterValues) -> bool:
        """Tell whether a resource that has these values in the parameter answers this."""
        return found.terms.isdisjoint(self.alternatives) is self.negated

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        if self.value_set is not None:
            modifier = "not-in" if self.negated else "in"
            return f"{self.parameter.code}:{modifier}={joined((self.value_set,))}"
        return f"{self.parameter.code}{':not' if self.negated else ''}={joined(self.alternatives)}"


@dataclass(frozen=True, slots=True)
class IsMissing:
    """The parameter has no value, or has one."""

    parameter: SearchParameter
    missing: bool

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        return self.holds(self.parameter.values(resource))

    def holds(self, found: ParameterValues) -> bool:
        """Tell whether a resource that has these values in the parameter answers this."""
        return bool(found) is not self.missing

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"{self.parameter.code}:missing={str(self.missing).lower()}"


@dataclass(frozen=True, slots=True)
class IsBelow:
    """One of the parameter's URLs is one of ``alternatives``, or stands below it by whole parts."""

    parameter: SearchParameter
    alternatives: frozenset[str]

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        found = self.parameter.values(resource).terms
        starts = tuple(asked.removesuffix("/") + "/" for asked in self.alternatives)
        return not found.isdisjoint(self.alternatives) or any(
            term.startswith(starts) for term in found
        )

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"{self.parameter.code}:below={joined(self.alternatives)}"


class TextMatch(StrEnum):
    """How a string is compared; ``exact`` alone heeds case and accents."""

    STARTS = "starts"
    CONTAINS = "contains"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class HasText:
    """One of the parameter's strings is, begins with or holds one of ``alternatives``."""

    parameter: SearchParameter
    alternatives: frozenset[str]
    how: TextMatch

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        found = self.parameter.values(resource)
        match self.how:
            case TextMatch.EXACT:
                return not self.alternatives.isdisjoint(found.texts)
            case TextMatch.STARTS:
                starts = tuple(self.alternatives)
                return any(text.startswith(starts) for text in found.strings)
            case _:
                return any(part in text for part in self.alternatives for text in found.strings)

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"{self.parameter.code}:{self.how}={joined(self.alternatives)}"


@dataclass(frozen=True, slots=True, order=True)
class AskedRange:
    """A range to compare with, and for quantities the unit that it is in, None for any."""

    comparator: Comparator
    low: int
    high: int
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class HasRange:
    """One of the parameter's ranges answers one of ``alternatives``."""

    parameter: SearchParameter
    alternatives: frozenset[AskedRange]

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        found = self.parameter.values(resource)
        for asked in self.alternatives:
            bounds = (asked.low, asked.high)
            for number, extent in enumerate(found.ranges):
                if asked.comparator.holds(bounds, extent) and (
                    asked.unit is None or asked.unit in found.units[number]
                ):
                    return True
        return False

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        spelled = (
            f"{asked.comparator}{asked.low}..{asked.high}"
            + ("" if asked.unit is None else f"|{asked.unit}")
            for asked in self.alternatives
        )
        return f"{self.parameter.code}={joined(spelled)}"


@dataclass(frozen=True, slots=True)
class HasParts:
    """One element answers all criteria of one of the alternatives.

    ``groups`` are pairs: elements of one kind, and the alternatives as read for these; each
    alternative has one criterion per component.
    """

    parameter: SearchParameter
    groups: PartGroups

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        return any(
            all(criterion.matches(element, resolver) for criterion in alternative)
            for group, alternatives in self.groups
            for element in group.elements(resource)
            for alternative in alternatives
        )

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        spelled = {
            "$".join(criterion.canonical for criterion in alternative)
            for _, alternatives in self.groups
            for alternative in alternatives
        }
        return f"{self.parameter.code}={joined(spelled)}"


@dataclass(frozen=True, slots=True)
class Chained:
    """The parameter refers to a resource of a type in ``steps`` that answers the step's criterion.

    ``steps`` are pairs of resource type and criterion, sorted by type.  A spelling over many types
    is cut to a hash, else it would multiply with each step of a chain.
    """

    parameter: SearchParameter
    steps: tuple[tuple[str, Criterion], ...]
    canonical: str = field(init=False)
    """One spelling for equal meanings."""

    def __post_init__(self) -> None:
        steps = joined(f"{resource_type}.{step.canonical}" for resource_type, step in self.steps)
        if len(steps) > _LONGEST:
            steps = blake2b(steps.encode(), digest_size=16).hexdigest()
        object.__setattr__(self, "canonical", f"{self.parameter.code}:({steps})")

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        steps = dict(self.steps)
        for resource_type, target in self._targets(resource, resolver):
            step = steps.get(resource_type)
            if step is not None and step.matches(target, resolver):
                return True
        return False

    def _targets(self, resource: Resource, resolver: Resolver) -> Iterator[tuple[str, Resource]]:
        for term in self.parameter.values(resource).terms:
            local = LOCAL_REFERENCE.fullmatch(term)
            if local is not None:
                target = resolver.read(local[1], local[2])
            elif term.startswith("#"):
                target = contained(resource, term[1:])
            else:
                target = None
            if target is not None:
                yield str(target.get("resourceType")), target


@dataclass(frozen=True, slots=True)
class IsReferredTo:
    """A resource of ``source`` that names this one in ``parameter`` answers ``criterion``."""

    source: str
    parameter: SearchParameter
    criterion: Criterion

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        target_type, target_id = resource.get("resourceType"), resource.get("id")
        if not isinstance(target_type, str) or not isinstance(target_id, str):
            return False
        return any(
            self.criterion.matches(referrer, resolver)
            for referrer in resolver.referrers(
                self.source, self.parameter.code, target_type, target_id
            )
        )

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"_has:{self.source}:{self.parameter.code}:{self.criterion.canonical}"


Criterion: TypeAlias = (
    HasTerm
    | IsMissing
    | HasText
    | HasRange
    | IsBelow
    | HasParts
    | IsNear
    | HasWords
    | IsMember
    | Chained
    | IsReferredTo
)

PartGroups: TypeAlias = tuple[tuple[ComponentGroup, tuple[tuple[Criterion, ...], ...]], ...]
"""What a composite asks: elements of one kind, and alternatives of one criterion per component."""
