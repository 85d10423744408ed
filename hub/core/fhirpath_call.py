"""Functions of FHIRPath that are settled when an expression is compiled.

Their arguments are names of types or variables, or literals that must be right from the start.
Source: http://hl7.org/fhirpath/N1/; http://hl7.org/fhirpath/ ("defineVariable", "sort").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hub.core import fhirpath_operator as operators
from hub.core import fhirpath_path as paths
from hub.core.fhirpath_function import FUNCTIONS, REASONS, member_of
from hub.core.fhirpath_parser import Tree, kind_of, name_of, refuse, step_of
from hub.core.fhirpath_pattern import BadPattern, compile_pattern, matches, replace_matches
from hub.core.fhirpath_run import Constant, Node, Run
from hub.core.fhirpath_tree import sort
from hub.core.fhirpath_type import FhirTypes, Origin, of_type, type_filter, type_info
from hub.core.fhirpath_value import Collection
from hub.core.value_set import NotExpandable, ValueSets

_MOST_KEYS = 5


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function, ``of`` what; None is ``$this``."""

    tree: Tree
    of: Tree | None
    arguments: list[Tree]
    depth: int


class Compiling(Protocol):
    """What the compiler gives to those who compile a call."""

    types: FhirTypes
    value_sets: ValueSets
    focus: Origin

    def owner(self, tree: Tree | None, depth: int) -> Node: ...
    def argument(self, tree: Tree, depth: int) -> Node: ...
    def extensions(self, owner: Tree | None, depth: int) -> Node: ...
    def origin(self, tree: Tree | None) -> Origin: ...
    def define(self, name: str, origin: Origin) -> int: ...
    def is_bound(self, name: str) -> bool: ...


def as_type(compiler: Compiling, call: Call, operator: str) -> Node:
    """Compile ``is``, ``as`` or ``ofType`` with the name of a type."""
    (tree,) = call.arguments
    text = tree.getText().replace("`", "")
    namespace, _, name = text.rpartition(".")
    if namespace not in ("", "FHIR", "System"):
        refuse(f"there is no type {text}", tree.start)
    owner = compiler.owner(call.of, call.depth)
    last, parents = (None, None) if call.of is None else step_of(call.of)
    element = name_of(last) if kind_of(last) == "MemberInvocation" else ""
    is_choice = element in compiler.types.choices
    chosen = compiler.types.chosen(element, name, operator == "is") if is_choice else []
    if is_choice and not chosen and not compiler.types.is_plain(element):
        refuse(f"{element} is never of type {name}", tree.start)
    try:
        match = of_type(
            compiler.types, name, namespace, compiler.origin(call.of), exactly=operator != "is"
        )
    except TypeError as error:
        refuse(str(error), tree.start)
    if is_choice:
        # Elsewhere an element may have this name and one type: Identifier.value is no value[x].
        above = compiler.owner(parents, call.depth)
        plain = type_filter(paths.then(above, paths.member(element, {})), match)
        typed = operators.any_of(
            [plain, *(paths.then(above, paths.member(spelling, {})) for spelling in chosen)]
        )
    else:
        typed = type_filter(owner, match)
    if operator == "is":
        return operators.is_typed(owner, typed)
    return typed if operator == "ofType" else operators.single_typed(owner, typed)


def _type(compiler: Compiling, call: Call) -> Node:
    owner = compiler.owner(call.of, call.depth)
    return type_info(owner, compiler.types, compiler.origin(call.of))


def _extension(compiler: Compiling, call: Call) -> Node:
    found = compiler.extensions(call.of, call.depth)
    return operators.with_url(found, compiler.argument(call.arguments[0], call.depth))


def _literal(compiler: Compiling, call: Call, what: str) -> str | None:
    """Return what the literal string says that comes first; None of {}."""
    tree = call.arguments[0]
    node = compiler.argument(tree, call.depth)
    values = node.values if isinstance(node, Constant) else [None]
    if values and not isinstance(values[0], str):
        refuse(what, tree.start)
    return values[0] if values else None


def _member_of(compiler: Compiling, call: Call) -> Node:
    owner = compiler.owner(call.of, call.depth)
    what = "memberOf() takes the canonical of a ValueSet in quotes"
    url = _literal(compiler, call, what)
    if url is None:
        refuse(what, call.arguments[0].start)
    try:
        return member_of(owner, compiler.value_sets.expand(url))
    except NotExpandable as error:
        return refuse(f"memberOf(): {error}", call.arguments[0].start)


def _matching(make: Callable[..., Node]) -> Callable[[Compiling, Call], Node]:
    def compile_(compiler: Compiling, call: Call) -> Node:
        owner = compiler.owner(call.of, call.depth)
        pattern = _literal(compiler, call, "a regular expression is written in quotes")
        others = [compiler.argument(tree, call.depth) for tree in call.arguments[1:]]
        if pattern is None:
            return Constant([])
        try:
            return make(owner, compile_pattern(pattern), *others)
        except BadPattern as error:
            return refuse(
                f"this regular expression can't be used: {error}", call.arguments[0].start
            )

    return compile_


def _define_variable(compiler: Compiling, call: Call) -> Node:
    owner = compiler.owner(call.of, call.depth)
    name = _literal(compiler, call, "defineVariable() takes a name in quotes")
    if name is None or compiler.is_bound(name):
        refuse("defineVariable() takes a name that isn't bound yet", call.arguments[0].start)
    origin = compiler.origin(call.of)
    value: Node | None = None
    if len(call.arguments) > 1:
        outer, compiler.focus = compiler.focus, origin
        value = compiler.argument(call.arguments[1], call.depth)
        origin, compiler.focus = compiler.origin(call.arguments[1]), outer
    slot = compiler.define(name, origin)

    def define(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        run.variables[slot] = values if value is None else value(run, values)
        return values

    return define


def _sort(compiler: Compiling, call: Call) -> Node:
    owner = compiler.owner(call.of, call.depth)
    outer, compiler.focus = compiler.focus, compiler.origin(call.of)
    keys: list[tuple[Node, bool]] = []
    for tree in call.arguments:
        down = kind_of(tree) == "PolarityExpression" and tree.getChild(0).getText() == "-"
        key = tree.getChild(1) if down else tree
        keys.append((compiler.argument(key, call.depth), down))
    compiler.focus = outer
    return sort(owner, *(keys or [(lambda run, this: this, False)]))


COMPILED: dict[tuple[str, int], Callable[[Compiling, Call], Node]] = {
    ("ofType", 1): lambda compiler, call: as_type(compiler, call, "ofType"),
    ("as", 1): lambda compiler, call: as_type(compiler, call, "as"),
    ("is", 1): lambda compiler, call: as_type(compiler, call, "is"),
    ("type", 0): _type,
    ("extension", 1): _extension,
    ("memberOf", 1): _member_of,
    ("matches", 1): _matching(lambda owner, pattern: matches(owner, pattern, fully=False)),
    ("matchesFull", 1): _matching(lambda owner, pattern: matches(owner, pattern, fully=True)),
    ("replaceMatches", 2): _matching(replace_matches),
    ("defineVariable", 1): _define_variable,
    ("defineVariable", 2): _define_variable,
    **{("sort", count): _sort for count in range(_MOST_KEYS + 1)},
}


def why_not(name: str, arguments: int) -> str:
    """Return why a function is refused, and what is offered."""
    offered = [*FUNCTIONS, *COMPILED]
    counts = sorted(count for known, count in offered if known == name)
    if counts:
        return f"{name}() takes {' or '.join(map(str, counts))} arguments, not {arguments}"
    if name in REASONS:
        return f"{name}() is not evaluated: {REASONS[name]}"
    names = sorted({known for known, _ in offered})
    return f"{name}() is not evaluated; offered: {', '.join(names)}"
