"""A SubscriptionTopic in R5 terms.

R4 ``Basic`` and R4B topics are translated to R5 JSON in ``hub.codecs.topic`` before they come
here.  Nothing is compiled yet: see ``hub.core.compiled_topic``.
Source: http://hl7.org/fhir/R5/subscriptiontopic.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

from hub.core.change import Interaction
from hub.core.related_query import RelatedQuery, read_related_queries
from hub.core.release import Json, Resource
from hub.errors import InvalidResource, TopicRefused

CANONICAL_BASE = "http://example.org/fhir-hub/SubscriptionTopic/"
PARTY_FILTER = "http://example.org/fhir-hub/StructureDefinition/party-filter"
"""The extension, with ``valueBoolean``, that declares a filter to name a party of the resource.

A party that an update takes the resource from is told of that update, by reference only.
"""
"""Where the canonical URLs of the topics that ship with the hub begin."""

STRUCTURE_DEFINITION = "http://hl7.org/fhir/StructureDefinition/"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S", re.ASCII)
_STATUS = ("draft", "active", "retired", "unknown")
_COURSE = ("unknown", "draft", "active", "retired")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCriteria:
    """``resourceTrigger.queryCriteria``: tests of the state before and after, as search strings.

    The ``result_for_*`` are the votes of the test that has nothing to look at: True for
    ``test-passes``, False for ``test-fails``, None where the topic does not say.
    """

    previous: str | None = None
    result_for_create: bool | None = None
    current: str | None = None
    result_for_delete: bool | None = None
    require_both: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTrigger:
    """``SubscriptionTopic.resourceTrigger``.

    ``resource`` is a bare type, ``Resource`` for all, or the URL of a profile.
    An absent ``supportedInteraction`` is all three.
    """

    resource: str
    description: str | None = None
    supported_interaction: frozenset[Interaction] = frozenset(Interaction)
    query_criteria: QueryCriteria | None = None
    fhirpath_criteria: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger:
    """``SubscriptionTopic.eventTrigger``: no change makes such an event, the hub is told of it."""

    resource: str
    event: Json
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanFilterBy:
    """``SubscriptionTopic.canFilterBy``; ``resource`` None is every type with a trigger.

    ``modifier`` and ``comparator`` hold what is allowed beyond plain equality; ``party`` is the
    hub's extension (``PARTY_FILTER``).
    """

    filter_parameter: str
    resource: str | None = None
    party: bool = False
    filter_definition: str | None = None
    modifier: tuple[str, ...] = ()
    comparator: tuple[str, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationShape:
    """``SubscriptionTopic.notificationShape``: what a notification should include.

    ``related_query`` are the guide's extension: templates of queries about the focus.
    """

    resource: str
    include: tuple[str, ...] = ()
    rev_include: tuple[str, ...] = ()
    related_query: tuple[RelatedQuery, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTopic:
    """A topic as published; ``source`` is its R5 JSON."""

    url: str
    status: str
    version: str | None = None
    title: str | None = None
    description: str | None = None
    derived_from: tuple[str, ...] = ()
    resource_triggers: tuple[ResourceTrigger, ...] = ()
    event_triggers: tuple[EventTrigger, ...] = ()
    can_filter_by: tuple[CanFilterBy, ...] = ()
    notification_shapes: tuple[NotificationShape, ...] = ()
    source: Resource = field(repr=False, compare=False, hash=False)

    @property
    def canonical(self) -> str:
        """``url|version``, or the url of a topic without version."""
        return f"{self.url}|{self.version}" if self.version else self.url


def parse_topic(resource: Resource) -> SubscriptionTopic:
    """Read an R5 SubscriptionTopic.

    Raises:
        InvalidResource: it is none, or an element is missing or of the wrong form.
        TopicRefused: it is of a later release, or triggers on what can be no type or profile.
    """
    if not isinstance(resource, dict) or resource.get("resourceType") != "SubscriptionTopic":
        raise InvalidResource("not a SubscriptionTopic", expression="SubscriptionTopic")
    root = _Element(resource, "SubscriptionTopic")
    if "trigger" in resource:
        raise TopicRefused(
            "SubscriptionTopic.trigger is of a later release; write resourceTrigger as in R5",
            expression="SubscriptionTopic.trigger",
        )
    return SubscriptionTopic(
        url=_url(root),
        status=root.one_of("status", _STATUS, required=True) or "",
        version=root.text("version"),
        title=root.text("title"),
        description=root.text("description"),
        derived_from=root.texts("derivedFrom"),
        resource_triggers=root.each("resourceTrigger", _resource_trigger),
        event_triggers=root.each("eventTrigger", _event_trigger),
        can_filter_by=root.each("canFilterBy", _can_filter_by),
        notification_shapes=root.each("notificationShape", _notification_shape),
        source=resource,
    )


def may_become(before: str, after: str) -> bool:
    """Tell whether a topic's status may change so: from draft to active to retired, never back."""
    return _COURSE.index(before) <= _COURSE.index(after)


def with_status(topic: SubscriptionTopic, other: SubscriptionTopic) -> SubscriptionTopic:
    """Return ``topic`` with the status of ``other``, and with its date if it has one."""
    taken = {name: other.source[name] for name in ("status", "date") if name in other.source}
    return replace(topic, status=other.status, source=topic.source | taken)


def without_status(topic: SubscriptionTopic) -> SubscriptionTopic:
    """Return ``topic`` without what may change while its version stays: status and its date."""
    kept = {name: each for name, each in topic.source.items() if name not in ("status", "date")}
    return replace(topic, source=kept)


@lru_cache(maxsize=1_024)
def bare_type(url: str) -> str | None:
    """Return the type that a StructureDefinition URL or a bare name means, None for a profile.

    ``Task`` and ``http://hl7.org/fhir/StructureDefinition/Task`` both give ``Task``.
    """
    name = url.removeprefix(STRUCTURE_DEFINITION).partition("|")[0]
    return name if name.isascii() and name.isalpha() and name[0].isupper() else None


class _Element:
    """A JSON object with its path, so that every complaint names the element."""

    def __init__(self, value: Json, path: str) -> None:
        if not isinstance(value, dict):
            raise InvalidResource(f"{path} must be an object", expression=path)
        self.value: Resource = value
        self.path = path

    def text(self, name: str) -> str | None:
        value = self.value.get(name)
        if value is None or (isinstance(value, str) and value):
            return value
        raise self.wrong(name, "must be a string that is not empty")

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.wrong(name, "is missing")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], *, required: bool = False) -> str | None:
        value = self.required(name) if required else self.text(name)
        if value is not None and value not in allowed:
            raise self.wrong(name, f"is {value!r}; allowed: {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        value = self.value.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "must be true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.value.get(name, [])
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            raise self.wrong(name, "must be a list of strings")
        return tuple(values)

    def type_of(self, name: str) -> str:
        url = self.required(name)
        found = bare_type(url)
        if found is None and _ABSOLUTE.match(url) is None:
            raise TopicRefused(
                f"{self.path}.{name} {url!r} is neither a resource type nor the URL of a profile",
                expression=f"{self.path}.{name}",
            )
        return found or url

    def each(self, name: str, read: Callable[[_Element], _T]) -> tuple[_T, ...]:
        values = self.value.get(name, [])
        if not isinstance(values, list):
            raise self.wrong(name, "must be a list")
        return tuple(
            read(_Element(value, f"{self.path}.{name}[{i}]")) for i, value in enumerate(values)
        )

    def wrong(self, name: str, complaint: str) -> InvalidResource:
        path = f"{self.path}.{name}"
        return InvalidResource(f"{path} {complaint}", expression=path)


def _url(root: _Element) -> str:
    url = root.required("url")
    if "|" in url or ":" not in url:
        raise root.wrong("url", f"is {url!r}; it must be absolute and without '|'")
    return url


def _resource_trigger(element: _Element) -> ResourceTrigger:
    interactions = element.texts("supportedInteraction")
    unknown = sorted(set(interactions) - set(Interaction))
    if unknown:
        raise element.wrong(
            "supportedInteraction", f"is {unknown[0]!r}; allowed: {', '.join(Interaction)}"
        )
    criteria = element.value.get("queryCriteria")
    return ResourceTrigger(
        resource=element.type_of("resource"),
        description=element.text("description"),
        supported_interaction=frozenset(map(Interaction, interactions or Interaction)),
        query_criteria=None
        if criteria is None
        else _query_criteria(_Element(criteria, f"{element.path}.queryCriteria")),
        fhirpath_criteria=element.text("fhirPathCriteria"),
    )


def _query_criteria(element: _Element) -> QueryCriteria:
    return QueryCriteria(
        previous=element.text("previous"),
        result_for_create=_vote(element, "resultForCreate"),
        current=element.text("current"),
        result_for_delete=_vote(element, "resultForDelete"),
        require_both=element.flag("requireBoth"),
    )


def _vote(element: _Element, name: str) -> bool | None:
    code = element.one_of(name, ("test-passes", "test-fails"))
    return None if code is None else code == "test-passes"


def _event_trigger(element: _Element) -> EventTrigger:
    return EventTrigger(
        resource=element.required("resource"),
        event=element.value.get("event"),
        description=element.text("description"),
    )


def _can_filter_by(element: _Element) -> CanFilterBy:
    anything = element.text("resource") in (None, "*")
    return CanFilterBy(
        filter_parameter=element.required("filterParameter"),
        resource=None if anything else element.type_of("resource"),
        filter_definition=element.text("filterDefinition"),
        modifier=element.texts("modifier"),
        comparator=element.texts("comparator"),
        description=element.text("description"),
        party=_is_party(element),
    )


def _is_party(element: _Element) -> bool:
    extensions = element.value.get("extension")
    return any(
        isinstance(each, dict)
        and each.get("url") == PARTY_FILTER
        and each.get("valueBoolean") is True
        for each in (extensions if isinstance(extensions, list) else ())
    )


def _notification_shape(element: _Element) -> NotificationShape:
    return NotificationShape(
        resource=element.type_of("resource"),
        include=element.texts("include"),
        rev_include=element.texts("revInclude"),
        related_query=read_related_queries(element.value.get("extension"), element.path),
    )
