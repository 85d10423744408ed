"""The Subscription of R4 and R4B: the resource of R4 with the extensions of the backport guide.

Source: http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription.
"""

from __future__ import annotations

import re
from typing import Final

from hub.codecs.extension import (
    BACKPORT,
    IDENTIFIER,
    check_extensions,
    single,
    values,
    with_extension,
)
from hub.codecs.filter_criteria import read_filters, write_filter
from hub.codecs.release_codec import ReleaseCodec
from hub.codecs.subscription import (
    amend_common,
    fitting_heartbeat,
    fitting_timeout,
    read_channel,
    read_content,
    read_content_type,
    read_header,
    read_identifiers,
    read_instant,
    read_max_count,
    read_seconds,
    read_status,
    read_topic,
    shown_parameter,
    whole_seconds,
    write_identifier,
)
from hub.core.instant import format_instant
from hub.core.release import Resource
from hub.core.subscription import ChannelType, FilterBy, Subscription, SubscriptionStatusCode

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
}
_STATUSES: Final = tuple(
    code for code in SubscriptionStatusCode if code is not SubscriptionStatusCode.ENTERED_IN_ERROR
)
_ELEMENTS: Final = {
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

    def decode_subscription(self, resource: Resource) -> Subscription:
        """Read a validated Subscription of the backport profile; its id may be empty.

        Raises:
            SubscriptionRefused: what can't be honoured, with the element as expression.
        """
        check_extensions(resource, _PLACES)
        channel: Resource = resource.get("channel", {})
        path = "Subscription.channel"
        kind = _channel_type(channel)
        content = single(
            channel.get("_payload"), PAYLOAD_CONTENT, "valueCode", "Subscription.channel.payload"
        )
        heartbeat = single(channel, HEARTBEAT_PERIOD, "valueUnsignedInt", path)
        timeout = single(channel, TIMEOUT, "valueUnsignedInt", path)
        max_count = single(channel, MAX_COUNT, "valuePositiveInt", path)
        end = resource.get("end")
        return Subscription(
            release=self.release,
            id=resource.get("id", ""),
            status=read_status(resource.get("status"), _STATUSES, "Subscription.status"),
            topic=read_topic(resource.get("criteria"), "Subscription.criteria"),
            channel_type=kind,
            content=read_content(content, "Subscription.channel.payload"),
            endpoint=channel.get("endpoint"),
            content_type=read_content_type(
                channel.get("payload"),
                self.release,
                kind,
                "Subscription.channel.payload",
                has_xml=self.has_xml,
            ),
            filter_by=_filters(resource),
            parameter=tuple(
                read_header(line, f"Subscription.channel.header[{index}]")
                for index, line in enumerate(channel.get("header", []))
            ),
            heartbeat_period=fitting_heartbeat(read_seconds(heartbeat, f"{path}.extension"), kind),
            timeout=fitting_timeout(read_seconds(timeout, f"{path}.extension")),
            max_count=read_max_count(max_count, f"{path}.extension"),
            end=None if end is None else read_instant(end, "Subscription.end"),
            identifier=read_identifiers(
                identifier
                for identifier, _ in values(resource, IDENTIFIER, "valueIdentifier", "Subscription")
            ),
        )

    def encode_subscription(self, subscription: Subscription) -> Resource:
        """Write a Subscription of the backport profile; ``reason`` is mandatory there."""
        resource: Resource = {"resourceType": "Subscription"}
        if subscription.id:
            resource["id"] = subscription.id
        resource["meta"] = {"profile": [PROFILE]}
        if subscription.identifier:
            resource["extension"] = [
                {"url": IDENTIFIER, "valueIdentifier": write_identifier(each)}
                for each in subscription.identifier
            ]
        resource["status"] = subscription.status.value
        if subscription.end is not None:
            resource["end"] = format_instant(subscription.end)
        resource["reason"] = f"Notifications of {subscription.topic}"
        resource["criteria"] = subscription.topic
        if subscription.filter_by:
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


def _filters(resource: Resource) -> tuple[FilterBy, ...]:
    found = values(
        resource.get("_criteria"), FILTER_CRITERIA, "valueString", "Subscription.criteria"
    )
    return tuple(filter_by for text, path in found for filter_by in read_filters(text, path))


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
    """Return ``channel`` with the MIME type and the content level."""
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
