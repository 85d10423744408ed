"""A reader that passes every question on to another; views that answer some themselves add that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from hub.core.release import FhirRelease
from hub.core.search_index import Expression
from hub.core.subscriber import Attempt
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent
from hub.ports import Reader


class ReaderView:
    """A ``hub.ports.Reader`` over ``reader``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version, which may be a deletion; None if there never was one."""
        return self._reader.head(key)

    def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
        """Return the newest versions of these resources, of those that have any, at once."""
        return self._reader.heads(keys)

    def version(self, key: ResourceKey, version: int) -> ResourceVersion | None:
        """Return one version, None if it does not exist or is no longer kept."""
        return self._reader.version(key, version)

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""
        return self._reader.at(seqs)

    def history(
        self,
        release: FhirRelease,
        resource_type: str,
        id: str | None,
        *,
        count: int,
        before: int | None = None,
        since: datetime | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` versions of a resource, or of a type, newest first."""
        return self._reader.history(
            release, resource_type, id, count=count, before=before, since=since
        )

    def search(
        self,
        release: FhirRelease,
        resource_type: str,
        expression: Expression,
        *,
        count: int,
        before: int | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` current versions that the index selects, highest seq first."""
        return self._reader.search(release, resource_type, expression, count=count, before=before)

    def count(self, release: FhirRelease, resource_type: str, expression: Expression) -> int:
        """Return how many current versions the index selects."""
        return self._reader.count(release, resource_type, expression)

    def events(self, stream: int, low: int, high: int) -> list[StreamEvent]:
        """Return the events of a stream with n from ``low`` to ``high``, in order."""
        return self._reader.events(stream, low, high)

    def attempts(self, sid: int, count: int) -> list[Attempt]:
        """Return the newest attempts of a Subscription, newest first."""
        return self._reader.attempts(sid, count)

    def seq_at(self, instant: datetime) -> int:
        """Return the highest seq committed before ``instant``, 0 if none."""
        return self._reader.seq_at(instant)
