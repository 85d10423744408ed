"""The functions of FHIRPath that a topic may use, and why others are refused.

Offered is what looks at one change and the resources it refers to, ends in bounded time and needs
nothing from outside the hub.
Source: http://hl7.org/fhirpath/N1/ ("Functions").
"""

from __future__ import annotations

from collections.abc import Callable

from hub.core.fhirpath_operator import (
    Node,
    Run,
    distinct,
    keys_of,
    member,
    negation,
    one,
    string,
    truth,
    weight,
    whole,
)
from hub.core.fhirpath_reference import resolve
from hub.core.fhirpath_value import Collection, key_of
from hub.core.release import Json
from hub.core.value_set import Expansion

OF_TYPE = ("ofType", "as", "is")
"""Functions whose argument is the name of a type; ``hub.core.fhirpath`` compiles them."""

_Plain = Callable[[Run, Collection], Collection]


def _plain(function: _Plain) -> Callable[..., Node]:
    return lambda owner: lambda run, this: function(run, owner(run, this))


def _text(function: Callable[[str], Json]) -> Callable[..., Node]:
    def read(run: Run, values: Collection) -> Collection:
        text = string(values)
        return [] if text is None else [function(text)]

    return _plain(read)


def _text_with(function: Callable[[str, str], bool]) -> Callable[..., Node]:
    def make(owner: Node, argument: Node) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            text, part = string(owner(run, this)), string(argument(run, this))
            return [] if text is None or part is None else [function(text, part)]

        return answer

    return make


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


def _kept(run: Run, values: Collection, test: Node) -> Collection:
    run.pay(len(values))
    return [value for value in values if truth(test(run, [value]))]


def _where(owner: Node, test: Node) -> Node:
    return lambda run, this: _kept(run, owner(run, this), test)


def _exists_where(owner: Node, test: Node) -> Node:
    return lambda run, this: [bool(_kept(run, owner(run, this), test))]


def _all(owner: Node, test: Node) -> Node:
    def answer(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        return [len(_kept(run, values, test)) == len(values)]

    return answer


def _select(owner: Node, projection: Node) -> Node:
    def project(run: Run, this: Collection) -> Collection:
        found: Collection = []
        for value in owner(run, this):
            part = projection(run, [value])
            run.pay(len(part) + 1)
            found.extend(part)
        return found

    return project


def _iif(owner: Node, test: Node, yes: Node, no: Node | None = None) -> Node:
    def choose(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        if truth(test(run, values)):
            return yes(run, values)
        return [] if no is None else no(run, values)

    return choose


def _slice(of: Callable[[Collection, int], Collection]) -> Callable[..., Node]:
    return lambda owner, count: (
        lambda run, this: of(owner(run, this), max(0, whole(count(run, this))))
    )


def _extension(owner: Node, url: Node) -> Node:
    def find(run: Run, this: Collection) -> Collection:
        wanted = string(url(run, this))
        found = member("extension", {})(run, owner(run, this))
        return [e for e in found if isinstance(e, dict) and e.get("url") == wanted]

    return find


def member_of(owner: Node, expansion: Expansion) -> Node:
    """Return ``owner.memberOf()``; of what is not exactly one code or concept it is empty.

    Source: http://hl7.org/fhir/R5/fhirpath.html#functions ("memberOf").
    """

    def answer(run: Run, values: Collection) -> Collection:
        held = expansion.holds(values[0]) if len(values) == 1 else None
        return [] if held is None else [held]

    return _plain(answer)(owner)


FUNCTIONS: dict[tuple[str, int], Callable[..., Node]] = {
    ("empty", 0): _plain(lambda run, values: [not values]),
    ("exists", 0): _plain(lambda run, values: [bool(values)]),
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
    ("allTrue", 0): _plain(lambda run, values: [all(v is True for v in values)]),
    ("anyTrue", 0): _plain(lambda run, values: [any(v is True for v in values)]),
    ("allFalse", 0): _plain(lambda run, values: [all(v is False for v in values)]),
    ("anyFalse", 0): _plain(lambda run, values: [any(v is False for v in values)]),
    ("lower", 0): _text(str.lower),
    ("upper", 0): _text(str.upper),
    ("trim", 0): _text(str.strip),
    ("length", 0): _text(len),
    ("startsWith", 1): _text_with(str.startswith),
    ("endsWith", 1): _text_with(str.endswith),
    ("contains", 1): _text_with(str.__contains__),
    ("where", 1): _where,
    ("exists", 1): _exists_where,
    ("all", 1): _all,
    ("select", 1): _select,
    ("iif", 2): _iif,
    ("iif", 3): _iif,
    ("take", 1): _slice(lambda values, count: values[:count]),
    ("skip", 1): _slice(lambda values, count: values[count:]),
    ("extension", 1): _extension,
    ("resolve", 0): resolve,
    ("union", 1): _with_collection(lambda run, a, b: distinct(run, a + b)),
    ("combine", 1): _with_collection(lambda run, a, b: a + b),
    ("subsetOf", 1): _with_collection(lambda run, a, b: [keys_of(a) <= keys_of(b)]),
    ("supersetOf", 1): _with_collection(lambda run, a, b: [keys_of(a) >= keys_of(b)]),
    ("intersect", 1): _with_collection(lambda run, a, b: distinct(run, _split(a, b)[0])),
    ("exclude", 1): _with_collection(lambda run, a, b: _split(a, b)[1]),
}

_REASONS = {
    "matches": "a regular expression can take unbounded time; use startsWith, endsWith, contains",
    "replaceMatches": "a regular expression can take unbounded time",
    "matchesFull": "a regular expression can take unbounded time",
    "repeat": "it can go on without end",
    "descendants": "name the path",
    "children": "name the path",
    "aggregate": "it can grow without end",
    "trace": "a trigger has no output",
    "now": "a trigger depends on nothing but the change",
    "today": "a trigger depends on nothing but the change",
    "timeOfDay": "a trigger depends on nothing but the change",
}


def why_not(name: str, arguments: int) -> str:
    """Return why a function is refused, and what is offered."""
    counts = sorted(count for known, count in FUNCTIONS if known == name)
    if name == "memberOf":
        counts = [1]
    if counts:
        return f"{name}() takes {' or '.join(map(str, counts))} arguments, not {arguments}"
    if name in _REASONS:
        return f"{name}() is not evaluated: {_REASONS[name]}"
    offered = sorted({known for known, _ in FUNCTIONS} | {*OF_TYPE, "memberOf"})
    return f"{name}() is not evaluated; offered: {', '.join(offered)}"
