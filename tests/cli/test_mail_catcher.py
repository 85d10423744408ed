"""The demo's mail server, and where what it catches goes."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from aiosmtplib import send

from hub.cli import demo as demo_command
from hub.cli.demo import Mails, demo, demo_settings, free_port
from hub.cli.exits import Exit
from hub.cli.mail_catcher import HOST, MailCatcher, is_available
from hub.cli.story_actor import Inbox, Missing
from hub.clock import SystemClock
from hub.core.release import FhirRelease
from hub.web.mailbox import CaughtMail
from tests.cli.screen import PATIENCE, Screen
from tests.support.builders import a_subscription

R4 = FhirRelease.R4


def a_mail(recipient: str = Inbox.address, *, attached: bytes | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", recipient, "Büro"
    message["Message-ID"] = "<1@example.org>"
    message.set_content("<p>News</p>", subtype="html")
    if attached is not None:
        message.add_attachment(attached, "application", "fhir+json", filename="n.json")
    return message


def test_every_mail_is_caught_with_text_and_attachment() -> None:
    async def scenario() -> None:
        caught: list[CaughtMail] = []
        async with MailCatcher(SystemClock(), caught.append) as catcher:
            await send(a_mail(attached=b"{}"), hostname=HOST, port=catcher.port)
            await send(a_mail("x@example.org"), hostname=HOST, port=catcher.port)
        first, second = caught
        assert (first.number, first.recipient, first.subject) == (1, Inbox.address, "Büro")
        assert (first.text, first.is_html) == ("<p>News</p>\n", True)
        assert first.attachments == (("n.json", "application/fhir+json", "{}"),)
        assert (second.number, second.attachments) == (2, ())
        assert first.message_id == "<1@example.org>"

    assert is_available()
    asyncio.run(scenario())


def test_mails_of_the_story_go_to_its_actor_and_others_are_told() -> None:
    async def scenario() -> None:
        screen = Screen()
        mails = Mails(screen.terminal)
        async with MailCatcher(SystemClock(), mails.caught) as catcher:
            await send(a_mail(), hostname=HOST, port=catcher.port)
            await send(a_mail("x@example.org"), hostname=HOST, port=catcher.port)
        assert len(list(mails.mailbox)) == 2
        (row,) = screen.rows
        assert row.endswith("mail to x@example.org: Büro")
        with pytest.raises(Missing, match="the one event in the mail 'Büro'"):
            await mails.inbox.mail()

    asyncio.run(scenario())


def test_a_demo_shows_the_mails_of_any_subscription(tmp_path: Path) -> None:
    async def scenario() -> None:
        screen = Screen()
        listening = free_port(None)
        settings = demo_settings(tmp_path / "demo.db", listening.getsockname()[1])
        playing = asyncio.create_task(demo(settings, listening, screen.terminal, once=False))
        try:
            async with asyncio.timeout(PATIENCE):
                await screen.out.until("all 28 changes")
                async with httpx.AsyncClient(base_url=settings.public_url) as client:
                    wanted = a_subscription(
                        R4,
                        topic_name="any-change",
                        channel="email",
                        endpoint="mailto:me@example.org",
                        payload="text/plain",
                        content="full-resource",
                    )
                    headers = {"content-type": "application/fhir+json"}
                    answer = await client.post(
                        "/fhir/r4/Subscription", json=wanted, headers=headers
                    )
                    assert answer.status_code == 201, answer.text
                    organization = {"resourceType": "Organization", "name": "Ward"}
                    await client.post("/fhir/r4/Organization", json=organization, headers=headers)
                    await screen.out.until("mail to me@example.org: Any change: event 1")
                    found = (await client.get("/demo/mail")).json()["mails"]
            assert found[0]["to"] == "me@example.org"
            assert "was created" in found[0]["text"]
            assert any(mail["to"] == Inbox.address and mail["html"] for mail in found)
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            listening.close()

    asyncio.run(scenario())


def test_without_a_mail_server_the_demo_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_command, "is_available", lambda: False)

    async def scenario() -> None:
        screen = Screen()
        listening = free_port(None)
        settings = demo_settings(tmp_path / "demo.db", listening.getsockname()[1])
        async with asyncio.timeout(2 * PATIENCE):
            assert await demo(settings, listening, screen.terminal, once=True) == Exit.OK
        text = screen.out.getvalue()
        assert "pip install 'fhir-hub[demo]'" in text
        assert "physician" not in text

    asyncio.run(scenario())
