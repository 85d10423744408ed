"""Email Subscriptions over a running hub and a real mail server, in every release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.codecs.xml_reader import read_xml
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import PayloadContent
from tests.channels.test_mailto import WRONG
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, running_hub
from tests.journeys.mailing import a_task, an_address, email, mail_settings, with_mail
from tests.support.builders import RELEASES
from tests.support.mail_server import MailServer, Taken
from tests.support.notification_rules import check_notification, read_status
from tests.support.ports import fresh_port

R4, R4B, R5 = RELEASES
LEVELS = [level.value for level in PayloadContent]
FORMS = [
    f"text/{text}{attach}"
    for text in ("plain", "html")
    for attach in ("", ";attach=application/fhir+json")
]


@pytest.fixture(scope="module")
def mail_port() -> int:
    """The port of the mail server, where each test has one of its own."""
    return fresh_port()


@pytest.fixture(scope="module")
def hub(mail_port: int) -> Iterator[RunningHub]:
    """A hub that sends mails."""
    with running_hub(**mail_settings(mail_port)) as running:
        yield running


def payload_of(release: FhirRelease, resource: Resource) -> str:
    """Return the MIME type that a stored Subscription states."""
    found: str = resource["contentType"] if release is R5 else resource["channel"]["payload"]
    return found


@pytest.mark.parametrize("content", LEVELS)
def test_each_form_in_each_release_tells_what_its_level_allows(
    hub: RunningHub, mail_port: int, content: str
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner = fresh()
        addresses = {form: an_address() for form in FORMS}
        for form, address in addresses.items():
            wanted = email(fhir.release, address, owner, content=content, payload=form)
            stored = await fhir.create(wanted)
            assert stored["status"] == "active"
            assert payload_of(fhir.release, stored) == form
        task = await fhir.create(a_task(owner))
        for form, address in addresses.items():
            (mail,) = await mails.mails(1, address)
            check(mail, form, content, task, fhir)

    with_mail(hub, mail_port, scenario)


def check(mail: Taken, form: str, content: str, task: Resource, fhir: Fhir) -> None:
    """Check one mail about the creation of a Task."""
    message = mail.message
    reference = f"Task/{task['id']}"
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    assert message["Auto-Submitted"] == "auto-generated"
    assert task["id"] not in headers
    assert "canary" not in headers + mail.text
    assert f"{fhir.base}/Subscription/" in mail.text and "$events" in mail.text
    if content == "empty":
        assert "Task" not in headers + mail.text
        assert task["id"] not in mail.text
    else:
        assert message["Subject"] == "Task activity: event 1"
        assert reference in mail.text and f"{fhir.base}/{reference}" in mail.text
    assert ("was created" in mail.text) is (content == "full-resource")
    body = message.get_body(("plain", "html"))
    assert body is not None and body.get_content_type() == form.partition(";")[0]
    if "attach" not in form:
        assert mail.attachment is None
        return
    assert mail.attachment is not None
    bundle = check_notification(mail.attachment, fhir.release)
    status = read_status(bundle["entry"][0]["resource"])
    assert status["type"] == "event-notification"
    assert message["Date"].datetime.replace(microsecond=0).isoformat() in (
        status["events"][0]["timestamp"].replace("Z", "+00:00").partition(".")[0] + "+00:00"
    )
    assert (b"canary" in mail.attachment) is (content == "full-resource")
    assert (reference.encode() in mail.attachment) is (content != "empty")


def test_xml_is_attached_where_it_is_asked_for(hub: RunningHub, mail_port: int) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        payload = "text/plain;attach=application/fhir+xml"
        stored = await fhir.create(email(fhir.release, address, owner, payload=payload))
        assert payload_of(fhir.release, stored) == payload
        task = await fhir.create(a_task(owner))
        (mail,) = await mails.mails(1, address)
        (part,) = mail.message.iter_attachments()
        assert part.get_content_type() == "application/fhir+xml"
        assert part.get_filename() == "notification.xml"
        bundle = read_xml(mail.attachment or b"", fhir.release).value
        checked = check_notification(json.dumps(bundle).encode(), fhir.release)
        (event,) = read_status(checked["entry"][0]["resource"])["events"]
        assert event["focus"].endswith(f"Task/{task['id']}")

    with_mail(hub, mail_port, scenario)


def test_a_mail_that_is_tried_again_has_the_same_message_id_and_5xx_is_the_end(
    hub: RunningHub, mail_port: int
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        stored = await fhir.create(email(fhir.release, address, owner))
        mails.tried.clear()
        mails.answers.extend(["451 later", "421 later still"])
        await fhir.create(a_task(owner))
        (mail,) = await mails.mails(1, address)
        assert len(mails.tried) == 3
        assert len({each.data for each in mails.tried}) == 1
        assert mail.message["Message-ID"]
        mails.answers.append("554 no")
        await fhir.create(a_task(owner))
        found = await fhir.until(stored["id"], "error")
        assert any("554" in str(error) for error in found["errors"])
        outcomes = [attempt["outcome"] for attempt in await fhir.attempts(stored["id"])]
        assert outcomes == ["undeliverable", "delivered", "busy", "busy"]
        await fhir.put({**(await fhir.get(f"Subscription/{stored['id']}")), "status": "requested"})
        _, second = await mails.mails(2, address)
        assert second.message["Message-ID"] != mail.message["Message-ID"]
        assert (await fhir.status(stored["id"]))["status"] == "active"

    with_mail(hub, mail_port, scenario)


def test_events_that_wait_are_one_mail_up_to_max_count(hub: RunningHub, mail_port: int) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        own = ("Subject", "Büro: Neues")
        stored = await fhir.create(
            email(fhir.release, address, owner, max_count=2, headers=[own, ("X-Ward", "7")])
        )
        entries = [
            {"resource": a_task(owner), "request": {"method": "POST", "url": "Task"}}
            for _ in range(5)
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        assert (await fhir.ask("POST", "", bundle)).status_code == 200
        found = await mails.mails(3, address)
        told = []
        for mail in found:
            assert mail.message["Subject"] == "Büro: Neues"
            assert mail.message["X-Ward"] == "7"
            status = read_status(json.loads(mail.attachment or b"")["entry"][0]["resource"])
            told.append([int(event["number"]) for event in status["events"]])
        assert told == [[1, 2], [3, 4], [5]]
        shown = await fhir.get(f"Subscription/{stored['id']}")
        assert "Neues" not in json.dumps(shown, ensure_ascii=False)

    with_mail(hub, mail_port, scenario)


def test_a_heartbeat_is_raised_to_a_day_and_an_absent_payload_is_plain_text(
    hub: RunningHub, mail_port: int
) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        wanted = email(fhir.release, address, owner, heartbeat=60, payload=None)
        if fhir.release is not R5:
            wanted["channel"].pop("payload", None)
        stored = await fhir.create(wanted)
        assert "86400" in json.dumps(stored)
        assert payload_of(fhir.release, stored) == "text/plain"
        (beat,) = await mails.mails(1, address)
        assert "Nothing new" in beat.text

    with_mail(hub, mail_port, scenario)


def test_what_is_refused_names_the_element_of_the_release(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        changes: list[tuple[dict[str, Any], int, str, str]] = [
            ({"payload": "application/fhir+json"}, 422, "not-supported", "contentType"),
            ({"payload": "text/plain;attach=application/fhir+turtle"}, 422, "not-supported",
             "contentType"),
            ({"endpoint": "mailto:a@example.org?bcc=b@example.org"}, 422, "value", "endpoint"),
            ({"endpoint": "https://example.org/hook"}, 422, "value", "endpoint"),
            ({"endpoint": None}, 422, "value", "endpoint"),
            ({"headers": [("Bcc", "b@example.org")]}, 422, "value", "parameter"),
            ({"headers": [("Subject", "=?utf-8?q?=0ABcc:b?=")]}, 422, "value", "parameter"),
        ]  # fmt: skip
        element = {"contentType": "payload", "endpoint": "endpoint", "parameter": "header"}
        for change, status, code, name in changes:
            wanted = email(fhir.release, "a@example.org", fresh(), **change)
            found, issue = await fhir.refused("POST", "Subscription", wanted)
            expected = f"Subscription.{name}"
            if fhir.release is not R5:
                expected = f"Subscription.channel.{element[name]}"
            assert (found, issue["code"], issue["expression"]) == (status, code, [expected]), change

    in_every_release(hub, scenario)


def test_no_wrong_address_is_stored(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        before = (await fhir.get("Subscription?_summary=count"))["total"]
        for name, (url, _) in WRONG.items():
            wanted = email(R5, "a@example.org", fresh()) | {"endpoint": url}
            answer = await fhir.ask("POST", "Subscription", wanted)
            assert answer.status_code in {400, 422}, name
        assert (await fhir.get("Subscription?_summary=count"))["total"] == before

    in_every_release(hub, scenario, [R5])


def test_the_settings_decide_who_is_written_to_and_how_much(mail_port: int) -> None:
    settings = mail_settings(
        mail_port, email_domains=("example.org",), email_content=PayloadContent.ID_ONLY
    )
    with running_hub(**settings) as hub:

        async def scenario(fhir: Fhir) -> None:
            other = email(fhir.release, "a@example.com", fresh())
            status, issue = await fhir.refused("POST", "Subscription", other)
            assert (status, issue["code"]) == (422, "business-rule")
            assert "--email-domain" in issue["diagnostics"]
            full = email(fhir.release, "a@example.org", fresh(), content="full-resource")
            status, issue = await fhir.refused("POST", "Subscription", full)
            assert (status, issue["code"]) == (403, "forbidden")
            assert "--email-content" in issue["diagnostics"]

        in_every_release(hub, scenario)


def test_verify_sends_a_mail_and_says_what_came_of_it(hub: RunningHub, mail_port: int) -> None:
    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        address = an_address()
        stored = await fhir.create(email(fhir.release, address, fresh()))
        found = await verified(fhir, stored["id"])
        assert found["outcome"] == "delivered"
        (mail,) = await mails.mails(1, address)
        assert mail.message["Subject"] == "Task activity: connected"
        mails.recipients.append("550 unknown")
        found = await verified(fhir, stored["id"])
        assert found["outcome"] == "undeliverable"
        assert "does not take mails" in found["cause"]

    with_mail(hub, mail_port, scenario, (R4,))


async def verified(fhir: Fhir, id: str) -> dict[str, Any]:
    """Return what a trial came to, by name."""
    answer = await fhir.ask("POST", f"Subscription/{id}/$verify")
    assert answer.status_code == 200, answer.text
    return {
        each["name"]: next(each[name] for name in each if name.startswith("value"))
        for each in answer.json()["parameter"]
    }
