"""A process that matches made-up changes against any number of filters, with the hub's own core."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from typing import Any

from hub.cli.bench.bare import look_ups, microseconds
from hub.cli.bench.child import Command, run_child
from hub.cli.bench.failure import check
from hub.cli.bench.sample import TOPIC
from hub.codecs.definitions import read_definitions
from hub.core.change import Change, Interaction
from hub.core.filters import accept_filters
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search import NOWHERE
from hub.core.stream import Stream
from hub.core.subscription import FilterBy
from hub.settings import packaged_topics

_RELEASE = FhirRelease.R4
_CHANGES = 64
_ALSO = (
    FilterBy(filter_parameter="requester", value="Organization/ward"),
    FilterBy(filter_parameter="code", value="http://example.org/codes|fbc"),
)


class Matcher:
    """A registry that grows."""

    def __init__(self) -> None:
        definitions = read_definitions([packaged_topics()])
        parameters = {
            release: definitions.search_parameters(release, f"http://hub.example/{release.path}")
            for release in FhirRelease
        }
        self._parameters = parameters[_RELEASE]
        self._registry = Registry()
        for loaded in definitions.topics:
            self._registry.add_topic(loaded.topic, parameters)
        self._filters = 0
        self._streams = 0

    async def every_topic(self) -> list[float]:
        """Return the microseconds of one change on all topics, without filters; of bare look-ups.

        Raises:
            Wrong: it matches nothing.
        """
        topics = self._registry.open_topics(_RELEASE)
        streams = [self._add(topic.topic.canonical) for topic in topics]
        changes = list(_changes(1))
        check(bool(self._registry.match(changes[0], NOWHERE)), "nothing matched")
        found = microseconds(lambda change: self._registry.match(change, NOWHERE), changes)
        for stream in streams:
            self._registry.remove_stream(stream)
        return [found, look_ups(1, len(changes))]

    async def grow(self, filters: int) -> None:
        """Have so many filters by owner, and two that every change passes."""
        if not self._filters:
            for wanted in _ALSO:
                self._add(TOPIC, wanted)
        for number in range(self._filters, filters):
            self._add(TOPIC, FilterBy(filter_parameter="owner", value=f"Organization/o{number}"))
        self._filters = max(self._filters, filters)
        gc.collect()
        gc.freeze()

    async def measure(self) -> list[float]:
        """Return the microseconds of one change with 3 matches, and those of bare look-ups.

        Raises:
            Wrong: a change does not match 3 times.
        """
        changes = list(_changes(self._filters))
        for change in changes:
            found = len(self._registry.match(change, NOWHERE))
            check(found == 3, f"a change matched {found} times, not 3")
        return [
            microseconds(lambda change: self._registry.match(change, NOWHERE), changes),
            look_ups(self._filters, len(changes)),
        ]

    def _add(self, canonical: str, *wanted: FilterBy) -> int:
        compiled = self._registry.topic(_RELEASE, canonical)
        self._streams += 1
        self._registry.add_stream(
            Stream(
                id=self._streams,
                release=_RELEASE,
                topic=compiled.topic.canonical,
                filters=accept_filters(compiled, wanted, self._parameters),
                visibility="",
            )
        )
        return self._streams


def _changes(owners: int) -> Iterator[Change]:
    """Yield changes for parties spread over all."""
    for number in range(_CHANGES):
        before = _task(number * max(1, owners // _CHANGES) % owners)
        yield Change(
            release=_RELEASE,
            resource_type="Task",
            id=before["id"],
            interaction=Interaction.UPDATE,
            previous=before,
            current=before | {"status": "accepted"},
        )


def _task(number: int) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": f"t{number}",
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": "http://example.org/codes", "code": "fbc"}]},
        "for": {"reference": f"Patient/p{number}"},
        "requester": {"reference": "Organization/ward"},
        "owner": {"reference": f"Organization/o{number}"},
    }


def _commands() -> Mapping[str, Command]:
    matcher = Matcher()
    return {
        "every_topic": matcher.every_topic,
        "grow": matcher.grow,
        "measure": matcher.measure,
    }


if __name__ == "__main__":
    run_child(_commands)
