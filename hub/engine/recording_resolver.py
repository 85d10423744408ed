"""A resolver that remembers what was looked up, so that a decision can be made again elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hub.core.excluded import is_excluded
from hub.core.release import Resource
from hub.core.search import Resolver


class RecordingResolver:
    """Looks up in another ``hub.core.search.Resolver``."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._found: dict[tuple[str, str], Resource] = {}

    @property
    def now(self) -> datetime:
        """The instant at which conditions are looked at."""
        return self._resolver.now

    @property
    def found(self) -> tuple[Resource, ...]:
        """What was looked up and was there, each once; nothing that is about the hub itself."""
        return tuple(self._found.values())

    def read(self, resource_type: str, id: str) -> Resource | None:
        """Return the current version of a resource, None if it is not there."""
        resource = self._resolver.read(resource_type, id)
        if resource is not None:
            self._keep(resource)
        return resource

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        """Return the resources of a type whose reference parameter ``code`` names the target."""
        for resource in self._resolver.referrers(resource_type, code, target_type, target_id):
            self._keep(resource)
            yield resource

    def _keep(self, resource: Resource) -> None:
        if not is_excluded(resource):
            self._found[str(resource["resourceType"]), str(resource.get("id"))] = resource
