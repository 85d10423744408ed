"""The open database: its lock, its one writing connection, its readers.

WAL with ``synchronous=FULL``: a commit that returned survives a power cut.  Checkpoints are small
and often, and only the writing connection makes them.
Sources: https://www.sqlite.org/wal.html; https://www.sqlite.org/howtocorrupt.html.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from threading import Event
from typing import TypeVar

from hub.errors import Unavailable
from hub.ports import StoreBroken
from hub.stores.database_facts import is_empty, layout_of, read_facts, take_over, write_facts
from hub.stores.postings import Layout, best_layout
from hub.stores.process_lock import ProcessLock
from hub.stores.secrets import sync_directory
from hub.stores.sqlite_reader import SqliteReader
from hub.stores.sqlite_views import SqliteViews, connect
from hub.stores.trouble import IndexDamaged, explain, explained

T = TypeVar("T")

PAGE_SIZE = 8192
_CHECKPOINT_PAGES = 500
_WAL_KEPT = 64 * 2**20
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}",
    f"PRAGMA journal_size_limit = {_WAL_KEPT}",
    "PRAGMA secure_delete = FAST",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 0",
)


class SqliteDatabase:
    """Everything that is open while a store is open.

    Args:
        path: the file; it is created, readable by its owner only, if there is none.
        identity: names a database that is created now.
        layout: of the search index of a database that is created now; None for the best.
        readers: how many reads can run at the same time.
        size_limit: bytes that the file may take.
        busy_timeout: seconds to wait for another program.

    Raises:
        Unavailable: another process has it, or this hub can't read it.
        StoreBroken: it can't be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        identity: str,
        layout: Layout | None,
        readers: int,
        size_limit: int | None,
        busy_timeout: float,
    ) -> None:
        self._broken = False
        self.index_damaged = Event()
        with explained(), ExitStack() as closing:
            closing.callback(ProcessLock(path).release)
            _create_file(path)
            self.db = connect(path, "rw", busy_timeout)
            closing.callback(self.db.close)
            self._configure(size_limit)
            _create_schema(self.db, identity, layout)
            take_over(self.db, _statements()[0])
            facts = read_facts(self.db)
            self.identity = facts["identity"]
            self.layout = layout_of(self.db, facts)
            self.reader = SqliteReader(self.db, self.layout, self.index_damaged)
            closing.callback(self._checkpoint)
            self.views = SqliteViews(
                path, self.layout, self.index_damaged, count=readers, busy_timeout=busy_timeout
            )
            closing.callback(self.views.close)
            self._closing = closing.pop_all()

    def transact(self, work: Callable[[], T]) -> T:
        """Run ``work`` in one transaction and commit it.

        Whatever is raised, nothing was written, with one exception.

        Raises:
            StoreFull, Unavailable, IndexDamaged: see ``explain``.
            StoreBroken: it is unknown whether anything was written; nothing will be from now on.
        """
        if self._broken:
            raise StoreBroken("an earlier commit failed")
        try:
            try:
                self.db.execute("BEGIN IMMEDIATE")
                done = work()
                self.db.execute("COMMIT")
            except sqlite3.Error as error:
                explain(error)
        except IndexDamaged:
            self._roll_back()
            raise
        except StoreBroken:
            self._broken = True
            raise
        except BaseException:
            self._roll_back()
            raise
        return done

    def close(self) -> None:
        """Checkpoint, close every connection and give the lock back.

        Raises:
            StoreBroken: the checkpoint failed; what was committed is still in the WAL.
        """
        with explained():
            self._closing.close()

    def _configure(self, size_limit: int | None) -> None:
        self.db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        (mode,) = self.db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise Unavailable(f"the file system allows no WAL (journal mode {mode})")
        for pragma in _PRAGMAS:
            self.db.execute(pragma)
        if size_limit is not None:
            self.db.execute(f"PRAGMA max_page_count = {max(1, size_limit // PAGE_SIZE)}")

    def _roll_back(self) -> None:
        # A full disk may have ended the transaction already.
        if self.db.in_transaction:
            self._broken = True
            with explained():
                self.db.execute("ROLLBACK")
            self._broken = False

    def _checkpoint(self) -> None:
        if not self._broken:
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _create_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    sync_directory(path.parent)


def _create_schema(db: sqlite3.Connection, identity: str, layout: Layout | None) -> None:
    if is_empty(db):
        chosen = layout or best_layout(db)
        db.execute("BEGIN IMMEDIATE")
        for statement in (*_statements(), chosen.table):
            db.execute(statement)
        write_facts(db, identity, chosen)
        db.execute("COMMIT")


def _statements() -> list[str]:
    """Return the SQL that ``hub.stores.schema`` defines; to read it takes no library."""
    text = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    return text.removesuffix(";\n").split(";\n")
