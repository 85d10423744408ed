"""A small copy of resources in memory, for chains, ``_has`` and includes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from hub.core.release import FhirRelease, Resource
from hub.core.search import parse_condition
from hub.core.search_parameter import SearchParameters
from tests.support.search_tables import PARAMETERS


class Copies:
    """Resolves among the resources that it was given."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(
        self, *resources: Resource, parameters: SearchParameters = PARAMETERS[FhirRelease.R4]
    ) -> None:
        self._parameters = parameters
        self._known = {(each["resourceType"], each["id"]): each for each in resources}

    def has(self, resource_type: str, id: str) -> bool:
        """Tell whether a resource is there."""
        return (resource_type, id) in self._known

    def read(self, resource_type: str, id: str) -> Resource | None:
        """Return a resource, None if it is not there."""
        return self._known.get((resource_type, id))

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        """Return the resources of a type whose parameter ``code`` names the target."""
        condition = parse_condition(
            self._parameters, resource_type, code, f"{target_type}/{target_id}"
        )
        for (known, _), resource in self._known.items():
            if known == resource_type and condition.matches(resource, self):
                yield resource
