"""``$process-message``: a message comes in, what it carries is kept, and a message answers it.

Source: http://hl7.org/fhir/R5/messageheader-operation-process-message.html;
http://hl7.org/fhir/R4/messaging.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from hub.codecs.message import MessageHead, read_message_head, write_response
from hub.codecs.received_notification import (
    ReceivedEvent,
    ReceivedNotification,
    read_notification,
    write_receipt,
)
from hub.core.message import ResponseCode
from hub.core.notification import NotificationType, stable_uuid
from hub.core.release import FhirRelease, Json, Resource
from hub.engine.message_entry import MessageEntry, read_address
from hub.engine.messages import Message, NotificationMessage, NotifiedEvent
from hub.errors import (
    HubError,
    InvalidResource,
    InvalidValue,
    TooManyEntries,
    Unavailable,
    Unprocessable,
)
from hub.web.call import Answer, Call
from hub.web.page import PRESENTATION
from hub.web.service import Service, is_topic_in
from hub.web.target import Target

PROCESS_MESSAGE: Final = "$process-message"

_UPDATES: Final = frozenset((("http://hl7.org/fhir/uv/cow/CodeSystem/temp", "order-update"),))
"""Events of messages whose focus must be known already."""


async def process_message(service: Service, call: Call, _: Target) -> Answer:
    """Answer a message with a message; a refusal is one, too, with an OperationOutcome in it.

    Raises:
        InvalidValue: a parameter asks for another way to answer.
        InvalidResource: there is nothing that could be answered by a message.
    """
    for name, value in call.query:
        if name not in PRESENTATION and (name, value) != ("async", "false"):
            raise InvalidValue(
                f"{name[:64]!r} is not offered: a message is answered at once; allowed: async=false"
            )
    if call.document is None:
        raise InvalidResource("a message Bundle in the body is missing", expression="Bundle")
    bundle = call.document.value
    head = read_message_head(bundle, call.release)
    base_url = service.hub.base_url(call.release)
    try:
        at = await _taken(service, call, bundle, head)
    except HubError as error:
        refusal = service.refusal(error, call.release)
        code = ResponseCode.FATAL_ERROR
        if isinstance(error, Unavailable):
            code = ResponseCode.TRANSIENT_ERROR
        now = service.hub.clock.now()
        body = write_response(head, base_url, code, timestamp=now, outcome=refusal.body)
        return Answer(status=refusal.status, body=body, retry_after=refusal.retry_after)
    return Answer(status=200, body=write_response(head, base_url, ResponseCode.OK, timestamp=at))


async def _taken(service: Service, call: Call, bundle: Resource, head: MessageHead) -> datetime:
    """Keep what a message carries and return when it was first taken."""
    release = call.release
    raw: list[Json] = bundle["entry"]
    inner = [each for each in map(_notification_entries, raw) if isinstance(each, list)]
    count = len(raw) + sum(map(len, inner))
    if count > service.limits.bundle_entries:
        raise TooManyEntries(
            f"the message has {count} entries; allowed: {service.limits.bundle_entries}",
            expression="Bundle.entry",
        )
    service.validators[release].check(bundle)
    for index, entry in enumerate(raw):
        place = f"Bundle.entry[{index}].resource"
        notification = read_notification(entry.get("resource", {}), place)
        if notification is not None:
            return await _notified(service, call, bundle, head, notification, index=index)
    header: Resource = raw[0]["resource"]
    entries = list(_entries(raw, release, head))
    return await service.hub.messages.take(
        Message(
            release=release,
            id=head.id,
            source=head.source,
            header=MessageEntry(raw[0].get("fullUrl", ""), "MessageHeader", header),
            entries=entries,
            known=frozenset(_known(head, header, entries)),
            author=call.client,
        )
    )


def _notification_entries(entry: Json) -> Json:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return resource.get("entry") if isinstance(resource, dict) else None


async def _notified(
    service: Service,
    call: Call,
    bundle: Resource,
    head: MessageHead,
    notification: ReceivedNotification,
    *,
    index: int,
) -> datetime:
    """Take a notification; a handshake or heartbeat has nothing that could be kept."""
    release, raw = head.release, bundle["entry"]
    if len(raw) != 2:
        raise InvalidResource(
            "a message with a notification holds nothing beside that", expression="Bundle.entry"
        )
    now = service.hub.clock.now()
    if notification.type != NotificationType.EVENT_NOTIFICATION:
        return now
    inner: list[Resource] = raw[index]["resource"]["entry"]
    entries: list[MessageEntry] = []
    places: dict[int, int] = {}
    for number in sorted({number for event in notification.events for number in event.entries}):
        place = f"Bundle.entry[{index}].resource.entry[{number}]"
        entry = _notified_entry(release, inner[number], place)
        if entry is not None:
            places[number] = len(entries)
            entries.append(entry)

    def receipt(event: ReceivedEvent) -> Resource:
        observer = service.hub.base_url(release)
        return write_receipt(
            release, notification, event, source=head.source, observer=observer, recorded=now
        )

    return await service.hub.messages.take_notification(
        NotificationMessage(
            release=release,
            source=head.source,
            subscription=notification.subscription_name,
            author=call.client,
            entries=entries,
            events=[
                NotifiedEvent(
                    number=event.number,
                    entries=tuple(places[each] for each in event.entries if each in places),
                    receipt=receipt(event),
                )
                for event in notification.events
            ],
        )
    )


def _entries(
    raw: list[Resource], release: FhirRelease, head: MessageHead
) -> Iterator[MessageEntry]:
    """Yield what follows the MessageHeader; an entry without a name gets one of this message."""
    for index, entry in enumerate(raw[1:], 1):
        place = f"Bundle.entry[{index}].resource"
        resource = entry.get("resource")
        if resource is None:
            raise InvalidResource(f"{place} is missing", expression=place)
        kind: str = resource["resourceType"]
        if kind == "MessageHeader":
            raise InvalidResource("a message has one MessageHeader, the first", expression=place)
        _refuse_special(release, resource, place)
        unnamed = f"urn:uuid:{stable_uuid(head.source, head.id, index)}"
        yield MessageEntry(entry.get("fullUrl") or unnamed, kind, resource)


def _notified_entry(release: FhirRelease, entry: Resource, place: str) -> MessageEntry | None:
    """Return what an entry of a notification says of its resource, None if nothing."""
    url: str = entry["fullUrl"]
    resource = entry.get("resource")
    if resource is not None:
        _refuse_special(release, resource, f"{place}.resource")
        return MessageEntry(url, resource["resourceType"], resource)
    address = read_address(url)
    if address is not None and entry.get("request", {}).get("method") == "DELETE":
        return MessageEntry(url, address.resource_type, None)
    return None


def _refuse_special(release: FhirRelease, resource: Resource, place: str) -> None:
    """Refuse what has rules of its own, as a transaction does."""
    if resource["resourceType"] in {"Subscription", "SubscriptionTopic"} or is_topic_in(
        release, resource
    ):
        raise Unprocessable(
            "a Subscription or topic can't be changed by a message", expression=place
        )


def _known(head: MessageHead, header: Resource, entries: list[MessageEntry]) -> Iterator[int]:
    """Yield the places of the entries that an update is about."""
    coding: Resource = head.event.get("eventCoding", {})
    if (coding.get("system"), coding.get("code")) not in _UPDATES:
        return
    focus = {each.get("reference") for each in header.get("focus", [])}
    for place, entry in enumerate(entries):
        local = f"{entry.resource_type}/{(entry.resource or {}).get('id')}"
        if entry.full_url in focus or local in focus:
            yield place
