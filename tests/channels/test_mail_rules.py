"""What a subscriber may ask for in a mail: headers and forms of payload."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.mail_header import check_mail_headers
from hub.channels.mail_payload import JSON_TYPES, XML_TYPES, parse_mail_payload
from hub.core.delivery import Delivered
from hub.core.release import FhirRelease
from hub.errors import HeaderNotAllowed, PayloadNotSupported
from tests.channels.mailing import a_channel, an_envelope
from tests.support.mail_server import MailServer, Taken

R4 = FhirRelease.R4


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("Bcc", "x@example.org")], "Subject, and headers whose name begins with X-"),
        ([("To", "x@example.org")], "begins with X-"),
        ([("From", "x@example.org")], "begins with X-"),
        ([("Content-Type", "text/html")], "begins with X-"),
        ([("Authorization", "Bearer t")], "begins with X-"),
        ([("Subject\r\nBcc", "x@example.org")], "a header is not"),
        ([("X-", "a")], "begins with X-"),
        ([("X-A\r\nBcc", "x@example.org")], "token"),
        ([("X-A B", "c")], "token"),
        ([("X-A", "b\r\nBcc: x@example.org")], "visible ASCII"),
        ([("X-A", "b\n c")], "visible ASCII"),
        ([("X-A", "ü")], "visible ASCII"),
        ([("X-A", "b" * 501)], "longer than 500"),
        ([("X-A", "=?utf-8?q?=0D=0ABcc:x?=")], "begins other text"),
        ([("Subject", "a\r\nBcc: x@example.org")], "line break"),
        ([("Subject", "a\u2028b")], "line break"),
        ([("Subject", "a\u202eb")], "control character"),
        ([("Subject", "=?utf-8?q?=0D=0ABcc:_x?=")], "begins other text"),
        ([("Subject", " ")], "1 to 200"),
        ([("Subject", "a" * 201)], "1 to 200"),
        ([("Subject", "a"), ("subject", "b")], "one Subject"),
        ([(f"X-{number}", "a") for number in range(21)], "at most 20"),
    ],
)
def test_a_header_that_a_mail_cannot_have_is_refused(
    pairs: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(HeaderNotAllowed, match=words) as refused:
        check_mail_headers(pairs)
    assert refused.value.expression == "Subscription.parameter"
    assert "x@example.org" not in refused.value.diagnostics


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Subject", "X-A", "X-Long-Name", "Bcc", "X-A\r\nBcc"])
        | st.text(max_size=12),
        st.text(max_size=60) | st.sampled_from(["a\r\nBcc: evil@example.org", "=?utf-8?q?=0A?="]),
    ),
    max_size=3,
)


@given(HEADERS)
def test_headers_that_are_taken_add_no_header_and_no_recipient(
    pairs: list[tuple[str, str]],
) -> None:
    try:
        check_mail_headers(pairs)
    except HeaderNotAllowed:
        return
    plain, mail = sent(()), sent(tuple(pairs))
    added = [name for name, _ in pairs if name.lower() != "subject"]
    own = [name for name in mail.message if name.lower().startswith("x-")]
    assert own[: len(added)] == added
    assert len(mail.message.keys()) == len(plain.message.keys()) + len(added)
    assert mail.recipients == ["ward@example.org"]
    subject = next((value.strip(" \t") for name, value in pairs if name.lower() == "subject"), None)
    if subject is not None:
        assert " ".join(str(mail.message["Subject"]).split()) == " ".join(subject.split())


def sent(parameter: tuple[tuple[str, str], ...]) -> Taken:
    async def scenario() -> Taken:
        async with MailServer() as server:
            result = await a_channel(server).send(an_envelope(parameter=parameter))
            assert isinstance(result, Delivered), result
            return server.taken[0]

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("application/fhir+json", "no text that a person can read.*text/plain;attach="),
        ("application/json", "no text"),
        ("text/markdown", "no text"),
        ("", "no text"),
        ("text/plain;attach=application/fhir+xml", "attaches.*fhir.json.*fhir-hub.xml"),
        ("text/plain;attach=image/png", "nothing that this hub attaches"),
        ("text/plain;attach=application/json;attach=application/json", "twice"),
        ("text/plain;fhirVersion=5.0", "have the fhirVersion 4.0"),
        ("text/plain;charset=latin1", "utf-8"),
        ("text/plain;format=flowed", "means nothing"),
        ("text/plain;attach", "can't be read"),
        ("text/plain\r\nBcc: x@example.org", "no text"),
        ("text/plain;charset=utf-8\r\nBcc: x@example.org", "can't be read"),
        (f"text/plain;attach={'a' * 300}", "more than 256"),
    ],
)
def test_a_payload_that_is_no_mail_is_refused(payload: str, words: str) -> None:
    with pytest.raises(PayloadNotSupported, match=words) as refused:
        parse_mail_payload(payload, R4)
    assert (refused.value.status, refused.value.code) == (422, "not-supported")
    assert refused.value.expression == "Subscription.contentType"


def test_the_forms_that_are_allowed() -> None:
    for text, html in (("text/plain", False), ("text/html", True)):
        found = parse_mail_payload(text, R4)
        assert (found.html, found.attachment) == (html, None)
        for kind in JSON_TYPES:
            assert parse_mail_payload(f"{text};attach={kind}", R4).attachment == kind
        for kind in XML_TYPES:
            found = parse_mail_payload(f"{text};attach={kind}", R4, (*JSON_TYPES, *XML_TYPES))
            assert found.attachment == kind
