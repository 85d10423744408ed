"""SQL for several values or rows at once, in few different texts: each is prepared once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TypeVar

T = TypeVar("T")

_MOST = 64
_ROWS = 32


def in_parts(sql: str, values: Sequence[T]) -> Iterator[tuple[str, list[T]]]:
    """Yield ``sql``, which ends in ``IN``, with its list, and the arguments in that list.

    A part is filled up to a power of two by its last value once more.
    """
    for start in range(0, len(values), _MOST):
        part = list(values[start : start + _MOST])
        size = 1 << (len(part) - 1).bit_length()
        part += part[-1:] * (size - len(part))
        yield f"{sql} (?{',?' * (size - 1)})", part


def insert_rows(db: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert ``rows`` of one width into the columns ``into``, such as ``kind(release, type)``.

    Many rows go in one statement: to begin one costs as much as to write a short row.  ``OR FAIL``
    because the transaction is rolled back if a row is refused: to take back the statement alone,
    SQLite would first copy each page that it changes.  ``OR REPLACE`` has no such form, which is
    why rows that replace others are written one by one.
    Source: https://www.sqlite.org/tempfiles.html (statement journal files).
    """
    if not rows:
        return
    width = len(rows[0])
    one = f"(?{',?' * (width - 1)})"
    sql = f"INSERT OR FAIL INTO {into} VALUES {one}"  # noqa: S608  # names are constants
    start, size = 0, _ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        part = rows[start : start + size]
        db.execute(sql + f",{one}" * (size - 1), list(chain.from_iterable(part)))
        start += size
