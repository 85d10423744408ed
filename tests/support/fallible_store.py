"""A store in memory that remembers its commits and fails when told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hub.ports import Opened, Reader, WriteBatch
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

    def commit(self, batch: WriteBatch) -> None:
        error = self.refuse(batch)
        if error is not None:
            raise error
        self.kept.commit(batch)
        self.commits.append(batch)

    async def read(self, query: Callable[[Reader], T]) -> T:
        return await self.kept.read(query)

    def close(self) -> None:
        self.kept.close()
