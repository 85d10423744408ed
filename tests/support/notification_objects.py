"""Notification Bundles put together from objects: what the codecs must write, byte for byte.

A codec writes text, because that is sooner done.  Here each element is a member of an object, in
the order in which it goes out, and ``orjson`` writes it all.
"""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from hub.codecs.bundle import (
    AUTHORIZATION_HINT,
    coding,
    error_concept,
    newest_deletions,
)
from hub.codecs.r4 import NOTIFICATION_PROFILE as R4_PROFILE
from hub.codecs.r4 import STATUS_PROFILE
from hub.codecs.r4b import NOTIFICATION_PROFILE as R4B_PROFILE
from hub.codecs.subscription import write_identifier
from hub.core.change import Interaction
from hub.core.instant import format_instant
from hub.core.notification import Notification, NotificationEntry, NotificationEvent, status_id
from hub.core.related_query import RELATED_QUERY
from hub.core.release import FhirRelease, Json, Resource

_REQUESTS = {
    Interaction.CREATE: ("POST", "201"),
    Interaction.UPDATE: ("PUT", "200"),
    Interaction.DELETE: ("DELETE", "204"),
    None: ("GET", "200"),
}
_PROFILES = {FhirRelease.R4: R4_PROFILE, FhirRelease.R4B: R4B_PROFILE}


def bundle_of(notification: Notification, base_url: str) -> bytes:
    """Return the notification Bundle."""
    release = notification.release
    bundle: Resource = {"resourceType": "Bundle", "id": notification.id}
    if release in _PROFILES:
        bundle["meta"] = {"profile": [_PROFILES[release]]}
    bundle["type"] = "subscription-notification" if release is FhirRelease.R5 else "history"
    bundle["timestamp"] = format_instant(notification.timestamp)
    below = f"{base_url}/Subscription"
    if not notification.administrative:
        below += f"/{notification.subscription_id}"
    first = {
        **_status_entry(notification, base_url),
        "request": {"method": "GET", "url": f"{below}/$status"},
        "response": {"status": "200"},
    }
    entries: Iterable[NotificationEntry] = notification.entries
    if release is FhirRelease.R5:
        entries = newest_deletions(notification.entries)
    bundle["entry"] = [first, *(_entry(entry, base_url) for entry in entries)]
    return orjson.dumps(bundle)


def searchset_of(statuses: list[Notification], base_url: str, self_url: str) -> bytes:
    """Return what answers ``$status``, of at least one Subscription."""
    return orjson.dumps(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": len(statuses),
            "link": [{"relation": "self", "url": self_url}],
            "entry": [
                {**_status_entry(each, base_url), "search": {"mode": "match"}} for each in statuses
            ],
        }
    )


def _status_entry(notification: Notification, base_url: str) -> Resource:
    id = status_id(notification.id)
    write = _parameters if notification.release is FhirRelease.R4 else _subscription_status
    resource = write(notification, base_url)
    return {
        "fullUrl": f"urn:uuid:{id}",
        "resource": {"resourceType": resource["resourceType"], "id": id, **resource},
    }


def _reference(notification: Notification, base_url: str) -> Json:
    written: Resource = {}
    if not notification.administrative:
        written["reference"] = f"{base_url}/Subscription/{notification.subscription_id}"
    if notification.subscription_identifier is not None:
        written["identifier"] = write_identifier(notification.subscription_identifier)
    return written


def _parameters(notification: Notification, base_url: str) -> Resource:
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": _reference(notification, base_url)}
    ]
    if notification.topic is not None:
        parameters.append({"name": "topic", "valueCanonical": notification.topic})
    total = str(notification.events_since_start)
    parameters += (
        {"name": "status", "valueCode": notification.status.value},
        {"name": "type", "valueCode": notification.type.value},
        {"name": "events-since-subscription-start", "valueString": total},
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
        focus = {"reference": f"{base_url}/{event.focus}"}
        parts.append({"name": "focus", "valueReference": focus})
    parts += (
        {"name": "additional-context", "valueReference": {"reference": f"{base_url}/{each}"}}
        for each in event.additional_context
    )
    for query in event.related_query:
        inside: list[Resource] = []
        if query.query_type is not None:
            inside.append({"name": "query-type", "valueCoding": coding(query.query_type)})
        inside.append({"name": "query", "valueString": query.url(base_url)})
        parts.append({"name": "related-query", "part": inside})
    if event.authorization_hint is not None:
        hint = coding(event.authorization_hint)
        parts.append({"name": "authorization-type", "valueCoding": hint})
    return parts


def _subscription_status(notification: Notification, base_url: str) -> Resource:
    resource: Resource = {
        "resourceType": "SubscriptionStatus",
        "status": notification.status.value,
        "type": notification.type.value,
        "eventsSinceSubscriptionStart": str(notification.events_since_start),
    }
    if notification.events:
        resource["notificationEvent"] = [_event(each, base_url) for each in notification.events]
    resource["subscription"] = _reference(notification, base_url)
    if notification.topic is not None:
        resource["topic"] = notification.topic
    if notification.errors:
        resource["error"] = [error_concept(error) for error in notification.errors]
    return resource


def _event(event: NotificationEvent, base_url: str) -> Resource:
    extensions: list[Resource] = []
    for query in event.related_query:
        parts: list[Resource] = []
        if query.query_type is not None:
            parts.append({"url": "queryType", "valueCoding": coding(query.query_type)})
        parts.append({"url": "query", "valueString": query.url(base_url)})
        extensions.append({"url": RELATED_QUERY, "extension": parts})
    if event.authorization_hint is not None:
        part = {"url": "type", "valueCoding": coding(event.authorization_hint)}
        extensions.append({"url": AUTHORIZATION_HINT, "extension": [part]})
    written: Resource = {"extension": extensions} if extensions else {}
    written["eventNumber"] = str(event.event_number)
    written["timestamp"] = format_instant(event.timestamp)
    if event.focus is not None:
        written["focus"] = {"reference": f"{base_url}/{event.focus}"}
    if event.additional_context:
        written["additionalContext"] = [
            {"reference": f"{base_url}/{each}"} for each in event.additional_context
        ]
    return written


def _entry(entry: NotificationEntry, base_url: str) -> Resource:
    relative = f"{entry.resource_type}/{entry.id}"
    method, status = _REQUESTS[entry.interaction]
    written: Resource = {"fullUrl": f"{base_url}/{relative}"}
    if entry.body is not None:
        written["resource"] = orjson.Fragment(entry.body)
    url = entry.resource_type if method == "POST" else relative
    written["request"] = {"method": method, "url": url}
    written["response"] = {"status": status, "etag": f'W/"{entry.version}"'}
    return written
