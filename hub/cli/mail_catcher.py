"""The demo's mail server: takes every mail on this machine and shows it, sends none on.

It needs aiosmtpd, which comes with the extra ``demo``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import SMTP as SMTP_POLICY
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from hub.ports import Clock
from hub.web.mailbox import CaughtMail

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
SENDER = "fhir-hub@hub.example.org"


def is_available() -> bool:
    """Tell whether aiosmtpd is installed."""
    return find_spec("aiosmtpd") is not None


class MailCatcher:
    """A mail server on a free port of this machine, until the end of the block.

    Args:
        clock: tells when a mail came.
        caught: called with each mail.
    """

    def __init__(self, clock: Clock, caught: Callable[[CaughtMail], None]) -> None:
        self.port = 0
        self._clock = clock
        self._caught = caught
        self._number = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def _protocol(self) -> SMTP:
        from aiosmtpd.smtp import SMTP  # noqa: PLC0415  # comes with an extra

        return SMTP(self, hostname="localhost", loop=asyncio.get_running_loop())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a mail; the name is aiosmtpd's."""
        self._number += 1
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = message_from_bytes(content, policy=SMTP_POLICY)
        self._caught(
            read_mail(
                message,
                number=self._number,
                clock=self._clock,
                sender=str(envelope.mail_from),
                recipient=", ".join(map(str, envelope.rcpt_tos)),
            )
        )
        return "250 caught"


def read_mail(
    message: Message, *, number: int, clock: Clock, sender: str, recipient: str
) -> CaughtMail:
    """Return a mail as it is shown."""
    text, is_html = "", False
    attachments: list[tuple[str, str, str]] = []
    if isinstance(message, EmailMessage):
        body = message.get_body(("plain", "html"))
        if body is not None:
            text, is_html = body.get_content(), body.get_content_subtype() == "html"
            text = text.replace("\r\n", "\n")
        for part in message.iter_attachments():
            raw = part.get_content()
            shown = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
            attachments.append((part.get_filename() or "", part.get_content_type(), shown))
    return CaughtMail(
        number=number,
        at=clock.now(),
        sender=sender,
        recipient=recipient,
        subject=str(message.get("Subject", "")),
        message_id=str(message.get("Message-ID", "")),
        text=text,
        is_html=is_html,
        attachments=tuple(attachments),
    )
