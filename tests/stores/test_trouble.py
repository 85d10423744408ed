"""A database in trouble: the disk is full, breaks, is locked, or holds what is damaged."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.core.search_index import Everything, Term
from hub.errors import StoreFull, Unavailable
from hub.ports import StoreBroken, WriteBatch
from tests.stores.databases import opened, raw
from tests.stores.history import R5, History
from tests.stores.samples import (
    a_key,
    a_sqlite_store,
    a_version,
    an_attempt,
    an_entry,
)


def test_a_file_that_is_no_database_is_broken(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreBroken, match="NOTADB"):
        a_sqlite_store(path).open()


def test_a_full_disk_refuses_the_batch_and_heals(path: Path) -> None:
    def a_batch(first: int) -> WriteBatch:
        versions = [a_version(seq, a_key(str(seq))) for seq in range(first, first + 1000)]
        return WriteBatch(
            versions=versions, index={version.seq: an_entry("h1") for version in versions}
        )

    with opened(a_sqlite_store(path, size_limit=400_000)) as store:
        store.commit(a_batch(1))
        with pytest.raises(StoreFull):
            store.commit(a_batch(1001))
        assert store.writer.count(R5, "Task", Term("h1")) == 1000
        assert asyncio.run(store.read(lambda reader: reader.head(a_key("1001")))) is None
        store.commit(WriteBatch(attempts=[an_attempt(1)]))
    with opened(a_sqlite_store(path)) as store:
        store.commit(a_batch(1001))
        assert store.writer.count(R5, "Task", Term("h1")) == 2000
        assert store.check() == []


def test_an_io_error_breaks_the_store_and_loses_nothing_that_was_committed(path: Path) -> None:
    store = a_sqlite_store(path)
    store.open()
    store.commit(WriteBatch(versions=[a_version(1)]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((path.parent / "hub.db-wal").stat().st_size, hard))
    try:
        with pytest.raises(StoreBroken, match="SQLITE_IOERR"):
            store.commit(WriteBatch(versions=[a_version(2, a_key("2"))]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(StoreBroken, match="earlier"):
        store.commit(WriteBatch(versions=[a_version(3, a_key("3"))]))
    store.close()
    with opened(a_sqlite_store(path)) as store:
        assert store.writer.head(a_key("1")) == a_version(1)
        assert store.check() == []


def test_a_lock_of_another_program_refuses_and_leaves_no_trace(path: Path) -> None:
    store = a_sqlite_store(path, busy_timeout=0)
    with opened(store):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="another program"):
                store.commit(WriteBatch(versions=[a_version(1)]))
            db.execute("ROLLBACK")
        store.commit(WriteBatch(versions=[a_version(1)]))


def garble_index(path: Path) -> None:
    with raw(path) as db:
        db.execute("UPDATE posting_data SET block = x'00ff00ff00ff00ff' WHERE id > 10")


def test_a_damaged_search_index_is_refilled_by_the_next_write(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        history = History(store)
        for id in ("1", "2", "3"):
            history.write((a_key(id), an_entry("h1", ranges=((1, 2, 3),))))
    garble_index(path)
    with opened(store):
        with pytest.raises(Unavailable, match="search index"):
            asyncio.run(store.read(lambda reader: reader.search(R5, "Task", Term("h1"), count=9)))
        history.write((a_key("4"), an_entry("h1")))
        found = store.writer.search(R5, "Task", Term("h1"), count=9)
        assert found == history.found(R5, "Task", Everything())
        assert store.check() == []


def test_an_index_found_damaged_while_writing_is_refilled_at_once(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        history = History(store)
        history.write(*((a_key(str(id)), an_entry("h1", f"h{id}")) for id in range(300)))
    with raw(path) as db:
        db.execute("UPDATE posting_data SET block = x'ffffffffff' WHERE id = 10")
    with opened(store):
        history.write((a_key("1"), an_entry("h1")))
        assert store.writer.count(R5, "Task", Term("h1")) == 300
        assert store.writer.search(R5, "Task", Term("h1"), count=1) == [history.versions[-1]]
