"""The channel email."""

from __future__ import annotations

import json
from typing import Any

from hub.core.release import Resource
from tests.conformance.item import R5, REC, SHALL, SHOULD, item
from tests.conformance.story import refused
from tests.journeys.hosting import Fhir, fresh, numbers_of
from tests.journeys.mailing import an_address, email
from tests.support.builders import CONTENTS, a_bundle, a_task, an_entry
from tests.support.mail_server import MailServer
from tests.support.notification_rules import check_notification

FORMS = [
    f"text/{text}{attach}"
    for text in ("plain", "html")
    for attach in ("", ";attach=application/fhir+json")
]


async def _subscribed(fhir: Fhir, owner: str, **changes: Any) -> tuple[str, Resource]:
    """Create an email Subscription; return its address and what was stored."""
    address = an_address()
    return address, await fhir.create(email(fhir.release, address, owner, **changes))


@item("12.1", SHALL)
async def test_12_1_each_notification_is_one_mail(fhir: Fhir, mail_port: int) -> None:
    owner = fresh()
    async with MailServer(port=mail_port) as mails:
        address, _ = await _subscribed(fhir, owner, max_count=2)
        tasks = [an_entry("POST", "Task", a_task(owner)) for _ in range(3)]
        await fhir.ask("POST", "", a_bundle("transaction", *tasks))
        found = await mails.mails(2, address)
        assert [mail.recipients for mail in found] == [[address]] * 2
        told = [json.loads(mail.attachment or b"") for mail in found]
        assert [numbers_of(bundle) for bundle in told] == [[1, 2], [3]]


@item("12.2", SHALL)
async def test_12_2_the_payload_names_body_and_attachment(fhir: Fhir, mail_port: int) -> None:
    owner = fresh()
    async with MailServer(port=mail_port) as mails:
        sent = {form: await _subscribed(fhir, owner, payload=form) for form in FORMS}
        await fhir.create(a_task(owner))
        for form, (address, stored) in sent.items():
            shown = stored["contentType"] if fhir.release is R5 else stored["channel"]["payload"]
            assert shown == form
            (mail,) = await mails.mails(1, address)
            body = mail.message.get_body(("plain", "html"))
            assert body is not None
            assert body.get_content_type() == form.partition(";")[0]
            kinds = [part.get_content_type() for part in mail.message.iter_attachments()]
            assert kinds == (["application/fhir+json"] if "attach" in form else [])


@item("12.3", SHALL)
async def test_12_3_people_read_the_body_machines_the_attachment_at_their_level(
    fhir: Fhir, mail_port: int
) -> None:
    owner = fresh()
    async with MailServer(port=mail_port) as mails:
        sent = {level: await _subscribed(fhir, owner, content=level) for level in CONTENTS}
        task = await fhir.create(a_task(owner, description="canary"))
        for level, (address, _) in sent.items():
            (mail,) = await mails.mails(1, address)
            bundle = check_notification(mail.attachment or b"", fhir.release)
            assert numbers_of(bundle) == [1]
            shown = (mail.attachment or b"").decode()
            assert not mail.text.lstrip().startswith(("{", "<Bundle"))
            assert (task["id"] in shown) is (level != "empty")
            assert ("canary" in shown) is (level == "full-resource")
            assert task["id"] not in mail.text or level != "empty"
            assert "canary" not in mail.text or level == "full-resource"


@item("12.4", SHOULD)
async def test_12_4_what_can_not_be_honoured_is_refused(fhir: Fhir) -> None:
    path = "Subscription.contentType" if fhir.release is R5 else "Subscription.channel.payload"
    for payload in ("application/fhir+json", "text/plain;attach=text/csv", "text/csv"):
        wanted = email(fhir.release, an_address(), fresh(), payload=payload)
        issue = await refused(fhir, wanted)
        assert (issue["code"], issue["expression"]) == ("not-supported", [path]), payload


@item("12.5", SHALL)
async def test_12_5_a_parameter_named_subject_is_the_subject(fhir: Fhir, mail_port: int) -> None:
    owner = fresh()
    async with MailServer(port=mail_port) as mails:
        address, _ = await _subscribed(fhir, owner, headers=[("Subject", "News of the ward")])
        await fhir.create(a_task(owner))
        (mail,) = await mails.mails(1, address)
        assert mail.message["Subject"] == "News of the ward"


@item("12.6", REC)
async def test_12_6_it_is_active_at_once_and_250_is_a_delivery(fhir: Fhir, mail_port: int) -> None:
    owner = fresh()
    async with MailServer(port=mail_port) as mails:
        address, stored = await _subscribed(fhir, owner)
        assert stored["status"] == "active"
        mails.answers.append("451 later")
        await fhir.create(a_task(owner))
        (mail,) = await mails.mails(1, address)
        assert len(mails.tried) == 2
        assert mails.tried[0].data == mail.data
