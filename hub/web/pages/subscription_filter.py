"""The search box of the list of Subscriptions: ``status:error channel:rest-hook lab``.

Every term must hold; a term without a name is looked for in everything that the list shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.core.release import Json
from hub.errors import InvalidValue

MOST_TERMS: Final = 20
_LONGEST: Final = 500
_TERM: Final = re.compile(r'(?:([A-Za-z]+):)?(?:"([^"]*)"|(\S*))')
_NAMES: Final = ("status", "channel", "release", "topic", "sub", "error")


@dataclass(frozen=True, slots=True)
class Term:
    """One term; ``name`` is empty where it is looked for everywhere, ``text`` in lower case."""

    name: str
    text: str


def read_terms(text: str) -> tuple[Term, ...]:
    """Read what is in the search box.

    Raises:
        InvalidValue: a term has a name that is none, or there are too many.
    """
    if len(text) > _LONGEST:
        raise InvalidValue(f"q has {len(text)} characters; allowed: {_LONGEST}")
    terms: list[Term] = []
    for match in _TERM.finditer(text):
        name, quoted, bare = (match[at] or "" for at in (1, 2, 3))
        name, value = name.lower(), (quoted or bare).lower()
        if value.startswith("//"):  # an address, not the name of a term
            name, value = "", f"{name}:{value}"
        if name and name not in _NAMES:
            raise InvalidValue(
                f"{name[:32]}: is nothing to search for; allowed: {', '.join(_NAMES)}"
            )
        if value:  # else somebody is still typing
            terms.append(Term(name, value))
    if len(terms) > MOST_TERMS:
        raise InvalidValue(f"q has {len(terms)} terms; allowed: {MOST_TERMS}")
    return tuple(terms)


def fits(terms: Sequence[Term], row: Mapping[str, Json]) -> bool:
    """Tell whether a Subscription, as the list tells it, is what the terms look for."""
    return all(_TESTS[term.name](row, term.text) for term in terms)


def _anywhere(row: Mapping[str, Json], text: str) -> bool:
    shown = ("id", "name", "topic", "topicTitle", "channel", "endpoint", "error", "condition")
    return any(text in str(row[name] or "").lower() for name in shown) or any(
        text in each.lower() for each in row["filters"]
    )


_TESTS: Final[Mapping[str, Callable[[Mapping[str, Json], str], bool]]] = {
    "": _anywhere,
    "status": lambda row, text: text in (row["status"], row["condition"]),
    "channel": lambda row, text: text == row["channel"],
    "release": lambda row, text: text == row["release"].lower(),
    "topic": lambda row, text: text in f"{row['topic']} {row['topicTitle'] or ''}".lower(),
    "sub": lambda row, text: text in (row["id"].lower(), f"{row['release']}/{row['id']}".lower()),
    "error": lambda row, text: text in (row["error"] or "").lower(),
}
