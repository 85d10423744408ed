"""What an error of SQLite means for the hub.

Source: https://www.sqlite.org/rescode.html.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from hub.errors import StoreFull, Unavailable
from hub.ports import StoreBroken

_BROKEN = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
)


class IndexDamaged(StoreBroken):
    """Only the search index is damaged: it can be filled anew from the log."""


@contextmanager
def explained() -> Iterator[None]:
    """Raise what an error of SQLite inside means; see ``explain``."""
    try:
        yield
    except sqlite3.Error as error:
        explain(error)


def explain(error: sqlite3.Error) -> NoReturn:
    """Raise what an error of SQLite means; one that is a bug goes on as it is.

    Raises:
        StoreFull: no space.
        Unavailable: another program holds the database locked.
        IndexDamaged: the search index contradicts itself.
        StoreBroken: the database can't be read or written, or is damaged.
    """
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        raise StoreFull(
            "the disk, or the space that the hub may use, is full", retry_after=30
        ) from error
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise Unavailable("another program has the database locked", retry_after=5) from error
    if code == sqlite3.SQLITE_CORRUPT_VTAB:
        raise IndexDamaged from error
    if primary in _BROKEN:
        raise StoreBroken(f"{error.sqlite_errorname}: {error}") from error
    raise error
