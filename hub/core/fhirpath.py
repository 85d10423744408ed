"""FHIRPath criteria of topics: checked when loaded, compiled once, evaluated within a budget.

``fhirpathpy`` parses and knows the types of each release.  The evaluation is the hub's
own, because a trigger must compare whole collections, end in bounded time whatever the resource
holds, and depend on nothing but the change and what the hub holds at that moment.  Only
``%previous`` and ``%current`` are bound (and ``%resource``, ``%context``: the current state).

A primitive element with nothing but an extension exists and has no value.
Source: http://hl7.org/fhirpath/N1/; http://hl7.org/fhir/R5/subscriptiontopic.html
("FHIRPath Criteria").
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.core.fhirpath_compiler import Compiler
from hub.core.fhirpath_parser import parse
from hub.core.fhirpath_run import FhirPathFailure, Logical, Node, Run
from hub.core.fhirpath_type import fhir_types
from hub.core.fhirpath_value import Collection
from hub.core.release import FhirRelease, Resource
from hub.core.search_resolver import NOWHERE, Resolver
from hub.core.value_set import NO_VALUE_SETS, ValueSets


@dataclass(frozen=True, slots=True)
class FhirPathError:
    """An evaluation that gave no answer, and why; it counts as "does not fire"."""

    reason: str


class FhirPathExpression:
    """A compiled expression."""

    __slots__ = ("_base_url", "_node", "expression")

    def __init__(self, expression: str, node: Node, base_url: str) -> None:
        self.expression = expression
        self._node = node
        self._base_url = base_url

    def values(
        self,
        previous: Resource | None,
        current: Resource | None,
        resolver: Resolver = NOWHERE,
    ) -> Collection | FhirPathError:
        """Return the values, or why there are none; ``resolve()`` reads from ``resolver``."""
        run = Run(previous, current, resolver, self._base_url)
        try:
            return self._node(run, run.current)
        except FhirPathFailure as failure:
            return FhirPathError(str(failure))


class FhirPathCriteria(FhirPathExpression):
    """A compiled expression that is a condition; calling it tells whether it is exactly true."""

    __slots__ = ()

    def __call__(self, previous: Resource | None, current: Resource | None) -> bool:
        """Tell whether the expression is true; empty, anything else and errors are false."""
        return self.evaluate(previous, current) is True

    def evaluate(
        self,
        previous: Resource | None,
        current: Resource | None,
        resolver: Resolver = NOWHERE,
    ) -> bool | FhirPathError:
        """Return the answer, or why there is none; ``resolve()`` reads from ``resolver``."""
        run = Run(previous, current, resolver, self._base_url)
        try:
            if isinstance(self._node, Logical):
                return self._node.truth(run, run.current) is True
            result = self._node(run, run.current)
        except FhirPathFailure as failure:
            return FhirPathError(str(failure))
        return len(result) == 1 and result[0] is True


def compile_fhirpath(
    expression: str,
    release: FhirRelease,
    base_url: str = "",
    value_sets: ValueSets = NO_VALUE_SETS,
) -> FhirPathCriteria:
    """Check and compile an expression; references below ``base_url`` are the hub's own.

    ``value_sets`` are those that ``memberOf()`` may name.

    Raises:
        TopicRefused: it is no FHIRPath, uses something that the hub does not evaluate, or is larger
            than the hub accepts; the message gives the position.
    """
    node = Compiler(fhir_types(release), value_sets).condition(parse(expression))
    return FhirPathCriteria(expression, node, base_url)


def compile_expression(
    expression: str,
    release: FhirRelease,
    base_url: str = "",
    value_sets: ValueSets = NO_VALUE_SETS,
) -> FhirPathExpression:
    """Check and compile an expression that may have any values, as ``compile_fhirpath`` does.

    Raises:
        TopicRefused: as there.
    """
    node = Compiler(fhir_types(release), value_sets).node(parse(expression))
    return FhirPathExpression(expression, node, base_url)
