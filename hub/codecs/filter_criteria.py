"""Filters as R4 and R4B write them: search strings in the extension backport-filter-criteria.

Accepted are ``patient=Patient/1``, ``Encounter.patient=Patient/1``,
``Encounter?patient=Patient/1``, each with ``:modifier``, and several joined by ``&``.  What stands
before the first dot is a type exactly if it begins with a capital letter, else part of a chain.
Source: backport IG, "Components" (filter criteria) and its examples, which use the ``?``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from hub.core.search_parameter import ANY_RESOURCE
from hub.core.subscription import FilterBy
from hub.errors import FilterInvalid

_query = re.compile(r"(?P<type>[A-Z][A-Za-z]*)\?(?P<rest>.*)", re.DOTALL)
_dotted = re.compile(r"(?P<type>[A-Z][A-Za-z]*)\.(?P<rest>.*)", re.DOTALL)
_name = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*(?:[.:][A-Za-z_][A-Za-z0-9_\-]*)*")
_control = re.compile(r"[\x00-\x1f\x7f]")


def read_filters(text: str, expression: str) -> list[FilterBy]:
    """Read one filter string; all of what it gives must hold.

    Percent escapes are undone once, after the string is taken apart.

    Args:
        text: what the extension holds.
        expression: its path, for messages.

    Raises:
        FilterInvalid: it is no search string, or a part has no name or no value.
    """
    whole = _query.fullmatch(text)
    resource_type = whole["type"] if whole else None
    rest = whole["rest"] if whole else text
    return [_read_part(part, resource_type, text, expression) for part in rest.split("&")]


def _read_part(part: str, resource_type: str | None, text: str, expression: str) -> FilterBy:
    written, equals, escaped = part.partition("=")
    try:
        name, value = unquote(written, errors="strict"), unquote(escaped, errors="strict")
    except UnicodeDecodeError:
        raise _invalid(text, "has percent escapes that are not UTF-8", expression) from None
    if not equals or not value or _control.search(value):
        raise _invalid(text, f"has no usable value after {written!r}", expression)
    if resource_type is None and (dotted := _dotted.fullmatch(name)):
        resource_type, name = dotted["type"], dotted["rest"]
    if not _name.fullmatch(name):
        raise _invalid(text, f"has no parameter name before {'=' + value!r}", expression)
    parameter, modifier = split_modifier(name)
    return FilterBy(
        filter_parameter=parameter,
        value=value,
        resource_type=None if resource_type == ANY_RESOURCE else resource_type,
        modifier=modifier,
    )


def split_modifier(name: str) -> tuple[str, str | None]:
    """Part a search parameter's name from its modifier.

    Colons that belong to a chain (``subject:Patient.name``) or to ``_has:Type:reference:name`` are
    no modifiers.
    """
    links, dot, last = name.rpartition(".")
    pieces = last.split(":")
    place = 0
    while pieces[place : place + 1] == ["_has"]:
        place += 3
    parameter = ":".join(pieces[: place + 1])
    return f"{links}{dot}{parameter}", ":".join(pieces[place + 1 :]) or None


def write_filter(filter_by: FilterBy) -> str:
    """Write one filter in the dotted form of the guide; ``read_filters`` reads the same back.

    A comparator becomes the prefix of the value, as search has it.
    """
    prefix = f"{filter_by.resource_type}." if filter_by.resource_type else ""
    modifier = f":{filter_by.modifier}" if filter_by.modifier else ""
    value = f"{filter_by.comparator or ''}{filter_by.value}"
    for sign, escape in (("%", "%25"), ("&", "%26")):
        value = value.replace(sign, escape)
    return f"{prefix}{filter_by.filter_parameter}{modifier}={value}"


def _invalid(text: str, complaint: str, expression: str) -> FilterInvalid:
    return FilterInvalid(
        f"{expression} {text!r} {complaint}; allowed: [type.]parameter[:modifier]=value",
        expression=expression,
    )
