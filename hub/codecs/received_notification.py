"""Notification Bundles that another server sent, and the record that their events arrived.

Sources: backport IG, "R4 Notification Bundle" and "R4B Notification Bundle";
http://hl7.org/fhir/R5/subscriptionstatus.html; http://hl7.org/fhir/R5/auditevent.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hub.core.instant import format_instant
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import InvalidResource

_TYPES: Final = ("history", "subscription-notification")
_DIGITS: Final = 18
_KIND: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/audit-event-type",
    "code": "rest",
    "display": "RESTful Operation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEvent:
    """One event of a notification.

    ``focus`` is the Reference to what it is about, None where it is not told; ``entries`` are the
    places in the Bundle of what the payload holds of it, the focus first.
    """

    number: int
    focus: Resource | None = field(repr=False)
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedNotification:
    """What a notification says; ``subscription`` is the Reference to the Subscription."""

    type: str
    subscription: Resource = field(repr=False)
    events: tuple[ReceivedEvent, ...]

    @property
    def subscription_name(self) -> str:
        """What tells this Subscription from others of the same sender."""
        named = self.subscription.get("reference")
        if named is None:
            identifier: Resource = self.subscription.get("identifier", {})
            named = f"{identifier.get('system', '')}|{identifier.get('value', '')}"
        return str(named)


def read_notification(bundle: Resource, place: str) -> ReceivedNotification | None:
    """Read a validated Bundle, None if it is no notification.

    Args:
        place: where the Bundle stands, for refusals.

    Raises:
        InvalidResource: its status lacks what every notification has.
    """
    entries: list[Resource] = bundle.get("entry") or [{}]
    status: Resource = entries[0].get("resource", {})
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in _TYPES:
        return None
    if status.get("resourceType") == "SubscriptionStatus":
        said = _of_status(status)
    elif status.get("resourceType") == "Parameters":
        said = _of_parameters(status)
    else:
        return None
    kind, subscription, events = said
    if not kind or not (subscription.get("reference") or subscription.get("identifier")):
        raise InvalidResource(
            "the notification's status must have a type and refer to its Subscription",
            expression=f"{place}.entry[0].resource",
        )
    payload = _Payload(entries)
    return ReceivedNotification(
        type=kind,
        subscription=subscription,
        events=tuple(
            ReceivedEvent(
                number=_number(number, place),
                focus=focus,
                entries=tuple(payload.places(focus, context)),
            )
            for number, focus, context in events
        ),
    )


def write_receipt(
    release: FhirRelease,
    notification: ReceivedNotification,
    event: ReceivedEvent,
    *,
    source: str,
    observer: str,
    recorded: datetime,
) -> Resource:
    """Write the AuditEvent that says that an event arrived.

    Args:
        source: who sent it.
        observer: the base URL that took it.
        recorded: when that was.
    """
    number: Json = "eventNumber" if release is not FhirRelease.R5 else {"text": "eventNumber"}
    entities = [
        {
            **_what(notification.subscription),
            "detail": [{"type": number, "valueString": str(event.number)}],
        }
    ]
    if event.focus is not None:
        entities.append(_what(event.focus))
    kind: Resource = {"type": _KIND}
    if release is FhirRelease.R5:
        kind = {"code": {"coding": [_KIND]}}
    return {
        "resourceType": "AuditEvent",
        **kind,
        "action": "E",
        "recorded": format_instant(recorded),
        "agent": [{"who": {"display": source}, "requestor": True}],
        "source": {"observer": {"display": observer}},
        "entity": entities,
    }


_Said = tuple[str, Resource, list[tuple[Json, Resource | None, list[Resource]]]]


def _of_status(status: Resource) -> _Said:
    events = [
        (event.get("eventNumber"), event.get("focus"), event.get("additionalContext", []))
        for event in status.get("notificationEvent", [])
    ]
    return status.get("type", ""), status.get("subscription", {}), events


def _of_parameters(status: Resource) -> _Said:
    parameters: list[Resource] = status.get("parameter", [])
    one = dict(_values(parameters))
    subscription = one.get("subscription")
    events: list[tuple[Json, Resource | None, list[Resource]]] = []
    for parameter in parameters:
        if parameter.get("name") == "notification-event":
            parts = list(_values(parameter.get("part", [])))
            single = dict(parts)
            focus = single.get("focus")
            context = [value for name, value in parts if name == "additional-context"]
            events.append(
                (
                    single.get("event-number"),
                    focus if isinstance(focus, dict) else None,
                    [each for each in context if isinstance(each, dict)],
                )
            )
    return (
        str(one.get("type", "")),
        subscription if isinstance(subscription, dict) else {},
        events,
    )


def _values(parameters: list[Resource]) -> Iterator[tuple[str, Json]]:
    for parameter in parameters:
        for element, value in parameter.items():
            if element.startswith("value"):
                yield parameter["name"], value


def _number(text: Json, place: str) -> int:
    number = str(text)
    if number.isascii() and number.isdigit() and len(number) <= _DIGITS:
        return int(number)
    raise InvalidResource(
        "an event of the notification has no number",
        expression=f"{place}.entry[0].resource",
    )


def _what(reference: Resource) -> Resource:
    """Return what an entity of an AuditEvent refers to; what is relative is not of this base."""
    named = reference.get("reference")
    if named is None or "://" in named:
        return {"what": reference}
    return {"what": {"display": named}}


class _Payload:
    """Which entries of a Bundle belong to which event.

    Of a resource that several events are about there may be one entry for each, in their order,
    or one for all of them.
    """

    def __init__(self, entries: list[Resource]) -> None:
        self._places: dict[str, list[int]] = {}
        for place, entry in enumerate(entries):
            if place and "fullUrl" in entry:
                self._places.setdefault(entry["fullUrl"], []).append(place)
        self._passed: dict[str, int] = {}

    def places(self, focus: Resource | None, context: list[Resource]) -> Iterator[int]:
        for reference in [focus, *context] if focus is not None else []:
            url = self._url(str((reference or {}).get("reference", "")))
            found = self._places.get(url)
            if not found:
                continue
            turn = 0
            if reference is focus:
                turn = self._passed.get(url, 0)
                self._passed[url] = turn + 1
            yield found[min(turn, len(found) - 1)]

    def _url(self, reference: str) -> str:
        """Return the fullUrl that a reference means, also where only type and id agree."""
        bare = reference.partition("/_history/")[0]
        if bare in self._places:
            return bare
        tail = "/".join(bare.split("/")[-2:])
        ends = [url for url in self._places if url.endswith(f"/{tail}")]
        return ends[0] if len(ends) == 1 and tail.count("/") == 1 else bare
