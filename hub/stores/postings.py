"""The search index in SQLite: which current versions have which terms and ranges.

Terms are kept in one of two layouts.  ``FullText`` is an FTS5 table without content, keyed by seq:
a change writes few pages, and hits come newest first.  ``Plain`` is a row per term, for an SQLite
without FTS5.  Each release has its own words: a term is written behind one letter for it.

FTS5 keeps no list of what it holds, so an entry must be removed with exactly the terms that it was
added with; the log keeps those.  Per commit, removals come first and both in order of seq: FTS5
then writes one segment.
Source: https://www.sqlite.org/fts5.html (contentless tables, the delete command).
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.core.release import FhirRelease
from hub.core.search_index import (
    And,
    Expression,
    IndexEntry,
    Not,
    Or,
    Prefix,
    Term,
)
from hub.stores.placeholders import insert_rows

ANY_TYPE = "Resource"
"""The resource type that stands for all of a release."""

IS_CURRENT = (
    "EXISTS (SELECT 1 FROM resource AS r WHERE r.kind = c.kind AND r.id = c.id "
    "AND r.seq = c.seq AND NOT r.deleted)"
)
"""Whether the row ``c`` of the log is a version that can be found."""

LETTER = {FhirRelease.R4: "a", FhirRelease.R4B: "b", FhirRelease.R5: "c"}
"""What the terms of a release begin with."""

_AVERAGES, _STRUCTURE = 1, 10
_EMPTY_STRUCTURE_BYTES = 7
_RANGE = struct.Struct("<3q")
_AFTER_EVERYLETTER = "{"


@dataclass(frozen=True, slots=True)
class LookUp:
    """A SELECT of the seqs that some expression selects, each once, with its arguments."""

    sql: str
    arguments: tuple[str | int, ...]


class Layout(Protocol):
    """How terms are kept."""

    @property
    def name(self) -> str:
        """What the database calls it."""

    @property
    def table(self) -> str:
        """The SQL that creates the table ``posting``."""

    def drop(self, db: sqlite3.Connection) -> None:
        """Drop the table ``posting``, damaged as it may be."""

    def add(self, db: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Add (seq, terms) in ascending order of seq."""

    def remove(self, db: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Remove (seq, terms) as they were added, in ascending order of seq."""

    def look_up(self, letter: str, expression: Expression) -> LookUp | None:
        """Return the one look-up that answers ``expression``, None if it takes more."""

    def driver(
        self, letter: str, parts: Sequence[Expression]
    ) -> tuple[LookUp | None, list[Expression]]:
        """Return a look-up that answers as many of ``parts`` as it can, and the other parts."""


class FullText:
    """Terms in FTS5, without content, positions and sizes."""

    name = "fts5"
    table = (
        "CREATE VIRTUAL TABLE posting USING fts5("
        "terms, content='', detail=none, columnsize=0, tokenize='ascii')"
    )

    def drop(self, db: sqlite3.Connection) -> None:
        """Drop the table ``posting``, damaged as it may be.

        FTS5 drops only what it can open, so its tables are first made those of an empty index.
        """
        db.execute("DELETE FROM posting_idx")
        db.execute("DELETE FROM posting_data")
        db.execute(
            "INSERT INTO posting_data(id, block) VALUES (?, x''), (?, zeroblob(?))",
            (_AVERAGES, _STRUCTURE, _EMPTY_STRUCTURE_BYTES),
        )
        db.execute("DROP TABLE posting")

    def add(self, db: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Add (seq, terms) in ascending order of seq."""
        db.executemany("INSERT INTO posting(rowid, terms) VALUES (?, ?)", rows)

    def remove(self, db: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Remove (seq, terms) as they were added, in ascending order of seq."""
        db.executemany("INSERT INTO posting(posting, rowid, terms) VALUES ('delete', ?, ?)", rows)

    def look_up(self, letter: str, expression: Expression) -> LookUp | None:
        """Return the one look-up that answers ``expression``, None if it takes more."""
        words = _words(letter, expression)
        return None if words is None else self._matching(words)

    def driver(
        self, letter: str, parts: Sequence[Expression]
    ) -> tuple[LookUp | None, list[Expression]]:
        """Return a look-up that answers as many of ``parts`` as it can, and the other parts."""
        answered = [part for part in parts if _words(letter, part) is not None]
        if not answered:
            return None, list(parts)
        answered += [
            part
            for part in parts
            if isinstance(part, Not) and _words(letter, part.part) is not None
        ]
        rest = [part for part in parts if part not in answered]
        return self.look_up(letter, And(tuple(answered))), rest

    @staticmethod
    def _matching(words: str) -> LookUp:
        return LookUp("SELECT rowid AS seq FROM posting WHERE posting MATCH ?", (words,))


class Plain:
    """Terms in a table of (term, seq)."""

    name = "plain"
    table = (
        "CREATE TABLE posting (term TEXT NOT NULL, seq INTEGER NOT NULL, "
        "PRIMARY KEY (term, seq)) WITHOUT ROWID"
    )

    def drop(self, db: sqlite3.Connection) -> None:
        """Drop the table ``posting``."""
        db.execute("DROP TABLE posting")

    def add(self, db: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Add (seq, terms) in any order."""
        db.executemany("INSERT INTO posting(seq, term) VALUES (?, ?)", _each_term(rows))

    def remove(self, db: sqlite3.Connection, rows: Iterable[tuple[int, str]]) -> None:
        """Remove (seq, terms) as they were added."""
        db.executemany("DELETE FROM posting WHERE seq = ? AND term = ?", _each_term(rows))

    def look_up(self, letter: str, expression: Expression) -> LookUp | None:
        """Return the one look-up that answers ``expression``, None if it takes more."""
        match expression:
            case Term(text):
                return LookUp("SELECT seq FROM posting WHERE term = ?", (letter + text,))
            case Prefix(text):
                start = letter + text
                return LookUp(
                    "SELECT DISTINCT seq FROM posting WHERE term >= ? AND term < ?",
                    (start, start + _AFTER_EVERYLETTER),
                )
            case _:
                return None

    def driver(
        self, letter: str, parts: Sequence[Expression]
    ) -> tuple[LookUp | None, list[Expression]]:
        """Return a look-up that answers as many of ``parts`` as it can, and the other parts."""
        for part in parts:
            found = self.look_up(letter, part)
            if found is not None:
                return found, [other for other in parts if other is not part]
        return None, list(parts)


def best_layout(db: sqlite3.Connection) -> Layout:
    """Return the layout that this SQLite offers."""
    (found,) = db.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()
    return FullText() if found else Plain()


def layout_named(name: str) -> Layout:
    """Return the layout that the database calls ``name``."""
    return FullText() if name == FullText.name else Plain()


def terms_text(release: FhirRelease, entry: IndexEntry) -> str:
    """Return the terms of ``entry`` as the log keeps them and both layouts take them."""
    if not entry.text:
        return ""
    letter = LETTER[release]
    return letter + entry.text.replace(" ", f" {letter}")


def pack_ranges(entry: IndexEntry) -> bytes | None:
    """Return the ranges of ``entry`` as the log keeps them."""
    if not entry.ranges:
        return None
    return b"".join([_RANGE.pack(*found) for found in entry.ranges])


def add_ranges(db: sqlite3.Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Add (seq, packed ranges)."""
    insert_rows(db, "search_range(p, lo, hi, seq)", sorted(_each_range(rows)))


def remove_ranges(db: sqlite3.Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Remove (seq, packed ranges) as they were added."""
    found = _each_range(rows)
    if found:
        db.executemany(
            "DELETE FROM search_range WHERE p = ? AND lo = ? AND hi = ? AND seq = ?", found
        )


def _words(letter: str, expression: Expression) -> str | None:
    """Return ``expression`` in the query language of FTS5, None where that has no form for it."""
    match expression:
        case Term(text):
            return f'"{letter}{text}"'
        case Prefix(text):
            return f'"{letter}{text}" *'
        case Or(parts):
            found = [_words(letter, part) for part in parts]
            return _phrase(" OR ", found)
        case And(parts):
            wanted = _phrase(
                " AND ", [_words(letter, part) for part in parts if not isinstance(part, Not)]
            )
            unwanted = [_words(letter, part.part) for part in parts if isinstance(part, Not)]
            if wanted is None or not unwanted:
                return wanted
            without = _phrase(" OR ", unwanted)
            return None if without is None else f"({wanted} NOT {without})"
        case _:
            return None


def _phrase(word: str, parts: Sequence[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    return known[0] if len(known) == 1 else f"({word.join(known)})"


def _each_term(rows: Iterable[tuple[int, str]]) -> Iterable[tuple[int, str]]:
    return [(seq, term) for seq, terms in rows for term in terms.split()]


def _each_range(rows: Iterable[tuple[int, bytes]]) -> list[tuple[int, int, int, int]]:
    return [(p, lo, hi, seq) for seq, packed in rows for p, lo, hi in _RANGE.iter_unpack(packed)]
