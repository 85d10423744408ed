"""The words of a mail: they say what happened, and nothing beyond the content level."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.mail_message import message_id
from hub.channels.mail_text import LONGEST_TITLE, MOST_LINES, html, plain, write_letter
from hub.core.change import Interaction
from hub.core.delivery import Delivered
from hub.core.notification import Notification, NotificationType, StatusError
from hub.core.release import FhirRelease
from hub.core.subscription import Identifier, PayloadContent
from tests.channels.mailing import (
    BASE,
    TITLE,
    a_channel,
    a_notification,
    a_version,
    an_envelope,
    an_event,
)
from tests.support.mail_server import MailServer

SAMPLE = Path(__file__).with_name("sample_mail.html")
EMPTY, ID_ONLY, FULL = PayloadContent
LEVELS = pytest.mark.parametrize("content", list(PayloadContent))


class Page(HTMLParser):
    """The texts and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def words(notification: Notification, **more: Any) -> tuple[str, str, str]:
    """Return subject line, plain text and HTML."""
    letter = write_letter(
        notification, **{"title": TITLE, "base_url": BASE, "attached": False, **more}
    )
    return letter.subject, plain(letter), html(letter)


def test_a_mail_about_one_event_says_what_happened_and_where_to_read_it() -> None:
    subject, text, _ = words(a_notification(an_event(5)))
    assert subject == f"{TITLE}: event 5"
    assert text.startswith(f"{TITLE}\n\nThis happened, and you asked to be told of it:\n")
    assert f"  #5  2026-05-04 12:00:05 UTC  Task/81\n      {BASE}/Task/81\n" in text
    assert f"{BASE}/Subscription/s1/$events?eventsSinceNumber=5&eventsUntilNumber=5" in text
    assert "was changed" not in text


def test_a_mail_about_several_events_has_a_line_for_each() -> None:
    context = a_version("Patient", "7", 1, Interaction.CREATE, b"{}")
    subject, text, _ = words(a_notification(an_event(5, context=[context]), an_event(6, "82")))
    assert subject == f"{TITLE}: events 5 to 6"
    assert "#5  2026-05-04 12:00:05 UTC  Task/81 (with Patient/7)" in text
    assert "#6  2026-05-04 12:00:06 UTC  Task/82" in text
    assert "eventsSinceNumber=5&eventsUntilNumber=6" in text


def test_a_mail_in_html_looks_as_it_did() -> None:
    context = a_version("Patient", "7", 1, Interaction.CREATE, b"{}")
    events = [
        an_event(5, interaction=Interaction.CREATE, context=[context]),
        an_event(6, "82"),
        an_event(7, "83", interaction=Interaction.DELETE),
    ]
    _, _, page = words(a_notification(*events, content=FULL), attached=True)
    assert page == SAMPLE.read_text("utf-8")


def test_full_content_says_what_happened_to_each_resource() -> None:
    events = [
        an_event(1, interaction=Interaction.CREATE),
        an_event(2),
        an_event(3, "82", interaction=Interaction.DELETE),
    ]
    _, text, page = words(a_notification(*events, content=FULL))
    assert "Task/81 was created\n" in text
    assert "Task/81 was changed\n" in text
    assert "Task/82 was deleted\n" in text
    assert f"{BASE}/Task/82" not in text
    assert "secret words" not in text + page


def test_an_empty_mail_tells_numbers_and_no_topic_or_focus() -> None:
    subject, text, page = words(a_notification(an_event(5), content=EMPTY))
    assert subject == "New event 5 of a FHIR subscription"
    for hidden in ("Task", "81", "requested", "example.org/topic"):
        assert hidden not in subject + text + page
    assert "#5  2026-05-04 12:00:05 UTC\n" in text
    subject, _, _ = words(a_notification(an_event(5), an_event(6), content=EMPTY))
    assert subject == "New events 5 to 6 of a FHIR subscription"


def test_html_escapes_everything_and_loads_nothing() -> None:
    _, _, text = words(a_notification(an_event(5)), title='<img src=x onerror="alert(1)">')
    page = Page(text)
    assert not page.tags & {"img", "script", "link", "iframe", "form", "style"}
    assert '<img src=x onerror="alert(1)">' in page.texts
    assert all(address.startswith(f"{BASE}/") for address in page.addresses)
    assert f"{BASE}/Task/81" in page.addresses


@LEVELS
def test_heartbeats_and_handshakes_have_words_too(content: PayloadContent) -> None:
    beat = a_notification(kind=NotificationType.HEARTBEAT, content=content, total=1)
    _, text, _ = words(beat)
    assert "Nothing new" in text and "1 event so far" in text
    hello = a_notification(kind=NotificationType.HANDSHAKE, content=content, total=0)
    subject, text, _ = words(hello)
    assert "From now on" in text
    assert (TITLE in subject + text) is (content is not EMPTY)
    _, text, page = words(hello, confirm_url="https://hub.example.org/c/1?a&b")
    assert "https://hub.example.org/c/1?a&b" in text
    assert "Agree, within 24 hours" in text
    assert "https://hub.example.org/c/1?a&b" in Page(page).addresses
    assert (TITLE in text) is (content is not EMPTY)


def test_lost_events_and_the_attachment_are_told() -> None:
    errors = [StatusError(None, "events 3 to 4 are no longer kept")]
    _, text, _ = words(a_notification(an_event(5), errors=errors), attached=True)
    assert "Please note: events 3 to 4 are no longer kept." in text
    assert "attached file" in text


@pytest.mark.parametrize("kind", list(NotificationType)[:3])
def test_a_mail_of_an_administrative_subscription_tells_no_id(kind: NotificationType) -> None:
    name = Identifier("http://example.org/subs", "7\nBcc: x@example.org")
    plain = a_notification(kind=kind)
    to = plain.addressee._replace(
        subscription_id="the-id",
        subscription_identifier=name,
        administrative=True,
    )
    notification = replace(plain, addressee=to)
    subject, *texts = words(notification)
    assert "Bcc" not in subject
    for text in texts:
        assert "the-id" not in text and "$events" not in text
        assert "http://example.org/subs|7 Bcc: x@example.org" in " ".join(text.split())
    assert "the-id" not in message_id(notification, "example.org")


def test_a_mail_does_not_grow_without_bounds() -> None:
    many = [an_event(number) for number in range(1, MOST_LINES + 3)]
    _, text, _ = words(a_notification(*many))
    assert f"Only the first {MOST_LINES} of them" in text
    assert f"#{MOST_LINES} " in text and f"#{MOST_LINES + 1} " not in text
    subject, _, _ = words(a_notification(an_event(1)), title="x" * 500 + "\r\nBcc: a@b.example.org")
    assert len(subject) < LONGEST_TITLE + 20
    subject, _, _ = words(a_notification(an_event(1)), title="a\r\nBcc: =?utf-8?q?x?=")
    assert subject == "a Bcc: = ?utf-8?q?x?=: event 1"


def test_without_a_title_the_canonical_stands_for_it() -> None:
    subject, _, _ = words(a_notification(an_event(5)), title=None)
    assert subject == "http://example.org/topic: event 5"
    focus_gone = a_notification(an_event(5))
    hidden = type(focus_gone)(
        **{
            **{name: getattr(focus_gone, name) for name in focus_gone.__slots__},
            "events": tuple(
                type(event)(event_number=event.event_number, timestamp=event.timestamp)
                for event in focus_gone.events
            ),
        }
    )
    _, text, _ = words(hidden)
    assert "Task/81" not in text


def test_the_message_id_names_subscription_and_numbers_alone() -> None:
    one = message_id(a_notification(an_event(5), an_event(6)), "example.org")
    again = message_id(
        a_notification(an_event(5, "other"), an_event(6), content=FULL, topic="urn:x:1"),
        "example.org",
    )
    assert one == again
    others = [
        a_notification(an_event(5)),
        a_notification(an_event(6)),
        a_notification(an_event(5), an_event(6), id="s2"),
        a_notification(an_event(5), an_event(6), release=FhirRelease.R5),
        a_notification(kind=NotificationType.HEARTBEAT),
        a_notification(kind=NotificationType.HANDSHAKE),
    ]
    names = [one, *(message_id(each, "example.org") for each in others)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("<") and name.endswith("@example.org>") for name in names)


WORD = st.text("abcdefghijklmnopqrstuvwxyzäöü<>&\"' ", min_size=12, max_size=30)
LEAVES = st.lists(WORD.map(lambda word: f"canary {word} canary"), min_size=1, max_size=4)


@given(
    leaves=LEAVES,
    content=st.sampled_from(PayloadContent),
    html=st.booleans(),
    attached=st.booleans(),
    kind=st.sampled_from([Interaction.CREATE, Interaction.UPDATE]),
)
def test_no_text_of_a_resource_is_in_a_mail_beside_the_attachment(
    leaves: list[str], content: PayloadContent, html: bool, attached: bool, kind: Interaction
) -> None:
    resource = {
        "resourceType": "Task",
        "id": "needle-81",
        "description": leaves[0],
        "note": [{"text": leaf} for leaf in leaves],
    }
    body = json.dumps(resource).encode()
    notification = a_notification(
        an_event(5, "needle-81", interaction=kind, body=body), content=content
    )
    payload = f"text/{'html' if html else 'plain'}"
    payload += ";attach=application/fhir+json" if attached else ""
    message = sent(an_envelope(notification, content_type=payload, body=body))
    text_part = message.get_body(("plain", "html"))
    assert text_part is not None
    shown = [str(text_part.get_content()), *Page(str(text_part.get_content())).texts]
    shown += [f"{name}: {value}" for name, value in message.items()]
    together = "\n".join(shown)
    assert "canary" not in together
    if content is EMPTY:
        assert "needle" not in together
        assert "Task" not in together
    else:
        assert "needle-81" in together
        assert all("needle" not in value for value in message.values())
    assert len(list(message.iter_attachments())) == attached


def sent(envelope: Any) -> EmailMessage:
    """Send over a real server and return the mail as it arrived."""

    async def scenario() -> bytes:
        async with MailServer() as server:
            assert isinstance(await a_channel(server).send(envelope), Delivered)
            return server.taken[0].data

    message = message_from_bytes(asyncio.run(scenario()), policy=SMTP)
    assert isinstance(message, EmailMessage)
    return message
