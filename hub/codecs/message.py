"""Messages: the Bundle around a notification, and the one that answers a message.

Sources: http://hl7.org/fhir/R4/messageheader.html; http://hl7.org/fhir/R5/messageheader.html;
http://hl7.org/fhir/R5/messageheader-operation-process-message.html; backport IG, "Channels".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from hub.core.instant import format_instant
from hub.core.message import MessageEvent, ResponseCode
from hub.core.notification import Notification, stable_uuid
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import InvalidResource

SOFTWARE: Final = "fhir-hub"
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_URI: Final = re.compile(r"\S+")
_CODE: Final = re.compile(r"\S+(?: \S+)*")
_EVENTS: Final = {
    FhirRelease.R4: ("eventCoding", "eventUri"),
    FhirRelease.R4B: ("eventCoding", "eventUri"),
    FhirRelease.R5: ("eventCoding", "eventCanonical"),
}
_ENDPOINTS: Final = {
    FhirRelease.R4: "endpoint",
    FhirRelease.R4B: "endpoint",
    FhirRelease.R5: "endpointUrl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHead:
    """What the MessageHeader of a message says, as far as it is answered.

    ``source`` identifies the sender: its endpoint, else its name; ``reply_to`` is the URL of that
    endpoint, None where there is none.  ``event`` is the one member that names the event,
    ``identifier`` what a response calls the message.
    """

    release: FhirRelease
    id: str
    source: str
    reply_to: str | None
    event: Resource = field(repr=False)
    identifier: Json = field(repr=False)


def write_message(
    notification: Notification,
    bundle: bytes,
    base_url: str,
    *,
    event: MessageEvent,
    destination: str,
) -> bytes:
    """Write the message Bundle that carries a notification, the same bytes each time.

    Args:
        notification: what is said.
        bundle: the notification Bundle as it was written; it goes in as it is.
        base_url: the base URL of the release: where the message comes from.
        event: what ``MessageHeader.eventCoding`` says.
        destination: the endpoint that the message is for.
    """
    release = notification.release
    focus = f"urn:uuid:{notification.id}"
    header = {
        "eventCoding": {"system": event.system, "code": event.code},
        "destination": [{_ENDPOINTS[release]: destination}],
        "source": _source(release, base_url),
        "focus": [{"reference": focus}],
    }
    more = {"fullUrl": focus, "resource": orjson.Fragment(bundle)}
    id = stable_uuid(notification.id, "message")
    return _write(release, id, notification.timestamp, header, [more])


def read_message_head(bundle: Resource, release: FhirRelease) -> MessageHead:
    """Read who sent a message, and what about; the Bundle need not be valid otherwise.

    Raises:
        InvalidResource: it is no message, or there is nothing in it that could be answered.
    """
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise InvalidResource(
            "only a Bundle of type message can be processed", expression="Bundle.type"
        )
    entries = bundle.get("entry")
    first = entries[0] if isinstance(entries, list) and entries else None
    header = first.get("resource") if isinstance(first, dict) else None
    if not isinstance(header, dict) or header.get("resourceType") != "MessageHeader":
        raise InvalidResource(
            "the first entry of a message must be its MessageHeader",
            expression="Bundle.entry[0].resource",
        )
    id = header.get("id")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise InvalidResource(
            "MessageHeader.id is missing or no id: it is what the message is known by",
            expression="Bundle.entry[0].resource.id",
        )
    source, reply_to = _sender(header.get("source"), release)
    return MessageHead(
        release=release,
        id=id,
        source=source,
        reply_to=reply_to,
        event=_event(header, release),
        identifier=_identifier(bundle, id, release),
    )


def write_response(
    head: MessageHead,
    base_url: str,
    code: ResponseCode,
    *,
    timestamp: datetime,
    outcome: bytes | None = None,
) -> bytes:
    """Write the message that answers another, the same bytes for the same arguments.

    Args:
        head: of the message that is answered.
        base_url: the base URL that answers.
        code: what became of the message.
        timestamp: when that was.
        outcome: an OperationOutcome that says why, None where there is nothing to say.
    """
    id = stable_uuid(base_url, head.source, head.id, code)
    response: Resource = {"identifier": head.identifier, "code": code.value}
    more: list[Json] = []
    if outcome is not None:
        details = f"urn:uuid:{stable_uuid(id, 'details')}"
        response["details"] = {"reference": details}
        more.append({"fullUrl": details, "resource": orjson.Fragment(outcome)})
    header: Resource = dict(head.event)
    if head.reply_to is not None:
        header["destination"] = [{_ENDPOINTS[head.release]: head.reply_to}]
    header |= {"source": _source(head.release, base_url), "response": response}
    return _write(head.release, id, timestamp, header, more)


def _write(
    release: FhirRelease, id: str, timestamp: datetime, header: Resource, more: list[Json]
) -> bytes:
    bundle: Resource = {"resourceType": "Bundle", "id": id}
    if release is FhirRelease.R5:
        # What a response calls the message there; before R5 it is the id of the MessageHeader.
        bundle["identifier"] = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id}"}
    header_id = stable_uuid(id, "header")
    first = {
        "fullUrl": f"urn:uuid:{header_id}",
        "resource": {"resourceType": "MessageHeader", "id": header_id, **header},
    }
    bundle |= {
        "type": "message",
        "timestamp": format_instant(timestamp),
        "entry": [first, *more],
    }
    return orjson.dumps(bundle)


def _source(release: FhirRelease, base_url: str) -> Resource:
    if release is FhirRelease.R5:
        return {_ENDPOINTS[release]: base_url, "software": SOFTWARE}
    return {"software": SOFTWARE, _ENDPOINTS[release]: base_url}


def _sender(source: Json, release: FhirRelease) -> tuple[str, str | None]:
    found = source if isinstance(source, dict) else {}
    endpoint = found.get(_ENDPOINTS[release])
    if isinstance(endpoint, str) and _URI.fullmatch(endpoint):
        return endpoint, endpoint
    reference = found.get("endpointReference") if release is FhirRelease.R5 else None
    if isinstance(reference, dict) and isinstance(reference.get("reference"), str):
        return reference["reference"], None
    name = found.get("name")
    if release is FhirRelease.R5 and isinstance(name, str) and name:
        return name, None
    wanted = "endpointUrl, endpointReference or name" if release is FhirRelease.R5 else "endpoint"
    raise InvalidResource(
        f"MessageHeader.source must say who sent the message, by {wanted}",
        expression="Bundle.entry[0].resource.source",
    )


def _event(header: Resource, release: FhirRelease) -> Resource:
    coded, named = _EVENTS[release]
    coding, uri = header.get(coded), header.get(named)
    members = coding if isinstance(coding, dict) else {}
    code, system = members.get("code"), members.get("system")
    if isinstance(code, str) and _CODE.fullmatch(code):
        told = {"system": system} if isinstance(system, str) and _URI.fullmatch(system) else {}
        return {coded: told | {"code": code}}
    if isinstance(uri, str) and _URI.fullmatch(uri):
        return {named: uri}
    raise InvalidResource(
        f"MessageHeader must name its event, by {coded} or {named}",
        expression=f"Bundle.entry[0].resource.{coded}",
    )


def _identifier(bundle: Resource, id: str, release: FhirRelease) -> Json:
    if release is not FhirRelease.R5:
        return id
    identifier = bundle.get("identifier")
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        kept = ("system", "value")
        return {name: identifier[name] for name in kept if isinstance(identifier.get(name), str)}
    return {"value": id}
