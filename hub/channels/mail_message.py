"""The whole mail: its headers, the text for a person, the notification for programs.

A mail is the same bytes at each try, and its Message-ID says which notification it is, so that a
mail that came twice can be recognised.
Source: RFC 5322; RFC 2045, 2046; RFC 3834, 5 (Auto-Submitted); RFC 2047 (other letters).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from hub.channels.mail_payload import MailPayload
from hub.core.classic_notification import ClassicNotification
from hub.core.notification import Notification, NotificationType, stable_uuid

SENDER_NAME = "fhir-hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContent:
    """What stands in a mail, as far as it differs from one to the next.

    ``text`` is plain or HTML, as ``payload`` says; ``attachment`` is the notification as bytes, or
    the resource of a classic one; ``headers`` are the subscriber's own.
    """

    sender: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    payload: MailPayload
    attachment: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def message_id(notification: Notification | ClassicNotification, domain: str) -> str:
    """Return the Message-ID of a notification.

    Events are named by their Subscription and numbers alone, so that it stays the same whatever
    else changes until they are delivered.
    """
    name = notification.id
    if isinstance(notification, ClassicNotification):
        return f"<{name}@{domain}>"
    if notification.type is NotificationType.EVENT_NOTIFICATION and notification.events:
        first, last = notification.events[0], notification.events[-1]
        name = stable_uuid(
            notification.release,
            notification.subscription_id,
            first.event_number,
            last.event_number,
        )
    return f"<{name}@{domain}>"


def compose(notification: Notification | ClassicNotification, content: MailContent) -> bytes:
    """Return a mail as it is handed to a mail server: ASCII, lines end in CR LF."""
    user, _, domain = content.sender.rpartition("@")
    identity = message_id(notification, domain)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(SENDER_NAME, user, domain)
    message["To"] = content.recipient
    message["Subject"] = content.subject
    message["Date"] = notification.timestamp.astimezone(UTC)
    message["Message-ID"] = identity
    message["Auto-Submitted"] = "auto-generated"
    for name, value in content.headers:
        message[name] = value
    message.set_content(
        content.text, subtype="html" if content.payload.html else "plain", charset="utf-8"
    )
    if content.payload.attachment is not None:
        main, _, sub = content.payload.attachment.partition("/")
        name = "resource" if isinstance(notification, ClassicNotification) else "notification"
        message.add_attachment(
            content.attachment,
            maintype=main,
            subtype=sub,
            filename=f"{name}.{'xml' if sub.endswith('xml') else 'json'}",
            params={"fhirVersion": notification.release.version},
        )
        # Drawn by luck otherwise.
        message.set_boundary(f"=_{identity.strip('<>').partition('@')[0]}")
    return message.as_bytes()
