"""The channel ``email``: a mail to the subscriber for each notification.

A classic Subscription is sent one for each change that matches, with the resource if it asks so.
Source: http://hl7.org/fhir/R5/subscriptions.html#channels (email); backport IG, "Channels";
http://hl7.org/fhir/R4/subscription.html (channel email).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hub.channels.mail_classic import write_classic_letter
from hub.channels.mail_header import check_mail_headers, other_headers, subject_of
from hub.channels.mail_message import MailContent, compose
from hub.channels.mail_payload import (
    JSON_TYPES,
    MailPayload,
    parse_classic_payload,
    parse_mail_payload,
)
from hub.channels.mail_text import Letter, html, plain, write_letter
from hub.channels.mailto import Mailbox, parse_mailto
from hub.channels.smtp import SmtpClient
from hub.core.classic_notification import ClassicNotification
from hub.core.delivery import DeliveryResult, Envelope, Failed, FailureClass
from hub.core.notification import Notification
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, PayloadContent, Subscription
from hub.errors import (
    ChannelNotSupported,
    ContentNotAllowed,
    EndpointInvalid,
    EndpointNotAllowed,
    SubscriptionRefused,
)

_LEVELS = (PayloadContent.EMPTY, PayloadContent.ID_ONLY, PayloadContent.FULL_RESOURCE)
_NO_SERVER = (
    "this hub has no mail server; `--smtp HOST:PORT` and `--smtp-from ADDRESS` would give it one"
)


@dataclass(frozen=True, slots=True)
class MailPolicy:
    """To whom the hub writes, and how much: ``domains`` are the only ones, any where empty."""

    domains: tuple[str, ...] = ()
    content: PayloadContent = PayloadContent.ID_ONLY

    def check(self, mailbox: Mailbox, content: PayloadContent) -> None:
        """Refuse a recipient or a content level.

        Raises:
            EndpointNotAllowed, ContentNotAllowed
        """
        if self.domains and mailbox.domain not in self.domains:
            raise EndpointNotAllowed(
                "the hub's settings do not let it write to addresses of this domain; "
                "`--email-domain DOMAIN` would allow it",
                expression="Subscription.endpoint",
            )
        if _LEVELS.index(content) > _LEVELS.index(self.content):
            raise ContentNotAllowed(
                f"the hub's settings let a mail hold {self.content} at most, not {content}; "
                "`--email-content LEVEL` would allow it",
                expression="Subscription.content",
            )


class EmailChannel:
    """Writes mails and hands them to the hub's mail server.

    Args:
        client: of the mail server.
        policy: to whom, and how much.
        title: returns the title of a topic, given as canonical with or without version.
        base_url: of a release.
        attachments: the MIME types of notifications that can be written.
    """

    channel_type = ChannelType.EMAIL

    def __init__(
        self,
        client: SmtpClient,
        policy: MailPolicy,
        *,
        title: Callable[[FhirRelease, str], str | None],
        base_url: Callable[[FhirRelease], str],
        attachments: Sequence[str] = JSON_TYPES,
    ) -> None:
        self._client = client
        self._policy = policy
        self._title = title
        self._base_url = base_url
        self._attachments = tuple(attachments)

    def check(self, subscription: Subscription) -> None:
        """Refuse a Subscription that can't be served by mail.

        Raises:
            EndpointInvalid: there is no endpoint, or it is not one plain address.
            EndpointNotAllowed: the settings do not let the hub write there.
            HeaderNotAllowed: a header is neither Subject nor X-..., or can't be sent.
            PayloadNotSupported: the MIME type is no text (a classic one may have FHIR, or none), or
                the attachment none that is made.
            ContentNotAllowed: the settings do not let mails hold so much.
        """
        if not subscription.endpoint:
            raise EndpointInvalid(
                "an email Subscription needs an endpoint, such as mailto:ward@example.org",
                expression="Subscription.endpoint",
            )
        mailbox = parse_mailto(subscription.endpoint)
        check_mail_headers(subscription.parameter)
        parse = parse_classic_payload if subscription.is_classic else parse_mail_payload
        parse(subscription.content_type, subscription.release, self._attachments)
        self._policy.check(mailbox, subscription.content)

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Send one mail, within ``envelope.timeout``; delivered is what the server took (250)."""
        notification = envelope.notification or envelope.classic
        if notification is None:
            words = "there are no words for a mail"
            return Failed(failure=FailureClass.BLOCKED, reason=words)
        try:
            mailbox = parse_mailto(envelope.endpoint)
            check_mail_headers(envelope.parameter)
            self._policy.check(mailbox, _level(notification))
            message = self._message(envelope, notification, mailbox)
        except SubscriptionRefused as refusal:
            return Failed(failure=FailureClass.BLOCKED, reason=refusal.diagnostics)
        return await self._client.send(mailbox.address, message, envelope.timeout.total_seconds())

    def _written(
        self, envelope: Envelope, notification: Notification | ClassicNotification
    ) -> tuple[MailPayload, Letter]:
        """Return what the mail consists of, and its words."""
        release, url = notification.release, self._base_url(notification.release)
        if isinstance(notification, ClassicNotification):
            payload = parse_classic_payload(envelope.content_type, release, self._attachments)
            if not envelope.body:
                payload = replace(payload, attachment=None)
            return payload, write_classic_letter(
                notification,
                base_url=url,
                attached=payload.attachment is not None,
                confirm_url=envelope.confirm_url,
            )
        payload = parse_mail_payload(envelope.content_type, release, self._attachments)
        topic = notification.topic
        return payload, write_letter(
            notification,
            title=None if topic is None else self._title(release, topic),
            base_url=url,
            attached=payload.attachment is not None,
            confirm_url=envelope.confirm_url,
        )

    def _message(
        self,
        envelope: Envelope,
        notification: Notification | ClassicNotification,
        mailbox: Mailbox,
    ) -> bytes:
        payload, letter = self._written(envelope, notification)
        # Whoever is asked must see that it is a question.
        own = None if envelope.confirm_url else subject_of(envelope.parameter)
        return compose(
            notification,
            MailContent(
                sender=self._client.access.sender,
                recipient=mailbox.address,
                subject=own or letter.subject,
                text=html(letter) if payload.html else plain(letter),
                payload=payload,
                attachment=envelope.body,
                headers=tuple(other_headers(envelope.parameter)),
            ),
        )


class NoEmailChannel:
    """Stands for email where the hub has no mail server: refuses, and says what is missing."""

    channel_type = ChannelType.EMAIL

    def check(self, subscription: Subscription) -> None:
        """Refuse every Subscription."""
        raise ChannelNotSupported(_NO_SERVER, expression="Subscription.channelType")

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Fail: the Subscription is of a time when there was a mail server."""
        return Failed(failure=FailureClass.BLOCKED, reason=_NO_SERVER)


def _level(notification: Notification | ClassicNotification) -> PayloadContent:
    """Return the content level that a notification shows."""
    if isinstance(notification, ClassicNotification):
        return notification.content
    if notification.entries:
        return PayloadContent.FULL_RESOURCE
    return PayloadContent.EMPTY if notification.topic is None else PayloadContent.ID_ONLY
