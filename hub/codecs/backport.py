"""The Subscription of R4 and R4B: the resource of R4 with the extensions of the backport guide.

Source: http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from hub.codecs.classic import is_search, read_classic, write_criteria
from hub.codecs.extension import (
    BACKPORT,
    IDENTIFIER,
    MANAGING_ENTITY,
    check_extensions,
    single,
    values,
    with_extension,
)
from hub.codecs.filter_criteria import read_filters, write_filter
from hub.codecs.managing_entity import read_extension, write_managing_entity
from hub.codecs.release_codec import ReleaseCodec
from hub.codecs.subscription import (
    DEFAULT_CONTENT_TYPE,
    amend_common,
    fitting_heartbeat,
    fitting_timeout,
    read_all,
    read_channel,
    read_content,
    read_content_type,
    read_end,
    read_header,
    read_identifiers,
    read_max_count,
    read_seconds,
    read_status,
    read_suppress_echo,
    read_topic,
    shown_parameter,
    whole_seconds,
    write_identifier,
    write_suppress_echo,
)
from hub.core.echo import SUPPRESS_ECHO
from hub.core.instant import format_instant
from hub.core.refusals import Refusals
from hub.core.release import Json, Resource
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)

PROFILE: Final = f"{BACKPORT}/StructureDefinition/backport-subscription"
FILTER_CRITERIA: Final = f"{BACKPORT}/StructureDefinition/backport-filter-criteria"
PAYLOAD_CONTENT: Final = f"{BACKPORT}/StructureDefinition/backport-payload-content"
HEARTBEAT_PERIOD: Final = f"{BACKPORT}/StructureDefinition/backport-heartbeat-period"
TIMEOUT: Final = f"{BACKPORT}/StructureDefinition/backport-timeout"
MAX_COUNT: Final = f"{BACKPORT}/StructureDefinition/backport-max-count"
CHANNEL_TYPE: Final = f"{BACKPORT}/StructureDefinition/backport-channel-type"

_PLACES: Final = {
    FILTER_CRITERIA: "Subscription.criteria",
    PAYLOAD_CONTENT: "Subscription.channel.payload",
    HEARTBEAT_PERIOD: "Subscription.channel",
    TIMEOUT: "Subscription.channel",
    MAX_COUNT: "Subscription.channel",
    CHANNEL_TYPE: "Subscription.channel.type",
    IDENTIFIER: "Subscription",
    SUPPRESS_ECHO: "Subscription",
}
_STATUSES: Final = tuple(
    code for code in SubscriptionStatusCode if code is not SubscriptionStatusCode.ENTERED_IN_ERROR
)
_ELEMENTS: Final = {
    "identifier": "extension",
    "managingEntity": "extension",
    "topic": "criteria",
    "filterBy": "criteria.extension",
    "channelType": "channel.type",
    "endpoint": "channel.endpoint",
    "parameter": "channel.header",
    "heartbeatPeriod": "channel.extension",
    "timeout": "channel.extension",
    "contentType": "channel.payload",
    "content": "channel.payload",
    "maxCount": "channel.extension",
}
_expression = re.compile(r"Subscription\.(\w+)(\[\d+\])?.*").fullmatch


class BackportCodec(ReleaseCodec):
    """What the codecs of R4 and R4B have in common; see ``hub.ports.Codec``."""

    def element(self, r5_expression: str) -> str:
        """Return the R4 name of an R5 element of Subscription; others come back as they are."""
        match = _expression(r5_expression)
        if match is None or match[1] not in _ELEMENTS:
            return r5_expression
        index = match[2] if match[1] == "parameter" and match[2] else ""
        return f"Subscription.{_ELEMENTS[match[1]]}{index}"

    def read_subscription(self, resource: Resource, refusals: Refusals) -> Subscription:
        """Read a validated Subscription, topic-based or classic; see ``hub.ports.Codec``.

        What ``criteria`` are tells which one it is; a profile that is claimed does not.
        """
        if is_search(resource.get("criteria")):
            return read_classic(resource, self.release, _STATUSES, refusals, has_xml=self.has_xml)
        take = refusals.take
        channel: Resource = resource.get("channel", {})
        path, payload = "Subscription.channel", "Subscription.channel.payload"
        inside = f"{path}.extension"

        def content() -> PayloadContent:
            code = single(channel.get("_payload"), PAYLOAD_CONTENT, "valueCode", payload)
            return read_content(code, payload)

        def seconds(url: str) -> timedelta | None:
            return read_seconds(single(channel, url, "valueUnsignedInt", path), inside)

        take(lambda: check_extensions(resource, _PLACES), None)
        kind = take(lambda: _channel_type(channel), ChannelType.REST_HOOK)
        return Subscription(
            release=self.release,
            id=resource.get("id", ""),
            status=take(
                lambda: read_status(resource.get("status"), _STATUSES, "Subscription.status"),
                SubscriptionStatusCode.REQUESTED,
            ),
            topic=take(lambda: read_topic(resource.get("criteria"), "Subscription.criteria"), ""),
            channel_type=kind,
            content=take(content, PayloadContent.EMPTY),
            endpoint=channel.get("endpoint"),
            content_type=take(
                lambda: read_content_type(
                    channel.get("payload"), self.release, kind, payload, has_xml=self.has_xml
                ),
                DEFAULT_CONTENT_TYPE,
            ),
            filter_by=_filters(resource, refusals),
            parameter=read_all(
                lambda index, line: read_header(line, f"{path}.header[{index}]"),
                channel.get("header", []),
                refusals,
            ),
            heartbeat_period=fitting_heartbeat(take(lambda: seconds(HEARTBEAT_PERIOD), None), kind),
            timeout=fitting_timeout(take(lambda: seconds(TIMEOUT), None)),
            max_count=take(
                lambda: read_max_count(
                    single(channel, MAX_COUNT, "valuePositiveInt", path), inside
                ),
                None,
            ),
            end=take(lambda: read_end(resource), None),
            identifier=read_identifiers(take(lambda: _identifiers(resource), [])),
            managing_entity=take(lambda: read_extension(resource), frozenset()),
            suppress_echo=take(lambda: read_suppress_echo(resource), False),
        )

    def encode_subscription(self, subscription: Subscription) -> Resource:
        """Write a Subscription, a topic-based one in the backport profile.

        ``reason`` is mandatory there.
        """
        resource: Resource = {"resourceType": "Subscription"}
        if subscription.id:
            resource["id"] = subscription.id
        criteria = subscription.topic
        if subscription.is_classic:
            criteria = write_criteria(subscription)
        else:
            resource["meta"] = {"profile": [PROFILE]}
        extensions = [
            {"url": IDENTIFIER, "valueIdentifier": write_identifier(each)}
            for each in subscription.identifier
        ]
        if subscription.managing_entity:
            entity = write_managing_entity(subscription.managing_entity)
            extensions.append({"url": MANAGING_ENTITY, "valueReference": entity})
        extensions += write_suppress_echo(subscription)
        if extensions:
            resource["extension"] = extensions
        resource["status"] = subscription.status.value
        if subscription.end is not None:
            resource["end"] = format_instant(subscription.end)
        resource["reason"] = f"Notifications of {criteria}"
        resource["criteria"] = criteria
        if subscription.filter_by and not subscription.is_classic:
            resource["_criteria"] = {
                "extension": [
                    {"url": FILTER_CRITERIA, "valueString": write_filter(filter_by)}
                    for filter_by in subscription.filter_by
                ]
            }
        channel: Resource = _timed({}, subscription)
        if subscription.max_count is not None:
            channel = with_extension(channel, MAX_COUNT, "valuePositiveInt", subscription.max_count)
        channel["type"] = subscription.channel_type.value
        if subscription.endpoint is not None:
            channel["endpoint"] = subscription.endpoint
        channel = _payload(channel, subscription)
        if subscription.parameter:
            channel["header"] = [f"{name}: {value}" for name, value in subscription.parameter]
        resource["channel"] = channel
        return resource

    def amend_subscription(
        self, resource: Resource, subscription: Subscription, *, masked: bool, error: str | None
    ) -> Resource:
        """Return ``resource`` with what the hub governs; ``resource`` itself stays as it is.

        The payload's MIME type is stated where it was left to the hub.
        """
        amended = amend_common(resource, subscription)
        amended.pop("error", None)
        amended.pop("_error", None)
        if error is not None:
            amended["error"] = error
        channel = _payload(_timed({**resource["channel"]}, subscription), subscription)
        sent: list[str] = channel.pop("header", [])
        if len(sent) != len(subscription.parameter):
            channel.pop("_header", None)
        if subscription.parameter:
            channel["header"] = _headers(sent, subscription, masked)
        amended["channel"] = channel
        return amended


def _channel_type(channel: Resource) -> ChannelType:
    """Read the channel; the guide's extension, where present, overrules the code."""
    path = "Subscription.channel.type"
    coding = single(channel.get("_type"), CHANNEL_TYPE, "valueCoding", path)
    if coding is not None:
        return read_channel(coding.get("code"), coding.get("system"), path)
    return read_channel(channel.get("type"), None, path)


def _identifiers(resource: Resource) -> list[Resource]:
    return [
        identifier
        for identifier, _ in values(resource, IDENTIFIER, "valueIdentifier", "Subscription")
    ]


def _filters(resource: Resource, refusals: Refusals) -> tuple[FilterBy, ...]:
    nothing: list[tuple[Json, str]] = []
    found = refusals.take(
        lambda: values(
            resource.get("_criteria"), FILTER_CRITERIA, "valueString", "Subscription.criteria"
        ),
        nothing,
    )
    read = read_all(lambda _, one: read_filters(*one), found, refusals)
    return tuple(filter_by for group in read for filter_by in group)


def _timed(channel: Resource, subscription: Subscription) -> Resource:
    """Return ``channel`` with the periods that the hub honours."""
    for url, period in (
        (HEARTBEAT_PERIOD, subscription.heartbeat_period),
        (TIMEOUT, subscription.timeout),
    ):
        if period is not None:
            channel = with_extension(channel, url, "valueUnsignedInt", whole_seconds(period))
    return channel


def _payload(channel: Resource, subscription: Subscription) -> Resource:
    """Return ``channel`` with the MIME type and the content level; a classic one has no level."""
    if subscription.is_classic:
        stated = {"payload": subscription.content_type} if subscription.content_type else {}
        return {**channel, **stated}
    return {
        **channel,
        "payload": subscription.content_type,
        "_payload": with_extension(
            channel.get("_payload", {}), PAYLOAD_CONTENT, "valueCode", subscription.content.value
        ),
    }


def _headers(sent: list[str], subscription: Subscription, masked: bool) -> list[str]:
    """Write the headers; a line that says the same already stays as it was sent."""
    lines: list[str] = []
    for index, (name, value) in enumerate(shown_parameter(subscription, masked)):
        line = sent[index] if index < len(sent) else None
        if line is None or read_header(line, "Subscription.channel.header") != (name, value):
            line = f"{name}: {value}"
        lines.append(line)
    return lines
