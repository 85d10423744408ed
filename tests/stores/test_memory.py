from __future__ import annotations

from typing import ClassVar

from hub.ports import Store
from hub.stores.memory import MemoryStore
from tests.stores.contract import StoreContract


class TestMemoryStore(StoreContract):
    refusal: ClassVar[type[Exception]] = ValueError

    def store(self, *, attempts_kept: int = 1000) -> MemoryStore:
        return MemoryStore(attempts_kept=attempts_kept)

    def again(self, store: Store) -> Store:
        return store
