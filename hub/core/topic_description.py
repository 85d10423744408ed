"""What a topic tells whoever might subscribe to it: when it fires, by what it can be filtered.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hub.core.compiled_topic import (
    PLAIN,
    CompiledTopic,
    FilterRule,
    compile_topic,
    does_not_compute,
)
from hub.core.filters import COMPARATORS
from hub.core.release import FhirRelease, Json
from hub.core.search_parameter import SearchParameters
from hub.core.topic import QueryCriteria, ResourceTrigger, SubscriptionTopic, bare_type
from hub.core.trigger import codings_of
from hub.errors import TopicRefused

Compiled = Mapping[FhirRelease, CompiledTopic | str]
"""A topic in each release, or why it does not compute there."""

_INTERACTIONS: Final = ("create", "update", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFilter:
    """One parameter of one type by which a topic can be filtered, in the releases that have it.

    ``modifiers`` and ``comparators`` are what is allowed beyond plain equality; ``search_type`` is
    that of the search parameter; ``party`` as in ``FilterRule``.
    """

    resource_type: str
    filter_parameter: str
    releases: tuple[FhirRelease, ...]
    search_type: str
    modifiers: tuple[str, ...]
    comparators: tuple[str, ...]
    description: str | None
    party: bool

    @property
    def name(self) -> str:
        """How people write it: ``Task?owner``."""
        return f"{self.resource_type}?{self.filter_parameter}"


def compile_all(
    topic: SubscriptionTopic, tables: Mapping[FhirRelease, SearchParameters]
) -> Compiled:
    """Compile a topic for each release; a text says why it does not compute in one."""
    compiled: dict[FhirRelease, CompiledTopic | str] = {}
    for release, parameters in tables.items():
        try:
            compiled[release] = compile_topic(topic, parameters)
        except TopicRefused as error:
            compiled[release] = error.diagnostics.removeprefix(does_not_compute(topic, release))
    return compiled


def releases_of(compiled: Compiled) -> tuple[FhirRelease, ...]:
    """Return the releases where a topic computes."""
    return tuple(release for release, found in compiled.items() if not isinstance(found, str))


def reasons_in(found: CompiledTopic | str) -> tuple[str, ...]:
    """Return what of a topic does not compute in a release, and why."""
    return (found,) if isinstance(found, str) else found.refusals


def interactions_of(trigger: ResourceTrigger) -> list[str]:
    """Return the interactions that a trigger looks at, in the order of a resource's life."""
    return [code for code in _INTERACTIONS if code in trigger.supported_interaction]


def criteria_lines(trigger: ResourceTrigger) -> Iterator[str]:
    """Yield what a trigger asks for, a line each: its description, then its criteria."""
    if trigger.description:
        yield trigger.description
    query = trigger.query_criteria
    if query is not None:
        if query.previous is not None:
            yield f"before  {query.previous}"
        if query.current is not None:
            yield f"after   {query.current}"
    if trigger.fhirpath_criteria is not None:
        yield f"FHIRPath  {trigger.fhirpath_criteria}"


def offered_filters(compiled: Compiled) -> list[OfferedFilter]:
    """Return each filter with the releases that have it, in the order of the first of them."""
    rules: dict[tuple[str, str], FilterRule] = {}
    releases: dict[tuple[str, str], list[FhirRelease]] = {}
    for release, found in compiled.items():
        if isinstance(found, str):
            continue
        for key, rule in found.filters.items():
            rules.setdefault(key, rule)
            releases.setdefault(key, []).append(release)
    return [
        OfferedFilter(
            resource_type=resource_type,
            filter_parameter=name,
            releases=tuple(releases[resource_type, name]),
            search_type=rule.search_type,
            modifiers=tuple(sorted(rule.modifiers - COMPARATORS)),
            comparators=tuple(sorted((rule.comparators & COMPARATORS) - PLAIN)),
            description=rule.description,
            party=rule.party,
        )
        for (resource_type, name), rule in rules.items()
    ]


def described(name: str, topic: SubscriptionTopic, compiled: Compiled) -> dict[str, Json]:
    """Return all of this as plain values; ``name`` is what people call the topic."""
    return {
        "name": name,
        "canonical": topic.canonical,
        "url": topic.url,
        "version": topic.version,
        "status": topic.status,
        "title": topic.title,
        "description": topic.description,
        "triggers": [_trigger(each) for each in topic.resource_triggers],
        "events": [
            {
                "resource": bare_type(each.resource) or each.resource,
                "codings": [
                    {"system": system, "code": code}
                    for system, code in sorted(codings_of(each.event))
                ],
                "description": each.description,
            }
            for each in topic.event_triggers
        ],
        "filters": [
            {
                "resource": each.resource_type,
                "parameter": each.filter_parameter,
                "releases": list(each.releases),
                "type": each.search_type,
                "modifiers": list(each.modifiers),
                "comparators": list(each.comparators),
                "description": each.description,
                "party": each.party,
            }
            for each in offered_filters(compiled)
        ],
        "shapes": [
            {
                "resource": each.resource,
                "include": list(each.include),
                "revInclude": list(each.rev_include),
                "relatedQuery": [query.query for query in each.related_query],
            }
            for each in topic.notification_shapes
        ],
        "releases": {
            release.value: {
                "computes": not isinstance(found, str),
                "filters": []
                if isinstance(found, str)
                else [f"{resource_type}?{name}" for resource_type, name in found.filters],
                "refusals": list(reasons_in(found)),
            }
            for release, found in compiled.items()
        },
    }


def _trigger(trigger: ResourceTrigger) -> dict[str, Json]:
    return {
        "resource": trigger.resource,
        "interactions": interactions_of(trigger),
        "description": trigger.description,
        "query": None if trigger.query_criteria is None else _query(trigger.query_criteria),
        "fhirPath": trigger.fhirpath_criteria,
    }


def _query(query: QueryCriteria) -> dict[str, Json]:
    return {
        "previous": query.previous,
        "resultForCreate": query.result_for_create,
        "current": query.current,
        "resultForDelete": query.result_for_delete,
        "requireBoth": query.require_both,
    }
