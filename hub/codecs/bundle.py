"""Notification Bundles, and the SubscriptionStatus resource that R4B and R5 share.

The stored text of a resource goes into the Bundle as it is; only what stands around it is written
here, as pieces of text (``hub.codecs.notification_text``).  Every reference is absolute: one inside
the status entry, whose fullUrl is a UUID, could not be resolved otherwise.
Sources: backport IG, "Notifications" and "Payloads"; http://hl7.org/fhir/R5/subscriptionstatus.html;
http://hl7.org/fhir/R5/bundle.html (invariants bdl-3, bdl-4, bdl-7, bdl-8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, TypeAlias

import orjson

from hub.codecs.extension import BACKPORT
from hub.codecs.notification_text import (
    COUNT,
    ID,
    NUMBER,
    REFERENCE,
    STATUS_ID,
    STATUS_URL,
    told,
)
from hub.core.change import Interaction
from hub.core.instant import format_instant
from hub.core.notification import (
    Notification,
    NotificationEntry,
    NotificationEvent,
    StatusError,
)
from hub.core.related_query import RELATED_QUERY, Coding
from hub.core.release import Json, Resource

AUTHORIZATION_HINT: Final = f"{BACKPORT}/StructureDefinition/notification-authorization-hint"
ERROR_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/subscription-error"

StatusWriter: TypeAlias = Callable[[Notification, str, Sequence[bytes]], list[bytes]]
"""Writes the status resource of a notification as pieces, given the base URL, and what is told to
its Subscription alone, or the holes for that."""

_REQUESTS: Final = {
    Interaction.CREATE: (b"POST", b"201"),
    Interaction.UPDATE: (b"PUT", b"200"),
    Interaction.DELETE: (b"DELETE", b"204"),
    None: (b"GET", b"200"),
}


def notification_text(
    notification: Notification,
    base_url: str,
    own: Sequence[bytes],
    *,
    bundle_type: str,
    profile: str | None,
    status: StatusWriter,
    entries: Iterable[NotificationEntry],
) -> list[bytes]:
    """Write a notification as a Bundle in pieces, the same bytes each time for an addressee.

    Args:
        notification: what is said.
        base_url: the base URL of the release, without a slash at its end.
        own: what is told to its Subscription alone, or the holes for that.
        bundle_type: ``history`` or ``subscription-notification``.
        profile: what ``meta.profile`` says, None for no meta.
        status: writes the resource of the first entry.
        entries: the further entries, in order.
    """
    pieces = [
        *(b'{"resourceType":"Bundle","id":"', own[ID], _kind(bundle_type, profile)),
        *(instant(notification.timestamp), b'","entry":[{', *_before_status(own)),
    ]
    pieces += status(notification, base_url, own)
    pieces += (b',"request":{"method":"GET","url":', own[STATUS_URL])
    pieces.append(b'},"response":{"status":"200"}}')
    for entry in entries:
        pieces += _entry(entry, base_url)
    pieces.append(b"]}")
    return pieces


@cache
def _kind(bundle_type: str, profile: str | None) -> bytes:
    meta = b"" if profile is None else b',"meta":{"profile":[%b]}' % orjson.dumps(profile)
    return b'"%b,"type":%b,"timestamp":"' % (meta, orjson.dumps(bundle_type))


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
            orjson.Fragment(_found(notification, base_url, status)) for notification in statuses
        ]
    return orjson.dumps(bundle)


def _found(notification: Notification, base_url: str, status: StatusWriter) -> bytes:
    own = told(notification.addressee, base_url)
    resource = status(notification, base_url, own)
    return b"".join([b"{", *_before_status(own), *resource, b',"search":{"mode":"match"}}'])


def subscription_status(
    notification: Notification, base_url: str, own: Sequence[bytes]
) -> list[bytes]:
    """Write the SubscriptionStatus of R4B and R5; its counters are strings in both."""
    codes = orjson.dumps(notification.status), orjson.dumps(notification.type)
    pieces = [
        *(b'{"resourceType":"SubscriptionStatus","id":"', own[STATUS_ID]),
        b'","status":%b,"type":%b,"eventsSinceSubscriptionStart":"' % codes,
        *(own[COUNT], b'"'),
    ]
    if notification.events:
        before = b',"notificationEvent":[{'
        for place, event in enumerate(notification.events, start=NUMBER):
            pieces.append(before)
            pieces += _event(event, own[place], base_url)
            before = b"},{"
        pieces.append(b"}]")
    pieces += (b',"subscription":', own[REFERENCE])
    if notification.topic is not None:
        pieces += (b',"topic":', orjson.dumps(notification.topic))
    if notification.errors:
        concepts = [error_concept(error) for error in notification.errors]
        pieces += (b',"error":', orjson.dumps(concepts))
    pieces.append(b"}")
    return pieces


@lru_cache(maxsize=64)
def instant(at: datetime) -> bytes:
    """Write an instant; the one of a commit is written several times."""
    return format_instant(at).encode()


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


def _before_status(own: Sequence[bytes]) -> tuple[bytes, ...]:
    """Write what stands before the status resource in its entry."""
    return b'"fullUrl":"urn:uuid:', own[STATUS_ID], b'","resource":'


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


def _event(event: NotificationEvent, number: bytes, base_url: str) -> list[bytes]:
    """Write an event but its braces; ``number`` is its number, or the hole for it."""
    pieces: list[bytes] = []
    if event.related_query or event.authorization_hint is not None:
        extensions = list(_event_extensions(event, base_url))
        pieces += (b'"extension":', orjson.dumps(extensions), b",")
    pieces += (b'"eventNumber":"', number, b'","timestamp":"%b"' % instant(event.timestamp))
    if event.focus is not None:
        pieces.append(b',"focus":%b' % reference(event.focus, base_url))
    if event.additional_context:
        context = b",".join([reference(each, base_url) for each in event.additional_context])
        pieces.append(b',"additionalContext":[%b]' % context)
    return pieces


def reference(relative: str, base_url: str) -> bytes:
    """Write the absolute reference to what ``relative`` (``Type/id``) is at the base URL."""
    return b'{"reference":%b}' % orjson.dumps(f"{base_url}/{relative}")


def _entry(entry: NotificationEntry, base_url: str) -> tuple[bytes, ...]:
    """Write a further entry, with the comma before it."""
    reference = f"{entry.resource_type}/{entry.id}"
    method, status = _REQUESTS[entry.interaction]
    url = entry.resource_type if method == b"POST" else reference
    before = b',{"fullUrl":%b' % orjson.dumps(f"{base_url}/{reference}")
    after = b',"request":{"method":"%b","url":%b},"response":{"status":"%b","etag":"W/\\"%d\\""}}'
    after %= (method, orjson.dumps(url), status, entry.version)
    return (before, after) if entry.body is None else (before, b',"resource":', entry.body, after)
