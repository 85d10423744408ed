"""What the writer sees: the store, with the newest versions that it asked for kept at hand.

Only the writer changes what is newest, so what it has seen stays true until it commits something
newer itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

from hub.core.release import FhirRelease
from hub.core.search_index import Expression
from hub.core.subscriber import Attempt
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent
from hub.ports import Reader

MOST_HEADS = 8_192
MOST_BYTES = 16 * 2**20


class Heads:
    """A ``hub.ports.Reader`` for the writer's thread that remembers newest versions.

    Args:
        reader: the view that sees each commit at once.
        most: how many newest versions, or their absence, are remembered.
        most_bytes: how much their texts may take.
    """

    def __init__(
        self, reader: Reader, *, most: int = MOST_HEADS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._reader = reader
        self._most = most
        self._most_bytes = most_bytes
        self._heads: OrderedDict[ResourceKey, ResourceVersion | None] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """Return of how many resources something is remembered."""
        return len(self._heads)

    def committed(self, versions: Iterable[ResourceVersion]) -> None:
        """Follow a commit of these versions, in their order."""
        for version in versions:
            self._keep(version.key, version)

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version, which may be a deletion; None if there never was one."""
        try:
            return self._heads[key]
        except KeyError:
            found = self._reader.head(key)
            self._keep(key, found)
            return found

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

    def _keep(self, key: ResourceKey, version: ResourceVersion | None) -> None:
        self._bytes += _size(version) - _size(self._heads.pop(key, None))
        self._heads[key] = version
        while len(self._heads) > self._most or (
            self._bytes > self._most_bytes and len(self._heads) > 1
        ):
            _, dropped = self._heads.popitem(last=False)
            self._bytes -= _size(dropped)


def _size(version: ResourceVersion | None) -> int:
    return 0 if version is None or version.body is None else len(version.body)
