"""Mails of Subscriptions whose criteria are a search, over a real mail server."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from hub.channels.email import MailPolicy
from hub.channels.mail_payload import JSON_TYPES, XML_TYPES, MailPayload, parse_classic_payload
from hub.core.classic_notification import classic_notification
from hub.core.delivery import Delivered, Envelope, Failed, FailureClass
from hub.core.notification import NumberedEvent
from hub.core.release import FhirRelease
from hub.core.subscription import Identifier, PayloadContent
from hub.errors import (
    ContentNotAllowed,
    EndpointInvalid,
    EndpointNotAllowed,
    HeaderNotAllowed,
    HubError,
    PayloadNotSupported,
)
from tests.channels import mailing
from tests.channels.contract import BODY
from tests.channels.mailing import BASE, NOW, a_channel, an_event, deliver
from tests.support.mail_server import MailServer, Taken

R4 = FhirRelease.R4
JSON = "application/fhir+json"
EMPTY, ID_ONLY, FULL = PayloadContent
FORMS: dict[PayloadContent, tuple[str, bytes]] = {
    EMPTY: ("", b""),
    ID_ONLY: ("text/plain", b""),
    FULL: (JSON, BODY),
}
NUMBER = 987_654


def a_classic(content: PayloadContent = EMPTY, **changes: Any) -> Any:
    """Return a classic Subscription of this content level."""
    return mailing.a_subscription(
        **{"topic": "Task", "content": content, "content_type": FORMS[content][0], **changes}
    )


def an_envelope(
    content: PayloadContent = EMPTY, event: NumberedEvent | None = None, **changes: Any
) -> Envelope:
    """Return what is sent of an event, by default of one that is the 987654th."""
    content_type, body = FORMS[content]
    told = classic_notification(a_classic(content), event or an_event(NUMBER), NOW)
    plain = replace(
        mailing.an_envelope(),
        notification=None,
        classic=told,
        content_type=content_type,
        body=body,
    )
    return replace(plain, **changes)


def a_trial(content: PayloadContent = EMPTY, **changes: Any) -> Envelope:
    """Return what is sent where nothing has happened."""
    told = classic_notification(a_classic(content), None, NOW)
    return an_envelope(content, classic=told, body=b"", **changes)


def sent(envelope: Envelope) -> Taken:
    """Return the mail that an envelope becomes."""
    (result,), (mail,) = deliver(envelope=envelope)
    assert isinstance(result, Delivered)
    return mail


def text_of(mail: Taken) -> str:
    """Return what a person reads, with plain line ends."""
    return mail.text.replace("\r\n", "\n")


EMPTY_TEXT = """\
A FHIR resource matches your criteria

A resource was created or changed, and matches the criteria that you asked
for. Which one it is, and what it says, is not told by mail; look into your
system.

  2026-05-15 22:20:54 UTC

-- 
Sent by fhir-hub for https://hub.example.org/fhir/r4/Subscription/s1. To end
these mails, have that Subscription switched off or deleted. Nobody reads
answers to this address.
"""  # noqa: W291  # the line that begins a signature ends in a blank

FULL_TEXT = """\
Task: a resource matches your criteria

This resource was created or changed, and matches the criteria that you
asked for:

  2026-05-15 22:20:54 UTC  Task/81 was changed
      https://hub.example.org/fhir/r4/Task/81

-- 
The attached file is the resource itself, in FHIR, for programs.
Sent by fhir-hub for https://hub.example.org/fhir/r4/Subscription/s1. To end
these mails, have that Subscription switched off or deleted. Nobody reads
answers to this address.
"""  # noqa: W291  # the line that begins a signature ends in a blank


def test_without_payload_a_mail_says_that_something_matches_and_nothing_else() -> None:
    mail = sent(an_envelope())
    assert text_of(mail) == EMPTY_TEXT
    assert mail.message["Subject"] == "A FHIR resource matches your criteria"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.attachment is None
    for hidden in (b"Task", b"81", b"secret", str(NUMBER).encode(), b"$events"):
        assert hidden not in re.sub(rb"Message-ID: .*", b"", mail.data)


def test_with_a_payload_the_resource_is_attached() -> None:
    mail = sent(an_envelope(FULL))
    assert text_of(mail) == FULL_TEXT
    assert mail.message["Subject"] == "Task: a resource matches your criteria"
    (part,) = mail.message.iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == (JSON, "resource.json")
    assert part.get_param("fhirVersion") == "4.0"
    assert mail.attachment == BODY
    assert str(NUMBER).encode() not in mail.data
    mail = sent(an_envelope(FULL, content_type='Application/JSON; charset="utf-8"'))
    assert next(mail.message.iter_attachments()).get_content_type() == "application/json"


@pytest.mark.parametrize("content", list(PayloadContent))
def test_a_mail_of_an_administrative_one_tells_its_identifier_and_no_id(
    content: PayloadContent,
) -> None:
    name = (Identifier("http://example.org/subs", "7"),)
    mine = a_classic(content, id="the-id", identifier=name, administrative=True)
    mail = sent(an_envelope(content, classic=classic_notification(mine, an_event(NUMBER), NOW)))
    assert "for the subscription http://example.org/subs|7," in " ".join(mail.text.split())
    assert b"the-id" not in mail.data


def test_a_payload_of_plain_text_names_the_resource() -> None:
    mail = sent(an_envelope(ID_ONLY))
    assert f"  2026-05-15 22:20:54 UTC  Task/81\n      {BASE}/Task/81\n" in text_of(mail)
    assert "was changed" not in mail.text
    assert mail.attachment is None


@pytest.mark.parametrize("content", list(PayloadContent))
def test_a_subject_line_and_headers_never_have_an_id(content: PayloadContent) -> None:
    event = an_event(1, id="canary-of-an-id")
    mail = sent(an_envelope(content, event))
    headers = "\n".join(f"{name}: {value}" for name, value in mail.message.items())
    assert "canary" not in headers
    assert ("canary" in mail.text) is (content is not EMPTY)


def test_a_mail_that_is_tried_again_is_the_same_bytes_and_another_event_is_another_mail() -> None:
    async def scenario() -> None:
        async with MailServer(["451 later", "250 OK"]) as server:
            channel = a_channel(server)
            first = await channel.send(an_envelope(FULL))
            assert isinstance(first, Failed)
            assert (first.failure, first.status) == (FailureClass.BUSY, 451)
            assert isinstance(await channel.send(an_envelope(FULL)), Delivered)
            await channel.send(an_envelope(FULL, an_event(1)))
            first_try, again, other = server.tried
            assert first_try.data == again.data
            assert other.message["Message-ID"] != again.message["Message-ID"]

    asyncio.run(scenario())


def test_a_mail_server_that_refuses_for_good_is_the_end() -> None:
    (result,), _ = deliver("554 no", envelope=an_envelope())
    assert isinstance(result, Failed)
    assert result.failure is FailureClass.UNDELIVERABLE


@pytest.mark.parametrize("content", list(PayloadContent))
def test_a_trial_and_a_question_tell_the_type_at_most_and_attach_nothing(
    content: PayloadContent,
) -> None:
    trial = sent(a_trial(content))
    url = "https://hub.example.org/email/confirm/1"
    asked = sent(a_trial(content, confirm_url=url, parameter=(("Subject", "hello"),)))
    assert "this mail only tries the way" in trial.text
    assert asked.message["Subject"] == "Please confirm: notifications to this address"
    assert url in asked.text
    for mail in (trial, asked):
        assert mail.attachment is None
        assert ("“Task”" in mail.text) is (content is not EMPTY)
        assert "attached" not in mail.text


def test_the_subject_line_is_the_subscribers() -> None:
    mail = sent(an_envelope(parameter=(("Subject", "Büro"), ("X-Ward", "7"))))
    assert (mail.message["Subject"], mail.message["X-Ward"]) == ("Büro", "7")


def test_what_the_settings_no_longer_allow_is_blocked_at_the_attempt() -> None:
    async def scenario() -> None:
        async with MailServer() as server:
            for allowed, content in ((EMPTY, ID_ONLY), (ID_ONLY, FULL)):
                channel = a_channel(server, policy=MailPolicy((), allowed))
                result = await channel.send(an_envelope(content))
                assert isinstance(result, Failed)
                assert (result.failure, "--email-content" in result.reason) == (
                    FailureClass.BLOCKED,
                    True,
                )
                assert isinstance(await channel.send(an_envelope(allowed)), Delivered)
            assert len(server.tried) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("change", "error", "expression"),
    [
        ({"endpoint": None}, EndpointInvalid, "endpoint"),
        ({"endpoint": "mailto:a@example.org?bcc=b@example.org"}, EndpointInvalid, "endpoint"),
        ({"endpoint": "https://example.org/hook"}, EndpointInvalid, "endpoint"),
        ({"endpoint": "mailto:a@other.example.org"}, EndpointNotAllowed, "endpoint"),
        ({"parameter": (("Bcc", "x@example.org"),)}, HeaderNotAllowed, "parameter"),
        ({"content_type": "text/html"}, PayloadNotSupported, "contentType"),
        ({"content": FULL, "content_type": JSON}, ContentNotAllowed, "content"),
    ],
)
def test_what_is_refused_names_the_element(
    change: dict[str, Any], error: type[HubError], expression: str
) -> None:
    channel = a_channel(25, policy=MailPolicy(("example.org",)))
    for content in (EMPTY, ID_ONLY):
        channel.check(a_classic(content))
    with pytest.raises(error) as refused:
        channel.check(a_classic(**change))
    assert refused.value.expression == f"Subscription.{expression}"


def test_each_payload_that_can_be_asked_for() -> None:
    assert parse_classic_payload("", R4) == MailPayload(html=False, attachment=None)
    assert parse_classic_payload("text/plain; charset=UTF-8", R4).attachment is None
    for kind in JSON_TYPES:
        assert parse_classic_payload(f"{kind}; fhirVersion=4.0.1", R4).attachment == kind
    for kind in XML_TYPES:
        found = parse_classic_payload(kind, R4, (*JSON_TYPES, *XML_TYPES))
        assert found == MailPayload(html=False, attachment=kind)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("text/html", "allowed: text/plain, application/fhir.json.*or no payload"),
        ("application/fhir+xml", "fhir-hub.xml"),
        ("text/plain;attach=application/fhir+json", "'attach' means nothing"),
        ("application/fhir+json; fhirVersion=5.0", "fhirVersion 4.0"),
        ("application/fhir+json; charset=latin1", "utf-8"),
        ("application/fhir+json;", "can't be read"),
        ("application/fhir+json; a=" + "b" * 300, "more than 256"),
    ],
)
def test_a_payload_that_a_mail_can_t_have_is_refused(payload: str, words: str) -> None:
    with pytest.raises(PayloadNotSupported, match=words):
        parse_classic_payload(payload, R4)
