"""What the tests of the email channel share: a channel, notifications, envelopes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.channels.email import EmailChannel, MailPolicy
from hub.channels.smtp import SmtpAccess, SmtpClient
from hub.core.change import Interaction
from hub.core.delivery import DeliveryResult, Envelope
from hub.core.notification import (
    Notification,
    NotificationType,
    NumberedEvent,
    StatusError,
    build_notification,
)
from hub.core.release import FhirRelease
from hub.core.subscription import (
    ChannelType,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.version import ResourceKey, ResourceVersion
from hub.mail_settings import SmtpServer
from tests.channels.contract import BODY
from tests.support.mail_server import MailServer, Taken

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BASE = "https://hub.example.org/fhir/r4"
TITLE = "Task <requested> & more"


def a_channel(
    server: MailServer | int,
    *,
    title: str | None = TITLE,
    policy: MailPolicy | None = None,
    tls: bool = False,
    host: str = "127.0.0.1",
    **access: Any,
) -> EmailChannel:
    """Return a channel to a mail server on this machine, or to a port of it."""
    port = server if isinstance(server, int) else server.port
    client = SmtpClient(
        SmtpAccess(server=SmtpServer(host, port, tls), sender="hub@hub.example.org", **access),
        time.monotonic,
    )
    return EmailChannel(
        client,
        policy or MailPolicy((), PayloadContent.FULL_RESOURCE),
        title=lambda release, topic: title,
        base_url=lambda release: BASE.replace("r4", release.path),
    )


def a_subscription(**changes: Any) -> Subscription:
    """Return an email Subscription."""
    plain = Subscription(
        release=FhirRelease.R4,
        id="s1",
        status=SubscriptionStatusCode.ACTIVE,
        topic="http://example.org/topic",
        channel_type=ChannelType.EMAIL,
        content=PayloadContent.ID_ONLY,
        endpoint="mailto:ward@example.org",
        content_type="text/plain;attach=application/fhir+json",
    )
    return replace(plain, **changes)


def an_event(
    number: int,
    id: str = "81",
    *,
    interaction: Interaction = Interaction.UPDATE,
    context: Sequence[ResourceVersion] = (),
    body: bytes = b'{"resourceType":"Task","id":"81","description":"secret words"}',
) -> NumberedEvent:
    """Return an event about a Task."""
    focus = a_version("Task", id, number, interaction, body)
    return NumberedEvent(
        number=number,
        timestamp=NOW + timedelta(seconds=number),
        focus=focus,
        context=tuple(context),
    )


def a_version(
    kind: str,
    id: str,
    version: int,
    interaction: Interaction,
    body: bytes,
    release: FhirRelease = FhirRelease.R4,
) -> ResourceVersion:
    """Return a version of a resource."""
    return ResourceVersion(
        key=ResourceKey(release, kind, id),
        version=version,
        seq=version,
        transaction=version,
        interaction=interaction,
        timestamp=NOW,
        body=None if interaction is Interaction.DELETE else body,
    )


def a_notification(
    *events: NumberedEvent,
    kind: NotificationType = NotificationType.EVENT_NOTIFICATION,
    errors: Sequence[StatusError] = (),
    total: int = 9,
    **changes: Any,
) -> Notification:
    """Return a notification of events, of one if none is given, for ``a_subscription``."""
    if kind is NotificationType.EVENT_NOTIFICATION and not events:
        events = (an_event(5),)
    return build_notification(
        a_subscription(**changes),
        kind,
        total=total,
        timestamp=events[-1].timestamp if events else NOW,
        events=events,
        errors=errors,
    )


def an_envelope(notification: Notification | None = None, **changes: Any) -> Envelope:
    """Return an envelope with a notification."""
    plain = Envelope(
        channel_type=ChannelType.EMAIL,
        endpoint="mailto:ward@example.org",
        content_type="text/plain;attach=application/fhir+json",
        body=BODY,
        timeout=timedelta(seconds=10),
        notification=notification or a_notification(),
    )
    return replace(plain, **changes)


def deliver(
    *answers: str, envelope: Envelope | None = None, count: int = 1, **server: Any
) -> tuple[list[DeliveryResult], list[Taken]]:
    """Send ``count`` times and return what came of it, and what the server took."""

    async def scenario() -> tuple[list[DeliveryResult], list[Taken]]:
        async with MailServer(answers, **server) as there:
            channel = a_channel(there)
            return [
                await channel.send(envelope or an_envelope()) for _ in range(count)
            ], there.taken

    return asyncio.run(scenario())
