"""A Subscription to ask for: the words of the command line in the form of a release."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hub.cli.exits import CommandError, Exit
from hub.codecs.filter_criteria import read_filters
from hub.codecs.releases import codecs_of_releases
from hub.codecs.subscription import DEFAULT_CONTENT_TYPE
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import (
    ChannelType,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.topic import CANONICAL_BASE
from hub.errors import FilterInvalid
from hub.ports import Codec

CODECS: dict[FhirRelease, Codec] = codecs_of_releases()


def canonical(topic: str) -> str:
    """Return the canonical URL of a topic that may be named by its bare name."""
    return topic if ":" in topic else CANONICAL_BASE + topic


def bare_name(topic: str) -> str:
    """Return the bare name of a topic that comes with the hub, else its canonical URL."""
    return topic.removeprefix(CANONICAL_BASE)


def subscription_resource(
    release: FhirRelease,
    *,
    reason: str,
    topic: str,
    channel: ChannelType,
    content: PayloadContent = PayloadContent.ID_ONLY,
    filters: Sequence[str] = (),
    endpoint: str | None = None,
    heartbeat: timedelta | None = None,
    content_type: str = DEFAULT_CONTENT_TYPE,
) -> Resource:
    """Return the resource to POST.

    Args:
        release: of the base that it is for.
        reason: what it is for; pages and traces call it so.
        topic: a canonical, or the bare name of a topic that comes with the hub.
        channel: how notifications are to come.
        content: how much they may hold.
        filters: each ``[Type?]parameter[:modifier]=value[,value]``.
        endpoint: where to, for a rest-hook or an email.
        heartbeat: how often to hear from an idle hub.
        content_type: the MIME type of what is sent.

    Raises:
        CommandError: a filter can't be read.
    """
    try:
        filter_by = tuple(part for text in filters for part in read_filters(text, "--filter"))
    except FilterInvalid as error:
        raise CommandError(Exit.USAGE, error.diagnostics) from None
    resource = CODECS[release].encode_subscription(
        Subscription(
            release=release,
            id="",
            status=SubscriptionStatusCode.REQUESTED,
            topic=canonical(topic),
            channel_type=channel,
            content=content,
            filter_by=filter_by,
            endpoint=endpoint,
            heartbeat_period=heartbeat,
            content_type=content_type,
        )
    )
    return resource | {"reason": reason}
