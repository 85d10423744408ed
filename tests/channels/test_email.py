"""The channel email against a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from hub.channels.email import EmailChannel, MailPolicy, NoEmailChannel
from hub.core.delivery import Delivered, Envelope, Failed, FailureClass
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
from tests.channels.contract import BODY, Behaviour, ChannelContract, Rig
from tests.channels.mailing import (
    NOW,
    a_channel,
    a_notification,
    a_subscription,
    an_envelope,
    an_event,
    deliver,
)
from tests.support.mail_server import DROP, HANG, MailServer

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
