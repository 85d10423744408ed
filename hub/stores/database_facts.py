"""What a database says of itself: the hub's table ``hub``."""

from __future__ import annotations

import sqlite3

from hub.errors import Unavailable
from hub.stores.postings import Layout, best_layout, layout_named

SCHEMA_VERSION = 2
"""Raised with every change of ``hub.stores.schema``; a hub refuses a database of another one."""


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


def layout_of(db: sqlite3.Connection, facts: dict[str, str]) -> Layout:
    """Return how the database keeps search terms.

    Raises:
        Unavailable: this SQLite can't read it.
    """
    layout = layout_named(facts["layout"])
    if layout.name != "plain" and best_layout(db).name == "plain":
        raise Unavailable("the database was made with FTS5, which this SQLite does not have")
    return layout
