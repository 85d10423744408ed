"""How the contract opens a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from hub.ports import Opened, Store


class StoreOpening(ABC):
    """What each part of the contract needs; a store's own test file says how it is made."""

    refusal: ClassVar[type[Exception]]
    """What a batch that contradicts the store raises."""

    @abstractmethod
    def store(self, *, attempts_kept: int = 1000) -> Store:
        """Return an empty store."""

    @abstractmethod
    def again(self, store: Store) -> Store:
        """Return the store anew, as another run of the hub would."""

    @contextmanager
    def opened(self, *, attempts_kept: int = 1000) -> Iterator[Store]:
        store = self.store(attempts_kept=attempts_kept)
        store.open()
        try:
            yield store
        finally:
            store.close()

    def reopened(self, store: Store) -> Opened:
        """Return what another run finds after ``store`` was closed."""
        store.close()
        other = self.again(store)
        found = other.open()
        other.close()
        store.open()
        return found
