"""Ceilings: what this machine does for one step alone, with nothing of a hub around it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

_PRAGMAS = (
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 500",
)


def open_bare(path: Path) -> sqlite3.Connection:
    """Return a connection to a database that is as durable as the hub's."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        db.execute(pragma).fetchall()
    db.execute("CREATE TABLE IF NOT EXISTS log(seq INTEGER PRIMARY KEY, body BLOB)")
    db.execute(
        "CREATE TABLE IF NOT EXISTS event(stream INT, n INT, seq INT, PRIMARY KEY(stream, n)) "
        "WITHOUT ROWID"
    )
    return db


def commits(folder: Path, size: float, seconds: float, batch: int) -> float:
    """Return how many rows of ``size`` bytes can be committed in a second, ``batch`` at a time."""
    rows = [(bytes(int(size)),)] * batch
    count = 0
    with closing(open_bare(folder / "bare.db")) as db:
        began = time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds or not count:
            commit(db, rows)
            count += batch
    return count / spent


def commit(db: sqlite3.Connection, rows: list[tuple[bytes]]) -> None:
    """Commit rows of the log together."""
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO log(body) VALUES (?)", rows)
    db.execute("COMMIT")


def event_commit(folder: Path, size: float, events: int, rounds: int) -> float:
    """Return the milliseconds of committing one row and ``events`` rows that refer to it."""
    times = []
    with closing(open_bare(folder / "bare.db")) as db:
        for n in range(rounds):
            began = time.perf_counter()
            db.execute("BEGIN IMMEDIATE")
            done = db.execute("INSERT INTO log(body) VALUES (?)", (bytes(int(size)),))
            db.executemany(
                "INSERT OR REPLACE INTO event VALUES (?, ?, ?)",
                ((stream, n, done.lastrowid) for stream in range(events)),
            )
            db.execute("COMMIT")
            times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2] * 1000


def selects(folder: Path, bodies: list[bytes], keys: list[str], asked: list[str]) -> list[float]:
    """Return the milliseconds of each look-up of the newest 20 rows by a key, with bodies.

    Args:
        bodies: what the rows hold, in turn.
        keys: of each row.
        asked: the keys to look up.
    """
    times = []
    with closing(open_bare(folder / "bare.db")) as db:
        db.execute("CREATE TABLE found(key TEXT, seq INTEGER PRIMARY KEY)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO log(body) VALUES (?)", ((body,) for body in bodies))
        db.executemany("INSERT INTO found(key) VALUES (?)", ((key,) for key in keys))
        db.execute("CREATE INDEX found_key ON found(key, seq)")
        db.execute("COMMIT")
        for key in asked:
            began = time.perf_counter()
            db.execute(
                "SELECT f.seq, l.body FROM found AS f "
                "JOIN log AS l ON l.seq = 1 + f.seq % ? WHERE f.key = ? "
                "ORDER BY f.seq DESC LIMIT 20",
                (len(bodies), key),
            ).fetchall()
            times.append((time.perf_counter() - began) * 1000)
    return times


def rows_read(db: Path) -> float:
    """Return the seconds of reading all that a hub keeps in memory, as rows and no more."""
    tables = ("subscription", "segment", "stream", "stream_n", "delivery")
    began = time.perf_counter()
    with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as found:
        for table in tables:
            found.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # names from here
    return time.perf_counter() - began


def look_ups(filters: int, changes: int) -> float:
    """Return the microseconds of three look-ups in dictionaries with so many keys in all."""
    tables: list[dict[str, int]] = [
        {f"Organization/o{number}": number for number in range(filters)},
        {"Organization/ward": 0},
        {"http://example.org/codes|fbc": 0},
    ]
    tasks: list[dict[str, Any]] = [
        {
            "owner": {"reference": f"Organization/o{number % filters}"},
            "requester": {"reference": "Organization/ward"},
            "code": {"coding": [{"system": "http://example.org/codes", "code": "fbc"}]},
        }
        for number in range(changes)
    ]

    def match(task: dict[str, Any]) -> tuple[int | None, ...]:
        coding = task["code"]["coding"][0]
        return (
            tables[0].get(task["owner"]["reference"]),
            tables[1].get(task["requester"]["reference"]),
            tables[2].get(f"{coding['system']}|{coding['code']}"),
        )

    return microseconds(match, tasks)


def microseconds(call: Callable[[Any], object], arguments: list[Any], rounds: int = 50) -> float:
    """Return the median over rounds of the time of one call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        for argument in arguments:
            call(argument)
        times.append((time.perf_counter() - began) / len(arguments) * 1e6)
    return sorted(times)[rounds // 2]
