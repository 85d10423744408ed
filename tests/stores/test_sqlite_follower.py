from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import Unavailable
from hub.ports import Reader, StoreBroken, WriteBatch
from hub.stores.sqlite import SqliteStore
from hub.stores.sqlite_follower import SqliteFollower
from hub.stores.sqlite_reader import SqliteReader
from tests.stores.samples import (
    a_key,
    a_sqlite_store,
    a_stream,
    a_version,
    an_event,
)


@pytest.fixture
def owner(path: Path) -> Iterator[SqliteStore]:
    store = a_sqlite_store(path)
    store.open()
    yield store
    store.close()


def following(path: Path) -> SqliteFollower:
    return SqliteFollower(path, busy_timeout=0)


def test_a_follower_sees_each_commit_of_the_owner(owner: SqliteStore, path: Path) -> None:
    async def scenario() -> None:
        with closing(following(path)) as follower:
            assert await follower.read(lambda view: view.head(a_key())) is None
            owner.commit(
                WriteBatch(
                    versions=[a_version(1)],
                    streams=[a_stream()],
                    events=[an_event(1)],
                    counters={1: 1},
                )
            )
            assert await follower.read(lambda view: view.head(a_key())) == a_version(1)
            assert await follower.read(lambda view: view.events(1, 1, 9)) == [an_event(1)]

    asyncio.run(scenario())


def test_a_follower_can_write_nothing(owner: SqliteStore, path: Path) -> None:
    def write(view: Reader) -> None:
        assert isinstance(view, SqliteReader)
        view.db.execute("UPDATE hub SET value = '0'")

    with (
        closing(following(path)) as follower,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        asyncio.run(follower.read(write))


def test_a_follower_leaves_the_log_of_a_killed_owner_to_the_next_owner(
    owner: SqliteStore, path: Path, tmp_path: Path
) -> None:
    owner.commit(WriteBatch(versions=[a_version(1)]))
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("hub.db", "hub.db-wal"):
        shutil.copy(path.parent / name, killed / name)
    files = {file.name: file.read_bytes() for file in killed.iterdir()}
    with closing(following(killed / "hub.db")) as follower:
        assert asyncio.run(follower.read(lambda view: view.head(a_key()))) == a_version(1)
    assert {name: (killed / name).read_bytes() for name in files} == files
    assert not (killed / "hub.db.lock").exists()


def test_an_owner_writes_and_ends_as_if_nobody_followed(path: Path) -> None:
    store = a_sqlite_store(path, busy_timeout=0)
    store.open()
    with closing(following(path)) as follower:
        store.commit(WriteBatch(versions=[a_version(1)]))
        assert asyncio.run(follower.read(lambda view: view.head(a_key()))) == a_version(1)
        store.close()
        assert (path.parent / "hub.db-wal").stat().st_size == 0
        with closing(a_sqlite_store(path, busy_timeout=0)) as again:
            again.open()
            again.commit(WriteBatch(versions=[a_version(2, a_key("2"))]))
            found = asyncio.run(follower.read(lambda view: view.head(a_key("2"))))
            assert found == a_version(2, a_key("2"))


def test_a_follower_refuses_what_no_hub_of_this_schema_has_opened(path: Path) -> None:
    with pytest.raises(StoreBroken, match="CANTOPEN"):
        following(path)
    path.touch()
    with pytest.raises(Unavailable, match="empty"):
        following(path)
    path.unlink()
    with closing(a_sqlite_store(path)) as store:
        store.open()
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE hub SET value = '999' WHERE key = 'schema'")
        db.commit()
    with pytest.raises(Unavailable, match="schema 999"):
        following(path)
