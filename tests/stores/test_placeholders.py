"""Many rows in few statements, in the order given, and all or an error."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.stores.placeholders import insert_rows


def _database() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, word TEXT NOT NULL)")
    return db


@given(st.integers(0, 200))
def test_all_rows_come_in_with_few_statements(count: int) -> None:
    db = _database()
    begun: list[str] = []
    db.set_trace_callback(begun.append)
    rows = [(None, f"w{number}") for number in range(count)]
    insert_rows(db, "t(id, word)", rows)
    # Each statement lets other threads run.
    assert len(begun) == count // 32 + (count % 32).bit_count()
    db.set_trace_callback(None)
    found = db.execute("SELECT word FROM t ORDER BY id").fetchall()
    assert found == [(word,) for _, word in rows]


def test_a_row_that_is_refused_is_an_error() -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert_rows(_database(), "t(id, word)", [(1, "a"), (2, "b"), (1, "c")])
