"""Subscriptions whose criteria are a search, by email, over a real mail server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.core.release import CLASSIC, FhirRelease, Resource
from hub.core.subscription import PayloadContent
from tests.channels.test_mailto import WRONG
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, running_hub
from tests.journeys.mailing import a_task, an_address, mail_settings, with_mail
from tests.journeys.test_classic import until_status
from tests.journeys.test_email import verified
from tests.support.classic import a_classic
from tests.support.mail_server import MailServer, Taken
from tests.support.ports import fresh_port

R4 = FhirRelease.R4
JSON, XML = "application/fhir+json", "application/fhir+xml"


@pytest.fixture(scope="module")
def mail_port() -> int:
    """The port of the mail server, where each test has one of its own."""
    return fresh_port()


@pytest.fixture(scope="module")
def hub(mail_port: int) -> Iterator[RunningHub]:
    """A hub that sends mails."""
    with running_hub(**mail_settings(mail_port)) as running:
        yield running


def email(address: str, owner: str, payload: str | None = None, **more: Any) -> Resource:
    """Return a classic Subscription by email to the Tasks of ``owner``."""
    criteria = f"Task?owner={owner}"
    return a_classic(
        criteria, channel="email", endpoint=f"mailto:{address}", payload=payload, **more
    )


def said(mail: Taken) -> str:
    """Return the whole mail as text, but for its identity, where luck may have its digits."""
    return re.sub(r"(?mi)^message-id:.*$|boundary=.*$|^--=_.*$", "", mail.data.decode())


def test_without_payload_each_match_is_a_mail_that_tells_nothing_of_it(
    hub: RunningHub, mail_port: int
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        wanted = email(address, owner)
        stored = await fhir.create(wanted)
        assert stored["status"] == "active"
        assert stored["channel"] == wanted["channel"]
        task = await fhir.create(a_task(owner))
        await fhir.put(task | {"status": "accepted"})
        await fhir.put(task | {"owner": {"reference": fresh()}})
        await fhir.delete(f"Task/{task['id']}")
        await fhir.put(task | {"status": "accepted"})
        found = await mails.mails(3, address)
        assert len({mail.message["Message-ID"] for mail in found}) == 3
        for mail in found:
            assert mail.message["Subject"] == "A FHIR resource matches your criteria"
            assert "created or changed, and matches the criteria" in mail.text
            assert f"{fhir.base}/Subscription/{stored['id']}." in mail.text.replace("\r\n", " ")
            assert mail.attachment is None
            for hidden in ("Task", task["id"], owner, "canary", "$events", "#"):
                assert hidden not in said(mail)
            assert not re.search(r"(?i)\bevents? \d", said(mail))
        attempts = await fhir.attempts(stored["id"])
        assert not any({"first", "last"} & each.keys() for each in attempts)
        assert len(mails.taken_by(address)) == 3

    with_mail(hub, mail_port, scenario, CLASSIC)


@pytest.mark.parametrize(("payload", "name"), [(JSON, "resource.json"), (XML, "resource.xml")])
def test_with_a_payload_the_resource_is_attached_as_it_is_served(
    hub: RunningHub, mail_port: int, payload: str, name: str
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        stored = await fhir.create(
            email(address, owner, payload, header=["Subject: Büro: Neues", "X-Ward: 7"])
        )
        assert stored["channel"]["payload"] == payload
        task = await fhir.create(a_task(owner))
        second = await fhir.put(task | {"status": "accepted"})
        found = await mails.mails(2, address)
        for mail, version in zip(found, (task, second), strict=True):
            at = f"Task/{task['id']}/_history/{version['meta']['versionId']}"
            shown = await fhir.ask("GET", at, accept=payload)
            assert mail.attachment == shown.content
            (part,) = mail.message.iter_attachments()
            assert (part.get_content_type(), part.get_filename()) == (payload, name)
            assert part.get_param("fhirVersion") == fhir.release.version
            assert (mail.message["Subject"], mail.message["X-Ward"]) == ("Büro: Neues", "7")
            assert f"{fhir.base}/Task/{task['id']}" in mail.text
        assert "was created" in found[0].text and "was changed" in found[1].text

    with_mail(hub, mail_port, scenario, CLASSIC)


def test_a_payload_of_plain_text_names_the_resource_and_attaches_nothing(
    hub: RunningHub, mail_port: int
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        await fhir.create(email(address, owner, "text/plain"))
        task = await fhir.create(a_task(owner))
        (mail,) = await mails.mails(1, address)
        assert f"{fhir.base}/Task/{task['id']}" in mail.text
        assert mail.attachment is None
        assert "canary" not in said(mail)
        headers = "\n".join(f"{name}: {value}" for name, value in mail.message.items())
        assert task["id"] not in headers

    with_mail(hub, mail_port, scenario, CLASSIC)


def test_a_mail_that_is_tried_again_is_the_same_and_5xx_is_the_end(
    hub: RunningHub, mail_port: int
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        wanted = email(address, owner, JSON)
        stored = await fhir.create(wanted)
        mails.tried.clear()
        mails.answers.extend(["451 later", "421 later still"])
        await fhir.create(a_task(owner))
        (mail,) = await mails.mails(1, address)
        assert len(mails.tried) == 3
        assert len({each.data for each in mails.tried}) == 1
        mails.answers.append("554 no")
        task = await fhir.create(a_task(owner))
        found = await until_status(fhir, stored["id"], "error")
        assert "554" in found["error"]
        outcomes = [attempt["outcome"] for attempt in await fhir.attempts(stored["id"])]
        assert outcomes == ["undeliverable", "delivered", "busy", "busy"]
        again = await fhir.put(wanted | {"id": stored["id"]})
        assert again["status"] == "active" and "error" not in again
        _, second = await mails.mails(2, address)
        assert second.message["Message-ID"] == mails.tried[3].message["Message-ID"]
        assert second.message["Message-ID"] != mail.message["Message-ID"]
        assert task["id"].encode() in (second.attachment or b"")

    with_mail(hub, mail_port, scenario, CLASSIC)


def test_a_trial_is_a_mail_without_resource(hub: RunningHub, mail_port: int) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        address = an_address()
        stored = await fhir.create(email(address, fresh(), JSON))
        assert (await verified(fhir, stored["id"]))["outcome"] == "delivered"
        (mail,) = await mails.mails(1, address)
        assert mail.message["Subject"] == "Task: connected"
        assert mail.attachment is None
        mails.recipients.append("550 unknown")
        assert (await verified(fhir, stored["id"]))["outcome"] == "undeliverable"

    with_mail(hub, mail_port, scenario, CLASSIC)


def test_what_is_refused_names_the_element(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        sound = "mailto:a@example.org"
        changes: list[tuple[dict[str, Any], str]] = [
            ({"payload": "text/html"}, "payload"),
            ({"payload": "text/plain;attach=application/fhir+json"}, "payload"),
            ({"payload": "application/fhir+json; fhirVersion=5.0"}, "payload"),
            ({"endpoint": "https://example.org/hook"}, "endpoint"),
            ({"endpoint": None}, "endpoint"),
            ({"header": ["Bcc: b@example.org"]}, "header"),
        ]
        for change, name in changes:
            criteria = f"Task?owner={fresh()}"
            wanted = a_classic(criteria, **({"channel": "email", "endpoint": sound} | change))
            status, issue = await fhir.refused("POST", "Subscription", wanted)
            assert (status, issue["expression"]) == (422, [f"Subscription.channel.{name}"]), change
            answer = await fhir.ask("POST", "Subscription/$validate", wanted)
            assert f"Subscription.channel.{name}" in answer.text, change
        before = (await fhir.get("Subscription?_summary=count"))["total"]
        for kind, (url, _) in WRONG.items():
            wanted = a_classic("Task", channel="email", endpoint=url)
            answer = await fhir.ask("POST", "Subscription", wanted)
            assert answer.status_code in {400, 422}, kind
        assert (await fhir.get("Subscription?_summary=count"))["total"] == before

    in_every_release(hub, scenario, CLASSIC)


def test_validate_tells_that_one_would_be_accepted(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        for payload in (None, "text/plain", JSON, XML):
            wanted = email("a@example.org", fresh(), payload)
            answer = await fhir.ask("POST", "Subscription/$validate", wanted)
            assert answer.status_code == 200
            assert {each["severity"] for each in answer.json()["issue"]} == {"information"}
            words = "each Task that is created or changed, and matches, would be told"
            assert words in answer.text
            assert "active at once" in answer.text and "topic" not in answer.text

    in_every_release(hub, scenario, CLASSIC)


def test_the_settings_decide_who_is_written_to_and_how_much(mail_port: int) -> None:
    settings = mail_settings(
        mail_port, email_domains=("example.org",), email_content=PayloadContent.ID_ONLY
    )
    with running_hub(**settings) as hub:

        async def scenario(fhir: Fhir) -> None:
            status, issue = await fhir.refused(
                "POST", "Subscription", email("a@example.com", fresh())
            )
            assert (status, issue["code"]) == (422, "business-rule")
            assert "--email-domain" in issue["diagnostics"]
            status, issue = await fhir.refused(
                "POST", "Subscription", email("a@example.org", fresh(), JSON)
            )
            assert (status, issue["code"]) == (403, "forbidden")
            assert "--email-content" in issue["diagnostics"]
            for payload in (None, "text/plain"):
                await fhir.create(email("a@example.org", fresh(), payload))

        in_every_release(hub, scenario, CLASSIC)


def test_a_person_agrees_by_the_link_before_anything_is_sent(mail_port: int) -> None:
    with running_hub(**mail_settings(mail_port, email_opt_in=True)) as hub:

        async def scenario(fhir: Fhir, mails: MailServer) -> None:
            owner, address = fresh(), an_address()
            answer = await fhir.ask("POST", "Subscription/$validate", email(address, owner))
            assert "active once somebody agrees" in answer.text
            stored = await fhir.create(email(address, owner))
            assert stored["status"] == "requested"
            await fhir.create(a_task(owner))
            (question,) = await mails.mails(1, address)
            assert "Please confirm" in question.message["Subject"]
            assert "Task" not in said(question)
            (link,) = [
                line.strip() for line in question.text.splitlines() if "/email/confirm/" in line
            ]
            page = await fhir.http.get(link, headers={"accept": "text/html"})
            assert "I agree" in page.text and "Task" not in page.text
            done = await fhir.http.post(link, headers={"accept": "text/html", "origin": hub.url})
            assert "You get mails now" in done.text
            await until_status(fhir, stored["id"], "active")
            _, mail = await mails.mails(2, address)
            assert mail.message["Subject"] == "A FHIR resource matches your criteria"

        with_mail(hub, mail_port, scenario, CLASSIC)


def test_a_hub_without_mail_server_says_what_is_missing(tmp_path: Path, mail_port: int) -> None:
    owner = fresh()

    async def subscribe(hub: RunningHub) -> None:
        async with hub.client(R4) as fhir:
            await fhir.put(email("gone@example.org", owner) | {"id": "mail"})

    async def write(hub: RunningHub) -> None:
        async with hub.client(R4) as fhir:
            await fhir.create(a_task(owner))
            assert "--smtp" in (await until_status(fhir, "mail", "error"))["error"]
            status, issue = await fhir.refused(
                "POST", "Subscription", email("gone@example.org", owner)
            )
            assert (status, issue["expression"]) == (422, ["Subscription.channel.type"])
            assert "--smtp HOST:PORT" in issue["diagnostics"]

    with running_hub(tmp_path / "hub.db", **mail_settings(mail_port)) as hub:
        asyncio.run(subscribe(hub))
    with running_hub(tmp_path / "hub.db") as hub:
        asyncio.run(write(hub))
