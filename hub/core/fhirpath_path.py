"""The steps of FHIRPath from an element to those in it.

Source: http://hl7.org/fhirpath/N1/ ("Path selection").
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile, zip_longest

from hub.core.fhirpath_run import Node, Run
from hub.core.fhirpath_value import Collection, Valueless
from hub.core.release import Json

_Spellings = tuple[tuple[str, str], ...]


def itself(run: Run, this: Collection) -> Collection:
    """Be ``$this``."""
    return this


class Path:
    """A node that steps from what ``owner`` gives to elements in it, and on to those in these.

    Each step is given by the JSON names of its element (``_spellings``).  That a path is one node,
    not one for each step, halves its time.
    """

    __slots__ = ("_first", "owner", "steps")

    def __init__(self, owner: Node, *steps: _Spellings) -> None:
        self.owner = owner
        self.steps = steps
        self._first = [names[0] for names in takewhile(lambda names: len(names) == 1, steps)]

    def __call__(self, run: Run, this: Collection) -> Collection:
        values = self.owner(run, this)
        if len(values) != 1:
            return self._walk(run, values, 0)
        # Most elements stand alone: then there is nothing to collect on the way.
        value, done = values[0], 0
        for spelling, extended in self._first:
            if type(value) is not dict:
                break
            inner = value.get(spelling)
            if inner is None and extended not in value:
                run.pay(2 * done + 1)
                return []
            if inner is None or type(inner) is list:
                break
            value = inner
            done += 1
        run.pay(2 * done)
        return [value] if done == len(self.steps) else self._walk(run, [value], done)

    def _walk(self, run: Run, values: Collection, done: int) -> Collection:
        for names in self.steps[done:]:
            if not values:
                break
            found: Collection = []
            for value in values:
                if isinstance(value, dict):
                    for name in names:
                        found += _members(value, *name)
            run.pay(len(values) + len(found))
            values = found
        return values


def _members(parent: dict[str, Json], spelling: str, extended: str) -> Collection:
    inner = parent.get(spelling)
    if isinstance(inner, list):
        return filled(inner, parent.get(extended)) if None in inner else inner
    if inner is not None:
        return [inner]
    return filled([], parent[extended]) if extended in parent else []


def then(owner: Node, step: Node) -> Node:
    """Return ``owner.step``."""
    if isinstance(step, Path) and step.owner is itself:
        if isinstance(owner, Path):
            return Path(owner.owner, *owner.steps, *step.steps)
        return Path(owner, *step.steps)
    return lambda run, this: step(run, owner(run, this))


def member(name: str, choices: Mapping[str, tuple[str, ...]]) -> Node:
    """Return the step to an element; a choice element is found under its typed names.

    A capital letter names a resource type: ``Task.status`` is ``status`` of a Task.
    """
    if not name[:1].isupper():
        return Path(itself, _spellings(name, choices))
    return lambda run, this: [
        value for value in this if isinstance(value, dict) and value.get("resourceType") == name
    ]


def _spellings(name: str, choices: Mapping[str, tuple[str, ...]]) -> _Spellings:
    """Return the JSON names of an element, each with that of its extensions if it is primitive."""
    return tuple((each, f"_{each}") for each in (name, *choices.get(name, ())))


def filled(values: Collection, extensions: Json) -> Collection:
    """Return the values of an element without gaps.

    A gap with extensions is an element without value.
    """
    others = extensions if isinstance(extensions, list) else [extensions]
    pairs = zip_longest(values, others)
    found = (
        Valueless(other) if value is None and isinstance(other, dict) else value
        for value, other in pairs
    )
    return [value for value in found if value is not None]


def extensions(parents: Node, name: str, choices: Mapping[str, tuple[str, ...]]) -> Node:
    """Return ``name.extension``, of primitive elements too."""
    names = _spellings(name, choices)
    inner = member("extension", {})

    def find(run: Run, this: Collection) -> Collection:
        elements: Collection = []
        for parent in parents(run, this):
            if isinstance(parent, dict):
                for each in (spelling for pair in names for spelling in pair):
                    value = parent.get(each)
                    elements.extend(value if isinstance(value, list) else [value])
        run.pay(len(elements))
        return inner(run, elements)

    return find
