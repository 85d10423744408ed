"""SearchParameter resources in the compact form of the tables.

The FHIRPath expression is brought into the form of ``hub.core.search_path``.  What that form can't
say is left out, with the reason.
Source: http://hl7.org/fhir/R5/searchparameter.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hub.codecs.tables import Elements
from hub.core.release import Resource
from hub.core.search_parameter import ANY_RESOURCE

OFFICIAL = "http://hl7.org/fhir/SearchParameter/"
"""The prefix that the tables leave out of a parameter's url."""

CODED = frozenset(("Coding", "CodeableConcept", "Identifier", "ContactPoint", "CodeableReference"))
_BARE = ["code", "boolean", "string", "id", "uri", "url", "canonical", "oid", "integer", "markdown"]
READABLE = {
    "token": CODED.union(_BARE),
    "reference": frozenset(("Reference", "CodeableReference", "canonical", "uri", "url")),
    "string": frozenset(["string", "markdown", "code", "id", "HumanName", "Address", "xhtml"]),
    "date": frozenset(["date", "dateTime", "instant", "Period", "Timing"]),
    "number": frozenset(["integer", "decimal", "positiveInt", "unsignedInt", "integer64"]),
    "quantity": frozenset(
        [
            "Quantity",
            "SimpleQuantity",
            "Age",
            "Duration",
            "Count",
            "Distance",
            "Money",
            "MonetaryAmount",
            "Range",
        ]
    ),
    "uri": frozenset(["uri", "url", "canonical", "oid", "uuid"]),
}
"""The element types that ``hub.core.search_value`` reads, per type of parameter."""

_STEP = re.compile(
    r"\.?(?:(?P<where>where|as|ofType|extension)\((?P<argument>(?:[^()]|\(\))*)\)"
    r"|(?P<name>[A-Za-z]\w*)(?!\w*\())|\[(?P<index>0)\]"
)
_PRESENT = re.compile(r"(?P<path>[\w.]+)\.exists\(\) and (?P=path) != false")
_RESOLVED = re.compile(r"resolve\(\) is (\w+)")
_EQUAL = re.compile(r"(\w+)\s*=\s*'([^'{}]*)'")
_QUOTED = re.compile(r"'([^'{}]*)'")
_WHOLE = re.compile(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_CAST = re.compile(r"\(([\w.]+) as (\w+)\)(.*)|([\w.\[\]]+) as (\w+)")
_SPELLED = {"DateTime": "dateTime"}
"""Types as an expression of R4 misspells them."""

_LONGEST = 20_000


class LeftOut(Exception):
    """Why a parameter, or a part of its expression, can't be evaluated."""


class Branch(NamedTuple):
    """One way to an element: compact path, type of the element, the only type it refers to."""

    path: str
    type: str
    only: str | None = None


def table_entry(
    definition: Resource, base: str, elements: Elements
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return one parameter of one resource type as the tables have it.

    Also return why parts of its expression are left out.  ``base`` may be ``Resource``.

    Raises:
        LeftOut: nothing of it can be evaluated in the release of ``elements``.
    """
    kind, expression = definition.get("type"), definition.get("expression")
    if kind not in READABLE:
        raise LeftOut(f"type {kind}")
    if base not in elements.resource_types and base != ANY_RESOURCE:
        raise LeftOut(f"{base} is no resource type of the release")
    if not expression or not isinstance(expression, str):
        raise LeftOut("no expression")
    if len(expression) > _LONGEST:
        raise LeftOut(f"its expression is longer than {_LONGEST} characters")
    found: list[Branch] = []
    reasons: list[str] = []
    for part in _union(expression):
        try:
            found += _branches(part, base, kind, elements)
        except LeftOut as reason:
            reasons.append(str(reason))
    if not found:
        raise LeftOut("; ".join(reasons) or "its expression is about other types")
    entry = {
        "type": kind,
        "url": str(definition.get("url")).removeprefix(OFFICIAL),
        "path": "|".join(dict.fromkeys(branch.path for branch in found)),
    }
    if kind == "token":
        coded = {branch.type in CODED for branch in found}
        entry["form"] = "mixed" if len(coded) == 2 else "coded" if coded == {True} else "bare"
    if kind == "reference":
        entry["targets"] = _targets(definition, found, elements.resource_types)
    return entry, tuple(reasons)


def _targets(definition: Resource, found: Sequence[Branch], known: frozenset[str]) -> Any:
    """Return the types that a reference may point to, ``*`` for all."""
    only = [branch.only for branch in found]
    if all(only):
        return sorted({name for name in only if name})
    stated = definition.get("target")
    if stated == "*":
        return stated
    targets = known & set(stated if isinstance(stated, list) else ())
    return "*" if targets >= known - {"Parameters"} else sorted(targets)


def _branches(part: str, base: str, kind: str, elements: Elements) -> Iterator[Branch]:
    """Yield the branches of one part of a union; nothing if it is about another type."""
    present = _PRESENT.fullmatch(part)
    steps = list(_steps(present["path"] if present else part))
    if not steps or steps[0][0] != "name":
        raise LeftOut(f"{part or 'an empty part'} can't be said")
    if steps[0][1][0].islower():
        steps.insert(0, ("name", base))  # a few expressions leave the type out
    if steps[0][1] != base:
        return
    start = Branch("", "DomainResource" if base == ANY_RESOURCE else base)
    ends = _walk([start], steps[1:], elements)
    if present:
        yield Branch("?" + "|".join(end.path for end in ends), "boolean")
        return
    readable = [end for end in ends if end.type in READABLE[kind]]
    if not readable:
        types = ", ".join(sorted({end.type for end in ends})) or "a type that it can't have"
        raise LeftOut(f"{part}: a {kind} is not read from {types}")
    yield from readable


def _walk(
    found: list[Branch], steps: Sequence[tuple[str, str]], elements: Elements
) -> list[Branch]:
    for number, (verb, argument) in enumerate(steps):
        if verb == "name":
            follows = steps[number + 1] if number + 1 < len(steps) else ("", "")
            wanted = follows[1] if follows[0] == "type" else None
            found = [
                Branch(f"{at.path}.{key}".lstrip("."), type_)
                for at in found
                for key, type_ in _child(at.type, argument, wanted, elements)
            ]
        elif verb == "type":
            found = [_typed(branch, argument) for branch in found]
        elif verb == "resolves":
            found = [Branch(f"{at.path}{{:{argument}}}", at.type, argument) for at in found]
        else:
            found = [Branch(f"{at.path}{{{argument}}}", at.type, at.only) for at in found]
    return found


def _child(at: str, name: str, wanted: str | None, elements: Elements) -> Iterator[tuple[str, str]]:
    """Yield (JSON key, type) of the element ``name``; a choice has one key per type."""
    if at == "DomainResource" and at not in elements:
        at = "Patient"  # every resource that can be found has what it has
    there = {element.name: element for element in elements.of(at)} if at in elements else {}
    if name in there:
        yield name, there[name].types[0]
        return
    choice = there.get(f"{name}[x]")
    if choice is None:
        raise LeftOut(f"{at} has no element {name}")
    for key, type_ in choice.json_names.items():
        if wanted in (None, type_):
            yield key, type_


def _typed(branch: Branch, wanted: str) -> Branch:
    """Keep ``branch`` if its type is ``wanted``."""
    if branch.type == wanted:
        return branch
    if branch.type == ANY_RESOURCE:
        return Branch(f"{branch.path}{{:{wanted}}}", wanted, branch.only)
    raise LeftOut(f"{branch.path} is {branch.type}, never {wanted}")


def _union(expression: str) -> Iterator[str]:
    """Yield the parts between the bars that stand outside parentheses, without their own."""
    depth, part = 0, ""
    for char in expression + "|":
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            whole = _WHOLE.fullmatch(part.strip())
            yield whole[1].strip() if whole else part.strip()
            part = ""
        else:
            part += char


def _steps(part: str) -> Iterator[tuple[str, str]]:
    """Yield the steps of a path as (verb, argument).

    Verbs: name, type (as, ofType), resolves (where(resolve() is X)), keep (what stands in braces).
    """
    cast = _CAST.fullmatch(part)
    if cast:
        path, type_, rest = cast[1] or cast[4], cast[2] or cast[5], cast[3] or ""
        part = f"{path}.as({type_}){rest}"
    position = 0
    while position < len(part):
        step = _STEP.match(part, position)
        if step is None:
            raise LeftOut(f"{part}: {part[position:]} can't be said")
        position = step.end()
        argument = step["argument"]
        if step["name"]:
            yield "name", step["name"]
        elif step["index"]:
            yield "keep", step["index"]
        elif step["where"] in ("as", "ofType"):
            yield "type", _SPELLED.get(argument, argument)
        elif step["where"] == "extension" and (quoted := _QUOTED.fullmatch(argument)):
            yield "name", "extension"
            yield "keep", f"url={quoted[1]}"
        elif resolved := _RESOLVED.fullmatch(argument):
            yield "resolves", resolved[1]
        elif equal := _EQUAL.fullmatch(argument):
            yield "keep", f"{equal[1]}={equal[2]}"
        else:
            raise LeftOut(f"{part}: {step['where']}({argument}) can't be said")
