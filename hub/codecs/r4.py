"""R4: the backport guide's Subscription, and a status that is a Parameters resource.

Source: http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4.
"""

from __future__ import annotations

from typing import ClassVar, Final

from hub.codecs.backport import BackportCodec
from hub.codecs.bundle import coding, error_concept, subscription_reference
from hub.codecs.extension import BACKPORT
from hub.core.instant import format_instant
from hub.core.notification import Notification, NotificationEvent
from hub.core.release import FhirRelease, Resource

NOTIFICATION_PROFILE: Final = (
    f"{BACKPORT}/StructureDefinition/backport-subscription-notification-r4"
)
STATUS_PROFILE: Final = f"{BACKPORT}/StructureDefinition/backport-subscription-status-r4"


class R4Codec(BackportCodec):
    """R4, see ``hub.ports.Codec``."""

    release = FhirRelease.R4
    notification_profile: ClassVar[str | None] = NOTIFICATION_PROFILE

    def status_resource(self, notification: Notification, base_url: str) -> Resource:
        """Write the status as Parameters; names in kebab-case, counters as strings."""
        parameters: list[Resource] = [
            {
                "name": "subscription",
                "valueReference": subscription_reference(notification, base_url),
            }
        ]
        if notification.topic is not None:
            parameters.append({"name": "topic", "valueCanonical": notification.topic})
        parameters += (
            {"name": "status", "valueCode": notification.status.value},
            {"name": "type", "valueCode": notification.type.value},
            {
                "name": "events-since-subscription-start",
                "valueString": str(notification.events_since_start),
            },
        )
        parameters += (
            {"name": "notification-event", "part": _parts(event, base_url)}
            for event in notification.events
        )
        parameters += (
            {"name": "error", "valueCodeableConcept": error_concept(error)}
            for error in notification.errors
        )
        return {
            "resourceType": "Parameters",
            "meta": {"profile": [STATUS_PROFILE]},
            "parameter": parameters,
        }


def _parts(event: NotificationEvent, base_url: str) -> list[Resource]:
    parts: list[Resource] = [
        {"name": "event-number", "valueString": str(event.event_number)},
        {"name": "timestamp", "valueInstant": format_instant(event.timestamp)},
    ]
    if event.focus is not None:
        parts.append(
            {"name": "focus", "valueReference": {"reference": f"{base_url}/{event.focus}"}}
        )
    parts += (
        {
            "name": "additional-context",
            "valueReference": {"reference": f"{base_url}/{reference}"},
        }
        for reference in event.additional_context
    )
    for query in event.related_query:
        inside: list[Resource] = []
        if query.query_type is not None:
            inside.append({"name": "query-type", "valueCoding": coding(query.query_type)})
        inside.append({"name": "query", "valueString": query.url(base_url)})
        parts.append({"name": "related-query", "part": inside})
    if event.authorization_hint is not None:
        written = coding(event.authorization_hint)
        parts.append({"name": "authorization-type", "valueCoding": written})
    return parts
