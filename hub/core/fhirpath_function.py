"""The functions of FHIRPath that a topic may use, and why others are refused.

Offered is what looks at one change and the resources it refers to, ends in bounded time and needs
nothing from outside the hub.
Source: http://hl7.org/fhirpath/N1/ ("Functions").
"""

from __future__ import annotations

from collections.abc import Callable

from hub.core import fhirpath_number as numbers
from hub.core import fhirpath_tree as trees
from hub.core.fhirpath_boundary import BOUNDARY_FUNCTIONS
from hub.core.fhirpath_conversion import CONVERSION_FUNCTIONS
from hub.core.fhirpath_operator import negation
from hub.core.fhirpath_quantity import Quantity
from hub.core.fhirpath_reference import resolve
from hub.core.fhirpath_run import (
    FhirPathFailure,
    Logical,
    Node,
    Run,
    Truth,
    calculated,
    distinct,
    keys_of,
    numeric,
    one,
    truth_of,
    weight,
    whole,
)
from hub.core.fhirpath_text import TEXT_FUNCTIONS
from hub.core.fhirpath_value import Collection, Valueless, key_of
from hub.core.value_set import Expansion

_Plain = Callable[[Run, Collection], Collection]


def _plain(function: _Plain) -> Callable[..., Node]:
    return lambda owner: lambda run, this: function(run, owner(run, this))


def _number(function: Callable[..., numbers.Number | None]) -> Callable[..., Node]:
    """Make a function of numbers; of a quantity it takes the value and keeps the unit."""

    def make(owner: Node, *arguments: Node) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            values = owner(run, this)
            operands = [numeric(argument(run, this)) for argument in arguments]
            if not values or None in operands:
                return []
            value = one(values)
            if not isinstance(value, Quantity):
                number = numeric(values)
                return [] if number is None else calculated(function, number, *operands)
            (result,) = calculated(function, value.value, *operands) or (None,)
            return [] if result is None else [Quantity(result, value.unit, value.spelling)]

        return answer

    return make


def _booleans(test: Callable[[list[bool]], bool]) -> Callable[..., Node]:
    def read(run: Run, values: Collection) -> Collection:
        run.pay(len(values))
        if not all(isinstance(value, (bool, Valueless)) for value in values):
            raise FhirPathFailure("booleans expected")
        return [test([value for value in values if isinstance(value, bool)])]

    return _plain(read)


def _with_collection(
    function: Callable[[Run, Collection, Collection], Collection],
) -> Callable[..., Node]:
    def make(owner: Node, argument: Node) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            values, others = owner(run, this), argument(run, this)
            run.pay(weight(values) + weight(others))
            return function(run, values, others)

        return answer

    return make


def _split(values: Collection, others: Collection) -> tuple[Collection, Collection]:
    """Return what of ``values`` is in ``others``, and what is not."""
    known = keys_of(others)
    inside: Collection = []
    outside: Collection = []
    for value in values:
        (inside if key_of(value) in known else outside).append(value)
    return inside, outside


def _kept(run: Run, values: Collection, test: Truth) -> Collection:
    return [value for value, answer in run.each(values, test) if answer]


def _where(owner: Node, test: Node) -> Node:
    holds = truth_of(test)
    return lambda run, this: _kept(run, owner(run, this), holds)


def _exists(owner: Node) -> Node:
    return Logical(lambda run, this: bool(owner(run, this)))


def _exists_where(owner: Node, test: Node) -> Node:
    return _exists(_where(owner, test))


def _all(owner: Node, test: Node) -> Node:
    holds = truth_of(test)

    def answer(run: Run, this: Collection) -> bool:
        values = owner(run, this)
        return len(_kept(run, values, holds)) == len(values)

    return Logical(answer)


def _select(owner: Node, projection: Node) -> Node:
    def project(run: Run, this: Collection) -> Collection:
        found: Collection = []
        for _, part in run.each(owner(run, this), projection):
            run.pay(len(part))
            found.extend(part)
        return found

    return project


def _iif(owner: Node, test: Node, yes: Node, no: Node | None = None) -> Node:
    holds = truth_of(test)

    def choose(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        if len(values) > 1:
            one(values)
        if holds(run, values):
            return yes(run, values)
        return [] if no is None else no(run, values)

    return choose


def _slice(of: Callable[[Collection, int], Collection]) -> Callable[..., Node]:
    return lambda owner, count: (
        lambda run, this: of(owner(run, this), max(0, whole(count(run, this))))
    )


def member_of(owner: Node, expansion: Expansion) -> Node:
    """Return ``owner.memberOf()``; of what is not exactly one code or concept it is empty.

    Source: http://hl7.org/fhir/R5/fhirpath.html#functions ("memberOf").
    """

    def answer(run: Run, values: Collection) -> Collection:
        held = expansion.holds(values[0]) if len(values) == 1 else None
        return [] if held is None else [held]

    return _plain(answer)(owner)


FUNCTIONS: dict[tuple[str, int], Callable[..., Node]] = {
    ("empty", 0): lambda owner: Logical(lambda run, this: not owner(run, this)),
    ("exists", 0): _exists,
    ("hasValue", 0): _plain(
        lambda run, values: [len(values) == 1 and not isinstance(values[0], (dict, list))]
    ),
    ("not", 0): negation,
    ("count", 0): _plain(lambda run, values: [len(values)]),
    ("first", 0): _plain(lambda run, values: values[:1]),
    ("last", 0): _plain(lambda run, values: values[-1:]),
    ("tail", 0): _plain(lambda run, values: values[1:]),
    ("single", 0): _plain(lambda run, values: [one(values)] if values else []),
    ("distinct", 0): _plain(distinct),
    ("isDistinct", 0): _plain(lambda run, values: [len(distinct(run, values)) == len(values)]),
    ("allTrue", 0): _booleans(all),
    ("anyTrue", 0): _booleans(any),
    ("allFalse", 0): _booleans(lambda values: not any(values)),
    ("anyFalse", 0): _booleans(lambda values: not all(values)),
    ("getValue", 0): _plain(
        lambda run, values: values if len(values) == 1 and not isinstance(values[0], dict) else []
    ),
    ("trace", 1): lambda owner, name: owner,
    ("trace", 2): lambda owner, name, projection: owner,
    ("children", 0): trees.children,
    ("descendants", 0): trees.descendants,
    ("repeat", 1): trees.repeat,
    ("aggregate", 1): trees.aggregate,
    ("aggregate", 2): trees.aggregate,
    ("abs", 0): _number(abs),
    ("ceiling", 0): _number(numbers.ceiling),
    ("floor", 0): _number(numbers.floor),
    ("truncate", 0): _number(numbers.truncate),
    ("round", 0): _number(numbers.round_to),
    ("round", 1): _number(numbers.round_to),
    ("sqrt", 0): _number(numbers.square_root),
    ("exp", 0): _number(numbers.exponential),
    ("ln", 0): _number(numbers.logarithm),
    ("log", 1): _number(numbers.logarithm),
    ("power", 1): _number(numbers.power),
    ("where", 1): _where,
    ("exists", 1): _exists_where,
    ("all", 1): _all,
    ("select", 1): _select,
    ("iif", 2): _iif,
    ("iif", 3): _iif,
    ("take", 1): _slice(lambda values, count: values[:count]),
    ("skip", 1): _slice(lambda values, count: values[count:]),
    ("resolve", 0): resolve,
    ("union", 1): _with_collection(lambda run, a, b: distinct(run, a + b)),
    ("combine", 1): _with_collection(lambda run, a, b: a + b),
    ("subsetOf", 1): _with_collection(lambda run, a, b: [keys_of(a) <= keys_of(b)]),
    ("supersetOf", 1): _with_collection(lambda run, a, b: [keys_of(a) >= keys_of(b)]),
    ("intersect", 1): _with_collection(lambda run, a, b: distinct(run, _split(a, b)[0])),
    ("exclude", 1): _with_collection(lambda run, a, b: _split(a, b)[1]),
    **BOUNDARY_FUNCTIONS,
    **TEXT_FUNCTIONS,
    **CONVERSION_FUNCTIONS,
}

OF_EACH = frozenset(
    ("where", "exists", "all", "select", "repeat", "aggregate", "sort", "iif", "trace")
)
"""Functions whose arguments are evaluated with each value as ``$this``."""

REASONS = {
    "now": "a trigger depends on nothing but the change",
    "today": "a trigger depends on nothing but the change",
    "timeOfDay": "a trigger depends on nothing but the change",
    "conformsTo": "validation against a profile is not the hub's; test the elements",
    "htmlChecks": "narrative is not checked",
    "subsumes": "the hub holds no hierarchies of codes; use memberOf()",
    "subsumedBy": "the hub holds no hierarchies of codes; use memberOf()",
    "elementDefinition": "the hub holds no profiles",
    "slice": "the hub holds no profiles; use where()",
    "checkModifiers": "the hub holds no profiles; test modifierExtension",
}
"""Why functions of the standard are refused."""
