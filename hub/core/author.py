"""Who writes a resource, and whom the caller acts for in it.

Source: http://hl7.org/fhir/references.html (literal and logical references).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from hub.core.client import Client
from hub.core.release import Json, Resource
from hub.core.search_value import local_reference

TASK_ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "requester": ("requester",),
    "owner": ("owner",),
    "performer": ("performer", "actor"),
    "recipient": ("restriction", "recipient"),
    "for": ("for",),
}
"""Where a Task names the parties of it; ``performer`` is there in R5 alone."""


class Author(NamedTuple):
    """Who writes: ``client`` is None where nobody knows.

    ``base_url`` is the hub's base of the release, without a slash at its end: an absolute reference
    below it names the same as a relative one.
    """

    client: Client | None
    base_url: str = ""

    @property
    def is_administrator(self) -> bool:
        """Whether the author may do everything."""
        return self.client is not None and self.client.is_administrator

    def acts_for(self, parties: frozenset[str]) -> bool:
        """Tell whether the author acts for one of ``parties``, written as ``Client.parties``."""
        return self.client is not None and not self.client.parties.isdisjoint(parties)

    def named(self, resource: Resource | None, path: tuple[str, ...]) -> frozenset[str]:
        """Return whom the References at a path name, written as ``Client.parties``."""
        found: list[Json] = [resource]
        for name in path:
            found = [inner for each in found for inner in _items(each, name)]
        return frozenset(form for each in found for form in self._forms(each))

    def _forms(self, reference: Json) -> Iterator[str]:
        if not isinstance(reference, dict):
            return
        literal = reference.get("reference")
        if isinstance(literal, str) and literal:
            yield local_reference(literal, self.base_url)
        identifier = reference.get("identifier")
        if isinstance(identifier, dict) and identifier.get("value"):
            yield f"{identifier.get('system') or ''}|{identifier['value']}"


def _items(holder: Json, name: str) -> list[Json]:
    value = holder.get(name) if isinstance(holder, dict) else None
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
