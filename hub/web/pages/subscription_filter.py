"""The search box of the list of Subscriptions: ``status:error channel:rest-hook lab``.

Every term must hold; a term without a name is looked for in everything that the list shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hub.codecs.filter_criteria import write_filter
from hub.engine.condition import Fare
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


@dataclass(frozen=True, slots=True)
class Row:
    """One Subscription with what the list tells of it beside: its name, and the topic's title."""

    fare: Fare
    name: str
    title: str | None


def fits(terms: Sequence[Term], row: Row) -> bool:
    """Tell whether a Subscription is what the terms look for."""
    return all(_TESTS[term.name](row, term.text) for term in terms)


def _anywhere(row: Row, text: str) -> bool:
    subscription = row.fare.subscriber.subscription
    shown = (
        *(subscription.id, row.name, row.title, subscription.topic, subscription.channel_type),
        *(subscription.endpoint, row.fare.subscriber.error, row.fare.condition),
        *(write_filter(each) for each in subscription.filter_by),
    )
    return any(text in each.lower() for each in shown if each)


def _sub(row: Row, text: str) -> bool:
    subscription = row.fare.subscriber.subscription
    id = subscription.id.lower()
    return text in (id, f"{subscription.release.path}/{id}")


def _topic(row: Row, text: str) -> bool:
    return text in f"{row.fare.subscriber.subscription.topic} {row.title or ''}".lower()


def _status(row: Row, text: str) -> bool:
    return text in (row.fare.condition, row.fare.subscriber.subscription.status)


_TESTS: Final[Mapping[str, Callable[[Row, str], bool]]] = {
    "": _anywhere,
    "status": _status,
    "channel": lambda row, text: text == row.fare.subscriber.subscription.channel_type,
    "release": lambda row, text: text == row.fare.subscriber.subscription.release.path,
    "topic": _topic,
    "sub": _sub,
    "error": lambda row, text: text in (row.fare.subscriber.error or "").lower(),
}
