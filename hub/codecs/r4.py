"""R4: the backport guide's Subscription, and a status that is a Parameters resource.

Source: http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, Final

import orjson

from hub.codecs.backport import BackportCodec
from hub.codecs.bundle import coding, error_concept, instant, reference
from hub.codecs.extension import BACKPORT
from hub.codecs.notification_text import COUNT, NUMBER, REFERENCE, STATUS_ID
from hub.core.notification import Notification, NotificationEvent
from hub.core.release import FhirRelease, Resource

NOTIFICATION_PROFILE: Final = (
    f"{BACKPORT}/StructureDefinition/backport-subscription-notification-r4"
)
STATUS_PROFILE: Final = f"{BACKPORT}/StructureDefinition/backport-subscription-status-r4"

_OPENING: Final = (
    b'","meta":{"profile":["%b"]},"parameter":[{"name":"subscription","valueReference":'
    % STATUS_PROFILE.encode()
)


class R4Codec(BackportCodec):
    """R4, see ``hub.ports.Codec``."""

    release = FhirRelease.R4
    notification_profile: ClassVar[str | None] = NOTIFICATION_PROFILE

    def status_resource(
        self, notification: Notification, base_url: str, own: Sequence[bytes]
    ) -> list[bytes]:
        """Write the status as Parameters; names in kebab-case, counters as strings."""
        pieces = [
            *(b'{"resourceType":"Parameters","id":"', own[STATUS_ID], _OPENING, own[REFERENCE]),
            _kind(notification.topic, notification.status, notification.type),
            *(own[COUNT], b'"}'),
        ]
        for place, event in enumerate(notification.events, start=NUMBER):
            pieces += _event(event, own[place], base_url)
        for error in notification.errors:
            concept = orjson.dumps(error_concept(error))
            pieces.append(b',{"name":"error","valueCodeableConcept":%b}' % concept)
        pieces.append(b"]}")
        return pieces


@lru_cache(maxsize=256)
def _kind(topic: str | None, status: str, type: str) -> bytes:
    """Write what is the same in many notifications, up to the counter."""
    named = b""
    if topic is not None:
        named = b',{"name":"topic","valueCanonical":%b}' % orjson.dumps(topic)
    return (
        b'}%b,{"name":"status","valueCode":%b},{"name":"type","valueCode":%b},'
        b'{"name":"events-since-subscription-start","valueString":"'
    ) % (named, orjson.dumps(status), orjson.dumps(type))


def _event(event: NotificationEvent, number: bytes, base_url: str) -> list[bytes]:
    """Write an event, with the comma before it; ``number`` is its number, or the hole for it."""
    pieces = [
        b',{"name":"notification-event","part":[{"name":"event-number","valueString":"',
        number,
        b'"},{"name":"timestamp","valueInstant":"%b"}' % instant(event.timestamp),
    ]
    if event.focus is not None:
        focus = reference(event.focus, base_url)
        pieces.append(b',{"name":"focus","valueReference":%b}' % focus)
    for each in event.additional_context:
        context = reference(each, base_url)
        pieces.append(b',{"name":"additional-context","valueReference":%b}' % context)
    for query in event.related_query:
        inside: list[Resource] = []
        if query.query_type is not None:
            inside.append({"name": "query-type", "valueCoding": coding(query.query_type)})
        inside.append({"name": "query", "valueString": query.url(base_url)})
        pieces.append(b',{"name":"related-query","part":%b}' % orjson.dumps(inside))
    if event.authorization_hint is not None:
        hint = orjson.dumps(coding(event.authorization_hint))
        pieces.append(b',{"name":"authorization-type","valueCoding":%b}' % hint)
    pieces.append(b"]}")
    return pieces
