"""A store in memory that remembers its commits and fails when told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hub.core.release import FhirRelease
from hub.core.search_index import IndexEntry
from hub.core.version import ResourceVersion
from hub.ports import Opened, Reader, StoreFacts, WriteBatch
from hub.stores.memory import MemoryStore

T = TypeVar("T")


class FallibleStore:
    """A ``hub.ports.Store``; ``refuse`` looks at each batch and may return what goes wrong."""

    def __init__(self) -> None:
        self.kept = MemoryStore()
        self.commits: list[WriteBatch] = []
        self.refuse: Callable[[WriteBatch], Exception | None] = lambda batch: None

    def open(self) -> Opened:
        return self.kept.open()

    @property
    def writer(self) -> Reader:
        return self.kept.writer

    def facts(self) -> StoreFacts:
        return self.kept.facts()

    def commit(self, batch: WriteBatch) -> None:
        error = self.refuse(batch)
        if error is not None:
            raise error
        self.kept.commit(batch)
        self.commits.append(batch)

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self.kept.read(query)

    def reindex(
        self,
        release: FhirRelease,
        resource_type: str,
        entry_of: Callable[[ResourceVersion], IndexEntry],
        *,
        after: int,
        count: int,
    ) -> int | None:
        return self.kept.reindex(release, resource_type, entry_of, after=after, count=count)

    def close(self) -> None:
        self.kept.close()
