"""The steps and operators of FHIRPath that a topic may use, and how their results are read.

Each maker returns a node: a function of the run and of ``$this`` that returns a collection.
Every node pays for what it touches from the budget of the run, so that no expression on no
resource takes longer than about a second.
Source: http://hl7.org/fhirpath/N1/ ("Path selection", "Operations").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from hub.core.fhirpath_value import Collection, key_of
from hub.core.release import Json, Resource
from hub.core.search_criterion import NOWHERE, Resolver

BUDGET = 500_000
"""How many values one evaluation may touch."""


class FhirPathFailure(Exception):
    """An evaluation that FHIRPath defines as an error, or that costs too much."""


class Run:
    """One evaluation: the two states as collections, and what is left of the budget.

    ``base_url`` is the hub's own of the release, and ``resolver`` reads what it holds there;
    ``resolved`` collects the resources that were read.
    """

    __slots__ = ("base_url", "current", "left", "previous", "resolved", "resolver")

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

    def pay(self, price: int) -> None:
        """Take ``price`` from the budget.

        Raises:
            FhirPathFailure: the budget is used up.
        """
        self.left -= price
        if self.left < 0:
            raise FhirPathFailure("too costly for a resource of this size")


Node = Callable[[Run, Collection], Collection]


class Constant:
    """A node that has the same value in every run; operators use it to work ahead."""

    __slots__ = ("values",)

    def __init__(self, values: Collection) -> None:
        self.values = values

    def __call__(self, run: Run, this: Collection) -> Collection:
        return self.values


def number(text: str) -> Json:
    """Read a number literal."""
    return Decimal(text) if "." in text else int(text)


_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f"}


def unquote(literal: str) -> str:
    """Read a string literal with its escapes."""
    text, parts, at = literal[1:-1], [], 0
    while (found := text.find("\\", at)) >= 0:
        parts.append(text[at:found])
        sign = text[found + 1]
        at = found + 2
        if sign == "u":
            parts.append(chr(int(text[at : at + 4], 16)))
            at += 4
        else:
            parts.append(_ESCAPES.get(sign, sign))
    return "".join([*parts, text[at:]])


def then(owner: Node, step: Node) -> Node:
    """Return ``owner.step``."""
    return lambda run, this: step(run, owner(run, this))


def member(name: str, choices: Mapping[str, tuple[str, ...]]) -> Node:
    """Return the step to an element; a choice element is found under its typed names.

    A capital letter names a resource type: ``Task.status`` is ``status`` of a Task.
    """
    names = (name, *choices.get(name, ()))

    def walk(run: Run, this: Collection) -> Collection:
        found: Collection = []
        for value in this:
            if not isinstance(value, dict):
                continue
            for spelling in names:
                inner = value.get(spelling)
                if isinstance(inner, list):
                    found.extend(entry for entry in inner if entry is not None)
                elif inner is not None:
                    found.append(inner)
        run.pay(len(this) + len(found))
        return found

    if not name[:1].isupper():
        return walk
    return lambda run, this: [
        value for value in this if isinstance(value, dict) and value.get("resourceType") == name
    ]


def at(owner: Node, index: Node) -> Node:
    """Return ``owner[index]``."""

    def pick(run: Run, this: Collection) -> Collection:
        values, place = owner(run, this), whole(index(run, this))
        return values[place : place + 1] if place >= 0 else []

    return pick


def compare(
    left: Node,
    right: Node,
    test: Callable[[Collection, Collection], bool | None],
    *,
    negated: bool,
) -> Node:
    """Return ``=``, ``!=``, ``~`` or ``!~``."""

    def answer(run: Run, this: Collection) -> Collection:
        values, others = left(run, this), right(run, this)
        run.pay(weight(values) + weight(others))
        result = test(values, others)
        return [] if result is None else [result is not negated]

    return answer


def order(
    left: Node, right: Node, less: Callable[[Json, Json], bool | None], *, negated: bool
) -> Node:
    """Return ``left < right``, or ``left >= right`` if negated."""

    def answer(run: Run, this: Collection) -> Collection:
        values, others = left(run, this), right(run, this)
        if not values or not others:
            return []
        try:
            result = less(one(values), one(others))
        except TypeError as error:
            raise FhirPathFailure(str(error)) from None
        return [] if result is None else [result is not negated]

    return answer


def among(item: Node, values: Node) -> Node:
    """Return ``item in values``."""
    known = keys_of(values.values) if isinstance(values, Constant) else None

    def answer(run: Run, this: Collection) -> Collection:
        candidate = item(run, this)
        if known is None:
            others = values(run, this)
            run.pay(weight(others))
        if not candidate:
            return []
        return [key_of(one(candidate)) in (keys_of(others) if known is None else known)]

    return answer


def union(left: Node, right: Node) -> Node:
    """Return ``left | right``: each value once."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Constant(distinct(Run(None, None), left.values + right.values))
    return lambda run, this: distinct(run, left(run, this) + right(run, this))


def join(left: Node, right: Node) -> Node:
    """Return ``left & right``: one string."""

    def text(run: Run, this: Collection) -> Collection:
        values = [string(left(run, this)) or "", string(right(run, this)) or ""]
        run.pay(sum(map(len, values)))
        return ["".join(values)]

    return text


def both(left: Node, right: Node) -> Node:
    """Return ``left and right``; what stands right is not looked at if the left is false."""

    def answer(run: Run, this: Collection) -> Collection:
        first = truth(left(run, this))
        if first is False:
            return [False]
        second = truth(right(run, this))
        if second is False:
            return [False]
        return [True] if first and second else []

    return answer


def either(left: Node, right: Node) -> Node:
    """Return ``left or right``; what stands right is not looked at if the left is true."""

    def answer(run: Run, this: Collection) -> Collection:
        first = truth(left(run, this))
        if first:
            return [True]
        second = truth(right(run, this))
        if second:
            return [True]
        return [] if first is None or second is None else [False]

    return answer


def negation(node: Node) -> Node:
    """Return ``node.not()``."""

    def answer(run: Run, this: Collection) -> Collection:
        value = truth(node(run, this))
        return [] if value is None else [not value]

    return answer


def _one_of_two(left: Node, right: Node) -> Node:
    def answer(run: Run, this: Collection) -> Collection:
        first, second = truth(left(run, this)), truth(right(run, this))
        return [] if first is None or second is None else [first is not second]

    return answer


LOGIC: dict[str, Callable[[Node, Node], Node]] = {
    "and": both,
    "or": either,
    "xor": _one_of_two,
    "implies": lambda left, right: either(negation(left), right),
}


def is_typed(owner: Node, typed: Node) -> Node:
    """Return ``value is Quantity``: whether the choice element has this type."""

    def answer(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        if not values:
            return []
        one(values)
        return [bool(typed(run, this))]

    return answer


def of_resource_type(owner: Node, name: str, *, testing: bool) -> Node:
    """Return ``owner as Type`` or ``owner is Type`` for resources."""

    def answer(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        matching = [v for v in values if isinstance(v, dict) and v.get("resourceType") == name]
        if not testing:
            return matching
        return [one(values) in matching] if values else []

    return answer


def weight(values: Collection) -> int:
    """Return how many values there are, at all depths."""
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
    """Read a collection as a boolean: empty is None, any single value that is none is true."""
    if not values:
        return None
    return one(values) is not False


def string(values: Collection) -> str | None:
    """Read a collection as a string; empty is None."""
    if not values:
        return None
    value = one(values)
    if not isinstance(value, str):
        raise FhirPathFailure("a string expected")
    return value


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
