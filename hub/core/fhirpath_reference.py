"""``resolve()``: from a reference to what it names, in the hub's own copy.

The copy is read as it stands right after the write, for ``%previous`` too.  What it does not hold
is left out, and so is a reference to another server or by identifier.
Source: http://hl7.org/fhir/R5/fhirpath.html#functions ("resolve").
"""

from __future__ import annotations

from hub.core.fhirpath_run import Node, Run
from hub.core.fhirpath_value import Collection
from hub.core.release import Json, Resource
from hub.core.search_path import contained
from hub.core.search_value import LOCAL_REFERENCE, local_reference

_PRICE = 1_000
"""What it costs to follow one reference, as many touched values."""


def resolve(owner: Node) -> Node:
    """Return ``owner.resolve()``; a version in a reference is not heeded."""

    def follow(run: Run, this: Collection) -> Collection:
        targets = (_target(run, value) for value in owner(run, this))
        return [target for target in targets if target is not None]

    return follow


def _target(run: Run, value: Json) -> Resource | None:
    run.pay(_PRICE)
    literal = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(literal, str):
        return None
    if literal.startswith("#"):
        root = _root_of(run, value)
        return root if root is None or literal == "#" else contained(root, literal[1:])
    local = LOCAL_REFERENCE.fullmatch(local_reference(literal, run.base_url))
    if local is None:
        return None
    found = run.resolver.read(local[1], local[2])
    if found is not None:
        run.resolved.append(found)
    return found


def _root_of(run: Run, value: Json) -> Resource | None:
    """Return the resource that ``value`` is a part of, this very object."""
    roots: list[Resource] = [*run.current, *run.previous, *run.resolved]
    for root in roots:
        waiting: Collection = [root]
        while waiting:
            part = waiting.pop()
            if part is value:
                return root
            run.pay(1)
            if isinstance(part, dict):
                waiting.extend(part.values())
            elif isinstance(part, list):
                waiting.extend(part)
    return None
