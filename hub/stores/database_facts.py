"""What a database says of itself: the hub's table ``hub``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import orjson

from hub.core.release import FhirRelease
from hub.errors import Unavailable
from hub.stores.postings import Layout, best_layout, layout_named

SCHEMA_VERSION = 6
"""Raised with every change of ``hub.stores.schema``.

A hub takes over a database of the version before, and refuses one of any other.
"""

_IS_OF_5 = "SELECT 1 FROM hub WHERE key = 'schema' AND value = '5'"
_ATTEMPT_OF_5 = "attempt_of_5"

_INDEXED = "indexed "
"""Begins the keys under which stands, per release, how its resources are indexed."""


def is_empty(db: sqlite3.Connection) -> bool:
    """Tell whether the database has no tables yet."""
    (empty,) = db.execute("SELECT count(*) = 0 FROM sqlite_schema").fetchone()
    return bool(empty)


def write_facts(db: sqlite3.Connection, identity: str, layout: Layout) -> None:
    """Write the facts of a database that is being created."""
    db.executemany(
        "INSERT INTO hub(key, value) VALUES (?, ?)",
        (
            ("schema", str(SCHEMA_VERSION)),
            ("epoch", "1"),
            ("identity", identity),
            ("layout", layout.name),
        ),
    )


def take_over(db: sqlite3.Connection, attempt: str) -> None:
    """Make a database of schema 5 one of this schema; any other stays as it is.

    What was written under schema 5 is read as before, except that AUTOINCREMENT goes: it cost a
    page with every commit.

    Args:
        attempt: the SQL that creates the table ``attempt``.
    """
    if not db.execute(_IS_OF_5).fetchone():
        return
    db.execute("BEGIN IMMEDIATE")
    db.execute(f"ALTER TABLE attempt RENAME TO {_ATTEMPT_OF_5}")
    db.execute(attempt)
    db.execute(f"INSERT INTO attempt SELECT * FROM {_ATTEMPT_OF_5} ORDER BY id")  # noqa: S608  # a constant
    db.execute(f"DROP TABLE {_ATTEMPT_OF_5}")
    db.execute("UPDATE hub SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),))
    db.execute("COMMIT")


def read_facts(db: sqlite3.Connection) -> dict[str, str]:
    """Return the facts: ``schema``, ``epoch``, ``identity`` and ``layout``.

    Raises:
        Unavailable: there are none yet, or the database is of another schema.
    """
    if is_empty(db):
        raise Unavailable("the database is empty; no hub has started with it yet")
    found = dict(db.execute("SELECT key, value FROM hub").fetchall())
    if found["schema"] != str(SCHEMA_VERSION):
        raise Unavailable(
            f"the database has schema {found['schema']}; this hub reads {SCHEMA_VERSION}"
        )
    return found


def write_indexed(db: sqlite3.Connection, indexed: Mapping[FhirRelease, Mapping[str, str]]) -> None:
    """Write as which parameters the types of these releases are indexed."""
    if not indexed:
        return
    db.executemany(
        "INSERT OR REPLACE INTO hub(key, value) VALUES (?, ?)",
        (
            (f"{_INDEXED}{release}", orjson.dumps(dict(types)).decode())
            for release, types in indexed.items()
        ),
    )


def read_indexed(db: sqlite3.Connection) -> dict[FhirRelease, Mapping[str, str]]:
    """Return what ``write_indexed`` wrote; a release that was never indexed is not there."""
    rows = db.execute("SELECT key, value FROM hub WHERE key LIKE ?", (f"{_INDEXED}%",)).fetchall()
    return {FhirRelease(key.removeprefix(_INDEXED)): orjson.loads(value) for key, value in rows}


def layout_of(db: sqlite3.Connection, facts: dict[str, str]) -> Layout:
    """Return how the database keeps search terms.

    Raises:
        Unavailable: this SQLite can't read it.
    """
    layout = layout_named(facts["layout"])
    if layout.name != "plain" and best_layout(db).name == "plain":
        raise Unavailable("the database was made with FTS5, which this SQLite does not have")
    return layout
