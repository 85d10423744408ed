"""R5: its own Subscription, SubscriptionStatus and Bundle type.

Source: http://hl7.org/fhir/R5/subscription.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from hub.codecs.bundle import newest_deletions, subscription_status
from hub.codecs.extension import IDENTIFIER, check_extensions
from hub.codecs.managing_entity import read_managing_entity, write_managing_entity
from hub.codecs.release_codec import ReleaseCodec
from hub.codecs.subscription import (
    CHANNEL_SYSTEM,
    DEFAULT_CONTENT_TYPE,
    amend_common,
    fitting_heartbeat,
    fitting_timeout,
    read_all,
    read_channel,
    read_content,
    read_content_type,
    read_end,
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
from hub.core.notification import Notification, NotificationEntry
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search_parameter import ANY_RESOURCE
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.topic import bare_type
from hub.errors import FilterInvalid, HeaderNotAllowed

_PLACES: Final = {IDENTIFIER: "Subscription", SUPPRESS_ECHO: "Subscription"}
_COMPARATORS: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


class R5Codec(ReleaseCodec):
    """R5, see ``hub.ports.Codec``."""

    release = FhirRelease.R5
    bundle_type: ClassVar[str] = "subscription-notification"

    def element(self, r5_expression: str) -> str:
        """Return ``r5_expression``: it is this release's own."""
        return r5_expression

    def status_resource(
        self, notification: Notification, base_url: str, own: Sequence[bytes]
    ) -> list[bytes]:
        """Write the status as a SubscriptionStatus."""
        return subscription_status(notification, base_url, own)

    def further_entries(self, notification: Notification) -> Sequence[NotificationEntry]:
        """Return the entries that follow the status, none of them twice in the sense of bdl-7."""
        return newest_deletions(notification.entries)

    def read_subscription(self, resource: Resource, refusals: Refusals) -> Subscription:
        """Read a validated Subscription; see ``hub.ports.Codec``.  Absent content is ``empty``."""
        take = refusals.take
        coding: Resource = resource.get("channelType", {})

        def seconds(name: str) -> timedelta | None:
            return take(lambda: read_seconds(resource.get(name), f"Subscription.{name}"), None)

        take(lambda: check_extensions(resource, _PLACES), None)
        kind = take(
            lambda: read_channel(
                coding.get("code"), coding.get("system"), "Subscription.channelType"
            ),
            ChannelType.REST_HOOK,
        )
        return Subscription(
            release=self.release,
            id=resource.get("id", ""),
            status=take(
                lambda: read_status(
                    resource.get("status"), list(SubscriptionStatusCode), "Subscription.status"
                ),
                SubscriptionStatusCode.REQUESTED,
            ),
            topic=take(lambda: read_topic(resource.get("topic"), "Subscription.topic"), ""),
            channel_type=kind,
            content=take(
                lambda: read_content(
                    resource.get("content", PayloadContent.EMPTY), "Subscription.content"
                ),
                PayloadContent.EMPTY,
            ),
            endpoint=resource.get("endpoint"),
            content_type=take(
                lambda: read_content_type(
                    resource.get("contentType"),
                    self.release,
                    kind,
                    "Subscription.contentType",
                    has_xml=self.has_xml,
                ),
                DEFAULT_CONTENT_TYPE,
            ),
            filter_by=read_all(
                lambda index, one: _filter(one, f"Subscription.filterBy[{index}]"),
                resource.get("filterBy", []),
                refusals,
            ),
            parameter=read_all(
                lambda index, one: _header(one, f"Subscription.parameter[{index}]"),
                resource.get("parameter", []),
                refusals,
            ),
            heartbeat_period=fitting_heartbeat(seconds("heartbeatPeriod"), kind),
            timeout=fitting_timeout(seconds("timeout")),
            max_count=take(
                lambda: read_max_count(resource.get("maxCount"), "Subscription.maxCount"), None
            ),
            end=take(lambda: read_end(resource), None),
            identifier=read_identifiers(resource.get("identifier", [])),
            managing_entity=read_managing_entity(resource.get("managingEntity", {})),
            suppress_echo=take(lambda: read_suppress_echo(resource), False),
        )

    def encode_subscription(self, subscription: Subscription) -> Resource:
        """Write a Subscription; ``decode_subscription`` reads the same back."""
        resource: Resource = {"resourceType": "Subscription"}
        if subscription.id:
            resource["id"] = subscription.id
        if subscription.suppress_echo:
            resource["extension"] = write_suppress_echo(subscription)
        if subscription.identifier:
            resource["identifier"] = [write_identifier(each) for each in subscription.identifier]
        resource["status"] = subscription.status.value
        resource["topic"] = subscription.topic
        if subscription.managing_entity:
            resource["managingEntity"] = write_managing_entity(subscription.managing_entity)
        if subscription.end is not None:
            resource["end"] = format_instant(subscription.end)
        if subscription.filter_by:
            resource["filterBy"] = [_write_filter(one) for one in subscription.filter_by]
        resource["channelType"] = {
            "system": CHANNEL_SYSTEM,
            "code": subscription.channel_type.value,
        }
        if subscription.endpoint is not None:
            resource["endpoint"] = subscription.endpoint
        if subscription.parameter:
            resource["parameter"] = [
                {"name": name, "value": value} for name, value in subscription.parameter
            ]
        resource.update(_governed(subscription))
        if subscription.max_count is not None:
            resource["maxCount"] = subscription.max_count
        return resource

    def amend_subscription(
        self, resource: Resource, subscription: Subscription, *, masked: bool, error: str | None
    ) -> Resource:
        """Return ``resource`` with what the hub governs; ``resource`` itself stays as it is.

        Content level and MIME type are stated where they were left to the hub.  ``error`` has no
        place in R5, where SubscriptionStatus tells it.
        """
        amended = amend_common(resource, subscription)
        amended.update(_governed(subscription))
        sent: list[Resource] = amended.pop("parameter", [])
        if subscription.parameter:
            amended["parameter"] = [
                {**(sent[index] if index < len(sent) else {}), "name": name, "value": value}
                for index, (name, value) in enumerate(shown_parameter(subscription, masked))
            ]
        return amended


def _filter(element: Resource, path: str) -> FilterBy:
    parameter, value = element.get("filterParameter"), element.get("value")
    comparator, modifier = element.get("comparator"), element.get("modifier")
    url = element.get("resourceType")
    resource_type = None if url is None else bare_type(url)
    if not parameter or not value:
        raise FilterInvalid(f"{path} needs filterParameter and value", expression=path)
    if comparator is not None and modifier is not None:
        raise FilterInvalid(
            f"{path} has comparator {comparator!r} and modifier {modifier!r}; one is allowed",
            expression=path,
        )
    if comparator is not None and comparator not in _COMPARATORS:
        raise FilterInvalid(
            f"{path}.comparator {comparator!r} is unknown; allowed: {', '.join(_COMPARATORS)}",
            expression=f"{path}.comparator",
        )
    if url is not None and resource_type is None:
        raise FilterInvalid(
            f"{path}.resourceType {url!r} is no resource type; allowed: a name such as Task",
            expression=f"{path}.resourceType",
        )
    return FilterBy(
        filter_parameter=parameter,
        value=value,
        resource_type=None if resource_type == ANY_RESOURCE else resource_type,
        comparator=comparator,
        modifier=modifier,
    )


def _write_filter(filter_by: FilterBy) -> Resource:
    members: dict[str, Json] = {
        "resourceType": filter_by.resource_type,
        "filterParameter": filter_by.filter_parameter,
        "comparator": filter_by.comparator,
        "modifier": filter_by.modifier,
        "value": filter_by.value,
    }
    return {name: value for name, value in members.items() if value is not None}


def _header(element: Resource, path: str) -> tuple[str, str]:
    name, value = element.get("name"), element.get("value")
    if not name or not value:
        raise HeaderNotAllowed(f"{path} needs name and value", expression=path)
    return name, value


def _governed(subscription: Subscription) -> Resource:
    """Write the periods that the hub honours, the MIME type and the content level."""
    members: Resource = {}
    if subscription.heartbeat_period is not None:
        members["heartbeatPeriod"] = whole_seconds(subscription.heartbeat_period)
    if subscription.timeout is not None:
        members["timeout"] = whole_seconds(subscription.timeout)
    members["contentType"] = subscription.content_type
    members["content"] = subscription.content.value
    return members
