"""The hub's own copy of other resources, as search conditions see it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

from hub.core.release import Resource


class Resolver(Protocol):
    """The state after the write, for chains, ``_has``, ``_list`` and ``_in``."""

    @property
    def now(self) -> datetime:
        """The instant at which a condition is looked at; members of a group come and go."""
        ...

    def read(self, resource_type: str, id: str) -> Resource | None:
        """Return the current version of a resource, None if it is not there."""
        ...

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        """Return the resources of a type whose reference parameter ``code`` names the target."""
        ...


class Holdings(Resolver, Protocol):
    """A resolver that also tells what is there without reading it."""

    def has(self, resource_type: str, id: str) -> bool:
        """Tell whether there is a current version of a resource."""
        ...


class _Nowhere:
    now = datetime(1970, 1, 1, tzinfo=UTC)

    def read(self, resource_type: str, id: str) -> Resource | None:
        return None

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        return ()


NOWHERE: Resolver = _Nowhere()
"""Knows no other resource: chains and ``_has`` match nothing."""
