"""A real mail server (aiosmtpd) on this machine that behaves as told."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.deadline import DEADLINE
from tests.support.ports import fresh_port

PATIENCE = DEADLINE
"""Seconds after which a test that waits for a mail has failed."""

HANG = "hang"
DROP = "drop"


@dataclass(frozen=True)
class Taken:
    """A mail as it came over the wire, with what the connection was like."""

    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed."""
        found = message_from_bytes(self.data, policy=SMTP_POLICY)
        assert isinstance(found, EmailMessage)
        assert found.defects == []
        return found

    @property
    def text(self) -> str:
        """What a person reads."""
        part = self.message.get_body(("plain", "html"))
        assert part is not None
        content: str = part.get_content()
        return content

    @property
    def attachment(self) -> bytes | None:
        """What is attached, None without."""
        for part in self.message.iter_attachments():
            content: bytes = part.get_content()
            return content
        return None


class MailServer:
    """Takes mails until the end of the block.

    Args:
        answers: to DATA, one after the other, then 250; ``HANG`` and ``DROP`` are none.
        recipients: answers to RCPT in the same way.
        tls: offers STARTTLS with this context.
        at_once: speaks TLS from the first byte.
        password: of the user ``hub``, who has to sign in.
        port: to listen on, one that no other test has had for 0.
        mute: never says goodbye.
    """

    def __init__(
        self,
        answers: Iterable[str] = (),
        *,
        recipients: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
        at_once: bool = False,
        password: str | None = None,
        port: int = 0,
        mute: bool = False,
    ) -> None:
        self.answers = deque(answers)
        self.recipients = deque(recipients)
        self.tried: list[Taken] = []
        self.taken: list[Taken] = []
        self._password = password
        self._tls = tls
        self._at_once = at_once
        self._mute = mute
        self._arrived = asyncio.Event()
        self._closing = asyncio.Event()
        self.port = port or fresh_port()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol, "127.0.0.1", self.port, ssl=self._tls if self._at_once else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        self._server.close()

    def _protocol(self) -> SMTP:
        more: dict[str, Any] = {}
        if self._password is not None:
            more = {"authenticator": self._authenticate, "auth_require_tls": False}
            more["auth_required"] = True
        with warnings.catch_warnings(action="ignore"):  # of passwords without TLS
            return SMTP(
                self,
                hostname="mail.example.org",
                loop=asyncio.get_running_loop(),
                tls_context=None if self._at_once else self._tls,
                **more,
            )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        sound = (
            isinstance(data, LoginPassword)
            and data.login == b"hub"
            and data.password == (self._password or "").encode()
        )
        return AuthResult(success=sound, handled=sound, auth_data="hub")

    async def handle_RCPT(  # the server calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer who may be written to."""
        if self.recipients:
            answer = self.recipients.popleft()
            if not answer.startswith("2"):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # the server calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a mail, or not."""
        assert isinstance(envelope.content, bytes)
        mail = Taken(
            sender=str(envelope.mail_from),
            recipients=list(map(str, envelope.rcpt_tos)),
            data=envelope.content,
            encrypted=session.ssl is not None or self._at_once,
            user=None if session.auth_data is None else str(session.auth_data),
        )
        self.tried.append(mail)
        answer = self.answers.popleft() if self.answers else "250 OK"
        if answer == HANG:
            await self._closing.wait()
        if answer == DROP:
            assert server.transport is not None
            server.transport.close()
        if answer.startswith("2"):
            self.taken.append(mail)
        self._arrived.set()
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Say goodbye, or nothing."""
        if self._mute:
            await self._closing.wait()
        return "221 Bye"

    async def mails(self, count: int, to: str | None = None) -> list[Taken]:
        """Return the first ``count`` mails, to one recipient if given, once they were taken."""
        async with asyncio.timeout(PATIENCE):
            while len(found := self.taken_by(to)) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return found[:count]

    def taken_by(self, to: str | None) -> list[Taken]:
        """Return the mails to one recipient, all for None."""
        return [mail for mail in self.taken if to is None or mail.recipients == [to]]
