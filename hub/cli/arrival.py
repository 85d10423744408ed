"""What a notification says, read by the one who gets it, in any release.

Source: backport IG, "R4 Notification Bundle" and "R4B Notification Bundle";
http://hl7.org/fhir/R5/subscriptionstatus.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from hub.core.release import Json, Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedEvent:
    """One event of a notification; what a classic Subscription sends has the number 0.

    ``focus`` and ``context`` are ``Type/id`` where the reference has that form; ``method`` and
    ``resource`` are those of the entry of the focus, if the payload holds it.
    """

    number: int
    timestamp: datetime | None
    focus: str | None
    context: tuple[str, ...] = ()
    method: str | None = None
    resource: Resource | None = field(default=None, repr=False)

    @property
    def state(self) -> str:
        """The version and status of the resource, ``v2 accepted``; empty if not in the payload."""
        if self.resource is None:
            return "deleted" if self.method == "DELETE" else ""
        version = self.resource.get("meta", {}).get("versionId")
        status = self.resource.get("status", "")
        return " ".join(part for part in (f"v{version}" if version else "", str(status)) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One notification Bundle as it arrived.

    ``subscription`` is the reference as it was written, or ``system|value`` where only an
    identifier names the Subscription; ``total`` is the eventsSinceSubscriptionStart (None where it
    is not told), ``errors`` what the server says is wrong, in words.
    """

    type: str
    subscription: str
    status: str
    topic: str | None
    total: int | None
    events: tuple[ArrivedEvent, ...]
    errors: tuple[str, ...] = ()

    @property
    def subscription_id(self) -> str:
        """The id at the end of the Subscription's reference."""
        return self.subscription.rpartition("/")[2]

    @property
    def subscription_name(self) -> str:
        """What to call the Subscription: ``Subscription/s1``, or its identifier."""
        short = short_reference(self.subscription)
        return short if short.startswith("Subscription/") else self.subscription

    @property
    def numbers(self) -> str:
        """The event numbers, ``#3``, ``#3..5`` or, where they are not one run, ``#3,5``."""
        numbers = [event.number for event in self.events]
        if len(numbers) < 2:
            return "".join(f"#{number}" for number in numbers)
        if all(after == before + 1 for before, after in pairwise(numbers)):
            return f"#{numbers[0]}..{numbers[-1]}"
        return "#" + ",".join(map(str, numbers))


CLASSIC = "classic"
"""The type of what a Subscription whose criteria are a search sends: a call, or a resource."""


class NotANotification(ValueError):
    """The JSON is no notification Bundle; the text says why."""


def short_reference(reference: str) -> str:
    """Return the ``Type/id`` at the end of a reference, or the reference if it has none."""
    parts = reference.partition("/_history/")[0].split("/")
    if len(parts) >= 2 and parts[-2][:1].isupper() and parts[-1]:
        return "/".join(parts[-2:])
    return reference


def read_arrival(bundle: Json) -> Arrival:
    """Read a notification Bundle of R4, R4B or R5, also one that answers ``$events``.

    Of a message it is the notification inside that is read.

    Raises:
        NotANotification: it has no status as first entry, or not the elements of one.
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise NotANotification("no Bundle")
    entries = bundle.get("entry") or [{}]
    if bundle.get("type") == "message":
        return read_arrival(entries[1].get("resource") if len(entries) > 1 else None)
    return read_status(entries[0].get("resource"), entries[1:])


def classic_arrival(path: str, resource: Json) -> Arrival:
    """Return what a classic Subscription sent.

    Args:
        path: of the request, which ends in ``Type/id`` where a resource was put.
        resource: what was put, None where the call had no body.

    Raises:
        NotANotification: it is no resource.
    """
    if resource is not None and (not isinstance(resource, dict) or "resourceType" not in resource):
        raise NotANotification("no resource")
    event = ArrivedEvent(
        number=0,
        timestamp=None,
        focus=None if resource is None else short_reference(path),
        resource=resource,
    )
    return Arrival(
        type=CLASSIC, subscription="", status="", topic=None, total=None, events=(event,)
    )


def read_status(status: Json, entries: list[Resource]) -> Arrival:
    """Read a status (R4 Parameters, else SubscriptionStatus); see ``read_arrival``."""
    kind = status.get("resourceType") if isinstance(status, dict) else None
    try:
        if kind == "Parameters":
            return _from_parameters(status, entries)
        if kind == "SubscriptionStatus":
            return _from_subscription_status(status, entries)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotANotification(f"unreadable status: {error!r}") from None
    raise NotANotification("its first entry is no subscription status")


def _from_subscription_status(status: Resource, entries: list[Resource]) -> Arrival:
    payload = _Payload(entries)
    return Arrival(
        type=status["type"],
        subscription=_reference(status["subscription"]),
        status=status.get("status", ""),
        topic=status.get("topic"),
        total=_number(status.get("eventsSinceSubscriptionStart")),
        events=tuple(
            payload.event(
                event["eventNumber"],
                event.get("timestamp"),
                event.get("focus"),
                event.get("additionalContext", []),
            )
            for event in status.get("notificationEvent", [])
        ),
        errors=tuple(_words(error) for error in status.get("error", [])),
    )


def _from_parameters(status: Resource, entries: list[Resource]) -> Arrival:
    payload = _Payload(entries)
    one = dict(_parts(status["parameter"]))
    events = [
        list(_parts(parameter.get("part", [])))
        for parameter in status["parameter"]
        if parameter["name"] == "notification-event"
    ]
    return Arrival(
        type=one["type"],
        subscription=_reference(one["subscription"]),
        status=one.get("status", ""),
        topic=one.get("topic"),
        total=_number(one.get("events-since-subscription-start")),
        events=tuple(
            payload.event(
                dict(parts)["event-number"],
                dict(parts).get("timestamp"),
                dict(parts).get("focus"),
                [value for name, value in parts if name == "additional-context"],
            )
            for parts in events
        ),
        errors=tuple(
            _words(value) for name, value in _parts(status["parameter"]) if name == "error"
        ),
    )


def _parts(parameters: list[Resource]) -> Iterator[tuple[str, Json]]:
    for parameter in parameters:
        for element, value in parameter.items():
            if element.startswith("value"):
                yield parameter["name"], value


def _number(text: Json) -> int | None:
    return None if text is None else int(text)


def _reference(reference: Resource) -> str:
    if found := reference.get("reference"):
        return str(found)
    system, value = reference["identifier"].get("system"), reference["identifier"]["value"]
    return f"{system}|{value}" if system else str(value)


def _words(error: Resource) -> str:
    coding = (error.get("coding") or [{}])[0]
    words = error.get("text") or coding.get("display") or coding.get("code", "")
    return str(words)


class _Payload:
    """The entries of a Bundle by what they are about, handed out in the order of the events."""

    def __init__(self, entries: list[Resource]) -> None:
        self._by_reference: dict[str, list[Resource]] = {}
        for entry in entries:
            if "fullUrl" in entry:
                about = short_reference(entry["fullUrl"])
                self._by_reference.setdefault(about, []).append(entry)

    def event(
        self, number: Json, timestamp: str | None, focus: Resource | None, context: list[Resource]
    ) -> ArrivedEvent:
        about = None if focus is None else short_reference(_reference(focus))
        entry = self._take(about) if about else {}
        return ArrivedEvent(
            number=int(number),
            timestamp=None if timestamp is None else datetime.fromisoformat(timestamp),
            focus=about,
            context=tuple(short_reference(_reference(reference)) for reference in context),
            method=entry.get("request", {}).get("method"),
            resource=entry.get("resource"),
        )

    def _take(self, about: str) -> Resource:
        entries = self._by_reference.get(about, [{}])
        return entries.pop(0) if len(entries) > 1 else entries[0]
