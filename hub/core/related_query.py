"""Queries that help a subscriber to follow an event up, as a topic's shape names them.

A topic writes a template; in a notification its placeholders are filled: ``[id]`` and ``[type]``
of the focus, and the code of a search parameter of references, such as ``[patient]``, for what
the focus refers to (``Patient/1``).  A query whose placeholders can't be filled is left out.
Source: backport IG, StructureDefinition backport-related-query ("templates").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hub.core.release import Json, Resource
from hub.core.search_parameter import SearchParameters
from hub.core.search_value import LOCAL_REFERENCE
from hub.errors import InvalidResource, TopicRefused

RELATED_QUERY: Final = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-related-query"
)
"""The extension that holds a related query, on a topic's shape and on an event."""

_PLACEHOLDER: Final = re.compile(r"\[([A-Za-z][A-Za-z0-9-]*)\]")
_OF_FOCUS: Final = ("id", "type")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB: Final = ("http://", "https://")
_LONGEST: Final = 2048


@dataclass(frozen=True, slots=True)
class Coding:
    """A code with its system, and how people call it."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class RelatedQuery:
    """A URL to GET, absolute or below the base, or a template of one; and of what type it is."""

    query: str
    query_type: Coding | None = None

    def filled(self, focus: Resource, parameters: SearchParameters) -> RelatedQuery | None:
        """Return the query with its placeholders filled, None where one can't be.

        A reference must be to exactly one of the hub's own resources: any other choice would be
        arbitrary.
        """
        values: dict[str, str] = {}
        for name in _PLACEHOLDER.findall(self.query):
            if name in _OF_FOCUS:
                found = [str(focus["resourceType" if name == "type" else name])]
            else:
                found = _referred(focus, name, parameters)
            if len(found) != 1:
                return None
            values[name] = found[0]
        query = _PLACEHOLDER.sub(lambda match: values[match[1]], self.query)
        return RelatedQuery(query, self.query_type)

    def missing(self, resource_type: str, parameters: SearchParameters) -> list[str]:
        """Return the placeholders that nothing of a focus of this type ever fills."""
        return [
            name
            for name in _PLACEHOLDER.findall(self.query)
            if name not in _OF_FOCUS and not _is_reference(resource_type, name, parameters)
        ]

    def url(self, base_url: str) -> str:
        """Return the absolute URL, at the base ``base_url``."""
        if self.query.startswith(_WEB):
            return self.query
        return f"{base_url}/{self.query.removeprefix('/')}"


def read_related_queries(extensions: Json, path: str) -> tuple[RelatedQuery, ...]:
    """Read the related queries among the extensions of a topic's shape.

    Args:
        extensions: the list, or None.
        path: of the shape.

    Raises:
        InvalidResource: one of them is not of the form that the guide gives.
        TopicRefused: one is no URL that can be fetched by GET.
    """
    found = []
    for index, extension in enumerate(_objects(extensions)):
        if extension.get("url") == RELATED_QUERY:
            found.append(_read(extension, f"{path}.extension[{index}]"))
    return tuple(found)


def _read(extension: Resource, path: str) -> RelatedQuery:
    parts = {part.get("url"): part for part in _objects(extension.get("extension"))}
    query = parts.get("query", {}).get("valueString")
    coding = parts.get("queryType", {}).get("valueCoding", {})
    if not isinstance(query, str) or not query or not isinstance(coding, dict):
        raise InvalidResource(
            f"{path} needs a query with a valueString, and may have a queryType with a valueCoding",
            expression=path,
        )
    is_other_scheme = _SCHEME.match(query) is not None and not query.startswith(_WEB)
    if is_other_scheme or query.startswith("//") or len(query) > _LONGEST or _has_blank(query):
        raise TopicRefused(
            f"{path} {query[:64]!r} can't be fetched by GET; write a URL that is http, https or "
            f"below the base, percent-encoded, of at most {_LONGEST} characters",
            expression=path,
        )
    members = (coding.get("system"), coding.get("code"), coding.get("display"))
    return RelatedQuery(query, Coding(*members) if any(members) else None)


def _has_blank(text: str) -> bool:
    return any(character.isspace() or not character.isprintable() for character in text)


def _objects(value: Json) -> Iterable[Resource]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _is_reference(resource_type: str, code: str, parameters: SearchParameters) -> bool:
    parameter = parameters.get(resource_type, code)
    return parameter is not None and parameter.type == "reference"


def _referred(focus: Resource, code: str, parameters: SearchParameters) -> list[str]:
    """Return the hub's own resources to which the focus refers, as ``Type/id``."""
    parameter = parameters.get(str(focus["resourceType"]), code)
    if parameter is None or parameter.type != "reference":
        return []
    matches = (LOCAL_REFERENCE.fullmatch(term) for term in parameter.values(focus).terms)
    return sorted({f"{match[1]}/{match[2]}" for match in matches if match is not None})
