"""A SQLite database under test: opened as the hub does, and behind its back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from hub.stores.sqlite import SqliteStore


@contextmanager
def opened(store: SqliteStore) -> Iterator[SqliteStore]:
    store.open()
    try:
        yield store
    finally:
        store.close()


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database behind the hub's back."""
    with closing(sqlite3.connect(path)) as db:
        yield db
        db.commit()
