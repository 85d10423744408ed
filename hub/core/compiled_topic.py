"""A topic compiled for one release: what fires it there, what may be filtered by.

A topic exists in a release if one of its triggers computes there.  What does not compute is kept
as a reason, so that ``topics lint`` can show it and a Subscription that needs it is refused.
Source: http://hl7.org/fhir/R5/subscriptiontopic.html.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hub.core.change import Change
from hub.core.clause import Clause
from hub.core.excluded import is_topic_basic
from hub.core.fhirpath import FhirPathError
from hub.core.release import FhirRelease, Resource
from hub.core.search import Resolver
from hub.core.search_parameter import ANY_RESOURCE, SearchParameter, SearchParameters
from hub.core.topic import CanFilterBy, NotificationShape, SubscriptionTopic, bare_type
from hub.core.trigger import (
    CompiledEventTrigger,
    CompiledTrigger,
    compile_event_trigger,
    compile_trigger,
)
from hub.core.trigger_resource import UnknownType, type_named
from hub.errors import TopicRefused

PLAIN = frozenset(("=", "eq"))
"""What R4B topics write among the modifiers for plain equality; never needs to be listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """What a topic allows for one parameter of one type, beyond plain equality.

    ``party`` tells whether whom it names is told of a resource that is taken from them.
    """

    filter_parameter: str
    modifiers: frozenset[str]
    comparators: frozenset[str]
    search_type: str
    description: str | None = None
    party: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one trigger says of a change, for people.

    ``why_not`` tells why it does not look at the change at all, ``error`` why it could not be
    evaluated; ``clauses`` are the tests that the answer comes from.
    """

    index: int
    fires: bool
    why_not: str | None = None
    error: str | None = None
    clauses: tuple[Clause, ...] = ()

    @property
    def concerns(self) -> bool:
        """Whether the trigger looks at the change."""
        return self.why_not is None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTopic:
    """A topic as it computes in ``release``.

    ``filters`` is keyed by (type, ``filterParameter`` as declared); ``missing_filters`` are
    declared but do not compute in this release; ``refusals`` are the clauses that don't, with
    reasons.  ``resource_types`` None is any.
    """

    topic: SubscriptionTopic
    release: FhirRelease
    triggers: tuple[CompiledTrigger, ...]
    event_triggers: tuple[CompiledEventTrigger, ...]
    filters: Mapping[tuple[str, str], FilterRule]
    missing_filters: frozenset[tuple[str, str]]
    shapes: Mapping[str, NotificationShape]
    refusals: tuple[str, ...]
    resource_types: frozenset[str] | None

    @property
    def event_only(self) -> bool:
        """Tell whether there are only events that the hub neither computes nor can be told of."""
        return not self.triggers and not self.event_triggers

    @property
    def is_local(self) -> bool:
        """Tell whether the change alone decides if a trigger fires, no other resource."""
        return all(trigger.test.is_local for trigger in self.triggers)

    def names(self, resource: Resource) -> bool:
        """Tell whether a trigger names the resource's type, as ``Resource`` does not.

        A ``Basic`` that is a topic has no type of its own to be named by.
        """
        kind = resource.get("resourceType")
        return not is_topic_basic(resource) and any(
            trigger.resource_type == kind for trigger in self.triggers
        )

    def fires(self, change: Change, resolver: Resolver) -> tuple[int, ...]:
        """Return the indexes of the triggers that fire; they are joined by OR."""
        if self.resource_types is not None and change.resource_type not in self.resource_types:
            return ()
        return tuple(
            trigger.index for trigger in self.triggers if trigger.decide(change, resolver) is True
        )

    def means(self, resource_type: str, codings: Collection[tuple[str, str]]) -> tuple[int, ...]:
        """Return the indexes of the event triggers that an event with these codings is for."""
        return tuple(
            trigger.index
            for trigger in self.event_triggers
            if trigger.means(resource_type, codings)
        )

    def explain(self, change: Change, resolver: Resolver) -> tuple[Verdict, ...]:
        """Return what each trigger says, errors included."""
        verdicts = []
        for trigger in self.triggers:
            answer = trigger.decide(change, resolver)
            why_not = trigger.why_not(change)
            verdicts.append(
                Verdict(
                    index=trigger.index,
                    fires=answer is True,
                    why_not=why_not,
                    error=answer.reason if isinstance(answer, FhirPathError) else None,
                    clauses=()
                    if why_not is not None
                    else tuple(trigger.test.clauses(change, resolver)),
                )
            )
        return tuple(verdicts)

    def shape(self, resource_type: str) -> NotificationShape | None:
        """Return the shape for a focus of this type, or the one for every type."""
        return self.shapes.get(resource_type) or self.shapes.get(ANY_RESOURCE)


def compile_topic(topic: SubscriptionTopic, parameters: SearchParameters) -> CompiledTopic:
    """Compile a topic for the release of ``parameters``.

    A topic with nothing but event triggers is kept for discovery even if none of them computes.

    Raises:
        TopicRefused: the topic has triggers and none of them computes; the message has all reasons.
    """
    triggers: list[CompiledTrigger] = []
    refusals: list[str] = []
    refused: TopicRefused | None = None
    for index, trigger in enumerate(topic.resource_triggers):
        try:
            compiled, reasons = compile_trigger(trigger, index, parameters)
        except TopicRefused as error:
            refused = refused or error
            refusals.append(error.diagnostics)
        else:
            triggers.append(compiled)
            refusals.extend(reasons)
    events: list[CompiledEventTrigger] = []
    for index, event in enumerate(topic.event_triggers):
        try:
            events.append(compile_event_trigger(event, index, parameters))
        except TopicRefused as error:
            refusals.append(error.diagnostics)
    if not triggers and not topic.event_triggers:
        reasons_text = "; ".join(refusals) or "it has no trigger"
        raise TopicRefused(
            does_not_compute(topic, parameters.release) + reasons_text,
            expression=refused.expression if refused else "SubscriptionTopic.resourceTrigger",
        )
    types = frozenset(each.resource_type for each in triggers)
    types |= frozenset(each.resource_type for each in events)
    filters, missing = _filters(topic.can_filter_by, types or _event_types(topic), parameters)
    shapes, unknown = _shapes(topic.notification_shapes, parameters)
    refusals.extend(unknown)
    refusals.extend(
        f"filter {name} of {resource_type} does not exist in {parameters.release}"
        if resource_type in types or ANY_RESOURCE in types or not types
        else f"filter {name} is of {resource_type}, for which the topic has no trigger"
        for resource_type, name in sorted(missing)
    )
    return CompiledTopic(
        topic=topic,
        release=parameters.release,
        triggers=tuple(triggers),
        event_triggers=tuple(events),
        filters=filters,
        missing_filters=missing,
        shapes=shapes,
        refusals=tuple(refusals),
        resource_types=None if ANY_RESOURCE in types else types,
    )


def does_not_compute(topic: SubscriptionTopic, release: str) -> str:
    """Return how every message of ``compile_topic`` begins; the reasons follow."""
    return f"{topic.canonical} does not compute in {release}: "


def _event_types(topic: SubscriptionTopic) -> frozenset[str]:
    types = (bare_type(trigger.resource) for trigger in topic.event_triggers)
    return frozenset(name for name in types if name is not None)


def _filters(
    declared: Iterable[CanFilterBy], types: frozenset[str], parameters: SearchParameters
) -> tuple[dict[tuple[str, str], FilterRule], frozenset[tuple[str, str]]]:
    filters: dict[tuple[str, str], FilterRule] = {}
    missing: set[tuple[str, str]] = set()
    for entry in declared:
        everywhere = entry.resource in (None, ANY_RESOURCE)
        named = types if everywhere else _named(entry.resource or "", parameters)
        if not named & types and ANY_RESOURCE not in types:
            missing |= {(each, entry.filter_parameter) for each in named}
        for resource_type in named if ANY_RESOURCE in types else named & types:
            key = resource_type, entry.filter_parameter
            leaf = find_parameter(parameters, resource_type, entry.filter_parameter)
            if leaf is None:
                missing.add(key)
                continue
            filters[key] = FilterRule(
                filter_parameter=entry.filter_parameter,
                modifiers=frozenset(entry.modifier) - PLAIN,
                comparators=frozenset(entry.comparator) | frozenset(entry.modifier) | PLAIN,
                search_type=leaf.type,
                description=entry.description,
                party=entry.party,
            )
    return filters, frozenset(missing)


def _named(resource: str, parameters: SearchParameters) -> frozenset[str]:
    """Return the type that a filter names; what the release has not stays as it is written."""
    try:
        return frozenset((type_named(resource, parameters).resource_type,))
    except UnknownType:
        return frozenset((resource,))


def _shapes(
    declared: Sequence[NotificationShape], parameters: SearchParameters
) -> tuple[dict[str, NotificationShape], list[str]]:
    """Return the first shape of each type, and why others, or parts of them, are left out."""
    shapes: dict[str, NotificationShape] = {}
    reasons: list[str] = []
    for index, shape in enumerate(declared):
        at = f"notificationShape[{index}]"
        try:
            resource_type = type_named(shape.resource, parameters).resource_type
        except UnknownType as error:
            reasons.append(f"{at}.resource: {error}")
            continue
        shapes.setdefault(resource_type, shape)
        for query in shape.related_query:
            if missing := query.missing(resource_type, parameters):
                reasons.append(
                    f"{at}.extension: the related query {query.query!r} is never sent: nothing in "
                    f"{parameters.release} fills {', '.join(f'[{name}]' for name in missing)}"
                )
        for name, directives in (("include", shape.include), ("revInclude", shape.rev_include)):
            for each in directives:
                source, code, _ = include_parts(each)
                parameter = parameters.get(source, code)
                if parameter is None or parameter.type != "reference":
                    reasons.append(
                        f"{at}.{name}: {each!r} names no reference parameter in "
                        f"{parameters.release}; write Type:parameter[:Target]"
                    )
    return shapes, reasons


@lru_cache(maxsize=1_024)
def include_parts(directive: str) -> tuple[str, str, str]:
    """Return source type, parameter and target type ('' for any) of ``Task:focus:Patient``."""
    source, _, rest = directive.partition("&")[0].partition(":")
    code, _, target = rest.partition(":")
    return source, code, target


def find_parameter(
    parameters: SearchParameters, resource_type: str, name: str
) -> SearchParameter | None:
    """Return the search parameter at the end of a name, chains and ``_has`` followed.

    None if the release has no such parameter on the way.
    """
    if name.startswith("_has:"):
        parts = name.split(":", 3)
        if len(parts) < 4 or parameters.get(parts[1], parts[2]) is None:
            return None
        return find_parameter(parameters, parts[1], parts[3])
    link, dot, rest = name.partition(".")
    code, _, target = link.partition(":")
    parameter = parameters.get(resource_type, code)
    if parameter is None or not dot:
        return parameter
    ends = (
        find_parameter(parameters, each, rest)
        for each in ((target,) if target else parameter.targets)
    )
    return next((end for end in ends if end is not None), None)
