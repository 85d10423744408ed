"""Handing a mail over to the hub's mail server, and what that server says of it.

Where it is dialled to is the administrator's own setting, not something that a subscriber wrote.
The egress rules therefore do not hold for it: it may be on this machine or on a private network,
on any port.  Subscribers choose the recipient only, and never where a connection goes.
Source: RFC 5321, 4.2 and 4.5.4; RFC 3207.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from hub.channels.attempt import Attempt
from hub.channels.tls import client_tls
from hub.core.delivery import Delivered, DeliveryResult, Failed, FailureClass
from hub.mail_settings import SmtpServer, StartTls

AT_ONCE = 20
"""Connections to the mail server at one time."""

GOODBYE = 1.0
"""Seconds to wait for the mail server to say goodbye."""

_NO_TLS = "the mail server does not offer STARTTLS, and `--smtp-starttls required` is set"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpAccess:
    """How the mail server is used; ``password`` is None where the hub does not sign in.

    ``ca_file`` is a PEM file of authorities to trust instead of the system's.
    """

    server: SmtpServer
    sender: str
    starttls: StartTls = StartTls.AUTO
    ca_file: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def domain(self) -> str:
        """The domain that mails come from."""
        return self.sender.rpartition("@")[2]


@dataclass(slots=True)
class _Attempt:
    """What is seen of one attempt while it runs; ``doing`` is for people."""

    times: Attempt
    taken: bool = False
    doing: str = "waiting for a free connection"


class _NoStartTlsError(Exception):
    """The server does not offer STARTTLS."""


class SmtpClient:
    """Sends mails, each over a connection of its own.

    Args:
        access: where to, and how.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(self, access: SmtpAccess, monotonic: Callable[[], float]) -> None:
        self.access = access
        self._monotonic = monotonic
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tls = client_tls(access.ca_file)

    async def send(self, recipient: str, message: bytes, seconds: float) -> DeliveryResult:
        """Send one mail to one recipient, within ``seconds``."""
        attempt = _Attempt(Attempt(self._monotonic))
        try:
            async with asyncio.timeout(seconds), self._slots:
                await self._send(attempt, recipient, message)
        except (SMTPException, _NoStartTlsError, TimeoutError, OSError) as error:
            if not attempt.taken:
                failure, reason, status = _judge(error, attempt)
                timing = attempt.times.timing()
                return Failed(failure=failure, reason=reason, status=status, timing=timing)
        return Delivered(status=250, timing=attempt.times.timing())

    async def _send(self, attempt: _Attempt, recipient: str, message: bytes) -> None:
        access = self.access
        client = SMTP(
            hostname=access.server.host,
            port=access.server.port,
            local_hostname=access.domain,
            timeout=None,
            use_tls=access.server.tls,
            start_tls=False,
            tls_context=self._tls,
        )
        attempt.times.enter("connect")
        attempt.doing = "connecting to the mail server"
        try:
            await client.connect()
            attempt.times.enter("wait")
            peer = client.get_transport_info("peername")
            attempt.times.address = str(peer[0]) if peer else None
            await self._secure(client, attempt)
            if access.user is not None:
                attempt.doing = "signing in at the mail server"
                await client.login(access.user, access.password or "")
            attempt.doing = "handing the mail to the mail server"
            await client.sendmail(access.sender, [recipient], message)
            attempt.times.enter(None)
            attempt.taken = True
            # Good manners only: whatever comes of it, the mail is taken.
            async with asyncio.timeout(GOODBYE):
                await client.quit()
        finally:
            client.close()

    async def _secure(self, client: SMTP, attempt: _Attempt) -> None:
        access = self.access
        if access.server.tls or access.starttls is StartTls.OFF:
            return
        attempt.doing = "greeting the mail server"
        await client.ehlo()
        if client.supports_extension("starttls"):
            attempt.doing = "in the TLS handshake with the mail server"
            await client.starttls(tls_context=self._tls)
        elif access.starttls is StartTls.REQUIRED:
            raise _NoStartTlsError


def _judge(error: Exception, attempt: _Attempt) -> tuple[FailureClass, str, int | None]:
    """Return class, words and status of a failed attempt; nothing that the server wrote.

    Only what is said of this mail is for good.  A server that does not let the hub in at all has
    the hub's settings against it, which is put right without the subscriber's doing.
    """
    if isinstance(error, SMTPRecipientsRefused):
        return _answered(error.recipients[0].code, "this recipient")
    if isinstance(error, SMTPSenderRefused):
        return _answered(error.code, "the hub's sender address")
    if isinstance(error, SMTPDataError):
        return _answered(error.code, "this mail")
    if isinstance(error, SMTPAuthenticationError):
        words = "the mail server did not accept the hub's user and password"
        return _later(error.code, words, FailureClass.REFUSED)
    if isinstance(error, SMTPResponseException):
        words = f"the mail server answered {error.code} while {attempt.doing}"
        return _later(error.code, words, FailureClass.REFUSED)
    failure, reason = _judge_connection(error, attempt)
    return failure, reason, None


def _judge_connection(error: Exception, attempt: _Attempt) -> tuple[FailureClass, str]:
    if isinstance(error, _NoStartTlsError):
        return FailureClass.TLS, _NO_TLS
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(error, (SMTPConnectTimeoutError, TimeoutError)):
        return FailureClass.TIMEOUT, f"no answer in time, while {attempt.doing}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        words = f"the mail server's certificate was not accepted: {cause.verify_message}"
        return FailureClass.TLS, words
    if isinstance(cause, ssl.SSLError):
        return FailureClass.TLS, "the TLS handshake with the mail server failed"
    if isinstance(cause, socket.gaierror):
        return FailureClass.DNS, "the name of the mail server could not be looked up"
    if isinstance(cause, ConnectionRefusedError):
        return FailureClass.CONNECTION, "the mail server refused the connection"
    if isinstance(error, SMTPServerDisconnected):
        words = f"the mail server closed the connection, while {attempt.doing}"
        return FailureClass.CONNECTION, words
    if isinstance(error, OSError):
        return FailureClass.CONNECTION, "the mail server could not be reached"
    return FailureClass.PROTOCOL, f"the mail server can't be used, while {attempt.doing}"


def _answered(code: int, what: str) -> tuple[FailureClass, str, int]:
    """Judge an answer about one mail: 4xx is for later, 5xx for good."""
    words = f"the mail server answered {code} to {what}"
    return _later(code, words, FailureClass.UNDELIVERABLE)


def _later(code: int, words: str, otherwise: FailureClass) -> tuple[FailureClass, str, int]:
    return (FailureClass.BUSY if 400 <= code < 500 else otherwise), words, code
