"""Does a resource follow the definition of its type in a release?

Yes takes microseconds; no takes longer and names each wrong element.
Sources: http://hl7.org/fhir/validation.html (structure, cardinality, value domains, required
bindings); http://hl7.org/fhir/operationoutcome.html.
"""

from __future__ import annotations

from itertools import islice

import jsonschema_rs

from hub.codecs.conformance import issues_of
from hub.codecs.primitive import PRIMITIVES
from hub.codecs.schema import compile_schema
from hub.codecs.tables import elements
from hub.core.json_text import Document
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import InvalidResource

MAX_ISSUES = 20
"""How many issues one refusal names."""

Route = tuple[str, str]


class Validator:
    """The check of one release.  Schemas are compiled when a type is first seen."""

    def __init__(self, release: FhirRelease) -> None:
        self.release = release
        self.types: frozenset[str] = elements(release).resource_types
        self._elements = elements(release)
        self._compiled: dict[str, jsonschema_rs.Draft4Validator] = {}
        self._routes: dict[str, tuple[Route, ...]] = {}

    def check(self, resource: Document | Resource) -> None:
        """Return if ``resource`` follows the definition of its type.

        Raises:
            InvalidResource: it does not; ``issues`` names up to ``MAX_ISSUES`` elements.
        """
        value = resource.value if isinstance(resource, Document) else resource
        if self._is_plainly_valid(value):
            return
        issues = list(islice(issues_of(value, self.release), MAX_ISSUES))
        if issues:
            first, more = issues[0].diagnostics, len(issues) - 1
            raise InvalidResource(
                f"{first} (and {more} more)" if more else first,
                expression=issues[0].expression,
                issues=issues,
            )

    def _is_plainly_valid(self, value: Json, *, is_contained: bool = False) -> bool:
        kind = value.get("resourceType")
        schema = self._compiled.get(kind) if isinstance(kind, str) else None
        if schema is None:
            if not isinstance(kind, str) or kind not in self.types:
                return False
            schema = self._compiled[kind] = compile_schema(self._elements, kind)
        try:
            if not schema.is_valid(value) or (is_contained and "contained" in value):
                return False
        except ValueError:  # a number that only keeps its spelling as a SpelledDecimal
            return False
        return self._is_valid_inside(value, kind)

    def _is_valid_inside(self, value: Json, kind: str) -> bool:
        """Tell whether the resources inside a valid value are valid, too."""
        for name, code in self._routes_of(kind):
            member = value.get(name)
            if member is None:
                continue
            for each in member if isinstance(member, list) else (member,):
                if code != "Resource":
                    is_valid = self._is_valid_inside(each, code)
                else:
                    is_valid = self._is_plainly_valid(each, is_contained=name == "contained")
                if not is_valid:
                    return False
        return True

    def _routes_of(self, kind: str) -> tuple[Route, ...]:
        """Return the elements of a type in which resources may stand, with their types."""
        if kind not in self._routes:
            self._routes[kind] = tuple(
                (element.name, code)
                for element in self._elements.of(kind)
                for code in element.types
                if self._holds_resources(code, set())
            )
        return self._routes[kind]

    def _holds_resources(self, code: str, seen: set[str]) -> bool:
        if code == "Resource":
            return True
        if code in PRIMITIVES or code in seen:
            return False
        seen.add(code)
        return any(
            self._holds_resources(each, seen)
            for element in self._elements.of(code)
            for each in element.types
        )
