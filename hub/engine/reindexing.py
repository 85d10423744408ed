"""Indexing anew what was stored under other search parameters than today's.

Packages, tables and the hub's own address decide what the search index holds of a resource.  Each
type has a fingerprint of that; a type whose fingerprint changed since its resources were indexed
is indexed anew before the first request: a search, a filter or a chain on half an index would
answer wrongly.  The fingerprints are taken back before the first change and written after the
last, so that a start after a crash begins again; what was indexed already then costs no write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from datetime import timedelta
from typing import TypeVar

from hub.core.json_text import parse
from hub.core.release import FhirRelease
from hub.core.search_index import Everything, IndexEntry, index_entry
from hub.core.search_parameter import SearchParameters
from hub.core.version import ResourceVersion
from hub.ports import Clock, Opened, Store, WriteBatch

T = TypeVar("T")

AT_ONCE = 200
"""How many resources one commit indexes: a fraction of a second."""

_TOLD_EVERY = timedelta(seconds=5)

log = logging.getLogger(__name__)

_Indexed = dict[FhirRelease, Mapping[str, str]]


class Reindexing:
    """What has to be done on one store, and how far it is: ``done`` of ``total`` resources."""

    def __init__(
        self,
        store: Store,
        parameters: Mapping[FhirRelease, SearchParameters],
        opened: Opened,
        *,
        clock: Clock,
        executor: Executor,
    ) -> None:
        """Compare; nothing is read of the resources yet.

        Args:
            opened: what ``store.open()`` returned.
            executor: one thread, the only one that writes.
        """
        self._store = store
        self._parameters = parameters
        self._clock = clock
        self._executor = executor
        self._wanted: _Indexed = {
            release: {name: known.fingerprint(name) for name in sorted(known.types())}
            for release, known in parameters.items()
        }
        self._there = opened.indexed
        self._is_empty = opened.last_seq == 0
        self._kinds: dict[tuple[FhirRelease, str], int] = {}
        self.done = 0
        self.total = 0

    async def count(self) -> int:
        """Return how many resources are to be indexed anew; ``run`` needs to know."""
        if self._is_empty or self._there == self._wanted:
            return 0
        self._kinds = await self._in_writer(self._stored)
        self.total = sum(self._kinds.values())
        return self.total

    async def run(self) -> None:
        """Index what was counted; return when the index is that of today's parameters.

        Raises: as ``Store.commit``.
        """
        if self._there == self._wanted:
            return
        if self.total:
            log.info("search parameters changed: indexing %d resources anew", self.total)
            await self._commit(self._unchanged())
            await self._index()
            log.info("indexed %d resources", self.total)
        await self._commit(self._wanted)

    async def _index(self) -> None:
        told = self._clock.now()
        for release, resource_type in self._kinds:
            last: int | None = 0
            while last is not None:
                last = await self._some(release, resource_type, last)
                if self._clock.now() - told >= _TOLD_EVERY:
                    told = self._clock.now()
                    log.info("indexed %d of %d resources", self.done, self.total)

    async def _some(self, release: FhirRelease, resource_type: str, after: int) -> int | None:
        parameters = self._parameters[release]
        done = 0

        def entry_of(version: ResourceVersion) -> IndexEntry:
            nonlocal done
            done += 1
            return index_entry(parameters, parse(version.body or b"{}").value)

        last = await self._in_writer(
            lambda: self._store.reindex(
                release, resource_type, entry_of, after=after, count=AT_ONCE
            )
        )
        self.done += done
        return last

    def _changed(self) -> Iterator[tuple[FhirRelease, str]]:
        for release, types in self._wanted.items():
            there = self._there.get(release, {})
            for name, fingerprint in types.items():
                if there.get(name) != fingerprint:
                    yield release, name

    def _unchanged(self) -> _Indexed:
        changed = set(self._changed())
        return {
            release: {name: mark for name, mark in types.items() if (release, name) not in changed}
            for release, types in self._wanted.items()
        }

    def _stored(self) -> dict[tuple[FhirRelease, str], int]:
        """Return of which changed types there are resources, and how many."""
        reader = self._store.writer
        counts = {
            (release, name): reader.count(release, name, Everything())
            for release, name in self._changed()
        }
        return {kind: count for kind, count in counts.items() if count}

    async def _commit(self, indexed: _Indexed) -> None:
        await self._in_writer(lambda: self._store.commit(WriteBatch(indexed=indexed)))

    async def _in_writer(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)
