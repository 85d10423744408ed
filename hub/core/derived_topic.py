"""What a topic that derives from another may change of it.

It may add filters or another computable definition.  It may not take filters away, nor be about
other resource types or other events.
Source: http://hl7.org/fhir/R5/subscriptiontopic.html ("Derived Topics").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hub.core.canonical import split_canonical, version_order
from hub.core.release import Json
from hub.core.topic import CanFilterBy, SubscriptionTopic, bare_type
from hub.errors import TopicRefused


def check_derived(topic: SubscriptionTopic, known: Iterable[SubscriptionTopic]) -> None:
    """Check a topic against those that it derives from; one that is not known is not checked.

    Raises:
        TopicRefused: it derives from itself, takes a filter away, or is about other resource types
            or events.
    """
    others = [each for each in known if each.canonical != topic.canonical]
    for index, canonical in enumerate(topic.derived_from):
        at = f"SubscriptionTopic.derivedFrom[{index}]"
        if canonical == topic.canonical:
            raise TopicRefused(f"{canonical} derives from itself", expression=at)
        base = _base(canonical, others)
        complaints = [] if base is None else list(_complaints(topic, base))
        if base is not None and complaints:
            raise TopicRefused(
                f"{topic.canonical} derives from {base.canonical}, but {'; '.join(complaints)}",
                expression=at,
            )


def _base(canonical: str, known: Sequence[SubscriptionTopic]) -> SubscriptionTopic | None:
    """Return the topic that a ``derivedFrom`` names, the newest where it names no version."""
    url, version = split_canonical(canonical)
    named = [each for each in known if each.url == url and version in (None, each.version)]
    return max(named, key=lambda each: version_order(each.version), default=None)


def _complaints(topic: SubscriptionTopic, base: SubscriptionTopic) -> Iterator[str]:
    types, wanted = _types(topic), _types(base)
    if types != wanted:
        yield f"is about {_listed(types)}, not {_listed(wanted)}"
    events, known = _events(topic), _events(base)
    if known and not events <= known:
        yield f"tells of other events: {_listed(events - known)}"
    for rule in base.can_filter_by:
        kept = [each for each in topic.can_filter_by if _covers(each, rule)]
        name = f"{rule.resource or '*'}?{rule.filter_parameter}"
        if not kept:
            yield f"takes the filter {name} away"
            continue
        offered = {code for each in kept for code in (*each.modifier, *each.comparator)}
        missing = {*rule.modifier, *rule.comparator} - offered
        if missing:
            yield f"takes {_listed(missing)} of the filter {name} away"


def _types(topic: SubscriptionTopic) -> frozenset[str]:
    events = (bare_type(each.resource) or each.resource for each in topic.event_triggers)
    return frozenset((*(each.resource for each in topic.resource_triggers), *events))


def _events(topic: SubscriptionTopic) -> frozenset[str]:
    return frozenset(
        f"{coding.get('system') or ''}|{coding.get('code') or ''}"
        for trigger in topic.event_triggers
        for coding in _codings(trigger.event)
    )


def _codings(event: Json) -> list[dict[str, Json]]:
    codings = event.get("coding") if isinstance(event, dict) else None
    return [each for each in codings if isinstance(each, dict)] if isinstance(codings, list) else []


def _covers(rule: CanFilterBy, other: CanFilterBy) -> bool:
    return rule.filter_parameter == other.filter_parameter and rule.resource in (
        None,
        other.resource,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
