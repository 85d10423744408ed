"""The compact form of a search parameter's expression, compiled to a function.

``a.b|c`` selects ``b`` inside ``a``, and ``c``; ``_a`` is where the extensions of a primitive ``a``
stand.  In braces after a name stands what is kept:
``entry{0}`` the first, ``telecom{system=phone}`` those with that element, ``for{:Patient}``
resources of that type or references to one.  ``?a|b`` is one boolean: there is an ``a`` or ``b``
that isn't false.
The tables are made by ``scripts/make-search-tables`` from HL7's FHIRPath expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from hub.core.release import Json, Resource

Extractor: TypeAlias = Callable[[Resource], Sequence[Json]]
_Step: TypeAlias = Callable[[Sequence[Json], Resource], Sequence[Json]]

_STEP = re.compile(r"(_?[A-Za-z]\w*)((?:\{[^{}]*\})*)(\.|\||$)")
_KEPT = re.compile(r"\{([^{}]*)\}")
_TYPED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}(?:/_history/[A-Za-z0-9.\-]+)?$")
_NOTHING: tuple[Json, ...] = ()


def compile_path(path: str) -> Extractor:
    """Return the function that selects ``path``'s elements in a resource.

    Raises:
        ValueError: ``path`` is not in the compact form.
    """
    if path.startswith("?"):
        chosen = compile_path(path[1:])
        return lambda resource: (any(value is not False for value in chosen(resource)),)
    branches = [_compile_branch(steps) for steps in _branches(path)]
    if len(branches) == 1:
        return branches[0]

    def union(resource: Resource) -> Sequence[Json]:
        return [element for branch in branches for element in branch(resource)]

    return union


def _branches(path: str) -> list[list[tuple[str, list[str]]]]:
    branches: list[list[tuple[str, list[str]]]] = [[]]
    position, separator = 0, "."
    while separator:
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"{path!r} is no path at {position}")
        name, kept, separator = step.groups()
        branches[-1].append((name, _KEPT.findall(kept)))
        position = step.end()
        if separator == "|":
            branches.append([])
    return branches


def _compile_branch(steps: list[tuple[str, list[str]]]) -> Extractor:
    (first, kept), *rest = steps
    if not rest and not kept:

        def element(resource: Resource) -> Sequence[Json]:
            value = resource.get(first)
            if value is None:
                return _NOTHING
            return value if isinstance(value, list) else (value,)

        return element

    functions: list[_Step] = []
    for name, filters in steps:
        functions.append(_child(name))
        functions.extend(map(_filter, filters))

    def elements(resource: Resource) -> Sequence[Json]:
        found: Sequence[Json] = (resource,)
        for function in functions:
            found = function(found, resource)
            if not found:
                return _NOTHING
        return found

    return elements


def _child(name: str) -> _Step:
    def child(parents: Sequence[Json], _: Resource) -> Sequence[Json]:
        found: list[Json] = []
        for parent in parents:
            value = parent.get(name) if isinstance(parent, dict) else None
            if isinstance(value, list):
                found.extend(value)
            elif value is not None:
                found.append(value)
        return found

    return child


def _filter(kept: str) -> _Step:
    key, equals, wanted = kept.partition("=")
    if kept == "0":
        return lambda found, _: found[:1]
    if kept.startswith(":"):
        return lambda found, root: [item for item in found if type_of(item, root) == kept[1:]]
    if not equals:
        raise ValueError(f"{kept!r} is no filter")
    return lambda found, _: [
        item for item in found if isinstance(item, dict) and item.get(key) == wanted
    ]


def type_of(element: Json, root: Resource) -> str | None:
    """Return the type of a resource, or of what a Reference inside ``root`` points to.

    None if it can't be told from the element itself: references are not followed here.
    """
    if not isinstance(element, dict):
        return None
    for key in ("resourceType", "type"):
        stated = element.get(key)
        if isinstance(stated, str):
            return stated
    literal = element.get("reference")
    if not isinstance(literal, str):
        return None
    if literal.startswith("#"):
        inner = contained(root, literal[1:])
        return type_of(inner, root) if inner is not None else None
    typed = _TYPED.search(literal)
    return typed[1] if typed else None


def contained(root: Resource, id: str) -> Resource | None:
    """Return the resource contained in ``root`` under ``id``."""
    inside = root.get("contained")
    for inner in inside if isinstance(inside, list) else ():
        if isinstance(inner, dict) and inner.get("id") == id:
            return inner
    return None
