"""Notification Bundles, and the SubscriptionStatus resource that R4B and R5 share.

The stored text of a resource goes into the Bundle as it is; only what stands around it is written
here.  Every reference is absolute: one inside the status entry, whose fullUrl is a UUID, could not
be resolved otherwise.
Sources: backport IG, "Notifications" and "Payloads"; http://hl7.org/fhir/R5/subscriptionstatus.html;
http://hl7.org/fhir/R5/bundle.html (invariants bdl-3, bdl-4, bdl-7, bdl-8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import orjson

from hub.codecs.extension import BACKPORT
from hub.codecs.subscription import write_identifier
from hub.core.change import Interaction
from hub.core.instant import format_instant
from hub.core.notification import (
    Notification,
    NotificationEntry,
    NotificationEvent,
    StatusError,
    stable_uuid,
)
from hub.core.related_query import RELATED_QUERY, Coding
from hub.core.release import Json, Resource

AUTHORIZATION_HINT: Final = f"{BACKPORT}/StructureDefinition/notification-authorization-hint"
ERROR_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/subscription-error"

StatusWriter: TypeAlias = Callable[[Notification, str], Resource]
"""Writes the status resource of a notification, without id, given the base URL."""

_REQUESTS: Final = {
    Interaction.CREATE: ("POST", "201"),
    Interaction.UPDATE: ("PUT", "200"),
    Interaction.DELETE: ("DELETE", "204"),
    None: ("GET", "200"),
}


def write_notification(
    notification: Notification,
    base_url: str,
    *,
    bundle_type: str,
    profile: str | None,
    status: StatusWriter,
    entries: Iterable[NotificationEntry],
) -> bytes:
    """Write a notification as a Bundle, the same bytes each time.

    Args:
        notification: what is said.
        base_url: the base URL of the release, without a slash at its end.
        bundle_type: ``history`` or ``subscription-notification``.
        profile: what ``meta.profile`` says, None for no meta.
        status: writes the resource of the first entry.
        entries: the further entries, in order.
    """
    bundle: Resource = {"resourceType": "Bundle", "id": notification.id}
    if profile is not None:
        bundle["meta"] = {"profile": [profile]}
    bundle["type"] = bundle_type
    bundle["timestamp"] = format_instant(notification.timestamp)
    first = {
        **_status_entry(notification, base_url, status),
        "request": {"method": "GET", "url": _status_url(notification, base_url)},
        "response": {"status": "200"},
    }
    bundle["entry"] = [first, *(_entry(entry, base_url) for entry in entries)]
    return orjson.dumps(bundle)


def write_statuses(
    statuses: Sequence[Notification], base_url: str, self_url: str, *, status: StatusWriter
) -> bytes:
    """Write the searchset that answers ``$status``: one status resource per Subscription.

    Args:
        statuses: notifications of type query-status.
        base_url: the base URL of the release, without a slash at its end.
        self_url: the URL that was asked for.
        status: writes the resources.
    """
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(statuses),
        "link": [{"relation": "self", "url": self_url}],
    }
    if statuses:
        bundle["entry"] = [
            {**_status_entry(one, base_url, status), "search": {"mode": "match"}}
            for one in statuses
        ]
    return orjson.dumps(bundle)


def subscription_status(notification: Notification, base_url: str) -> Resource:
    """Write the SubscriptionStatus of R4B and R5; its counters are strings in both."""
    resource: Resource = {
        "resourceType": "SubscriptionStatus",
        "status": notification.status.value,
        "type": notification.type.value,
        "eventsSinceSubscriptionStart": str(notification.events_since_start),
    }
    if notification.events:
        resource["notificationEvent"] = [_event(event, base_url) for event in notification.events]
    resource["subscription"] = subscription_reference(notification, base_url)
    if notification.topic is not None:
        resource["topic"] = notification.topic
    if notification.errors:
        resource["error"] = [error_concept(error) for error in notification.errors]
    return resource


def subscription_reference(notification: Notification, base_url: str) -> Json:
    """Write the reference to the Subscription, absolute, with its first identifier if it has one.

    An administrative one, which the subscriber can't read, goes by the identifier alone.
    """
    written: Resource = {}
    if not notification.administrative:
        written["reference"] = f"{base_url}/Subscription/{notification.subscription_id}"
    if notification.subscription_identifier is not None:
        written["identifier"] = write_identifier(notification.subscription_identifier)
    return written


def _status_url(notification: Notification, base_url: str) -> str:
    """Return the ``$status`` that tells the same: of the type where the id is not told."""
    if notification.administrative:
        return f"{base_url}/Subscription/$status"
    return f"{base_url}/Subscription/{notification.subscription_id}/$status"


def error_concept(error: StatusError) -> Json:
    """Write what is wrong with the delivery as a CodeableConcept."""
    if error.code is None:
        return {"text": error.text}
    return {"coding": [{"system": ERROR_SYSTEM, "code": error.code}], "text": error.text}


def newest_deletions(entries: Sequence[NotificationEntry]) -> list[NotificationEntry]:
    """Return ``entries`` with only the last deletion of each resource.

    Outside a history Bundle, entries of one fullUrl must differ in ``meta.versionId`` (bdl-7), and
    a deletion has no resource that could state one.
    """
    last = {
        (entry.resource_type, entry.id): entry.version for entry in entries if entry.body is None
    }
    return [
        entry
        for entry in entries
        if entry.body is not None or last[entry.resource_type, entry.id] == entry.version
    ]


def _status_entry(notification: Notification, base_url: str, status: StatusWriter) -> Resource:
    id = stable_uuid(notification.id, "status")
    resource = status(notification, base_url)
    return {
        "fullUrl": f"urn:uuid:{id}",
        "resource": {"resourceType": resource["resourceType"], "id": id, **resource},
    }


def coding(value: Coding) -> Resource:
    """Write a Coding; what it does not say is left out."""
    members = {"system": value.system, "code": value.code, "display": value.display}
    return {name: each for name, each in members.items() if each is not None}


def _event_extensions(event: NotificationEvent, base_url: str) -> Iterator[Resource]:
    for query in event.related_query:
        parts: list[Resource] = []
        if query.query_type is not None:
            parts.append({"url": "queryType", "valueCoding": coding(query.query_type)})
        parts.append({"url": "query", "valueString": query.url(base_url)})
        yield {"url": RELATED_QUERY, "extension": parts}
    if event.authorization_hint is not None:
        part = {"url": "type", "valueCoding": coding(event.authorization_hint)}
        yield {"url": AUTHORIZATION_HINT, "extension": [part]}


def _event(event: NotificationEvent, base_url: str) -> Resource:
    extensions = list(_event_extensions(event, base_url))
    written: Resource = {"extension": extensions} if extensions else {}
    written |= {
        "eventNumber": str(event.event_number),
        "timestamp": format_instant(event.timestamp),
    }
    if event.focus is not None:
        written["focus"] = {"reference": f"{base_url}/{event.focus}"}
    if event.additional_context:
        written["additionalContext"] = [
            {"reference": f"{base_url}/{reference}"} for reference in event.additional_context
        ]
    return written


def _entry(entry: NotificationEntry, base_url: str) -> Resource:
    reference = f"{entry.resource_type}/{entry.id}"
    method, status = _REQUESTS[entry.interaction]
    url = entry.resource_type if method == "POST" else reference
    written: Resource = {"fullUrl": f"{base_url}/{reference}"}
    if entry.body is not None:
        written["resource"] = orjson.Fragment(entry.body)
    written["request"] = {"method": method, "url": url}
    written["response"] = {"status": status, "etag": f'W/"{entry.version}"'}
    return written
