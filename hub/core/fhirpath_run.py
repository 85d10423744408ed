"""One evaluation of a FHIRPath expression: its budget, and how results are read.

A node is a function of the run and of ``$this`` that returns a collection.  Every node pays for
what it touches from the budget of the run, so that no expression on no resource takes longer than
about a second or holds more than it may touch.
Source: http://hl7.org/fhirpath/N1/ ("Singleton Evaluation of Collections").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from hub.core.fhirpath_number import Number, TooLarge
from hub.core.fhirpath_value import Collection, Valueless, is_number, key_of
from hub.core.release import Json, Resource
from hub.core.search_resolver import NOWHERE, Resolver

BUDGET = 500_000
"""How many values one evaluation may touch."""


Node = Callable[["Run", Collection], Collection]
Truth = Callable[["Run", Collection], bool | None]
_Result = TypeVar("_Result")


class FhirPathFailure(Exception):
    """An evaluation that FHIRPath defines as an error, or that costs too much."""


class Run:
    """One evaluation: the two states as collections, and what is left of the budget.

    ``base_url`` is the hub's own of the release, and ``resolver`` reads what it holds there;
    ``resolved`` collects the resources that were read.  ``index`` and ``total`` are what ``$index``
    and ``$total`` stand for, ``variables`` what ``defineVariable()`` set.
    """

    __slots__ = (
        "base_url",
        "current",
        "index",
        "left",
        "previous",
        "resolved",
        "resolver",
        "total",
        "variables",
    )

    def __init__(
        self,
        previous: Resource | None,
        current: Resource | None,
        resolver: Resolver = NOWHERE,
        base_url: str = "",
    ) -> None:
        self.previous: Collection = [] if previous is None else [previous]
        self.current: Collection = [] if current is None else [current]
        self.resolver = resolver
        self.base_url = base_url
        self.resolved: Collection = []
        self.left = BUDGET
        self.index = 0
        self.total: Collection = []
        self.variables: dict[int, Collection] = {}

    @property
    def resource_type(self) -> str:
        """The type of the resource that changed; both states have the same."""
        states = [*self.current, *self.previous]
        return str(states[0].get("resourceType")) if states else ""

    def each(
        self, values: Collection, node: Callable[[Run, Collection], _Result]
    ) -> Iterator[tuple[Json, _Result]]:
        """Evaluate ``node`` with each value as ``$this``."""
        outer = self.index
        for self.index, value in enumerate(values):
            self.pay(1)
            yield value, node(self, [value])
        self.index = outer

    def pay(self, price: int) -> None:
        """Take ``price`` from the budget.

        Raises:
            FhirPathFailure: the budget is used up.
        """
        self.left -= price
        if self.left < 0:
            raise FhirPathFailure("too costly for a resource of this size")


class Constant:
    """A node that has the same value in every run; operators use it to work ahead."""

    __slots__ = ("values",)

    def __init__(self, values: Collection) -> None:
        self.values = values

    def __call__(self, run: Run, this: Collection) -> Collection:
        return self.values


class Logical:
    """A node that is true, false or empty; whoever asks for its truth needs no collection."""

    __slots__ = ("truth",)

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def __call__(self, run: Run, this: Collection) -> Collection:
        value = self.truth(run, this)
        return [] if value is None else [value]


def truth_of(node: Node) -> Truth:
    """Return what tells how ``truth`` reads a node's values."""
    return node.truth if isinstance(node, Logical) else lambda run, this: truth(node(run, this))


def weight(values: Collection) -> int:
    """Return how many values there are, at all depths."""
    if not values:
        return 0
    if len(values) == 1 and not isinstance(values[0], (dict, list)):
        return 1
    total, waiting = 0, [values]
    while waiting:
        inner = waiting.pop()
        total += len(inner)
        for value in inner:
            if isinstance(value, dict):
                waiting.append(list(value.values()))
            elif isinstance(value, list):
                waiting.append(value)
    return total


def keys_of(values: Collection) -> frozenset[object]:
    """Return the keys by which values are equal."""
    return frozenset(map(key_of, values))


def one(values: Collection) -> Json:
    """Return the only value.

    Raises:
        FhirPathFailure: there are several.
    """
    if len(values) != 1:
        raise FhirPathFailure(f"one value expected, {len(values)} found")
    return values[0]


def truth(values: Collection) -> bool | None:
    """Read a collection as a boolean: any single value that is none is true.

    None if it is empty, or an element without a value.
    """
    if not values:
        return None
    value = values[0] if len(values) == 1 else one(values)
    return None if isinstance(value, Valueless) else value is not False


def string(values: Collection) -> str | None:
    """Read a collection as a string; empty is None."""
    if not values:
        return None
    value = one(values)
    if isinstance(value, Valueless):
        return None
    if not isinstance(value, str):
        raise FhirPathFailure("a string expected")
    return value


def numeric(values: Collection) -> Number | None:
    """Read a collection as a number; empty is None."""
    if not values:
        return None
    value = one(values)
    if isinstance(value, Valueless):
        return None
    if not is_number(value):
        raise FhirPathFailure("a number expected")
    number: Number = value
    return number


def calculated(function: Callable[..., Json | None], *operands: Json) -> Collection:
    """Return what a calculation gives; empty where it has no result.

    Raises:
        FhirPathFailure: the result is too large.
    """
    try:
        result = function(*operands)
    except TooLarge as error:
        raise FhirPathFailure(str(error)) from None
    return [] if result is None else [result]


def whole(values: Collection) -> int:
    """Read a collection as an integer."""
    value = one(values)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FhirPathFailure("an integer expected")
    return value


def distinct(run: Run, values: Collection) -> Collection:
    """Return each value once, in order."""
    run.pay(weight(values))
    return list({key_of(value): value for value in reversed(values)}.values())[::-1]
