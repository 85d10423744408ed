"""The store in one SQLite database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hub.core.release import FhirRelease
from hub.core.search_index import IndexEntry
from hub.core.version import ResourceVersion
from hub.errors import Unavailable
from hub.ports import Opened, Reader, StoreFacts, WriteBatch
from hub.stores.kinds import Kinds, read_kinds
from hub.stores.postings import Layout
from hub.stores.secrets import HeaderCipher
from hub.stores.sqlite_database import SqliteDatabase
from hub.stores.sqlite_opening import read_everything
from hub.stores.sqlite_writer import SqliteWriter
from hub.stores.trouble import IndexDamaged, explained

T = TypeVar("T")


class SqliteStore:
    """A ``hub.ports.Store`` in the file ``path``, created readable by its owner only.

    Args:
        path: the database; ``path``.lock is locked beside it.
        cipher: encrypts header values of Subscriptions.
        identity: names a database that is created now; an older one keeps its own.
        readers: how many reads can run at the same time.
        size_limit: bytes that the database file may take; reaching it is like a full disk.
        attempts_kept: how many attempts are kept, of all Subscriptions together, or 1 in 100 more.
        busy_timeout: seconds to wait for another program that has the database locked.
        layout: of the search index of a new database; the best that SQLite offers by default.
    """

    def __init__(
        self,
        path: Path,
        cipher: HeaderCipher,
        identity: str,
        *,
        readers: int = 2,
        size_limit: int | None = None,
        attempts_kept: int = 200_000,
        busy_timeout: float = 5.0,
        layout: Layout | None = None,
    ) -> None:
        self.path = path
        self.identity = identity
        self._cipher = cipher
        self._readers = readers
        self._size_limit = size_limit
        self._attempts_kept = attempts_kept
        self._busy_timeout = busy_timeout
        self._wanted_layout = layout
        self._database: SqliteDatabase | None = None
        self._rows: SqliteWriter
        self._kinds: Kinds = {}

    def open(self) -> Opened:
        """Take the database for this process and return what it holds.

        Raises:
            Unavailable: another process has it, it is of another hub, or the key does not fit.
            StoreBroken: it can't be read.
        """
        database = SqliteDatabase(
            self.path,
            identity=self.identity,
            layout=self._wanted_layout,
            readers=self._readers,
            size_limit=self._size_limit,
            busy_timeout=self._busy_timeout,
        )
        try:
            with explained():
                opened, failing = read_everything(database.db, self._cipher)
                self._kinds = read_kinds(database.db)
        except BaseException:
            database.close()
            raise
        self.identity = database.identity
        self._rows = SqliteWriter(
            database.db,
            database.layout,
            self._cipher,
            self._attempts_kept,
            failing,
        )
        self._database = database
        return opened

    @property
    def layout(self) -> str:
        """How search terms are kept: ``fts5`` or ``plain``."""
        return self._opened.layout.name

    @property
    def writer(self) -> Reader:
        """The view of the one thread that writes: sees each commit at once."""
        return self._opened.reader

    def facts(self) -> StoreFacts:
        """Return what it says of itself; its size is that of its files."""
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return StoreFacts(kind="SQLite", layout=self.layout, size=size)

    def commit(self, batch: WriteBatch) -> None:
        """Write all of ``batch`` durably, or nothing.

        A damaged search index is first filled anew from the log.

        Raises:
            StoreFull: no space; nothing was written.
            Unavailable: another program has the database locked; nothing was written.
            StoreBroken: it is unknown whether it was written; the process must stop.
        """
        self._kinds = self._written(lambda: self._rows.write(batch, self._kinds))

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` in a reading thread, inside one transaction."""
        return await self._opened.views.read(query)

    def reindex(
        self,
        release: FhirRelease,
        resource_type: str,
        entry_of: Callable[[ResourceVersion], IndexEntry],
        *,
        after: int,
        count: int,
    ) -> int | None:
        """Index the next ``count`` current versions of a type anew, in one commit.

        Returns the seq to go on after, None when these were the last.

        Raises: as ``commit``.
        """
        name = release, resource_type
        kind = self._kinds.get(name)
        if kind is None:
            return None
        return self._written(
            lambda: self._rows.reindex(name, kind, entry_of, after=after, count=count)
        )

    def check(self) -> list[str]:
        """Return what SQLite's integrity check complains of; slow on a large database."""
        with explained():
            rows = self._opened.db.execute("PRAGMA integrity_check").fetchall()
        return [text for (text,) in rows if text != "ok"]

    def close(self) -> None:
        """Checkpoint and give the database back; what was committed stays.

        Raises:
            StoreBroken: the checkpoint failed; what was committed is still in the WAL.
        """
        if self._database is not None:
            database, self._database = self._database, None
            database.close()

    @property
    def _opened(self) -> SqliteDatabase:
        if self._database is None:
            raise Unavailable("the database is not open")
        return self._database

    def _written(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a transaction; fill a damaged search index anew before."""
        database = self._opened
        if database.index_damaged.is_set():
            self._refill()
        try:
            return database.transact(work)
        except IndexDamaged:
            self._refill()
            return database.transact(work)

    def _refill(self) -> None:
        self._opened.transact(self._rows.refill)
        self._opened.index_damaged.clear()
