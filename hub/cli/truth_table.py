"""Truth tables of topics: does it fire, whom do filters let it through to, what is shown with it.

A row is an object: ``name``, ``interaction``, ``previous``, ``current``, ``fires``, and where
wanted ``release`` (a list), ``others`` (resources that are there too), ``filters`` (filter text to
true, false or "lost": the change takes the resource from the party that the filter names) and
``includes`` (the references that the notification shape adds).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from hub.cli.exits import CommandError, Exit
from hub.clock import SystemClock
from hub.codecs.filter_criteria import read_filters
from hub.core.change import Change, Interaction
from hub.core.compiled_topic import CompiledTopic
from hub.core.filters import accept_filters
from hub.core.notification_shape import includes
from hub.core.release import Json, Resource
from hub.core.search_parameter import SearchParameters
from hub.errors import HubError

CASES_FILE = "cases.json"
LOST = "lost"
_TOLD: Mapping[Json, str] = {
    True: "lets through it",
    False: "stops it",
    LOST: "tells whom it names of a loss",
}


def read_rows(path: Path) -> list[Resource]:
    """Return the rows of a file.

    Raises:
        CommandError: it can't be read, or is no list of objects.
    """
    try:
        rows = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(Exit.FAILED, f"{path}: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CommandError(Exit.FAILED, f"{path}: it must be a list of rows")
    return rows


def check_row(row: Resource, topic: CompiledTopic, parameters: SearchParameters) -> Iterator[str]:
    """Yield what of a row is not as it says; nothing where all is."""
    try:
        change = _change(row, topic)
    except _Malformed as error:
        yield str(error)
        return
    others = Others(parameters, [*row.get("others", []), change.current])
    errors = [each.error for each in topic.explain(change, others) if each.error]
    if errors:
        yield f"it can't be evaluated: {'; '.join(errors)}"
    fires = bool(topic.fires(change, others))
    if fires is not row["fires"]:
        yield "it fires, and should not" if fires else "it does not fire, and should"
    for text, expected in row.get("filters", {}).items():
        try:
            filters = accept_filters(topic, read_filters(text, text), parameters)
        except HubError as error:
            yield f"filter {text}: {error.diagnostics}"
            continue
        told: Json = filters.accepts(change, others)
        if filters.loses(change, others):
            told = LOST
        if told != expected:
            yield f"filter {text} {_TOLD[told]}, and should not"
    if "includes" in row:
        shown = [f"{kind}/{id}" for kind, id in includes(topic, change.subject, parameters, others)]
        if sorted(shown) != sorted(row["includes"]):
            yield f"it shows {', '.join(shown) or 'nothing'} besides the focus"


class _Malformed(Exception):
    """What is wrong with the form of a row."""


def _change(row: Resource, topic: CompiledTopic) -> Change:
    previous, current = row.get("previous"), row.get("current")
    states = [each for each in (current, previous) if each is not None]
    state: Json = states[0] if states else None
    if not all(isinstance(each, dict) for each in states) or not isinstance(state, dict):
        raise _Malformed("previous or current must be a resource")
    if row.get("interaction") not in tuple(Interaction):
        raise _Malformed(f"interaction must be one of {', '.join(Interaction)}")
    if not isinstance(row.get("fires"), bool):
        raise _Malformed("fires must be true or false")
    if not isinstance(row.get("filters", {}), dict) or not isinstance(row.get("others", []), list):
        raise _Malformed("filters must be an object, others a list")
    return Change(
        release=topic.release,
        resource_type=str(state.get("resourceType")),
        id=str(state.get("id", "1")),
        interaction=Interaction(row["interaction"]),
        previous=previous,
        current=current,
    )


@dataclass(frozen=True, slots=True)
class Others:
    """The resources of a row, as chains, ``_has`` and shapes look them up, at this moment."""

    parameters: SearchParameters
    resources: Iterable[Any] = field(repr=False)
    now: datetime = field(default_factory=SystemClock().now)

    def has(self, resource_type: str, id: str) -> bool:
        """Tell whether the row has a resource."""
        return self.read(resource_type, id) is not None

    def read(self, resource_type: str, id: str) -> Resource | None:
        """Return a resource, None if the row has none such."""
        return next((each for each in self._of(resource_type) if each.get("id") == id), None)

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterator[Resource]:
        """Yield the resources of a type whose parameter points to the target."""
        parameter = self.parameters.get(resource_type, code)
        for each in self._of(resource_type) if parameter is not None else ():
            if parameter is not None and (
                f"{target_type}/{target_id}" in parameter.values(each).terms
            ):
                yield each

    def _of(self, resource_type: str) -> Iterator[Resource]:
        for each in self.resources:
            if isinstance(each, dict) and each.get("resourceType") == resource_type:
                yield each
