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
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from hub.core.release import Json, Resource

Extractor: TypeAlias = Callable[[Resource], Sequence[Json]]

Step: TypeAlias = tuple[str, list[str]]
"""A name, and what stands in braces after it."""

_STEP = re.compile(r"(_?[A-Za-z]\w*)((?:\{[^{}]*\})*)(\.|\||$)")
_KEPT = re.compile(r"\{([^{}]*)\}")
_TYPED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}(?:/_history/[A-Za-z0-9.\-]+)?$")
_NOTHING: tuple[Json, ...] = ()


@lru_cache(maxsize=4_096)
def compile_path(path: str) -> Extractor:
    """Return the function that selects ``path``'s elements in a resource.

    Where the path is more than one step, its source is written here, step by step, and compiled: a
    tenth of the time of a chain of functions.  Names and values of the path stand in it as quoted
    constants only.  Resource types and releases share many paths, so each is compiled once.

    Raises:
        ValueError: ``path`` is not in the compact form.
    """
    name, wanted = only_element(path)
    if name:
        return _typed_element(name, wanted) if wanted else _element(name)
    found = branches(path)
    lines = ["def select(resource):"]
    for number, steps in enumerate(found):
        lines += _branch(f"found{number}", steps)
    together = " + ".join(f"[*found{number}]" for number in range(len(found)))
    if path.startswith("?"):
        together = f"(any(value is not False for value in {together}),)"
    elif len(found) == 1:
        together = "found0"
    lines.append(f"    return {together}")
    made: dict[str, Any] = {"of_type": _of_type, "NOTHING": _NOTHING}
    exec(compile("\n".join(lines), f"<path {path}>", "exec"), made)  # noqa: S102  # see above
    select: Extractor = made["select"]
    return select


def _element(name: str) -> Extractor:
    def select(resource: Resource) -> Sequence[Json]:
        found = resource.get(name)
        if type(found) is list:
            return found
        return _NOTHING if found is None else (found,)

    return select


def _typed_element(name: str, wanted: str) -> Extractor:
    def select(resource: Resource) -> Sequence[Json]:
        found = resource.get(name)
        if type(found) is list:
            return [item for item in found if _of_type(item, wanted, resource)]
        return (found,) if _of_type(found, wanted, resource) else _NOTHING

    return select


def branches(path: str) -> list[list[Step]]:
    """Return the steps of each branch of ``path``.

    Raises:
        ValueError: ``path`` is not in the compact form.
    """
    found: list[list[Step]] = [[]]
    path, position, separator = path.removeprefix("?"), 0, "."
    while separator:
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(f"{path!r} is no path at {position}")
        name, kept, separator = step.groups()
        found[-1].append((name, _KEPT.findall(kept)))
        position = step.end()
        if separator == "|":
            found.append([])
    return found


def only_element(path: str) -> tuple[str, str]:
    """Return the element of a path that is one name, and the type of what is kept of it.

    The name is '' for any other path, the type '' where all is kept.
    """
    match branches(path) if path and not path.startswith("?") else ():
        case [[(name, [])]]:
            return name, ""
        case [[(name, [kept])]] if kept.startswith(":"):
            return name, kept[1:]
    return "", ""


def _branch(found: str, steps: list[Step]) -> Iterator[str]:
    """Yield the lines that leave in ``found`` what one branch selects."""
    first = True
    for name, kept in steps:
        if first:
            yield f"    {found} = resource.get({name!r})"
            yield f"    if type({found}) is not list:"
            yield f"        {found} = NOTHING if {found} is None else [{found}]"
        else:
            yield f"    if {found}:"
            yield "        more = []"
            yield f"        for parent in {found}:"
            yield f"            value = parent.get({name!r}) if type(parent) is dict else None"
            yield "            if type(value) is list:"
            yield "                more += value"
            yield "            elif value is not None:"
            yield "                more.append(value)"
            yield f"        {found} = more"
        first = False
        for each in kept:
            yield f"    {found} = {_kept(found, each)}"


def _kept(found: str, kept: str) -> str:
    """Return the expression of those items of ``found`` that are kept."""
    if kept == "0":
        return f"{found}[:1]"
    if kept.startswith(":"):
        return f"[item for item in {found} if of_type(item, {kept[1:]!r}, resource)]"
    key, equals, wanted = kept.partition("=")
    if not equals:
        raise ValueError(f"{kept!r} is no filter")
    return f"[item for item in {found} if type(item) is dict and item.get({key!r}) == {wanted!r}]"


def _of_type(element: Json, wanted: str, root: Resource) -> bool:
    if type(element) is dict and "type" not in element and "resourceType" not in element:
        literal = element.get("reference")
        if type(literal) is str and not literal.startswith("#"):
            return _type_in(literal) == wanted
    return type_of(element, root) == wanted


@lru_cache(maxsize=8_192)
def _type_in(literal: str) -> str | None:
    typed = _TYPED.search(literal)
    return typed[1] if typed else None


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
    return _type_in(literal)


def contained(root: Resource, id: str) -> Resource | None:
    """Return the resource contained in ``root`` under ``id``."""
    inside = root.get("contained")
    for inner in inside if isinstance(inside, list) else ():
        if isinstance(inner, dict) and inner.get("id") == id:
            return inner
    return None
