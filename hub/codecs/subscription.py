"""What the Subscriptions of all releases have in common: the values, and what is refused.

Sources: http://hl7.org/fhir/R5/subscription.html; backport IG, "Components".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from hub.codecs.extension import single
from hub.codecs.xml import INSTALL, is_xml
from hub.core import instant
from hub.core.echo import SUPPRESS_ECHO
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Json, Resource
from hub.core.subscription import (
    ChannelType,
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.errors import (
    ChannelNotSupported,
    ContentNotSupported,
    HeaderNotAllowed,
    PayloadNotSupported,
    SubscriptionRefused,
    TopicUnknown,
)

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_CONTENT_TYPE: Final = "application/fhir+json"
DEFAULT_EMAIL_TYPE: Final = "text/plain"
"""Words for people, and nothing attached: the least that a mail can tell."""

MASK: Final = "***"
"""What stands where a header value may not be shown."""

CHANNEL_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/subscription-channel-type"
_CHANNEL_SYSTEMS = (None, CHANNEL_SYSTEM, "http://hl7.org/fhir/subscription-channel-type")

LONGEST_TIMEOUT: Final = timedelta(seconds=120)
SHORTEST_PERIOD: Final = timedelta(seconds=1)
SHORTEST_EMAIL_PERIOD: Final = timedelta(days=1)
_LARGEST_INTEGER: Final = 2**31 - 1

_JSON = ("application/fhir+json", "application/json")
_XML = ("application/fhir+xml", "application/xml")
_XML_CHANNELS = frozenset((ChannelType.REST_HOOK, ChannelType.WEBSOCKET, ChannelType.MESSAGE))
_word = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_parameter = rf'[ \t]*;[ \t]*({_word})=({_word}(?:/{_word})?|"[^"\\\x00-\x1f\x7f]*")'
_media_type = re.compile(rf"({_word}/{_word})((?:{_parameter})*)")
_media_parameter = re.compile(_parameter)
_absolute = re.compile(r"(?:https?://|urn:)[^\s|]+(?:\|[^\s|]+)?")


def read_instant(text: Json, expression: str) -> datetime:
    """Read a FHIR instant; digits beyond microseconds are cut off.

    Raises:
        SubscriptionRefused: it has no date, time with seconds, or zone, or there is no such moment.
    """
    found = instant.read_instant(str(text))
    if found is None:
        raise SubscriptionRefused(
            f"{expression} {text!r} is no instant; write YYYY-MM-DDThh:mm:ss with a zone",
            expression=expression,
        )
    return found


def read_identifiers(identifiers: Iterable[Resource]) -> tuple[Identifier, ...]:
    """Read what names a Subscription outside the hub."""
    return tuple(Identifier(each.get("system"), each.get("value")) for each in identifiers)


def write_identifier(identifier: Identifier) -> Resource:
    """Write an identifier; what it does not say is left out."""
    members = {"system": identifier.system, "value": identifier.value}
    return {name: value for name, value in members.items() if value is not None}


def read_suppress_echo(resource: Resource) -> bool:
    """Read whether the owner's own changes are to be no events.

    Raises:
        SubscriptionRefused: it is said several times, or not by a boolean.
    """
    return single(resource, SUPPRESS_ECHO, "valueBoolean", "Subscription") is True


def write_suppress_echo(subscription: Subscription) -> list[Resource]:
    """Write the extensions that say so, none where it is not asked for."""
    return [{"url": SUPPRESS_ECHO, "valueBoolean": True}] * subscription.suppress_echo


def read_end(resource: Resource) -> datetime | None:
    """Read when a Subscription ends, None where it says nothing.

    Raises:
        SubscriptionRefused: it is no instant.
    """
    end = resource.get("end")
    return None if end is None else read_instant(end, "Subscription.end")


def read_all(read: Callable[[int, T], R], items: Iterable[T], refusals: Refusals) -> tuple[R, ...]:
    """Return what ``read`` makes of each item and its place; nothing if one is refused."""
    already = len(refusals.found)
    found: list[R] = []
    for index, item in enumerate(items):
        refusals.take(partial(_append, found, read, index, item), None)
    return tuple(found) if len(refusals.found) == already else ()


def _append(found: list[R], read: Callable[[int, T], R], index: int, item: T) -> None:
    found.append(read(index, item))


def read_status(
    code: Json, allowed: Sequence[SubscriptionStatusCode], expression: str
) -> SubscriptionStatusCode:
    """Read a status that this release has.

    Raises:
        SubscriptionRefused: it is none of ``allowed``.
    """
    if code in allowed:
        return SubscriptionStatusCode(code)
    raise SubscriptionRefused(
        f"{expression} {code!r} is no status; allowed: {', '.join(allowed)}", expression=expression
    )


def read_topic(text: Json, expression: str) -> str:
    """Read a topic's canonical URL, with ``|version`` or without.

    Raises:
        TopicUnknown: it is no absolute URI.
    """
    if isinstance(text, str) and _absolute.fullmatch(text):
        return text
    raise TopicUnknown(
        f"{expression} {text!r} is not the canonical URL of a topic; only in R4 and R4B can "
        "there be a search in its place",
        expression=expression,
    )


def read_channel(code: Json, system: Json, expression: str) -> ChannelType:
    """Read a channel type, from a code and the system that it is of (None where not said).

    Raises:
        ChannelNotSupported: it is none of the standard's topic-based channels.
    """
    if system in _CHANNEL_SYSTEMS and code in list(ChannelType):
        return ChannelType(code)
    shown = f"{system}|{code}" if system else code
    raise ChannelNotSupported(
        f"{expression} {shown!r} is no channel of the hub; allowed: {', '.join(ChannelType)}",
        expression=expression,
    )


def read_content(code: Json, expression: str) -> PayloadContent:
    """Read the content level.

    Raises:
        ContentNotSupported: it is missing or unknown.
    """
    if code in list(PayloadContent):
        return PayloadContent(code)
    found = "is missing" if code is None else f"{code!r} is unknown"
    raise ContentNotSupported(
        f"{expression}: the content level {found}; allowed: {', '.join(PayloadContent)}",
        expression=expression,
    )


def read_content_type(
    text: Json,
    release: FhirRelease,
    channel: ChannelType,
    expression: str,
    *,
    has_xml: bool,
) -> str:
    """Check the MIME type of the payload and return it as it was written.

    For emails it is a text, and says what is attached; the channel knows what it can attach.
    Rest-hooks, websockets and messages may have XML, where it is installed.

    Raises:
        PayloadNotSupported: it is no MIME type, none that the hub writes, or of another release.
    """
    if text is None:
        return DEFAULT_EMAIL_TYPE if channel is ChannelType.EMAIL else DEFAULT_CONTENT_TYPE
    if channel is ChannelType.EMAIL and isinstance(text, str):
        return text
    types: tuple[str, ...] = _JSON
    if has_xml and channel in _XML_CHANNELS:
        types = (*_JSON, *_XML)
    allowed = f"{', '.join(types)}, with fhirVersion={release.version} or without"
    if isinstance(text, str) and is_xml(text) and not has_xml:
        allowed += f"; for XML the hub lacks an extra: {INSTALL}"
    match = _media_type.fullmatch(text) if isinstance(text, str) else None
    wrong = match is None or match[1].lower() not in types
    for name, quoted in _media_parameter.findall(match[2]) if match else []:
        value = quoted.strip('"').lower()
        fitting = {
            "fhirversion": (release.version, release.full_version),
            "charset": ("utf-8",),
        }.get(name.lower(), (value,))
        wrong = wrong or value not in fitting
    if wrong:
        raise PayloadNotSupported(
            f"{expression} {text!r} is not supported; allowed: {allowed}", expression=expression
        )
    return str(text)


def read_header(line: Json, expression: str) -> tuple[str, str]:
    """Read ``Name: value``, parted at the first colon.

    Raises:
        HeaderNotAllowed: there is no colon or no name; the line is not repeated, it may be secret.
    """
    name, colon, value = line.partition(":") if isinstance(line, str) else ("", "", "")
    if not colon or not name.strip():
        raise HeaderNotAllowed(f'{expression} is not "Name: value"', expression=expression)
    return name.strip(), value.strip()


def read_seconds(number: Json, expression: str) -> timedelta | None:
    """Read a duration in whole seconds.

    Raises:
        SubscriptionRefused: it is negative, no integer, or too large.
    """
    if number is None:
        return None
    return timedelta(seconds=_integer(number, 0, "a number of seconds", expression))


def read_max_count(number: Json, expression: str) -> int | None:
    """Read how many events a notification may hold.

    Raises:
        SubscriptionRefused: it is less than 1, no integer, or too large.
    """
    return None if number is None else _integer(number, 1, "a number of events", expression)


def _integer(number: Json, least: int, what: str, expression: str) -> int:
    if type(number) is int and least <= number <= _LARGEST_INTEGER:
        return number
    raise SubscriptionRefused(
        f"{expression} {number} is not {what}; allowed: {least} to {_LARGEST_INTEGER}",
        expression=expression,
    )


def fitting_timeout(asked: timedelta | None) -> timedelta | None:
    """Return the timeout that the hub honours: 1 s to 120 s."""
    return None if asked is None else max(SHORTEST_PERIOD, min(asked, LONGEST_TIMEOUT))


def fitting_heartbeat(asked: timedelta | None, channel: ChannelType) -> timedelta | None:
    """Return the heartbeat period that the hub honours: at least 1 s, for email one day."""
    if asked is None:
        return None
    return max(asked, SHORTEST_EMAIL_PERIOD if channel is ChannelType.EMAIL else SHORTEST_PERIOD)


def whole_seconds(period: timedelta) -> int:
    """Return a duration as FHIR writes it here."""
    return period // timedelta(seconds=1)


def shown_parameter(subscription: Subscription, masked: bool) -> tuple[tuple[str, str], ...]:
    """Return the headers in order, their values hidden where ``masked``."""
    return tuple((name, MASK if masked else value) for name, value in subscription.parameter)


def amend_common(resource: Resource, subscription: Subscription) -> Resource:
    """Return a copy of ``resource`` with the id, status and end of ``subscription``.

    An ``end`` that says the same already stays as it was sent.
    """
    amended: Resource = {
        "resourceType": "Subscription",
        "id": subscription.id,
        **resource,
        "status": subscription.status.value,
    }
    amended["id"] = subscription.id
    sent = amended.pop("end", None)
    if subscription.end is None:
        amended.pop("_end", None)
    elif sent is not None and read_instant(sent, "Subscription.end") == subscription.end:
        amended["end"] = sent
    else:
        amended["end"] = instant.format_instant(subscription.end)
    return amended
