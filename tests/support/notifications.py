"""Notifications for tests: one of each kind, from a small story about Tasks."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.r5 import R5Codec
from hub.core.change import Interaction
from hub.core.notification import (
    Notification,
    NotificationType,
    NumberedEvent,
    StatusError,
    build_notification,
)
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent, SubscriptionStatusCode
from hub.core.version import ResourceKey, ResourceVersion
from hub.ports import Codec
from tests.support.subscriptions import a_subscription

BASE = "https://hub.example.org/fhir"
NOON = datetime(2026, 11, 21, 12, 0, 0, 123_456, tzinfo=UTC)

CODECS: dict[FhirRelease, Codec] = {
    FhirRelease.R4: R4Codec(),
    FhirRelease.R4B: R4BCodec(),
    FhirRelease.R5: R5Codec(),
}

_KINDS = {
    NotificationType.HANDSHAKE: (SubscriptionStatusCode.REQUESTED, 0),
    NotificationType.HEARTBEAT: (SubscriptionStatusCode.ACTIVE, 4),
    NotificationType.EVENT_NOTIFICATION: (SubscriptionStatusCode.ACTIVE, 7),
    NotificationType.QUERY_STATUS: (SubscriptionStatusCode.ERROR, 7),
    NotificationType.QUERY_EVENT: (SubscriptionStatusCode.ACTIVE, 7),
}


def a_version(
    release: FhirRelease,
    reference: str,
    version: int,
    interaction: Interaction = Interaction.UPDATE,
) -> ResourceVersion:
    """Return a version of a Task or Patient; of a deletion without body."""
    resource_type, id = reference.split("/")
    body = {
        "resourceType": resource_type,
        "id": id,
        "meta": {"versionId": str(version), "lastUpdated": "2026-11-21T11:59:00Z"},
    }
    if resource_type == "Task":
        body |= {"status": "requested", "intent": "order"}
    return ResourceVersion(
        seq=version,
        key=ResourceKey(release, resource_type, id),
        version=version,
        interaction=interaction,
        timestamp=NOON,
        body=None if interaction is Interaction.DELETE else json.dumps(body).encode(),
        transaction=version,
    )


def some_events(release: FhirRelease) -> list[NumberedEvent]:
    """Return three events: a create, an update with a Patient as context, and a deletion."""
    patient = a_version(release, "Patient/ann", 4)
    return [
        NumberedEvent(
            number=2,
            timestamp=NOON.replace(hour=9),
            focus=a_version(release, "Task/1", 1, Interaction.CREATE),
        ),
        NumberedEvent(
            number=3,
            timestamp=NOON.replace(hour=10),
            focus=a_version(release, "Task/1", 2),
            context=(patient,),
        ),
        NumberedEvent(
            number=4,
            timestamp=NOON.replace(hour=11),
            focus=a_version(release, "Task/2", 5, Interaction.DELETE),
        ),
    ]


def a_notification(
    release: FhirRelease, kind: NotificationType, content: PayloadContent
) -> Notification:
    """Return what the hub says in the story on such an occasion."""
    status, total = _KINDS[kind]
    with_events = kind in (NotificationType.EVENT_NOTIFICATION, NotificationType.QUERY_EVENT)
    return build_notification(
        a_subscription(release, status=status, content=content),
        kind,
        total=total,
        timestamp=NOON,
        events=some_events(release) if with_events else (),
        errors=[StatusError("error-response", "HTTP 503"), StatusError(None, "4 to 5 are gone")]
        if kind is NotificationType.QUERY_STATUS
        else (),
    )
