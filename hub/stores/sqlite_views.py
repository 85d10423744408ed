"""Connections that only read: each sees what is committed, none ever writes or checkpoints.

Source: https://www.sqlite.org/wal.html (concurrency).
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import TypeVar

from hub.stores.postings import Layout
from hub.stores.sqlite_reader import SqliteReader

T = TypeVar("T")

_PRAGMAS = (
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA cache_size = -16384",
    "PRAGMA mmap_size = 0",
)


class SqliteViews:
    """A few views of one database, for as many reads at the same time.

    Args:
        path: the database.
        layout: of its search index.
        damage: is set when a read finds the search index damaged.
        count: how many views.
        busy_timeout: seconds to wait for another program.
    """

    def __init__(
        self, path: Path, layout: Layout, damage: Event, *, count: int, busy_timeout: float
    ) -> None:
        self._idle: queue.SimpleQueue[SqliteReader] = queue.SimpleQueue()
        with ExitStack() as closing:
            for _ in range(count):
                db = connect(path, "ro", busy_timeout)
                closing.callback(db.close)
                for pragma in _PRAGMAS:
                    db.execute(pragma)
                self._idle.put(SqliteReader(db, layout, damage))
            self._pool = ThreadPoolExecutor(count, thread_name_prefix="store-reader")
            closing.callback(self._pool.shutdown)
            self._closing = closing.pop_all()

    async def read(self, query: Callable[[SqliteReader], T]) -> T:
        """Run ``query`` in a reading thread, inside one transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, query)

    def close(self) -> None:
        """Let reads end, then close every connection."""
        self._closing.close()

    def _run(self, query: Callable[[SqliteReader], T]) -> T:
        reader = self._idle.get()
        try:
            return reader.in_transaction(query)
        finally:
            self._idle.put(reader)


def connect(path: Path, mode: str, timeout: float) -> sqlite3.Connection:
    """Connect to an existing database; ``mode`` is ``rw`` or ``ro``."""
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
