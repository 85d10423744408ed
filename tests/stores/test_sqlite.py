from __future__ import annotations

import asyncio
import lzma
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from hub.core.delivery import Timing
from hub.core.search_index import Term
from hub.core.version import EventContext, StreamEvent
from hub.errors import Unavailable
from hub.ports import Store, WriteBatch
from hub.stores.postings import FullText, Layout, Plain
from hub.stores.sqlite import SqliteStore
from tests.stores.contract import StoreContract
from tests.stores.databases import opened, raw
from tests.stores.history import R5, History, reindex_all
from tests.stores.samples import (
    SECRET,
    a_key,
    a_sqlite_store,
    a_stream,
    a_subscriber,
    a_version,
    an_attempt,
    an_entry,
    an_event,
    everybody,
)

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the files of the contract suite lie: what a real disk adds is not its subject."""


class SqliteContract(StoreContract):
    refusal: ClassVar[type[Exception]] = sqlite3.IntegrityError
    layout: ClassVar[Layout]

    def setup_method(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.made = 0

    def teardown_method(self) -> None:
        shutil.rmtree(self.folder)

    def store(self, *, attempts_kept: int = 1000) -> SqliteStore:
        self.made += 1
        path = self.folder / f"{self.made}.db"
        return a_sqlite_store(path, layout=self.layout, attempts_kept=attempts_kept)

    def again(self, store: Store) -> Store:
        assert isinstance(store, SqliteStore)
        return a_sqlite_store(store.path)


class TestSqliteStoreWithFts5(SqliteContract):
    layout: ClassVar[Layout] = FullText()


class TestSqliteStoreWithoutFts5(SqliteContract):
    layout: ClassVar[Layout] = Plain()


def test_only_the_owner_can_read_any_of_the_files(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(versions=[a_version(1)]))
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {"hub.db", "hub.db-wal", "hub.db-shm", "hub.db.lock"}
    assert set(modes.values()) == {0o600}


def test_header_values_are_in_no_file(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(subscribers=[a_subscriber()]))
        files = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"https://example.org/hook" in files
    assert SECRET.encode() not in files
    assert b"very-secret" not in path.read_bytes()


def test_another_key_does_not_open_a_database_with_header_values(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(subscribers=[a_subscriber()]))
    with pytest.raises(Unavailable, match="R5/Subscription/s"):
        a_sqlite_store(path, key=b"x" * 32).open()
    with opened(a_sqlite_store(path)):
        pass


def test_header_values_that_were_swapped_do_not_open(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(subscribers=[a_subscriber(1), a_subscriber(2, id="t")]))
    with raw(path) as db:
        db.execute(
            "UPDATE subscription SET secrets = "
            "(SELECT o.secrets FROM subscription o WHERE o.sid = 3 - subscription.sid)"
        )
    with pytest.raises(Unavailable, match="can't be decrypted"):
        a_sqlite_store(path).open()


def test_the_refusal_of_a_second_process_names_the_first(path: Path) -> None:
    with (
        opened(a_sqlite_store(path)),
        pytest.raises(Unavailable, match=f"process {os.getpid()} has"),
    ):
        a_sqlite_store(path).open()


def test_the_database_keeps_its_identity_and_layout(path: Path) -> None:
    with opened(a_sqlite_store(path, layout=Plain())):
        pass
    other = a_sqlite_store(path, layout=FullText())
    other.identity = "urn:uuid:other"
    with opened(other):
        assert other.identity == "urn:uuid:test"
        assert other.layout == "plain"


def test_a_new_database_has_the_settings_that_durability_needs(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        assert store.layout == "fts5"
        assert store.check() == []
    with raw(path) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA page_size").fetchone() == (8192,)


def test_a_database_of_another_schema_is_refused_and_left_alone(path: Path) -> None:
    with opened(a_sqlite_store(path)):
        pass
    with raw(path) as db:
        db.execute("UPDATE hub SET value = '999' WHERE key = 'schema'")
    with pytest.raises(Unavailable, match="schema 999"):
        a_sqlite_store(path).open()
    with raw(path) as db:
        assert db.execute("SELECT value FROM hub WHERE key = 'schema'").fetchone() == ("999",)


def test_a_database_of_schema_5_is_taken_over_with_all_that_it_holds(path: Path) -> None:
    """The file was written by a hub of that schema, from the samples."""
    path.write_bytes(lzma.decompress((Path(__file__).parent / "schema_5.db.xz").read_bytes()))
    contexts = [EventContext(triggers=triggers) for triggers in ((0,), (0, 3), ())]
    events = [StreamEvent(stream=1, n=n, seq=n, context=of) for n, of in enumerate(contexts, 1)]
    events.append(an_event(4, seq=4))
    store = a_sqlite_store(path)
    found = store.open()
    with closing(store):
        assert found.streams == (a_stream(1, n=4), a_stream(2, n=7, floor=7))
        assert everybody(found) == (a_subscriber(),)
        assert store.writer.events(1, 1, 9) == events
        assert store.writer.attempts(1, 9) == [an_attempt(n) for n in (3, 2, 1)]
        assert hits(store) == [4, 3, 2]
        events.append(StreamEvent(stream=1, n=5, seq=5, context=contexts[1]))
        store.commit(
            WriteBatch(
                versions=[a_version(5, a_key("2"), version=2, previous=2)],
                index={5: an_entry("h1")},
                unindex=[2],
                events=events[-1:],
                counters={1: 5},
                attempts=[an_attempt(4)],
            )
        )
    found = store.open()
    with closing(store):
        assert found.streams[0] == a_stream(1, n=5)
        assert store.writer.events(1, 1, 9) == events
        assert store.writer.attempts(1, 9) == [an_attempt(n) for n in (4, 3, 2, 1)]
        assert hits(store) == [5, 4, 3]
        assert store.check() == []
    with raw(path) as db:
        (attempt,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'attempt'").fetchone()
        facts = dict(db.execute("SELECT key, value FROM hub"))
    assert "AUTOINCREMENT" not in attempt
    assert facts["schema"] == "6"


def hits(store: SqliteStore) -> list[int]:
    """Return the seqs of the Tasks with the term that all have."""
    return [task.seq for task in store.writer.search(R5, "Task", Term("h1"), count=9)]


def test_of_many_events_with_one_number_taken_none_is_written(path: Path) -> None:
    events = [StreamEvent(stream=1, n=n, seq=1) for n in (*range(1, 101), 70)]
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(streams=[a_stream()]))
        with pytest.raises(sqlite3.IntegrityError):
            store.commit(WriteBatch(events=events, counters={1: 100}))
        assert store.writer.events(1, 1, 100) == []
        store.commit(WriteBatch(events=events[:-1], counters={1: 100}))
        assert store.writer.events(1, 1, 100) == events[:-1]
    assert store.open().streams == (a_stream(n=100),)
    store.close()


def test_a_closed_store_refuses_and_closes_again(path: Path) -> None:
    store = a_sqlite_store(path)
    with pytest.raises(Unavailable, match="not open"):
        store.commit(WriteBatch())
    with opened(store):
        pass
    store.close()
    with pytest.raises(Unavailable, match="not open"):
        asyncio.run(store.read(lambda reader: reader.attempts(1, 1)))


def test_a_clean_close_leaves_all_in_one_file(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(versions=[a_version(1)]))
    assert {file.name for file in path.parent.iterdir()} == {"hub.db", "hub.db.lock"}


def test_the_writer_sees_no_head_that_was_not_committed(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        history = History(store)
        history.write((a_key("1"), an_entry("h1")), (a_key("2"), an_entry("h2")))
        kept = store.writer.head(a_key("1"))
        refused = WriteBatch(
            versions=[a_version(3, a_key("1"), version=2, previous=1), a_version(2, a_key("3"))],
            index={3: an_entry("h3"), 2: an_entry("h3")},
            unindex=[1],
        )
        with pytest.raises(sqlite3.IntegrityError):
            store.commit(refused)
        assert store.writer.head(a_key("1")) == kept == history.versions[0]
        assert store.writer.head(a_key("3")) is None
        history.write((a_key("1"), an_entry("h4")))
        assert store.writer.count(R5, "Task", Term("h1")) == 0


def test_what_was_indexed_anew_is_taken_out_as_it_is_now(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        history = History(store)
        history.write((a_key("1"), an_entry("h1", ranges=((1, 2, 3),))))
        reindex_all(store, lambda version, /: an_entry("h2", ranges=((1, 5, 6),)))
        history.write((a_key("1"), an_entry("h3")))
        found = [store.writer.count(R5, "Task", Term(term)) for term in ("h1", "h2", "h3")]
        assert found == [0, 0, 1]
        assert store.check() == []
    with raw(path) as db:
        assert db.execute("SELECT * FROM search_range").fetchall() == []


def test_many_versions_that_are_replaced_at_once_leave_the_index(path: Path) -> None:
    with opened(a_sqlite_store(path)) as store:
        history = History(store)
        history.write(*((a_key(str(id)), an_entry("h1", f"h{id}")) for id in range(2, 200)))
    with opened(store):
        history.write(*((a_key(str(id)), an_entry("h0")) for id in range(2, 200, 3)))
        expected = [hit.seq for hit in history.found(R5, "Task", Term("h1"))]
        hits = store.writer.search(R5, "Task", Term("h1"), count=999)
        assert [hit.seq for hit in hits] == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE subscription SET fields = substr(fields, 2)",
        """UPDATE subscription SET
        fields = CAST(replace(CAST(fields AS TEXT), '"active"', '"acting"') AS BLOB)""",
        "UPDATE stream SET filters = substr(filters, 2)",
        "UPDATE delivery SET resend = substr(resend, 2)",
        "UPDATE delivery SET lost = '[1'",
    ],
)
def test_what_is_not_as_it_was_written_is_found_when_it_is_opened(path: Path, wrong: str) -> None:
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(streams=[a_stream()], subscribers=[a_subscriber(headers=())]))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(wrong).rowcount == 1
        db.commit()
    with pytest.raises((LookupError, ValueError)):
        store.open()


def test_an_error_is_taken_away_also_after_a_restart(path: Path) -> None:
    failing = a_subscriber()
    healed = replace(failing, error=None, error_code=None)
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(subscribers=[failing]))
    with opened(store):
        store.commit(WriteBatch(deliveries=[healed]))
    assert everybody(store.open()) == (healed,)
    store.close()


def test_the_ring_of_attempts_has_a_hundredth_of_slack(path: Path) -> None:
    with opened(a_sqlite_store(path, attempts_kept=200)) as store:
        for number in range(1, 500, 7):
            attempts = [an_attempt(each) for each in range(number, number + 7)]
            store.commit(WriteBatch(attempts=attempts))
            kept = len(store.writer.attempts(1, 999))
            assert min(200, number + 6) <= kept <= 202


def test_attempts_over_new_and_old_connections_keep_their_order(path: Path) -> None:
    fresh = an_attempt(1)._replace(timing=Timing(address="::1", dns=1.0, connect=0.5, tls=2.0))
    reused = an_attempt(2)._replace(timing=Timing(address="::1", wait=1.0, total=2.0))
    attempts = [fresh, reused, reused, fresh]
    with opened(a_sqlite_store(path)) as store:
        store.commit(WriteBatch(attempts=attempts))
        assert store.writer.attempts(1, 9) == attempts[::-1]
