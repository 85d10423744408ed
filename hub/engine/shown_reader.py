"""What a caller sees of the store: all but the Subscriptions that it does not know of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from hub.core.release import FhirRelease
from hub.core.search_index import Expression
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.reader_view import ReaderView
from hub.ports import Reader

_KIND: Final = "Subscription"
_ANY: Final = "Resource"
_AT_ONCE: Final = 200


class ShownReader(ReaderView):
    """A ``hub.ports.Reader`` without the Subscriptions that are hidden.

    Args:
        reader: the view that is shown.
        shows: tells of (release, id) whether that Subscription is shown; asked of each one after
            it was read, so that none is missed that was committed just before.
    """

    def __init__(self, reader: Reader, shows: Callable[[FhirRelease, str], bool]) -> None:
        super().__init__(reader)
        self._shows = shows

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version."""
        return self._shown(self._reader.head(key))

    def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
        """Return the newest versions of these resources."""
        found = self._reader.heads(keys)
        return {key: each for key, each in found.items() if self._shown(each) is not None}

    def version(self, key: ResourceKey, version: int) -> ResourceVersion | None:
        """Return one version."""
        return self._shown(self._reader.version(key, version))

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""
        found = self._reader.at(seqs)
        return {seq: each for seq, each in found.items() if self._shown(each) is not None}

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
        """Return at most ``count`` versions, newest first."""
        return self._filled(
            lambda place: self._reader.history(
                release, resource_type, id, count=count, before=place, since=since
            ),
            count,
            before,
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
        """Return at most ``count`` current versions that the index selects, newest first."""
        return self._filled(
            lambda place: self._reader.search(
                release, resource_type, expression, count=count, before=place
            ),
            count,
            before,
        )

    def count(self, release: FhirRelease, resource_type: str, expression: Expression) -> int:
        """Return how many current versions the index selects."""
        count = self._reader.count(release, resource_type, expression)
        if resource_type not in {_KIND, _ANY}:
            return count
        return count - self._hidden(release, expression)

    def _shown(self, version: ResourceVersion | None) -> ResourceVersion | None:
        if version is None or version.key.resource_type != _KIND:
            return version
        return version if self._shows(version.key.release, version.key.id) else None

    def _filled(
        self,
        read: Callable[[int | None], list[ResourceVersion]],
        count: int,
        place: int | None,
    ) -> list[ResourceVersion]:
        """Read on behind what is hidden until ``count`` are found or there are no more."""
        found: list[ResourceVersion] = []
        while True:
            some = read(place)
            found += [each for each in some if self._shown(each) is not None]
            if len(some) < count or len(found) >= count:
                return found[:count]
            place = some[-1].seq

    def _hidden(self, release: FhirRelease, expression: Expression) -> int:
        hidden, place = 0, None
        while True:
            some = self._reader.search(release, _KIND, expression, count=_AT_ONCE, before=place)
            hidden += sum(self._shown(each) is None for each in some)
            if len(some) < _AT_ONCE:
                return hidden
            place = some[-1].seq
