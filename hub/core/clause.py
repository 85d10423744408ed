"""The clauses of a decision, for people: what was asked, what was there, did it hold.

Whatever decides (a trigger's criteria, a Subscription's filters) tells its clauses from the same
compiled conditions that it decides with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hub.core.release import Json, Resource
from hub.core.search import Condition, Resolver
from hub.core.search_criterion import IsReferredTo
from hub.core.search_value import primitive

_MOST_SHOWN = 5
_SHOWN = ("reference", "value", "code", "text", "display", "family", "start", "end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One test.

    ``name`` is the element where it stands (``queryCriteria.current``), ``text`` what it asks, as
    it was written.  ``holds`` is None where that can't be said: ``error`` tells why.  ``found``
    is what was there, at most a few values; they may name people and never go to a log.
    """

    name: str
    text: str
    holds: bool | None
    found: tuple[str, ...] = field(default=(), repr=False)
    error: str | None = None


def clauses_of(
    name: str, conditions: Iterable[Condition], state: Resource, resolver: Resolver
) -> Iterator[Clause]:
    """Yield a clause for each condition of a query, tried on ``state``."""
    for condition in conditions:
        modifier = f":{condition.modifier}" if condition.modifier else ""
        criterion = condition.criterion
        there: Sequence[Json] = ()
        if not isinstance(criterion, IsReferredTo):
            there = criterion.parameter.elements(state)
        yield Clause(
            name=name,
            text=f"{condition.name}{modifier}={','.join(condition.values)}",
            holds=condition.matches(state, resolver),
            found=tuple(shown(each) for each in there[:_MOST_SHOWN]),
        )


def shown(element: Json) -> str:
    """Return an element as people would write it: ``Organization/lab``, ``http://loinc.org|1234``.

    What has no short form is shown by the names of its elements.
    """
    plain = primitive(element)
    if plain is not None:
        return plain
    if not isinstance(element, dict):
        return "..."
    inner = next((element[name] for name in ("identifier", "concept") if name in element), None)
    codings = element.get("coding")
    if isinstance(codings, list) and codings:
        return ", ".join(shown(each) for each in codings[:_MOST_SHOWN])
    words = [
        text
        for name in _SHOWN
        if name in element and (text := primitive(element[name])) is not None
    ]
    if words:
        system = element.get("system")
        return f"{system}|{words[0]}" if isinstance(system, str) else words[0]
    return shown(inner) if inner is not None else "{" + ", ".join(sorted(element)) + "}"
