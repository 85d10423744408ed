"""Subscriptions of the backport guide as clients send them."""

from __future__ import annotations

from hub.codecs.extension import BACKPORT
from hub.core.release import Json, Resource

BP = f"{BACKPORT}/StructureDefinition"


def a_resource(**changes: Json) -> Resource:
    """Return a Subscription as a client sends it; ``channel_*`` changes go to its channel."""
    channel: Resource = {
        "type": "rest-hook",
        "endpoint": "https://example.org/hook",
        "payload": "application/fhir+json",
        "_payload": {
            "extension": [{"url": f"{BP}/backport-payload-content", "valueCode": "id-only"}]
        },
        "header": ["Authorization: Bearer abc"],
    }
    resource: Resource = {
        "resourceType": "Subscription",
        "id": "s1",
        "status": "requested",
        "reason": "to know",
        "criteria": "http://example.org/topic",
        "channel": channel,
    }
    for name, value in changes.items():
        holder, name = (
            (channel, name.removeprefix("channel_"))
            if name.startswith("channel_")
            else (resource, name)
        )
        if value is None:
            holder.pop(name, None)
        else:
            holder[name] = value
    return resource


def channel_extensions(*pairs: tuple[str, Resource]) -> Resource:
    """Return a Subscription with these extensions of the guide on its channel."""
    return a_resource(
        channel_extension=[{"url": f"{BP}/backport-{name}", **value} for name, value in pairs]
    )
