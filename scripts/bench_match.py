"""Measures the core alone: loading topics, and what a change costs to be matched."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from hub.codecs.definitions import read_definitions
from hub.core.change import Change, Interaction
from hub.core.filters import accept_filters
from hub.core.registry import Registry, Stream
from hub.core.release import FhirRelease
from hub.core.search import NOWHERE
from hub.core.search_parameter import SearchParameters
from hub.core.subscription import FilterBy
from hub.settings import packaged_topics

SIZES = (100, 10_000, 100_000)
_RELEASE = FhirRelease.R4
_TOPIC = "http://example.org/fhir-hub/SubscriptionTopic/task-activity"


def topics() -> dict[str, float]:
    """Milliseconds to read and compile every topic, microseconds to evaluate a change on all."""
    began = time.perf_counter()
    registry, parameters = _loaded()
    loading = time.perf_counter() - began
    open_topics = registry.open_topics(_RELEASE)
    for number, topic in enumerate(open_topics):
        registry.add_stream(_stream(registry, parameters, number, topic.topic.canonical))
    changes = [_change(number) for number in range(64)]
    found = [match for change in changes for match in registry.match(change, NOWHERE)]
    if not found:
        raise SystemExit("nothing matched: this run does not count")
    return {
        "every topic read and compiled for 3 releases (ms)": loading * 1000,
        f"one change against {len(open_topics)} topics (us)": _microseconds(
            lambda change: registry.match(change, NOWHERE), changes
        ),
    }


def match() -> dict[str, float]:
    """Microseconds to extract and match one change that three Subscriptions ask for."""
    figures = {}
    for size in SIZES:
        registry, parameters = _loaded()
        for number in range(size):
            wanted = FilterBy(filter_parameter="owner", value=f"Organization/o{number}")
            registry.add_stream(_stream(registry, parameters, number, _TOPIC, wanted))
        for number, wanted in enumerate(_also()):
            registry.add_stream(_stream(registry, parameters, size + number, _TOPIC, wanted))
        changes = [_change(number % size) for number in range(64)]
        if any(len(registry.match(change, NOWHERE)) != 3 for change in changes):
            raise SystemExit("a change did not match three times: this run does not count")
        figures[f"extract and match, {size:,} filters, 3 matches (us)"] = _microseconds(
            lambda change, known=registry: known.match(change, NOWHERE),  # type: ignore[misc]  # bound now
            changes,
        )
    return figures


def _also() -> Iterator[FilterBy]:
    yield FilterBy(filter_parameter="requester", value="Organization/ward")
    yield FilterBy(filter_parameter="code", value="http://example.org/codes|fbc")


def _loaded() -> tuple[Registry, SearchParameters]:
    definitions = read_definitions([packaged_topics()])
    parameters = {
        release: definitions.search_parameters(release, f"http://hub.example/fhir/{release.path}")
        for release in FhirRelease
    }
    registry = Registry()
    for loaded in definitions.topics:
        registry.add_topic(loaded.topic, parameters)
    return registry, parameters[_RELEASE]


def _stream(
    registry: Registry, parameters: SearchParameters, id: int, topic: str, *wanted: FilterBy
) -> Stream:
    compiled = registry.topic(_RELEASE, topic)
    filters = accept_filters(compiled, wanted, parameters)
    canonical = compiled.topic.canonical
    return Stream(id=id, release=_RELEASE, topic=canonical, filters=filters, visibility="")


def _change(number: int) -> Change:
    def task(status: str) -> dict[str, Any]:
        return {
            "resourceType": "Task",
            "id": f"t{number}",
            "status": status,
            "intent": "order",
            "code": {"coding": [{"system": "http://example.org/codes", "code": "fbc"}]},
            "for": {"reference": f"Patient/p{number}"},
            "requester": {"reference": "Organization/ward"},
            "owner": {"reference": f"Organization/o{number}"},
        }

    return Change(
        release=_RELEASE,
        resource_type="Task",
        id=f"t{number}",
        interaction=Interaction.UPDATE,
        previous=task("requested"),
        current=task("accepted"),
    )


def _microseconds(call: Callable[[Change], object], changes: list[Change]) -> float:
    """Return the median over rounds of the time of one call."""
    rounds = []
    for _ in range(50):
        began = time.perf_counter()
        for change in changes:
            call(change)
        rounds.append((time.perf_counter() - began) / len(changes) * 1e6)
    return statistics.median(rounds)
