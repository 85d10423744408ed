"""Functions of FHIRPath that walk a resource or go on with their own results.

Each step is paid from the budget, so that none goes on without end.
Source: http://hl7.org/fhirpath/N1/ ("Tree navigation", "repeat", "aggregate", "sort").
"""

from __future__ import annotations

from functools import cmp_to_key

from hub.core.fhirpath_path import filled
from hub.core.fhirpath_run import FhirPathFailure, Node, Run, one, weight
from hub.core.fhirpath_value import Collection, key_of, less
from hub.core.release import Json

_Row = tuple[tuple[Collection, ...], Json]


def children(owner: Node) -> Node:
    """Return ``owner.children()``: the elements of each value, in the order of the JSON."""
    return lambda run, this: _children(run, owner(run, this))


def _children(run: Run, values: Collection) -> Collection:
    found: Collection = []
    for value in values:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name[0] == "_":
                    found.extend(filled([], inner) if name[1:] not in value else [])
                elif name != "resourceType":
                    found.extend(
                        filled(inner if isinstance(inner, list) else [inner], value.get(f"_{name}"))
                    )
    run.pay(len(values) + len(found))
    return found


def descendants(owner: Node) -> Node:
    """Return ``owner.descendants()``: children, their children and so on."""

    def walk(run: Run, this: Collection) -> Collection:
        found: Collection = []
        level = _children(run, owner(run, this))
        while level:
            found.extend(level)
            level = _children(run, level)
        return found

    return walk


def repeat(owner: Node, projection: Node) -> Node:
    """Return ``owner.repeat(projection)``: what it gives, for that again, each value once."""

    def walk(run: Run, this: Collection) -> Collection:
        found: Collection = []
        known: set[object] = set()
        level = owner(run, this)
        while level:
            following: Collection = []
            for _, part in run.each(level, projection):
                run.pay(weight(part))
                for value in part:
                    key = key_of(value)
                    if key not in known:
                        known.add(key)
                        following.append(value)
            found.extend(following)
            level = following
        return found

    return walk


def aggregate(owner: Node, step: Node, start: Node | None = None) -> Node:
    """Return ``owner.aggregate(step, start)``; ``$total`` is what the step before gave."""

    def total(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        result = [] if start is None else start(run, this)
        outer, run.total = run.total, result
        for _, result in run.each(values, step):
            run.total = result
        run.total = outer
        return result

    return total


def sort(owner: Node, *keys: tuple[Node, bool]) -> Node:
    """Return ``owner.sort(...)``: by each key in turn, ``True`` from high to low.

    What has no key comes first either way.
    """

    def ordered(run: Run, this: Collection) -> Collection:
        values = owner(run, this)
        run.pay(len(values) * len(values).bit_length() * (len(keys) + 1))
        marks = zip(*([part for _, part in run.each(values, key)] for key, _ in keys), strict=True)
        rows: list[_Row] = list(zip(marks, values, strict=True))

        def compare(left: _Row, right: _Row) -> int:
            return _order(left[0], right[0], keys)

        try:
            rows.sort(key=cmp_to_key(compare))
        except TypeError as error:
            raise FhirPathFailure(str(error)) from None
        return [value for _, value in rows]

    return ordered


def _order(
    left: tuple[Collection, ...], right: tuple[Collection, ...], keys: tuple[tuple[Node, bool], ...]
) -> int:
    for first, second, (_, descending) in zip(left, right, keys, strict=True):
        if not first or not second:
            order = bool(first) - bool(second)
        else:
            order = _compared(one(first), one(second)) * (-1 if descending else 1)
        if order:
            return order
    return 0


def _compared(left: Json, right: Json) -> int:
    return (less(right, left) is True) - (less(left, right) is True)
