"""Email Subscriptions whose criteria are a search, on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from hub.core.classic_notification import ClassicNotification
from hub.core.delivery import Delivered, Envelope, Failed, FailureClass
from hub.core.release import CLASSIC, FhirRelease
from hub.core.subscription import PayloadContent
from hub.core.timing import CONFIRM_WITHIN, RetryPolicy
from tests.engine.test_opt_in import SIGN, fail, on_mail, opt_in_of, token_of
from tests.support.classic import put_classic
from tests.support.rig import HOUR, SECOND, Rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task, text_of
from tests.support.virtual_time import START

R4 = FhirRelease.R4
JSON = "application/fhir+json"
MAIL: dict[str, Any] = {"channel": "email", "endpoint": "mailto:ward@example.org"}
POLICY = RetryPolicy(schedule=(5 * SECOND,), give_up_after=20 * SECOND, floor=SECOND)
Scenario = Callable[[Rig, Endpoints], Coroutine[Any, Any, None]]


def told(envelope: Envelope) -> ClassicNotification:
    """Return what a mail tells."""
    assert envelope.notification is None
    assert envelope.update is None
    assert envelope.classic is not None
    return envelope.classic


@pytest.mark.parametrize("release", CLASSIC)
def test_it_is_active_at_once_and_each_change_is_a_mail_of_its_own(release: FhirRelease) -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        stored = await put_classic(rig, "sub", release=release, **MAIL)
        assert stored.resource["status"] == "active"
        assert "payload" not in stored.resource["channel"]
        await rig.write(a_task(id="t1"), a_task(id="t2"), release=release)
        await rig.after(SECOND)
        await rig.write(a_task("Organization/other", id="t1"), release=release)
        await rig.after(SECOND)
        first, second = [told(envelope) for _, envelope in mails.received]
        assert (first.content, first.focus, first.resource_type) == (
            PayloadContent.EMPTY,
            None,
            None,
        )
        assert first.id != second.id
        assert first.timestamp == START
        assert all(each.body == b"" for _, each in mails.received)
        assert all(each.confirm_url is None for _, each in mails.received)
        assert "Task" not in repr(mails.received)

    on_mail(scenario)


def test_with_a_payload_the_version_that_fired_goes_with_the_mail() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await put_classic(rig, "sub", payload=JSON, **MAIL)
        await put_classic(rig, "words", payload="text/plain", **MAIL)
        (written,) = await rig.write(a_task(id="t1"))
        await rig.after(SECOND)
        by_type = {each.content_type: each for _, each in mails.received}
        assert by_type[JSON].body == text_of(written)
        assert told(by_type[JSON]).content is PayloadContent.FULL_RESOURCE
        assert by_type["text/plain"].body == b""
        for envelope in by_type.values():
            assert told(envelope).focus == "Task/t1"

    on_mail(scenario)


def test_a_mail_that_is_tried_again_has_the_same_id_whatever_was_changed_meanwhile() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await put_classic(rig, "sub", **MAIL)
        mails.answers = fail(FailureClass.BUSY)
        await rig.write(a_task(id="t1"))
        await rig.after(SECOND)
        await put_classic(rig, "sub", payload=JSON, **MAIL)
        await rig.after(SECOND)
        mails.answers = Endpoints.answers
        await rig.write(a_task(id="t2"))
        await rig.after(HOUR)
        assert len(mails.attempts) >= 3
        assert len({told(each).id for _, each in mails.attempts[:-1]}) == 1
        assert [told(each).focus for _, each in mails.received] == ["Task/t1", "Task/t2"]

    on_mail(scenario, policy=RetryPolicy(schedule=(5 * SECOND,), floor=SECOND))


@pytest.mark.parametrize(
    ("failure", "tries"), [(FailureClass.UNDELIVERABLE, 1), (FailureClass.BUSY, 4)]
)
def test_what_can_t_be_sent_ends_in_error_and_goes_on_where_it_was(
    failure: FailureClass, tries: int
) -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await put_classic(rig, "sub", payload=JSON, **MAIL)
        mails.answers = fail(failure)
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        assert len(mails.attempts) == tries
        assert rig.status("sub") == "error"
        assert "no" in (rig.subscriber("sub").error or "")
        mails.answers = Endpoints.answers
        await rig.write(a_task(id="t2"))
        again = await put_classic(rig, "sub", payload=JSON, **MAIL)
        assert again.resource["status"] == "active"
        await rig.after(SECOND)
        assert [told(each).focus for _, each in mails.received] == ["Task/t1", "Task/t2"]

    on_mail(scenario, policy=POLICY)


@pytest.mark.parametrize("payload", [None, "text/plain", JSON])
def test_a_person_is_asked_once_and_matches_wait_for_the_answer(payload: str | None) -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        stored = await put_classic(rig, "sub", payload=payload, **MAIL)
        assert stored.resource["status"] == "requested"
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        ((_, question),) = mails.attempts
        assert not told(question).is_event
        assert question.body == b""
        token = token_of(question)
        asked = opt_in_of(rig).asked(token)
        assert asked.topic == (None if payload is None else "Task")
        await opt_in_of(rig).confirm(token)
        assert rig.status("sub") == "active"
        await rig.after(SECOND)
        _, (_, mail) = mails.attempts
        assert told(mail).is_event
        assert mail.confirm_url is None

    on_mail(scenario, sign=SIGN)


def test_who_does_not_answer_in_a_day_is_not_written_to() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await put_classic(rig, "sub", **MAIL)
        await rig.write(a_task(id="t1"))
        await rig.after(CONFIRM_WITHIN + HOUR)
        assert rig.status("sub") == "error"
        assert "nobody agreed in time" in (rig.subscriber("sub").error or "")
        assert len(mails.attempts) == 1

    on_mail(scenario, sign=SIGN)


def test_a_trial_is_a_mail_without_resource_and_a_question_while_one_is_open() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await put_classic(rig, "sub", payload=JSON, **MAIL)
        await rig.after(SECOND)
        verified = await rig.hub.verification.verify(R4, "sub")
        assert verified.result == Delivered(status=200)
        first, trial = (each for _, each in mails.attempts)
        assert trial.confirm_url is not None
        await opt_in_of(rig).confirm(token_of(first))
        await rig.hub.verification.verify(R4, "sub")
        last = mails.attempts[-1][1]
        assert (last.confirm_url, last.body, told(last).is_event) == (None, b"", False)

    on_mail(scenario, sign=SIGN)


def test_what_the_settings_no_longer_allow_puts_it_in_error() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await put_classic(rig, "sub", **MAIL)
        mails.answers = lambda envelope, attempt: Failed(
            failure=FailureClass.BLOCKED, reason="--email-content"
        )
        await rig.write(a_task())
        await rig.after(timedelta(days=1))
        assert len(mails.attempts) == 1
        assert "--email-content" in (rig.subscriber("sub").error or "")

    on_mail(scenario)
