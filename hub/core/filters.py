"""The filters of a Subscription: checked against its topic, compiled, applied.

Source: http://hl7.org/fhir/R5/subscription.html ("Subscription Filters"); backport IG, "Filters".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from hub.core.change import Change
from hub.core.clause import Clause, clauses_of
from hub.core.compiled_topic import PLAIN, CompiledTopic, FilterRule
from hub.core.later import Later
from hub.core.refusals import Refusals
from hub.core.search import Condition, Query, Resolver, parse_condition
from hub.core.search_parameter import ANY_RESOURCE, SearchParameters
from hub.core.subscription import FilterBy
from hub.core.topic import bare_type
from hub.errors import FilterInvalid, FilterNotAllowed, FiltersTooCostly, InvalidSearch

MOST_FILTERS = 1_000
LONGEST_FILTER = 8_192
"""What one Subscription may ask for; characters of a filter."""

COMPARATORS = frozenset(("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"))
_ORDERED = ("date", "number", "quantity")
_NEGATIVE = frozenset(("not", "not-in", "missing"))
"""Modifiers by which a filter names nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters(Later):
    """What one Subscription lets through; AND per resource type.

    ``by_type`` holds a query per type; that of ``Resource`` applies to every type.
    ``canonical`` is one spelling for equal meanings; ``parties`` are the conditions of ``by_type``
    that name a party of the resource.
    """

    by_type: Mapping[str, Query]
    canonical: str
    parties: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict, compare=False)
    parameters: SearchParameters = field(repr=False, compare=False)

    def accepts(self, change: Change, resolver: Resolver) -> bool:
        """Tell whether the change passes: the state after it, on delete the state before.

        A type that no filter is listed for passes.
        """
        return all(
            query.matches(change.subject, resolver)
            for query in (self.by_type.get(change.resource_type), self.by_type.get(ANY_RESOURCE))
            if query is not None
        )

    def loses(self, change: Change, resolver: Resolver) -> bool:
        """Tell whether an update takes the resource from the party that is named here.

        The party is looked for in the state before, all else in the state after.
        """
        before, after = change.previous, change.current
        if not self.parties or before is None or after is None:
            return False
        if self.accepts(change, resolver):
            return False
        named = False
        for resource_type in {change.resource_type, ANY_RESOURCE} & self.by_type.keys():
            parties = self.parties.get(resource_type, ())
            named = named or bool(parties)
            for condition in self.by_type[resource_type].conditions:
                state = before if any(condition is each for each in parties) else after
                if not condition.matches(state, resolver):
                    return False
        return named

    @property
    def is_local(self) -> bool:
        """Whether the changed resource alone decides, no other one."""
        return all(query.is_local for query in self.by_type.values())

    def clauses(self, change: Change, resolver: Resolver) -> tuple[Clause, ...]:
        """Return each condition that applies to the change, tried on what ``accepts`` looks at."""
        return tuple(
            clause
            for resource_type in (change.resource_type, ANY_RESOURCE)
            if resource_type in self.by_type
            for clause in clauses_of(
                f"filterBy {resource_type}",
                self.by_type[resource_type].conditions,
                change.subject,
                resolver,
            )
        )


def accept_filters(
    compiled: CompiledTopic, filter_by: Sequence[FilterBy], parameters: SearchParameters
) -> Filters:
    """Check the filters of a Subscription against its topic and compile them.

    A filter without type applies to every type of the topic that offers the parameter.

    Raises:
        FilterNotAllowed: the topic does not offer the filter, its modifier or its comparator for
            this type in this release.
        FilterInvalid: the value can't be read.
        FiltersTooCostly: there are too many, or one is too long.
    """
    if len(filter_by) > MOST_FILTERS:
        raise FiltersTooCostly(
            f"{len(filter_by)} filters; allowed: {MOST_FILTERS}", expression="Subscription.filterBy"
        )
    conditions: dict[str, dict[str, Condition]] = {}
    parties: dict[str, set[str]] = {}

    def accept(at: _At) -> None:
        entry = at.entry
        if len(entry.filter_parameter) + len(entry.value) > LONGEST_FILTER:
            raise FiltersTooCostly(
                f"a filter is longer than {LONGEST_FILTER} characters", expression=at.path
            )
        for resource_type, rule, name in _rules(compiled, at):
            condition = _condition(at, parameters, resource_type, name, _value(at, rule))
            conditions.setdefault(resource_type, {})[condition.canonical] = condition
            if rule.party and entry.modifier not in _NEGATIVE:
                parties.setdefault(resource_type, set()).add(condition.canonical)

    refusals = Refusals()
    for index, entry in enumerate(filter_by):
        at = _At(entry, f"Subscription.filterBy[{index}]")
        refusals.take(partial(accept, at), None)
    refusals.raise_any()
    queries = [_query(name, conditions[name]) for name in sorted(conditions)]
    return Filters(
        by_type={query.resource_type: query for query in queries},
        canonical=" ".join(query.canonical for query in queries),
        parties={
            name: tuple(conditions[name][spelling] for spelling in sorted(spellings))
            for name, spellings in sorted(parties.items())
        },
        parameters=parameters,
    )


def _query(resource_type: str, conditions: Mapping[str, Condition]) -> Query:
    spellings = sorted(conditions)
    return Query(
        resource_type,
        tuple(conditions[spelling] for spelling in spellings),
        f"{resource_type}?{'&'.join(spellings)}",
    )


@dataclass(frozen=True, slots=True)
class _At:
    """A filter and its place."""

    entry: FilterBy
    path: str

    def not_allowed(self, complaint: str) -> FilterNotAllowed:
        return FilterNotAllowed(f"filter {self.name!r} {complaint}", expression=self.path)

    def invalid(self, complaint: str) -> FilterInvalid:
        return FilterInvalid(f"filter {self.name!r} {complaint}", expression=self.path)

    @property
    def name(self) -> str:
        entry = self.entry
        modifier = f":{entry.modifier}" if entry.modifier else ""
        kind = f"{entry.resource_type}?" if entry.resource_type else ""
        return f"{kind}{entry.filter_parameter}{modifier}"


def _rules(compiled: CompiledTopic, at: _At) -> Iterator[tuple[str, FilterRule, str]]:
    """Yield (type, rule, name to search by) for each type that the filter applies to."""
    entry = at.entry
    wanted = None if entry.resource_type is None else bare_type(entry.resource_type)
    if entry.resource_type is not None and wanted is None:
        raise at.invalid(f"names no resource type: {entry.resource_type!r}")
    if wanted == ANY_RESOURCE:
        wanted = None
    found = False
    for (resource_type, _), rule in compiled.filters.items():
        name = _same(entry.filter_parameter, rule.filter_parameter)
        if name is None:
            continue
        if wanted in (None, resource_type):
            found = True
            yield resource_type, rule, name
        elif resource_type == ANY_RESOURCE and wanted is not None:
            found = True
            yield wanted, rule, name
    if found:
        return
    types = compiled.resource_types
    if wanted is not None and types is not None and wanted not in types:
        raise at.not_allowed(f"is for a type that the topic does not trigger on; {_offer(types)}")
    for resource_type, declared in compiled.missing_filters:
        if _same(entry.filter_parameter, declared) and wanted in (None, resource_type):
            raise at.not_allowed(f"does not exist in {compiled.release}")
    offered = sorted(
        {name for resource_type, name in compiled.filters if wanted in (None, resource_type)}
    )
    raise at.not_allowed(f"is not offered by {compiled.topic.url}; {_offer(offered)}")


def rules_of(compiled: CompiledTopic, entry: FilterBy) -> Iterator[tuple[str, FilterRule, str]]:
    """Yield (type, rule, name to search by) for each type that a filter applies to.

    Raises:
        FilterNotAllowed, FilterInvalid: it applies to none.
    """
    return _rules(compiled, _At(entry, "Subscription.filterBy"))


def _offer(names: Sequence[str] | frozenset[str]) -> str:
    return f"offered: {', '.join(sorted(names)) or 'nothing'}"


@lru_cache(maxsize=4_096)
def _same(name: str, declared: str) -> str | None:
    """Return the name to search by if a filter's name means what the topic declares.

    ``owner.organization`` and ``owner:PractitionerRole.organization`` are the same if one of them
    leaves the type out; the one that names it is meant.
    """
    if name == declared:
        return name
    links, others = name.split("."), declared.split(".")
    if len(links) != len(others) or name.startswith("_has:"):
        return None
    chosen = []
    for link, other in zip(links, others, strict=True):
        if link != other and link.partition(":")[0] != other.partition(":")[0]:
            return None
        if link != other and ":" in link and ":" in other:
            return None
        chosen.append(max(link, other, key=len))
    return ".".join(chosen)


def _value(at: _At, rule: FilterRule) -> str:
    """Check modifier and comparator; return the value in search syntax."""
    entry = at.entry
    modifier = None if entry.modifier in PLAIN else entry.modifier
    if modifier:
        listed = "type" if modifier[0].isupper() else modifier
        if listed not in rule.modifiers:
            raise at.not_allowed(f"may not use :{modifier}; {_offer(rule.modifiers - COMPARATORS)}")
    if not entry.value:
        raise at.invalid("has no value")
    ordered = rule.search_type in _ORDERED and modifier is None
    written: set[str] = set()
    if ordered:
        written = {part[:2] for part in entry.value.split(",") if part[:2] in COMPARATORS}
    if entry.comparator is None:
        used = written
    elif written:
        raise at.invalid("has a comparator twice")
    elif not ordered and entry.comparator not in PLAIN:
        raise at.not_allowed(f"has no order, so {entry.comparator!r} does not apply")
    else:
        used = {entry.comparator}
    unlisted = sorted(used - rule.comparators)
    if unlisted:
        allowed = rule.comparators & COMPARATORS
        raise at.not_allowed(f"may not use {unlisted[0]!r}; {_offer(allowed)}")
    if entry.comparator is None or entry.comparator in PLAIN:
        return entry.value
    return ",".join(entry.comparator + part for part in entry.value.split(","))


def _condition(
    at: _At, parameters: SearchParameters, resource_type: str, name: str, value: str
) -> Condition:
    modifier = at.entry.modifier
    suffix = f":{modifier}" if modifier and modifier not in PLAIN else ""
    try:
        return parse_condition(parameters, resource_type, name + suffix, value)
    except InvalidSearch as error:
        raise at.invalid(f"can't be read: {error.diagnostics}") from None
