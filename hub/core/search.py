"""Search conditions and queries: read once, then matched against resources.

REST search, subscription filters, topics' query criteria and classic criteria all come here.
What can't be evaluated is refused with ``InvalidSearch`` when it is read.
Source: http://hl7.org/fhir/R5/search.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

from hub.core.release import Resource
from hub.core.search_criterion import Chained, Criterion, HasTerm, IsReferredTo
from hub.core.search_member import IsMember
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter, SearchParameters
from hub.core.search_reading import read_plain
from hub.core.search_resolver import NOWHERE, Resolver
from hub.core.search_syntax import split_alternatives
from hub.errors import InvalidSearch

__all__ = [
    "NOWHERE",
    "Condition",
    "Query",
    "Resolver",
    "parse_condition",
    "parse_query",
    "split_query",
]

_DEEPEST = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``name=value`` of a search; equal meanings have equal ``canonical`` spellings.

    ``name`` is the parameter as written, chain or ``_has`` included, without its ``modifier``;
    ``values`` are the alternatives as written.
    """

    resource_type: str
    name: str = field(compare=False)
    modifier: str | None = field(compare=False)
    values: tuple[str, ...] = field(compare=False)
    canonical: str
    criterion: Criterion = field(repr=False, compare=False)

    def matches(self, resource: Resource, resolver: Resolver = NOWHERE) -> bool:
        """Tell whether ``resource``, which is of ``resource_type``, answers the condition."""
        return self.criterion.matches(resource, resolver)

    @property
    def is_local(self) -> bool:
        """Whether the resource alone decides, no other one."""
        return not isinstance(self.criterion, Chained | IsReferredTo | IsMember)

    def keys(self) -> tuple[str, tuple[str, ...]] | None:
        """Return (parameter code, terms) if any of these terms is all that is asked for.

        Then a resource matches exactly when the terms meet ``parameter.values(resource).terms``.
        None for every other kind of condition, and for the codes of a ValueSet: there may be many.
        """
        criterion = self.criterion
        if isinstance(criterion, HasTerm) and not criterion.negated and not criterion.value_set:
            return criterion.parameter.code, tuple(sorted(criterion.alternatives))
        return None


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions on one resource type, all of which must hold.

    ``Resource`` as the type stands for every type.
    """

    resource_type: str
    conditions: tuple[Condition, ...] = field(compare=False)
    canonical: str

    @property
    def is_local(self) -> bool:
        """Whether the resource alone decides, no other one."""
        return all(condition.is_local for condition in self.conditions)

    def matches(self, resource: Resource, resolver: Resolver = NOWHERE) -> bool:
        """Tell whether ``resource`` is of the type and answers every condition."""
        if self.resource_type not in (ANY_RESOURCE, resource.get("resourceType")):
            return False
        return all(condition.matches(resource, resolver) for condition in self.conditions)


def split_query(text: str) -> list[tuple[str, str]]:
    """Return the pairs of ``a=b&c=d``, percent-decoded once; a ``+`` stays a ``+``.

    Raises:
        InvalidSearch: a part has no ``=`` or is not UTF-8 when decoded.
    """
    pairs = []
    for part in text.split("&"):
        if not part:
            continue
        name, equals, value = part.partition("=")
        if not equals or not name:
            raise InvalidSearch(f"{part!r} is no search condition; allowed: parameter=value")
        try:
            pairs.append((unquote(name, errors="strict"), unquote(value, errors="strict")))
        except UnicodeDecodeError:
            raise InvalidSearch(f"{part!r} is not UTF-8 when percent-decoded") from None
    return pairs


def parse_query(
    parameters: SearchParameters, resource_type: str, pairs: Iterable[tuple[str, str]]
) -> Query:
    """Read a whole query.

    Raises:
        InvalidSearch: a condition can't be evaluated; it names parameter, value, what is allowed.
    """
    _known_type(parameters, resource_type, resource_type)
    conditions = tuple(
        parse_condition(parameters, resource_type, name, value) for name, value in pairs
    )
    spelled = "&".join(sorted({condition.canonical for condition in conditions}))
    return Query(resource_type, conditions, f"{resource_type}?{spelled}")


def parse_condition(
    parameters: SearchParameters, resource_type: str, name: str, value: str
) -> Condition:
    """Read one condition.

    ``name`` is a parameter with an optional modifier (``status:not``), a chain
    (``requester:PractitionerRole.organization``) or ``_has:Task:focus:owner``.  ``value`` holds
    alternatives separated by commas, after percent-decoding.

    Raises:
        InvalidSearch: it can't be evaluated; names parameter, value, what is allowed.
    """
    if name.count(".") + name.count("_has:") > _DEEPEST:
        raise InvalidSearch(f"{name[:100]!r} goes deeper than the {_DEEPEST} steps allowed")
    criterion = _Reading(parameters, value).criterion(resource_type, name)
    path, modifier = _split_modifier(name)
    return Condition(
        resource_type, path, modifier, split_alternatives(value), criterion.canonical, criterion
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """One value being read, for every resource type that a chain may lead to."""

    parameters: SearchParameters
    value: str
    read: dict[tuple[str, str], Criterion] = field(default_factory=dict)
    offered: dict[tuple[str, str], bool] = field(default_factory=dict)

    def criterion(self, resource_type: str, name: str) -> Criterion:
        key = (resource_type, name)
        found = self.read.get(key)
        if found is None:
            found = self.read[key] = self._criterion(resource_type, name)
        return found

    def _criterion(self, resource_type: str, name: str) -> Criterion:
        if name.startswith("_has:"):
            return self._reverse(resource_type, name)
        head, dot, rest = name.partition(".")
        code, colon, modifier = head.partition(":")
        parameter = _find(self.parameters, resource_type, code)
        if not dot:
            return read_plain(
                self.parameters, resource_type, parameter, modifier if colon else None, self.value
            )
        return self._chain(resource_type, parameter, modifier if colon else None, rest)

    def _chain(
        self,
        resource_type: str,
        parameter: SearchParameter,
        modifier: str | None,
        rest: str,
    ) -> Chained:
        if parameter.type != "reference":
            raise InvalidSearch(
                f"{resource_type}.{parameter.code} is of type {parameter.type}; "
                "only references can be chained"
            )
        targets = parameter.targets
        if modifier is not None:
            if modifier not in targets:
                raise InvalidSearch(
                    f"{resource_type}.{parameter.code}:{modifier} can't be chained; "
                    f"allowed: {_listed(targets)}"
                )
            targets = (modifier,)
        offering = [target for target in targets if modifier or self._offers(target, rest)]
        if not offering:
            raise InvalidSearch(
                f"no resource that {resource_type}.{parameter.code} refers to has the search "
                f"parameter {rest!r}; it refers to {_listed(targets)}"
            )
        return Chained(
            parameter,
            tuple((target, self.criterion(target, rest)) for target in sorted(offering)),
        )

    def _offers(self, resource_type: str, name: str) -> bool:
        """Tell whether the type has what ``name`` asks, to the end of the chain."""
        key = (resource_type, name)
        if key not in self.offered:
            self.offered[key] = self._has_all(resource_type, name)
        return self.offered[key]

    def _has_all(self, resource_type: str, name: str) -> bool:
        if name.startswith("_has:"):
            _, source, code, *_ = [*name.split(":"), "", ""]
            reverse = self.parameters.get(source, code)
            return reverse is not None and resource_type in reverse.targets
        head, dot, rest = name.partition(".")
        code, _, modifier = head.partition(":")
        parameter = self.parameters.get(resource_type, code)
        if parameter is None or not dot:
            return parameter is not None
        targets = (modifier,) if modifier else parameter.targets
        return any(target in parameter.targets and self._offers(target, rest) for target in targets)

    def _reverse(self, resource_type: str, name: str) -> IsReferredTo:
        parts = name.split(":", 3)
        if len(parts) != 4 or not parts[3]:
            raise InvalidSearch(f"{name!r} is incomplete; allowed: _has:Type:reference:parameter")
        _, source, code, rest = parts
        _known_type(self.parameters, source, name)
        parameter = _find(self.parameters, source, code)
        if parameter.type != "reference" or resource_type not in parameter.targets:
            raise InvalidSearch(f"{name!r}: {source}.{code} does not refer to {resource_type}")
        return IsReferredTo(source, parameter, self.criterion(source, rest))


def _find(parameters: SearchParameters, resource_type: str, code: str) -> SearchParameter:
    found = parameters.get(resource_type, code)
    if found is None:
        reason = parameters.why_not(resource_type, code)
        if reason is not None:
            raise InvalidSearch(f"{resource_type}?{code} is not evaluated: {reason}")
        raise InvalidSearch(
            f"{resource_type} has no search parameter {code!r} in {parameters.release}; "
            f"allowed: {_listed(parameters.of(resource_type))}"
        )
    return found


def _known_type(parameters: SearchParameters, resource_type: str, asked: str) -> None:
    if resource_type != ANY_RESOURCE and resource_type not in parameters.types():
        raise InvalidSearch(
            f"{asked!r}: {resource_type!r} is no resource type of {parameters.release}"
        )


def _split_modifier(name: str) -> tuple[str, str | None]:
    if name.startswith("_has:"):
        start, source, code, rest = name.split(":", 3)
        path, modifier = _split_modifier(rest)
        return f"{start}:{source}:{code}:{path}", modifier
    head, dot, rest = name.partition(".")
    if dot:
        path, modifier = _split_modifier(rest)
        return f"{head}.{path}", modifier
    code, colon, modifier = head.partition(":")
    return code, modifier if colon else None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
