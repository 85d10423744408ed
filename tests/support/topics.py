"""Topics and changes made short, for tests."""

from __future__ import annotations

from typing import Any

from hub.core.change import Change, Interaction
from hub.core.compiled_topic import CompiledTopic, compile_topic
from hub.core.release import FhirRelease, Resource
from hub.core.topic import parse_topic
from tests.support.search_tables import PARAMETERS

URL = "http://example.org/topic"


def topic_json(*triggers: dict[str, Any], **elements: Any) -> Resource:
    """Return a topic; a trigger without resource is on Task."""
    return {
        "resourceType": "SubscriptionTopic",
        "url": URL,
        "status": "active",
        "resourceTrigger": [{"resource": "Task", **trigger} for trigger in triggers],
        **elements,
    }


def compiled(
    *triggers: dict[str, Any], release: FhirRelease = FhirRelease.R4, **elements: Any
) -> CompiledTopic:
    """Compile such a topic for a release."""
    return compile_topic(parse_topic(topic_json(*triggers, **elements)), PARAMETERS[release])


def change(
    previous: Resource | None, current: Resource | None, release: FhirRelease = FhirRelease.R4
) -> Change:
    """Return the change between two states."""
    state = current or previous or {}
    interaction = Interaction.UPDATE
    if previous is None:
        interaction = Interaction.CREATE
    elif current is None:
        interaction = Interaction.DELETE
    return Change(
        release=release,
        resource_type=state["resourceType"],
        id=state.get("id", "1"),
        interaction=interaction,
        previous=previous,
        current=current,
    )


def task(status: str = "requested", **elements: Any) -> Resource:
    """Return a Task."""
    return {
        "resourceType": "Task",
        "id": "t1",
        "status": status,
        "intent": "order",
        **elements,
    }
