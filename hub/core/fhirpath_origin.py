"""Where the values of an expression come from: the path that tells the type of elements.

Source: http://hl7.org/fhirpath/N1/ ("Types").
"""

from __future__ import annotations

from hub.core.fhirpath_parser import Tree, call_of, kind_of, name_of, step_of, variable_of
from hub.core.fhirpath_type import UNKNOWN, Origin, type_origin

_KEPT = frozenset(
    ("first", "last", "tail", "skip", "take", "single", "where", "distinct", "exclude", "sort")
)
_ALSO_KEPT = frozenset(("intersect", "trace", "defineVariable"))
_ANY = frozenset(("select", "repeat", "aggregate", "iif", "union", "combine"))
_ALSO_ANY = frozenset(("children", "descendants", "resolve"))
_STATES = frozenset(("previous", "current", "resource", "context", "rootResource"))


def origin_of(tree: Tree | None, focus: Origin, variables: dict[str, Origin]) -> Origin:
    """Return the origin of an expression's values; ``focus`` is that of ``$this``."""
    if tree is None:
        return focus
    step, owner = step_of(tree)
    kind = kind_of(step)
    if kind in ("MemberInvocation", "FunctionInvocation"):
        of = origin_of(owner, focus, variables)
        return _member(of, name_of(step)) if kind[0] == "M" else _call(of, step)
    if kind == "IndexerExpression":
        return origin_of(step.getChild(0), focus, variables)
    if kind == "ThisInvocation":
        return focus
    if kind == "ExternalConstantTerm":
        name = variable_of(step)
        return () if name in _STATES else variables.get(name)
    if kind == "TypeExpression" and step.getChild(1).getText() == "as":
        return _of_type(step.getChild(2))
    if kind == "UnionExpression":
        left, right = (origin_of(step.getChild(side), focus, variables) for side in (0, 2))
        return left if left == right else UNKNOWN
    return UNKNOWN if kind == "TotalInvocation" else None


def _member(of: Origin, name: str) -> Origin:
    if of is None or of == UNKNOWN:
        return of
    return (*of, type_origin(name) if name[:1].isupper() else name)


def _call(of: Origin, tree: Tree) -> Origin:
    name, arguments = call_of(tree)
    if name in _KEPT | _ALSO_KEPT:
        return of
    if name in ("ofType", "as") and len(arguments) == 1:
        return _of_type(arguments[0])
    if name == "extension":
        return (type_origin("Extension"),)
    return UNKNOWN if name in _ANY | _ALSO_ANY else None


def _of_type(tree: Tree) -> Origin:
    text: str = tree.getText().replace("`", "")
    return None if text.startswith("System.") else (type_origin(text.removeprefix("FHIR.")),)
