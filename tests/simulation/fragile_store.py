"""A store that breaks when told, and remembers all that it kept: the truth of a simulated world."""

from __future__ import annotations

import random  # noqa: TID251  # the seed is the test's argument
from collections.abc import Callable
from typing import TypeVar

from hub.core.release import FhirRelease
from hub.core.search_index import IndexEntry
from hub.core.version import ResourceVersion
from hub.errors import StoreFull
from hub.ports import Opened, Reader, StoreBroken, StoreFacts, WriteBatch
from hub.stores.memory import MemoryStore

T = TypeVar("T")


class FragileStore:
    """A memory store that breaks when told, before a commit or after it, or is full for once."""

    def __init__(self, luck: random.Random, was_full: Callable[[], None]) -> None:
        self.kept = MemoryStore()
        self.commits: list[WriteBatch] = []
        self.breaks = False
        self.full = False
        self._luck = luck
        self._was_full = was_full

    def open(self) -> Opened:
        return self.kept.open()

    @property
    def writer(self) -> Reader:
        return self.kept.writer

    def facts(self) -> StoreFacts:
        return self.kept.facts()

    def commit(self, batch: WriteBatch) -> None:
        if self.full:
            self.full = False
            self._was_full()
            raise StoreFull("no space left")
        broken, self.breaks = self.breaks, False
        if not broken or self._luck.random() < 0.5:
            self.kept.commit(batch)
            self.commits.append(batch)
        if broken:
            raise StoreBroken("an I/O error at commit")

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
