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
from hub.core.search_comparator import Comparator
from hub.core.search_index import (
    And,
    Everything,
    Expression,
    IndexEntry,
    Not,
    Or,
    Overlap,
    Prefix,
    Term,
)

ANY_TYPE = "Resource"
"""The resource type that stands for all of a release."""

IS_CURRENT = (
    "EXISTS (SELECT 1 FROM resource AS r WHERE r.kind = c.kind AND r.id = c.id "
    "AND r.seq = c.seq AND NOT r.deleted)"
)
"""Whether the row ``c`` of the log is a version that can be found."""

_LETTER = {FhirRelease.R4: "a", FhirRelease.R4B: "b", FhirRelease.R5: "c"}
_AVERAGES, _STRUCTURE = 1, 10
_EMPTY_STRUCTURE_BYTES = 7
_RANGE = struct.Struct("<3q")
_AFTER_EVERY_LETTER = "{"
_HASHES, _HASHED = ("h", "s"), 17
"""How terms begin that hold a hash with the type, and how long that is at least."""

_LOW, _HIGH = 0, 1
_COMPARISON = {
    Comparator.EQ: ("lo >= ? AND lo < ? AND hi <= ?", (_LOW, _HIGH, _HIGH)),
    Comparator.NE: ("(lo < ? OR hi > ?)", (_LOW, _HIGH)),
    Comparator.GT: ("hi > ?", (_HIGH,)),
    Comparator.LT: ("lo < ?", (_LOW,)),
    Comparator.GE: ("(hi > ? OR lo >= ?)", (_HIGH, _LOW)),
    Comparator.LE: ("lo < ? AND (lo < ? OR hi <= ?)", (_HIGH, _LOW, _HIGH)),
    Comparator.SA: ("lo >= ?", (_HIGH,)),
    Comparator.EB: ("lo < ? AND hi <= ?", (_LOW, _LOW)),
    Comparator.AP: ("lo < ? AND hi > ?", (_HIGH, _LOW)),
}
"""No range is empty (``lo < hi``), so a bound of ``hi`` is one of ``lo``, which the rows follow."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """A SELECT of the seqs that some expression selects, each once, with its arguments."""

    sql: str
    arguments: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """FROM and WHERE that select current versions; more conditions can follow.

    ``seq`` is the column to order by and to page with: hits come in its order for nothing.
    ``counted`` has as many hits and looks at the terms alone, None where that is not enough.
    """

    sql: str
    seq: str
    arguments: tuple[str | int, ...]
    counted: LookUp | None = None


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
                    (start, start + _AFTER_EVERY_LETTER),
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
    if not entry.terms:
        return ""
    letter = _LETTER[release]
    return letter + f" {letter}".join(sorted(entry.terms))


def pack_ranges(entry: IndexEntry) -> bytes | None:
    """Return the ranges of ``entry`` as the log keeps them."""
    if not entry.ranges:
        return None
    return b"".join([_RANGE.pack(*found) for found in sorted(entry.ranges)])


def add_ranges(db: sqlite3.Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Add (seq, packed ranges)."""
    found = _each_range(rows)
    if found:
        db.executemany("INSERT INTO search_range(p, lo, hi, seq) VALUES (?, ?, ?, ?)", found)


def remove_ranges(db: sqlite3.Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Remove (seq, packed ranges) as they were added."""
    found = _each_range(rows)
    if found:
        db.executemany(
            "DELETE FROM search_range WHERE p = ? AND lo = ? AND hi = ? AND seq = ?", found
        )


def selection(
    layout: Layout, release: FhirRelease, resource_type: str, expression: Expression
) -> Selection:
    """Return how the current versions of a type are selected; ``Resource`` is any type."""
    letter = _LETTER[release]
    parts = expression.parts if isinstance(expression, And) else (expression,)
    driver, rest = layout.driver(letter, [p for p in parts if not isinstance(p, Everything)])
    if driver is None:
        ranges = next((part for part in rest if isinstance(part, Overlap)), None)
        if ranges is not None:
            driver = _overlapping(ranges)
            rest.remove(ranges)
    kind, kind_arguments = _kind(release, resource_type)
    index = "" if resource_type == ANY_TYPE else " INDEXED BY change_log_kind"
    arguments: list[str | int] = []
    if driver is None:
        text = f"FROM change_log AS c{index} WHERE {kind} AND {IS_CURRENT}"
    else:
        text = (
            f"FROM ({driver.sql}) AS hit CROSS JOIN change_log AS c{index} "
            f"ON c.seq = hit.seq WHERE {kind}"
        )
        arguments += driver.arguments
    arguments += kind_arguments
    counted = None
    if not rest and resource_type != ANY_TYPE and any(map(_is_of_one_type, parts)):
        counted = driver
    for part in rest:
        text += f" AND {_condition(layout, letter, part, arguments)}"
    return Selection(text, "c.seq" if driver is None else "hit.seq", tuple(arguments), counted)


def _is_of_one_type(expression: Expression) -> bool:
    """Tell whether only resources of one type have these terms: the type is part of their hash."""
    match expression:
        case Term(text) | Prefix(text):
            return text.startswith(_HASHES) and len(text) >= _HASHED
        case Or(parts):
            return all(map(_is_of_one_type, parts))
        case And(parts):
            return any(map(_is_of_one_type, parts))
        case _:
            return False


def _kind(release: FhirRelease, resource_type: str) -> tuple[str, tuple[str, ...]]:
    if resource_type == ANY_TYPE:
        return "c.kind IN (SELECT id FROM kind WHERE release = ?)", (release.value,)
    return (
        "c.kind = (SELECT id FROM kind WHERE release = ? AND type = ?)",
        (release.value, resource_type),
    )


def _condition(
    layout: Layout, letter: str, expression: Expression, arguments: list[str | int]
) -> str:
    found = (
        _overlapping(expression)
        if isinstance(expression, Overlap)
        else layout.look_up(letter, expression)
    )
    if found is not None:
        arguments += found.arguments
        return f"+c.seq IN ({found.sql})"
    match expression:
        case And(parts):
            return _joined(" AND ", layout, letter, parts, arguments)
        case Or(parts):
            return _joined(" OR ", layout, letter, parts, arguments)
        case Not(part):
            return f"NOT ({_condition(layout, letter, part, arguments)})"
        case _:
            return "1"


def _joined(
    word: str,
    layout: Layout,
    letter: str,
    parts: Sequence[Expression],
    arguments: list[str | int],
) -> str:
    # By halves: SQLite limits how deep an expression is, and a chain is as deep as it is long.
    if len(parts) == 1:
        return _condition(layout, letter, parts[0], arguments)
    middle = len(parts) // 2
    left = _joined(word, layout, letter, parts[:middle], arguments)
    right = _joined(word, layout, letter, parts[middle:], arguments)
    return f"({left}{word}{right})"


def _overlapping(overlap: Overlap) -> LookUp:
    comparison, bounds = _COMPARISON[overlap.how]
    asked = (overlap.low, overlap.high)
    return LookUp(
        f"SELECT DISTINCT seq FROM search_range WHERE p = ? AND {comparison}",  # noqa: S608  # made of constants
        (overlap.parameter, *(asked[bound] for bound in bounds)),
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
