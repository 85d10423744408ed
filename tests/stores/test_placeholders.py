"""Many rows in few statements, in the order given, and all or an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.stores.placeholders import insert_rows


@contextmanager
def _database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT NOT NULL)")
        yield db


@given(st.integers(0, 200))
def test_all_rows_come_in_with_few_statements(count: int) -> None:
    begun: list[str] = []
    rows = [(None, f"w{number}") for number in range(count)]
    with _database() as db:
        db.set_trace_callback(begun.append)
        insert_rows(db, "t(id, word)", rows)
        # Each statement lets other threads run.
        assert len(begun) == count // 32 + (count % 32).bit_count()
        db.set_trace_callback(None)
        found = db.execute("SELECT word FROM t ORDER BY id").fetchall()
    assert found == [(word,) for _, word in rows]


def test_a_row_that_is_refused_is_an_error() -> None:
    with _database() as db, pytest.raises(sqlite3.IntegrityError):
        insert_rows(db, "t(id, word)", [(1, "a"), (2, "b"), (1, "c")])
