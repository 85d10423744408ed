"""The classic Subscription of R4 and R4B: criteria that are a search in place of a topic.

No extension of the backport guide belongs in one: what they ask for needs a topic.
Source: http://hl7.org/fhir/R4/subscription.html; http://hl7.org/fhir/R4B/subscription.html.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hub.codecs.extension import BACKPORT, IDENTIFIER, check_extensions, placed, values
from hub.codecs.filter_criteria import split_modifier, write_filter
from hub.codecs.managing_entity import read_extension
from hub.codecs.subscription import (
    DEFAULT_CONTENT_TYPE,
    DEFAULT_EMAIL_TYPE,
    read_all,
    read_content_type,
    read_end,
    read_header,
    read_identifiers,
    read_status,
    read_suppress_echo,
)
from hub.core.classic_criteria import is_about_result
from hub.core.echo import SUPPRESS_ECHO
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search import split_query
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.errors import (
    ChannelNotSupported,
    CriteriaInvalid,
    InvalidSearch,
    PayloadNotSupported,
    TopicExtensionNotAllowed,
)

CHANNELS: Final = (ChannelType.REST_HOOK, ChannelType.WEBSOCKET, ChannelType.EMAIL)
"""What a classic Subscription can be served over."""

_CRITERIA: Final = "Subscription.criteria"
_PLACES: Final = {IDENTIFIER: "Subscription", SUPPRESS_ECHO: "Subscription"}
_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_search = re.compile(r"/?(?P<type>[A-Za-z]+)(?:\?(?P<conditions>.*))?", re.DOTALL)


def is_search(criteria: Json) -> bool:
    """Tell by its form whether criteria are no URI, so that the Subscription is a classic one."""
    return isinstance(criteria, str) and _scheme.match(criteria) is None


def read_classic(
    resource: Resource,
    release: FhirRelease,
    statuses: Sequence[SubscriptionStatusCode],
    refusals: Refusals,
    *,
    has_xml: bool,
) -> Subscription:
    """Read a validated Subscription whose criteria are a search; see ``hub.ports.Codec``."""
    take = refusals.take
    nothing: tuple[str, tuple[FilterBy, ...]] = ("", ())
    nobody: list[Resource] = []
    channel: Resource = resource.get("channel", {})
    resource_type, conditions = take(lambda: read_criteria(resource["criteria"]), nothing)
    identifiers = take(lambda: _identifiers(resource), nobody)
    take(lambda: _check_extensions(resource), None)
    kind = take(lambda: _channel_type(channel.get("type")), ChannelType.REST_HOOK)
    content_type = take(
        lambda: _content_type(channel.get("payload"), release, kind, has_xml=has_xml),
        DEFAULT_CONTENT_TYPE,
    )
    return Subscription(
        release=release,
        id=resource.get("id", ""),
        status=take(
            lambda: read_status(resource.get("status"), statuses, "Subscription.status"),
            SubscriptionStatusCode.REQUESTED,
        ),
        topic=resource_type,
        channel_type=kind,
        content=_content(content_type, kind),
        endpoint=channel.get("endpoint"),
        # Where the criteria can't be read, nothing else is held against the payload.
        content_type=content_type if resource_type else DEFAULT_CONTENT_TYPE,
        filter_by=conditions,
        parameter=read_all(
            lambda index, line: read_header(line, f"Subscription.channel.header[{index}]"),
            channel.get("header", []),
            refusals,
        ),
        end=take(lambda: read_end(resource), None),
        identifier=read_identifiers(identifiers),
        managing_entity=take(lambda: read_extension(resource), frozenset()),
        suppress_echo=take(lambda: read_suppress_echo(resource), False),
    )


def read_criteria(text: str) -> tuple[str, tuple[FilterBy, ...]]:
    """Read ``Type?parameter=value&...`` into the type and its conditions.

    A ``/`` before it, as in examples of the standard, and a type without conditions are accepted.
    Parameters that say how a result is shown are left out.

    Raises:
        CriteriaInvalid: it is no such search, or can't be percent-decoded.
    """
    match = _search.fullmatch(text)
    if match is None:
        raise CriteriaInvalid(
            f"{_CRITERIA} {text!r} is neither the canonical URL of a topic nor a search; "
            "a search is written Type?parameter=value",
            expression=_CRITERIA,
        )
    try:
        pairs = split_query(match["conditions"] or "")
    except InvalidSearch as error:
        raise CriteriaInvalid(
            f"{_CRITERIA} {text!r} can't be read: {error.diagnostics}", expression=_CRITERIA
        ) from None
    return match["type"], tuple(
        _condition(match["type"], name, value) for name, value in pairs if not is_about_result(name)
    )


def write_criteria(subscription: Subscription) -> str:
    """Write the criteria of a classic Subscription; ``read_criteria`` reads the same back."""
    conditions = (
        write_filter(replace(each, resource_type=None)) for each in subscription.filter_by
    )
    return "?".join(filter(None, (subscription.topic, "&".join(conditions))))


def _condition(resource_type: str, name: str, value: str) -> FilterBy:
    parameter, modifier = split_modifier(name)
    return FilterBy(
        filter_parameter=parameter, value=value, resource_type=resource_type, modifier=modifier
    )


def _check_extensions(resource: Resource) -> None:
    for extension in placed(resource, "Subscription"):
        if extension.url.startswith(f"{BACKPORT}/"):
            raise TopicExtensionNotAllowed(
                f"{extension.path} {extension.url!r} is for Subscriptions to a topic, but the "
                f"criteria {resource['criteria']!r} are no topic's canonical URL",
                expression=extension.path,
            )
    check_extensions(resource, _PLACES)


def _channel_type(code: Json) -> ChannelType:
    if code in CHANNELS:
        return ChannelType(code)
    raise ChannelNotSupported(
        f"Subscription.channel.type {code!r} is not offered for criteria that are a search; "
        f"allowed: {', '.join(CHANNELS)}",
        expression="Subscription.channel.type",
    )


def _identifiers(resource: Resource) -> list[Resource]:
    found = values(resource, IDENTIFIER, "valueIdentifier", "Subscription")
    return [identifier for identifier, _ in found]


def _content(content_type: str, kind: ChannelType) -> PayloadContent:
    """Return how much is told: a text by mail names the resource, any other payload holds it."""
    if not content_type:
        return PayloadContent.EMPTY
    if kind is ChannelType.EMAIL and _is_text(content_type):
        return PayloadContent.ID_ONLY
    return PayloadContent.FULL_RESOURCE


def _is_text(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == DEFAULT_EMAIL_TYPE


def _content_type(text: Json, release: FhirRelease, kind: ChannelType, *, has_xml: bool) -> str:
    """Return the MIME type of the payload as it was written, '' where none is asked for."""
    path = "Subscription.channel.payload"
    if text is None:
        return ""
    if kind is ChannelType.WEBSOCKET:
        raise PayloadNotSupported(
            f"{path} {text!r}: a classic websocket is only sent `ping`; leave the payload out",
            expression=path,
        )
    return read_content_type(text, release, kind, path, has_xml=has_xml)
