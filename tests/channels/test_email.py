"""The channel email against a real mail server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.channels.email import EmailChannel, MailPolicy, NoEmailChannel
from hub.channels.smtp import SmtpAccess, SmtpClient
from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.notification import NotificationType
from hub.core.subscription import ChannelType, PayloadContent
from hub.errors import (
    ChannelNotSupported,
    ContentNotAllowed,
    EndpointInvalid,
    EndpointNotAllowed,
    HeaderNotAllowed,
    HubError,
    PayloadNotSupported,
)
from hub.mail_settings import SmtpServer, StartTls
from tests.channels.contract import BODY, Behaviour, ChannelContract, Rig
from tests.channels.mailing import (
    NOW,
    a_channel,
    a_notification,
    a_subscription,
    an_envelope,
    an_event,
)
from tests.support.certificates import Authority
from tests.support.mail_server import DROP, HANG, MailServer, Taken

OWN = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding", "X-Peer"),
}


@dataclass
class EmailRig:
    channel: EmailChannel
    server: MailServer

    def envelope(
        self, *, body: bytes, parameter: tuple[tuple[str, str], ...], timeout: timedelta
    ) -> Envelope:
        return an_envelope(body=body, parameter=parameter, timeout=timeout)

    def taken(self) -> list[tuple[tuple[tuple[str, str], ...], bytes]]:
        return [
            (
                tuple(
                    (name, str(value)) for name, value in mail.message.items() if name not in OWN
                ),
                mail.attachment or b"",
            )
            for mail in self.server.tried
        ]

    def strayed(self) -> int:
        return sum(mail.recipients != ["ward@example.org"] for mail in self.server.tried)


class TestEmailChannel(ChannelContract):
    parameter = (("X-First", "one, two"), ("X-Again", "1"), ("X-Again", "2"))
    secret = ("X-Key", "canary")
    redirected = FailureClass.UNDELIVERABLE

    @asynccontextmanager
    async def rig(self, *behaviours: Behaviour) -> AsyncIterator[Rig]:
        answers = {
            Behaviour.ACCEPTS: "250 OK",
            Behaviour.FAILS: "451 later",
            Behaviour.HANGS: HANG,
            Behaviour.DROPS: DROP,
            Behaviour.REDIRECTS: "551 try <other@example.org>",
        }
        async with MailServer([answers[one] for one in behaviours]) as server:
            yield EmailRig(a_channel(server), server)


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


def test_a_mail_has_the_headers_that_make_it_recognisable() -> None:
    (result,), (mail,) = deliver()

    assert isinstance(result, Delivered)
    assert (result.status, result.timing.address) == (250, "127.0.0.1")
    assert (mail.sender, mail.recipients) == ("hub@hub.example.org", ["ward@example.org"])
    message = mail.message
    assert message["From"] == "fhir-hub <hub@hub.example.org>"
    assert message["To"] == "ward@example.org"
    assert message["Date"].datetime == NOW + timedelta(seconds=5)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@hub.example.org>")
    assert message["Subject"] == "Task <requested> & more: event 5"
    attachment = next(message.iter_attachments())
    assert attachment.get_content_type() == "application/fhir+json"
    assert attachment.get_param("fhirVersion") == "4.0"
    assert attachment.get_filename() == "notification.json"
    assert mail.attachment == BODY


def test_a_mail_that_was_taken_is_delivered_whatever_happens_to_the_goodbye() -> None:
    (result,), taken = deliver(envelope=an_envelope(timeout=timedelta(milliseconds=300)), mute=True)
    assert isinstance(result, Delivered)
    assert len(taken) == 1


def test_a_mail_that_is_tried_again_is_the_same_bytes() -> None:
    async def scenario() -> None:
        async with MailServer(["451 later", "250 OK"]) as server:
            channel = a_channel(server)
            first = await channel.send(an_envelope())
            assert isinstance(first, Failed)
            assert (first.failure, first.status) == (FailureClass.BUSY, 451)
            assert isinstance(await channel.send(an_envelope()), Delivered)
            assert server.tried[0].data == server.tried[1].data

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "failure"),
    [("421", FailureClass.BUSY), ("452", FailureClass.BUSY), ("550", FailureClass.UNDELIVERABLE),
     ("552", FailureClass.UNDELIVERABLE), ("554", FailureClass.UNDELIVERABLE)],
)  # fmt: skip
@pytest.mark.parametrize("at", ["answers", "recipients"])
def test_4xx_is_for_later_and_5xx_for_good(code: str, failure: FailureClass, at: str) -> None:
    answer = f"{code} secret words of the server"
    if at == "recipients":
        (result,), taken = deliver(recipients=[answer])
    else:
        (result,), taken = deliver(answer)

    assert isinstance(result, Failed)
    assert (result.failure, result.status) == (failure, int(code))
    assert "secret" not in repr(result)
    assert taken == []


def test_starttls_is_used_where_it_is_offered_and_the_certificate_is_checked(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with MailServer(tls=authority.server()) as server:
            trusting = a_channel(server, ca_file=authority.ca_file)
            assert isinstance(await trusting.send(an_envelope()), Delivered)
            careless = a_channel(server, starttls=StartTls.OFF)
            assert isinstance(await careless.send(an_envelope()), Delivered)
            strict = a_channel(server, ca_file=authority.ca_file, starttls=StartTls.REQUIRED)
            assert isinstance(await strict.send(an_envelope()), Delivered)
            assert [mail.encrypted for mail in server.taken] == [True, False, True]
            untrusting = await a_channel(server).send(an_envelope())
            assert isinstance(untrusting, Failed)
            assert untrusting.failure is FailureClass.TLS
            assert "certificate was not accepted" in untrusting.reason
        async with MailServer(tls=authority.server(expired=True)) as server:
            result = await a_channel(server, ca_file=authority.ca_file).send(an_envelope())
            assert isinstance(result, Failed)
            assert (result.failure, "expired" in result.reason) == (FailureClass.TLS, True)

    asyncio.run(scenario())


def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with MailServer(tls=authority.server(), at_once=True) as server:
            channel = a_channel(server, tls=True, ca_file=authority.ca_file)
            assert isinstance(await channel.send(an_envelope()), Delivered)
            assert server.taken[0].encrypted
            untrusting = await a_channel(server, tls=True).send(an_envelope())
            assert isinstance(untrusting, Failed)
            assert untrusting.failure is FailureClass.TLS
        async with MailServer() as plain:
            wrong = await a_channel(plain, tls=True, ca_file=authority.ca_file).send(an_envelope())
            assert isinstance(wrong, Failed)
            assert wrong.failure is FailureClass.TLS

    asyncio.run(scenario())


def test_nothing_is_sent_where_tls_is_required_and_not_offered() -> None:
    async def scenario() -> None:
        async with MailServer() as server:
            result = await a_channel(server, starttls=StartTls.REQUIRED).send(an_envelope())
            assert isinstance(result, Failed)
            assert result.failure is FailureClass.TLS
            assert "--smtp-starttls required" in result.reason
            assert server.tried == []

    asyncio.run(scenario())


def test_the_hub_signs_in_and_a_wrong_password_is_not_the_subscribers_fault() -> None:
    async def scenario() -> None:
        async with MailServer(password="right") as server:
            right = a_channel(server, user="hub", password="right")
            assert isinstance(await right.send(an_envelope()), Delivered)
            assert server.taken[0].user == "hub"
            result = await a_channel(server, user="hub", password="wrong").send(an_envelope())
            assert isinstance(result, Failed)
            assert (result.failure, result.status) == (FailureClass.REFUSED, 535)
            assert "wrong" not in repr(result)
            missing = await a_channel(server).send(an_envelope())
            assert isinstance(missing, Failed)
            assert missing.status == 530

    asyncio.run(scenario())
    assert "right" not in repr(
        SmtpAccess(server=SmtpServer("h", 1), sender="a@b.c", password="right")
    )


def test_a_server_that_offers_no_signing_in_or_no_name_is_told_apart() -> None:
    async def scenario() -> None:
        async with MailServer() as server:
            result = await a_channel(server, user="hub", password="p").send(an_envelope())
            assert isinstance(result, Failed)
            assert result.failure is FailureClass.PROTOCOL
            assert "signing in" in result.reason
        nowhere = a_channel(0)
        nowhere._client.access = SmtpAccess(
            server=SmtpServer("no-such-host.invalid", 25), sender="hub@hub.example.org"
        )
        result = await nowhere.send(an_envelope())
        assert isinstance(result, Failed)
        assert result.failure is FailureClass.DNS

    asyncio.run(scenario())


def test_a_port_where_nothing_listens_or_something_else() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 no service for you\r\n")
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            closed = taken.getsockname()[1]
        result = await a_channel(closed).send(an_envelope())
        assert isinstance(result, Failed)
        assert result.failure is FailureClass.CONNECTION
        for serve, failures in (
            (greet, {FailureClass.PROTOCOL, FailureClass.CONNECTION, FailureClass.REFUSED}),
            (refuse, {FailureClass.REFUSED}),
        ):
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                result = await a_channel(port).send(an_envelope())
            assert isinstance(result, Failed)
            assert result.failure in failures

    asyncio.run(scenario())


def test_an_attempt_that_finds_no_free_connection_in_time_fails_as_one_without_answer() -> None:
    async def scenario() -> None:
        async with MailServer([HANG] * 20) as server:
            channel = a_channel(server)
            stuck = [asyncio.create_task(channel.send(an_envelope())) for _ in range(20)]
            while len(server.tried) < 20:
                await asyncio.wait(stuck, timeout=0.01)
            soon = timedelta(milliseconds=50)
            result = await channel.send(an_envelope(timeout=soon))
            assert isinstance(result, Failed)
            assert result.failure is FailureClass.TIMEOUT
            assert "waiting for a free connection" in result.reason
            for task in stuck:
                task.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)

    asyncio.run(scenario())


def test_what_the_settings_no_longer_allow_is_blocked_at_the_attempt() -> None:
    async def scenario() -> None:
        async with MailServer() as server:
            small = a_channel(server, policy=MailPolicy(("example.org",), PayloadContent.EMPTY))
            for notification, endpoint, flag in (
                (a_notification(), "mailto:a@example.org", "--email-content"),
                (a_notification(content=PayloadContent.FULL_RESOURCE), "mailto:a@example.org",
                 "--email-content"),
                (a_notification(content=PayloadContent.EMPTY), "mailto:a@b.example.org",
                 "--email-domain"),
            ):  # fmt: skip
                result = await small.send(an_envelope(notification, endpoint=endpoint))
                assert isinstance(result, Failed)
                assert (result.failure, flag in result.reason) == (FailureClass.BLOCKED, True)
            sound = an_envelope(a_notification(content=PayloadContent.EMPTY))
            assert isinstance(await small.send(sound), Delivered)
            for wrong in (
                {"parameter": (("Bcc", "a@b.example.org"),)},
                {"endpoint": "mailto:a@b.example.org,c@d.example.org"},
                {"content_type": "application/fhir+json"},
            ):
                result = await a_channel(server).send(an_envelope(**wrong))
                assert isinstance(result, Failed)
                assert result.failure is FailureClass.BLOCKED
            envelope = an_envelope()
            nothing = Envelope(
                channel_type=ChannelType.EMAIL,
                endpoint=envelope.endpoint,
                content_type=envelope.content_type,
                body=b"",
            )
            result = await a_channel(server).send(nothing)
            assert isinstance(result, Failed)
            assert len(server.tried) == 1

    asyncio.run(scenario())


def test_the_subject_line_is_the_subscribers_but_for_a_question() -> None:
    own = (("Subject", " Büro – news "), ("X-Ward", "7"))
    _, (mail,) = deliver(envelope=an_envelope(parameter=own))
    assert mail.message["Subject"] == "Büro – news"
    assert mail.message["X-Ward"] == "7"
    handshake = a_notification(kind=NotificationType.HANDSHAKE)
    asking = an_envelope(handshake, parameter=own, confirm_url="https://hub.example.org/c/1")
    _, (mail,) = deliver(envelope=asking)
    assert mail.message["Subject"] == "Please confirm: notifications to this address"
    assert "https://hub.example.org/c/1" in mail.text


@pytest.mark.parametrize(
    ("payload", "subtype", "attached"),
    [
        ("text/plain", "plain", None),
        ("text/html; charset=UTF-8", "html", None),
        ("text/plain;attach=application/fhir+json", "plain", "application/fhir+json"),
        ('TEXT/HTML; attach="application/json"; fhirVersion=4.0', "html", "application/json"),
    ],
)
def test_each_form_of_payload(payload: str, subtype: str, attached: str | None) -> None:
    _, (mail,) = deliver(envelope=an_envelope(content_type=payload))
    body = mail.message.get_body(("plain", "html"))
    assert body is not None
    assert (body.get_content_subtype(), body.get_content_charset()) == (subtype, "utf-8")
    found = [part.get_content_type() for part in mail.message.iter_attachments()]
    assert found == ([] if attached is None else [attached])
    assert mail.attachment == (None if attached is None else BODY)
    assert ("attached file" in mail.text) is (attached is not None)


def test_a_line_of_a_mail_that_is_a_dot_or_very_long_arrives() -> None:
    long = "http://example.org/" + "x" * 1500
    body = b'{"a":"' + b"y" * 5000 + b'",\r\n.\r\n..\r\n"b":1}'
    _, (mail,) = deliver(
        envelope=an_envelope(
            a_notification(an_event(1), an_event(2, id="a" * 64), topic=long), body=body
        )
    )
    assert mail.attachment == body
    assert max(map(len, mail.data.split(b"\r\n"))) <= 998
    assert mail.data.isascii()


@pytest.mark.parametrize(
    ("change", "error", "expression"),
    [
        ({"endpoint": None}, EndpointInvalid, "endpoint"),
        ({"endpoint": "https://example.org/hook"}, EndpointInvalid, "endpoint"),
        ({"endpoint": "mailto:a@other.example.org"}, EndpointNotAllowed, "endpoint"),
        ({"parameter": (("Bcc", "x@example.org"),)}, HeaderNotAllowed, "parameter"),
        ({"content_type": "application/fhir+json"}, PayloadNotSupported, "contentType"),
        ({"content": PayloadContent.FULL_RESOURCE}, ContentNotAllowed, "content"),
    ],
)
def test_what_is_refused_names_the_element(
    change: dict[str, Any], error: type[HubError], expression: str
) -> None:
    channel = a_channel(25, policy=MailPolicy(("example.org",)))
    channel.check(a_subscription())
    with pytest.raises(error) as refused:
        channel.check(a_subscription(**change))
    assert refused.value.expression == f"Subscription.{expression}"


def test_resources_by_mail_are_forbidden_unless_the_settings_allow_them() -> None:
    full = a_subscription(content=PayloadContent.FULL_RESOURCE)
    with pytest.raises(ContentNotAllowed, match="--email-content") as refused:
        a_channel(25, policy=MailPolicy()).check(full)
    assert (refused.value.status, refused.value.code) == (403, "forbidden")
    a_channel(25, policy=MailPolicy((), PayloadContent.FULL_RESOURCE)).check(full)


def test_without_a_mail_server_email_is_refused_naming_the_flags() -> None:
    channel = NoEmailChannel()
    assert channel.channel_type is ChannelType.EMAIL
    with pytest.raises(ChannelNotSupported, match=r"--smtp HOST:PORT.*--smtp-from"):
        channel.check(a_subscription())
    result = asyncio.run(channel.send(an_envelope()))
    assert isinstance(result, Failed)
    assert (result.failure, "--smtp" in result.reason) == (FailureClass.BLOCKED, True)


def test_the_channel_says_what_it_is() -> None:
    assert a_channel(25).channel_type is ChannelType.EMAIL
    assert isinstance(a_channel(25)._client, SmtpClient)
