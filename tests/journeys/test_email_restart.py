"""Email Subscriptions of hubs that ask first, are restarted, or lose their mail server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.core.release import FhirRelease
from tests.journeys.hosting import Fhir, RunningHub, fresh, running_hub
from tests.journeys.mailing import a_task, an_address, email, mail_settings, with_mail
from tests.support.deadline import DEADLINE
from tests.support.mail_server import MailServer
from tests.support.ports import fresh_port

R4 = FhirRelease.R4


@pytest.fixture(scope="module")
def mail_port() -> int:
    """The port of the mail server, where each test has one of its own."""
    return fresh_port()


def test_a_person_agrees_by_the_link_before_events_are_sent(mail_port: int) -> None:
    with running_hub(**mail_settings(mail_port, email_opt_in=True)) as hub:

        async def scenario(fhir: Fhir, mails: MailServer) -> None:
            owner, address = fresh(), an_address()
            stored = await fhir.create(email(fhir.release, address, owner))
            assert stored["status"] == "requested"
            await fhir.create(a_task(owner))
            (question,) = await mails.mails(1, address)
            assert "Please confirm" in question.message["Subject"]
            (link,) = [
                line.strip() for line in question.text.splitlines() if "/email/confirm/" in line
            ]
            page = await fhir.http.get(link, headers={"accept": "text/html"})
            assert page.status_code == 200 and "I agree" in page.text
            assert (await fhir.status(stored["id"]))["status"] == "requested"
            done = await fhir.http.post(link, headers={"accept": "text/html", "origin": hub.url})
            assert done.status_code == 200 and "You get mails now" in done.text
            assert (await fhir.status(stored["id"]))["status"] == "active"
            _, mail = await mails.mails(2, address)
            assert mail.message["Subject"] == "Task activity: event 1"
            assert len(mails.taken_by(address)) == 2
            forged = await fhir.http.post(f"{link[:-1]}{'a' if link[-1] != 'a' else 'b'}")
            assert forged.status_code == 404

        with_mail(hub, mail_port, scenario)


def test_a_question_is_asked_once_although_the_hub_is_restarted(
    tmp_path: Path, mail_port: int
) -> None:
    async def ask(hub: RunningHub) -> tuple[str, str]:
        async with MailServer(port=mail_port) as mails, hub.client(R4) as fhir:
            stored = await fhir.create(email(R4, "restart@example.org", fresh()))
            (question,) = await mails.mails(1)
            (link,) = [
                line.strip() for line in question.text.splitlines() if "/email/confirm/" in line
            ]
            async with asyncio.timeout(DEADLINE):
                while not await fhir.attempts(stored["id"]):
                    pass
            return stored["id"], link.rpartition("/")[2]

    async def agree(hub: RunningHub, id: str, token: str) -> None:
        async with MailServer(port=mail_port) as mails, hub.client(R4) as fhir:
            assert (await fhir.status(id))["status"] == "requested"
            answer = await fhir.http.post(f"{hub.url}/email/confirm/{token}")
            assert answer.json()["confirmed"] is True
            assert (await fhir.status(id))["status"] == "active"
            assert mails.tried == []

    settings = mail_settings(mail_port, email_opt_in=True)
    with running_hub(tmp_path / "hub.db", **settings) as hub:
        id, token = asyncio.run(ask(hub))
    with running_hub(tmp_path / "hub.db", **settings) as hub:
        asyncio.run(agree(hub, id, token))


def test_a_hub_that_lost_its_mail_server_says_so_in_the_status(
    tmp_path: Path, mail_port: int
) -> None:
    owner = fresh()

    async def subscribe(hub: RunningHub) -> str:
        async with hub.client(R4) as fhir:
            id: str = (await fhir.create(email(R4, "gone@example.org", owner)))["id"]
            return id

    async def write(hub: RunningHub, id: str) -> None:
        async with hub.client(R4) as fhir:
            await fhir.create(a_task(owner))
            found = await fhir.until(id, "error")
            assert any("--smtp" in str(error) for error in found["errors"])
            status, issue = await fhir.refused(
                "POST", "Subscription", email(R4, "gone@example.org", owner)
            )
            assert status == 422
            assert "--smtp HOST:PORT" in issue["diagnostics"]

    with running_hub(tmp_path / "hub.db", **mail_settings(mail_port)) as hub:
        id = asyncio.run(subscribe(hub))
    with running_hub(tmp_path / "hub.db") as hub:
        asyncio.run(write(hub, id))
