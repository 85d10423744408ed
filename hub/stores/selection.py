"""How an expression becomes SQL that selects current versions in the log.

One part of it drives: its hits are looked up in the index, newest first.  The other parts are
conditions on those.  When a version was written is not in the index: instants never go back along
the log, so what was written in some time is a stretch of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.core.release import FhirRelease
from hub.core.search_comparator import Comparator
from hub.core.search_index import (
    And,
    Everything,
    Expression,
    Not,
    Or,
    Overlap,
    Prefix,
    Term,
    Updated,
)
from hub.stores.postings import ANY_TYPE, IS_CURRENT, LETTER, Layout, LookUp

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

_STRETCH = {
    Comparator.EQ: ("{0} > ? AND {0} <= ?", (_LOW, _HIGH)),
    Comparator.NE: ("({0} <= ? OR {0} > ?)", (_LOW, _HIGH)),
    Comparator.GT: ("{0} > ?", (_HIGH,)),
    Comparator.LT: ("{0} <= ?", (_LOW,)),
    Comparator.GE: ("{0} > ?", (_LOW,)),
    Comparator.LE: ("{0} <= ?", (_HIGH,)),
    Comparator.SA: ("{0} > ?", (_HIGH,)),
    Comparator.EB: ("{0} <= ?", (_LOW,)),
    Comparator.AP: ("{0} > ? AND {0} <= ?", (_LOW, _HIGH)),
}
"""The same of an instant, one microsecond wide: a bound is the last seq before it."""


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


def selection(
    layout: Layout,
    release: FhirRelease,
    resource_type: str,
    expression: Expression,
    last_before: Callable[[int], int],
) -> Selection:
    """Return how the current versions of a type are selected; ``Resource`` is any type.

    Args:
        last_before: returns the last seq that was written before an instant, which is in
            microseconds since 1970 UTC.
    """
    conditions = _Conditions(layout, LETTER[release], last_before)
    parts = expression.parts if isinstance(expression, And) else (expression,)
    driver, rest = layout.driver(
        LETTER[release], [part for part in parts if not isinstance(part, Everything)]
    )
    if driver is None:
        ranges = next((part for part in rest if isinstance(part, Overlap)), None)
        if ranges is not None:
            driver = _overlapping(ranges)
            rest.remove(ranges)
    kind, kind_arguments = _kind(release, resource_type)
    index = "" if resource_type == ANY_TYPE else " INDEXED BY change_log_kind"
    if driver is None:
        seq = "c.seq"
        text = f"FROM change_log AS c{index} WHERE {kind} AND {IS_CURRENT}"
    else:
        seq = "hit.seq"
        text = (
            f"FROM ({driver.sql}) AS hit CROSS JOIN change_log AS c{index} "
            f"ON c.seq = hit.seq WHERE {kind}"
        )
        conditions.arguments += driver.arguments
    conditions.arguments += kind_arguments
    counted = None
    if not rest and resource_type != ANY_TYPE and any(map(_is_of_one_type, parts)):
        counted = driver
    for part in rest:
        text += f" AND {conditions.of(part, seq)}"
    return Selection(text, seq, tuple(conditions.arguments), counted)


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


class _Conditions:
    """Conditions on hits, and the arguments of all that were made, in order."""

    def __init__(self, layout: Layout, letter: str, last_before: Callable[[int], int]) -> None:
        self.arguments: list[str | int] = []
        self._layout = layout
        self._letter = letter
        self._last_before = last_before

    def of(self, expression: Expression, seq: str = "+c.seq") -> str:
        """Return the condition that a hit with this ``seq`` is selected."""
        if isinstance(expression, Updated):
            return self._written(expression, seq)
        found = (
            _overlapping(expression)
            if isinstance(expression, Overlap)
            else self._layout.look_up(self._letter, expression)
        )
        if found is not None:
            self.arguments += found.arguments
            return f"+c.seq IN ({found.sql})"
        match expression:
            case And(parts):
                return self._joined(" AND ", parts)
            case Or(parts):
                return self._joined(" OR ", parts)
            case Not(part):
                return f"NOT ({self.of(part)})"
            case _:
                return "1"

    def _written(self, updated: Updated, seq: str) -> str:
        stretch, bounds = _STRETCH[updated.how]
        asked = (updated.low, updated.high)
        self.arguments += [self._last_before(asked[bound]) for bound in bounds]
        return f"({stretch.format(seq)})"

    def _joined(self, word: str, parts: Sequence[Expression]) -> str:
        # By halves: SQLite limits how deep an expression is, and a chain is as deep as it is long.
        if len(parts) == 1:
            return self.of(parts[0])
        middle = len(parts) // 2
        left = self._joined(word, parts[:middle])
        right = self._joined(word, parts[middle:])
        return f"({left}{word}{right})"


def _overlapping(overlap: Overlap) -> LookUp:
    comparison, bounds = _COMPARISON[overlap.how]
    asked = (overlap.low, overlap.high)
    return LookUp(
        f"SELECT DISTINCT seq FROM search_range WHERE p = ? AND {comparison}",  # noqa: S608  # made of constants
        (overlap.parameter, *(asked[bound] for bound in bounds)),
    )
