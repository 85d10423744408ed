"""The pages that only a demo has: caught mails, and what its endpoints received."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hub.web.demo import Demo
from hub.web.mailbox import KEPT, CaughtMail, Mailbox
from hub.web.receptions import KEPT as REQUESTS_KEPT
from hub.web.receptions import Reception, Receptions
from tests.web.site import a_site, run
from tests.web.test_home import BROWSER, Page

HOSTILE = "<script>alert(1)</script>"


def a_demo(**changes: Any) -> Demo:
    return Demo(
        **{
            "mails": None,
            "received": Receptions(),
            "endpoint": "http://127.0.0.1:9/notify",
            **changes,
        }
    )


def a_mail(number: int, **changes: Any) -> CaughtMail:
    return CaughtMail(
        **{
            "number": number,
            "at": datetime(2026, 5, 4, 12, tzinfo=UTC),
            "sender": "hub@example.org",
            "recipient": "ward@example.org",
            "subject": "<script>alert(1)</script>",
            "message_id": f"<{number}@example.org>",
            "text": "<p onclick='x'>News</p>",
            "is_html": True,
            "attachments": (("notification.json", "application/fhir+json", "{}"),),
            **changes,
        }
    )


def test_the_mails_of_a_demo_can_be_looked_at() -> None:
    async def scenario() -> None:
        mailbox = Mailbox()
        async with a_site(demo=a_demo(mails=mailbox)) as site:
            empty = await site.ask("GET", "/demo/mail", accept=BROWSER)
            assert "None yet" in empty.text
            for number in range(1, KEPT + 3):
                mailbox.put(a_mail(number, is_html=number != KEPT))
            listed = (await site.ask("GET", "/demo/mail", accept="application/json")).json()
            assert [each["number"] for each in listed["mails"]][:2] == [KEPT + 2, KEPT + 1]
            assert len(listed["mails"]) == KEPT
            assert listed["mails"][0]["attachments"][0]["text"] == "{}"
            page = await site.ask("GET", "/demo/mail", accept=BROWSER)
            assert Page(page.text).inline == []
            assert "<script>alert(1)</script>" in Page(page.text).texts
            assert page.text.count("<iframe sandbox src='/demo/mail/") == KEPT
            assert "frame-src 'self'" in page.headers["content-security-policy"]
            assert "<p onclick" not in page.text
            one = await site.ask("GET", f"/demo/mail/{KEPT + 2}")
            assert one.text == "<p onclick='x'>News</p>"
            assert one.headers["content-type"] == "text/html; charset=utf-8"
            assert "sandbox" in one.headers["content-security-policy"]
            plain = await site.ask("GET", f"/demo/mail/{KEPT}")
            assert plain.headers["content-type"] == "text/plain; charset=utf-8"
            assert (await site.ask("GET", "/demo/mail/1")).status_code == 404
        for path in ("/demo/mail", "/demo/receiver"):
            async with a_site(demo=a_demo() if path.endswith("mail") else None) as site:
                assert (await site.ask("GET", path)).status_code == 404

    run(scenario())


def a_reception(**changes: Any) -> Reception:
    return Reception(
        **{
            "at": datetime(2026, 5, 4, 12, tzinfo=UTC),
            "receiver": "fulfiller",
            "type": "event-notification",
            "subscription": f"Subscription/{HOSTILE}",
            "numbers": "#7",
            "focus": ["Task/81"],
            "answered": "503",
            "body": json.dumps({"id": HOSTILE}).encode(),
            **changes,
        }
    )


def test_what_endpoints_received_is_listed_and_payloads_are_shown_when_asked_for() -> None:
    async def scenario() -> None:
        received = Receptions()
        async with a_site(demo=a_demo(received=received)) as site:
            assert "None yet" in (await site.ask("GET", "/demo/receiver", accept=BROWSER)).text
            for _ in range(REQUESTS_KEPT):
                received.put(a_reception())
            received.put(a_reception(answered="200", body=b"{" * 70_000))
            told = (await site.ask("GET", "/demo/receiver")).json()
            assert told["endpoint"] == "http://127.0.0.1:9/notify"
            assert len(told["received"]) == REQUESTS_KEPT
            assert told["received"][1] == {
                "number": REQUESTS_KEPT,
                "at": "2026-05-04T12:00:00.000000Z",
                "receiver": "fulfiller",
                "type": "event-notification",
                "subscription": f"Subscription/{HOSTILE}",
                "numbers": "#7",
                "focus": ["Task/81"],
                "answered": "503",
                "payload": f"http://hub.example.org/demo/receiver/{REQUESTS_KEPT}",
            }
            page = await site.ask("GET", "/demo/receiver", accept=BROWSER)
            assert Page(page.text).inline == []
            assert HOSTILE not in page.text
            assert "✗ 503" in page.text
            assert "✓ 200" in page.text
            payload = await site.ask("GET", f"/demo/receiver/{REQUESTS_KEPT}")
            assert json.loads(payload.text) == {"id": HOSTILE}
            assert payload.headers["content-type"] == "text/plain; charset=utf-8"
            assert "sandbox" in payload.headers["content-security-policy"]
            cut = await site.ask("GET", f"/demo/receiver/{REQUESTS_KEPT + 1}")
            assert cut.text == "{" * 64 * 1024
            assert (await site.ask("GET", "/demo/receiver/1")).status_code == 404

    run(scenario())


def test_the_first_page_tells_where_a_demo_shows_what_it_sends() -> None:
    async def scenario() -> None:
        async with a_site(demo=a_demo(mails=Mailbox())) as site:
            assert (await site.ask("GET", "/")).json()["demo"] == {
                "mail": "http://hub.example.org/demo/mail",
                "receiver": "http://hub.example.org/demo/receiver",
                "endpoint": "http://127.0.0.1:9/notify",
            }
        async with a_site() as site:
            assert "demo" not in (await site.ask("GET", "/")).json()

    run(scenario())
