"""Looking up other resources in the hub's own copy: for chains, ``_has`` and includes.

Source: http://hl7.org/fhir/R5/search.html (chaining, reverse chaining).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from hub.core.json_text import reread
from hub.core.release import FhirRelease, Resource
from hub.core.search import Query, parse_query
from hub.core.search_index import plan
from hub.core.search_parameter import SearchParameters
from hub.core.version import ResourceKey, ResourceVersion
from hub.ports import Reader

MOST_REFERRERS = 1000
"""How many resources that point to one resource are looked at."""

_MOST_KNOWN = 64
"""Of how many resources a resolver remembers the version."""


class Bodies:
    """Parsed bodies by their place in the log, the last few of them."""

    def __init__(self, limit: int = 2048) -> None:
        self._limit = limit
        self._parsed: dict[int, Resource] = {}

    def of(self, version: ResourceVersion) -> Resource | None:
        """Return the resource of a version, None for a deletion.  Nobody may change it."""
        if version.body is None:
            return None
        found = self._parsed.get(version.seq)
        if found is None:
            found = reread(version.body)
            self.keep(version.seq, found)
        return found

    def keep(self, seq: int, resource: Resource) -> None:
        """Remember what was parsed already."""
        if len(self._parsed) >= self._limit:
            for old in list(self._parsed)[: self._limit // 2]:
                del self._parsed[old]
        self._parsed[seq] = resource

    def forget(self, seqs: Iterable[int]) -> None:
        """Drop versions that were never committed."""
        for seq in seqs:
            self._parsed.pop(seq, None)


class ReaderResolver:
    """Resolves in what is committed (``hub.core.search.Resolver``)."""

    def __init__(
        self,
        reader: Reader,
        release: FhirRelease,
        parameters: SearchParameters,
        bodies: Bodies | None = None,
        written: Sequence[Mapping[ResourceKey, ResourceVersion]] = (),
        *,
        now: datetime,
    ) -> None:
        """Resolve on ``reader``.

        Args:
            written: newer versions that hide what it has; an earlier mapping hides a later one.
        """
        self.now = now
        self._reader = reader
        self._release = release
        self._parameters = parameters
        self._bodies = bodies or Bodies()
        self._written = written
        self._known: dict[ResourceKey, ResourceVersion | None] = {}

    def version(self, resource_type: str, id: str) -> ResourceVersion | None:
        """Return the current version, None if there is none or it is deleted.

        Nothing may be written while the resolver is in use: it remembers the last few answers.
        """
        key = ResourceKey(self._release, resource_type, id)
        known = self._known
        if key in known:
            return known[key]
        if len(known) >= _MOST_KNOWN:
            known.clear()
        for layer in self._written:
            if key in layer:
                found: ResourceVersion | None = layer[key]
                break
        else:
            found = self._reader.head(key)
        if found is not None and found.body is None:
            found = None
        known[key] = found
        return found

    def has(self, resource_type: str, id: str) -> bool:
        """Tell whether there is a current resource."""
        return self.version(resource_type, id) is not None

    def read(self, resource_type: str, id: str) -> Resource | None:
        """Return the current resource, None if there is none."""
        found = self.version(resource_type, id)
        return None if found is None else self._bodies.of(found)

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        """Return the resources of a type whose parameter ``code`` points to the target."""
        pairs = [(code, f"{target_type}/{target_id}")]
        query = parse_query(self._parameters, resource_type, pairs)
        return [body for _, body in self.matching(query, MOST_REFERRERS)]

    def matching(self, query: Query, limit: int) -> list[tuple[ResourceVersion, Resource]]:
        """Return at most ``limit`` current resources that match ``query``, written ones first."""
        resource_type = query.resource_type
        found: list[tuple[ResourceVersion, Resource]] = []
        written: dict[ResourceKey, ResourceVersion] = {}
        for layer in reversed(self._written):
            written |= layer
        for key, version in written.items():
            body = self._bodies.of(version)
            if key.resource_type == resource_type and body and query.matches(body, self):
                found.append((version, body))
        expression, _ = plan(query, self._parameters)
        before: int | None = None
        while len(found) < limit:
            page = self._reader.search(
                self._release, resource_type, expression, count=limit, before=before
            )
            for version in page:
                body = self._bodies.of(version)
                if version.key not in written and body and query.matches(body, self):
                    found.append((version, body))
            if len(page) < limit:
                break
            before = page[-1].seq
        return found[:limit]
