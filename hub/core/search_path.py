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
from typing import Any, TypeAlias

from hub.core.release import Json, Resource

Extractor: TypeAlias = Callable[[Resource], Sequence[Json]]

_STEP = re.compile(r"(_?[A-Za-z]\w*)((?:\{[^{}]*\})*)(\.|\||$)")
_KEPT = re.compile(r"\{([^{}]*)\}")
_TYPED = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}(?:/_history/[A-Za-z0-9.\-]+)?$")
_PLAIN = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64}")
_NOTHING: tuple[Json, ...] = ()


def compile_path(path: str) -> Extractor:
    """Return the function that selects ``path``'s elements in a resource.

    Its source is written here, step by step, and compiled: a tenth of the time of a chain of
    functions.  Names and values of the path stand in it as quoted constants only.

    Raises:
        ValueError: ``path`` is not in the compact form.
    """
    lines = ["def select(resource):"]
    branches = _branches(path.removeprefix("?"))
    for number, steps in enumerate(branches):
        lines += _branch(f"found{number}", steps)
    together = " + ".join(f"[*found{number}]" for number in range(len(branches)))
    if path.startswith("?"):
        together = f"(any(value is not False for value in {together}),)"
    elif len(branches) == 1:
        together = "found0"
    lines.append(f"    return {together}")
    made: dict[str, Any] = {"of_type": _of_type, "NOTHING": _NOTHING}
    exec(compile("\n".join(lines), f"<path {path}>", "exec"), made)  # noqa: S102  # see above
    select: Extractor = made["select"]
    return select


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


def _branch(found: str, steps: list[tuple[str, list[str]]]) -> Iterator[str]:
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
    if type(element) is dict and len(element) == 1:
        literal = element.get("reference")
        if type(literal) is str and literal.startswith(wanted) and _PLAIN.fullmatch(literal):
            return literal[len(wanted)] == "/"
    return type_of(element, root) == wanted


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
