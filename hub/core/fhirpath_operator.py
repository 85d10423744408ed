"""The operators of FHIRPath that a topic may use; its steps are in ``hub.core.fhirpath_path``.

Each maker returns a node (``hub.core.fhirpath_run``).
Source: http://hl7.org/fhirpath/N1/ ("Operations").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hub.core import fhirpath_quantity as quantities
from hub.core.fhirpath_calendar import moved
from hub.core.fhirpath_moment import Moment
from hub.core.fhirpath_number import ARITHMETIC
from hub.core.fhirpath_quantity import Quantity
from hub.core.fhirpath_run import (
    Constant,
    FhirPathFailure,
    Logical,
    Node,
    Run,
    calculated,
    distinct,
    keys_of,
    one,
    string,
    truth_of,
    weight,
    whole,
)
from hub.core.fhirpath_value import (
    Collection,
    Valueless,
    equal,
    equivalent,
    instant_of,
    is_number,
    key_of,
    less,
)
from hub.core.release import Json


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
    # Two texts of which one names no instant are equal to the letter only.
    literal = right.values if isinstance(right, Constant) and test is equal else []
    is_text = len(literal) == 1 and type(literal[0]) is str and instant_of(literal[0]) is None

    def answer(run: Run, this: Collection) -> bool | None:
        values, others = left(run, this), right(run, this)
        if len(values) == 1 and type(values[0]) is str and (is_text or values == others):
            run.pay(2)
            return (values == others) is not negated
        run.pay(weight(values) + weight(others))
        result = test(values, others)
        return None if result is None else result is not negated

    return Logical(answer)


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
    known = None
    if isinstance(values, Constant) and not any(isinstance(v, Quantity) for v in values.values):
        known = keys_of(values.values)
    # A string is its own key where it names no instant; one that does is none of those then.
    texts = frozenset() if known is None else known
    only_text = known is not None and all(type(key) is str for key in known)

    def answer(run: Run, this: Collection) -> bool | None:
        candidate = item(run, this)
        if only_text and len(candidate) == 1 and type(candidate[0]) is str:
            return candidate[0] in texts
        if known is None:
            others = values(run, this)
            run.pay(weight(others))
        if not candidate:
            return None
        if known is None and any(isinstance(each, Quantity) for each in candidate + others):
            return any(equal([one(candidate)], [other]) for other in others)
        return key_of(one(candidate)) in (keys_of(others) if known is None else known)

    return Logical(answer)


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


def calculate(operator: str, left: Node, right: Node) -> Node:
    """Return ``left + right`` and the like, of numbers, quantities, strings and dates."""

    def answer(run: Run, this: Collection) -> Collection:
        values, others = left(run, this), right(run, this)
        if not values or not others:
            return []
        first, second = one(values), one(others)
        if isinstance(first, Valueless) or isinstance(second, Valueless):
            return []
        if is_number(first) and is_number(second):
            return calculated(ARITHMETIC[operator], first, second)
        if operator == "+" and isinstance(first, str) and isinstance(second, str):
            run.pay(len(first) + len(second))
            return [first + second]
        if operator in ("+", "-") and isinstance(first, (str, Moment)):
            return _moved(first, second, operator)
        quantity, other = quantities.quantity_of(first), quantities.quantity_of(second)
        if quantity is None or other is None:
            raise FhirPathFailure(f"{operator} has no meaning for these values")
        return calculated(quantities.calculated, operator, quantity, other)

    return answer


def _moved(moment: str | Moment, by: Json, operator: str) -> Collection:
    amount = quantities.quantity_of(by)
    if amount is None or is_number(by):
        raise FhirPathFailure("to a date or time only a quantity such as 1 day can be added")
    try:
        return calculated(moved, moment, amount, -1 if operator == "-" else 1)
    except TypeError as error:
        raise FhirPathFailure(str(error)) from None


def signed(node: Node, sign: str) -> Node:
    """Return ``-node`` or ``+node``."""

    def answer(run: Run, this: Collection) -> Collection:
        values = node(run, this)
        if not values:
            return []
        value = one(values)
        number = value.value if isinstance(value, Quantity) else value
        if not is_number(number):
            raise FhirPathFailure("a sign goes with a number or a quantity")
        if sign == "+":
            return values
        return [replace(value, value=-number) if isinstance(value, Quantity) else -number]

    if isinstance(node, Constant) and all(is_number(value) for value in node.values):
        return Constant(answer(Run(None, None), []))
    return answer


def both(left: Node, right: Node) -> Node:
    """Return ``left and right``; what stands right is not looked at if the left is false."""
    one_of, other_of = truth_of(left), truth_of(right)

    def answer(run: Run, this: Collection) -> bool | None:
        first = one_of(run, this)
        if first is False:
            return False
        second = other_of(run, this)
        if second is False:
            return False
        return True if first and second else None

    return Logical(answer)


def either(left: Node, right: Node) -> Node:
    """Return ``left or right``; what stands right is not looked at if the left is true."""
    one_of, other_of = truth_of(left), truth_of(right)

    def answer(run: Run, this: Collection) -> bool | None:
        first = one_of(run, this)
        if first:
            return True
        second = other_of(run, this)
        if second:
            return True
        return None if first is None or second is None else False

    return Logical(answer)


def negation(node: Node) -> Node:
    """Return ``node.not()``."""
    truth = truth_of(node)

    def answer(run: Run, this: Collection) -> bool | None:
        value = truth(run, this)
        return None if value is None else not value

    return Logical(answer)


def _one_of_two(left: Node, right: Node) -> Node:
    one_of, other_of = truth_of(left), truth_of(right)

    def answer(run: Run, this: Collection) -> bool | None:
        first, second = one_of(run, this), other_of(run, this)
        return None if first is None or second is None else first is not second

    return Logical(answer)


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


def single_typed(owner: Node, typed: Node) -> Node:
    """Return ``value as Quantity``: the value if it has this type."""

    def answer(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        if len(values) > 1:
            raise FhirPathFailure("as takes one value; of several, ofType() chooses")
        return typed(run, this)

    return answer


def any_of(nodes: list[Node]) -> Node:
    """Return the values of all nodes, one after the other."""
    return lambda run, this: [value for node in nodes for value in node(run, this)]


def with_url(found: Node, url: Node) -> Node:
    """Return ``extension(url)``."""

    def find(run: Run, this: Collection) -> Collection:
        wanted = string(url(run, this))
        if wanted is None:
            return []
        return [e for e in found(run, this) if isinstance(e, dict) and e.get("url") == wanted]

    return find


OPERATIONS: dict[str, Callable[[Node, Node], Node]] = {
    "=": lambda left, right: compare(left, right, equal, negated=False),
    "!=": lambda left, right: compare(left, right, equal, negated=True),
    "~": lambda left, right: compare(left, right, equivalent, negated=False),
    "!~": lambda left, right: compare(left, right, equivalent, negated=True),
    "<": lambda left, right: order(left, right, less, negated=False),
    ">": lambda left, right: order(right, left, less, negated=False),
    "<=": lambda left, right: order(right, left, less, negated=True),
    ">=": lambda left, right: order(left, right, less, negated=True),
    "in": among,
    "contains": lambda left, right: among(right, left),
    "|": union,
    "&": join,
    **{sign: partial(calculate, sign) for sign in ARITHMETIC},
}
