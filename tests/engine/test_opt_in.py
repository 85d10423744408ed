"""Email Subscriptions on virtual time: active at once, or only once a person agreed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from hub.core.delivery import DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.timing import CONFIRM_WITHIN, RetryPolicy
from hub.engine.opt_in import PATH, OptIn
from hub.engine.verification import CAUSES, CAUSES_BY_MAIL
from hub.errors import NotFound
from hub.stores.secrets import signer
from tests.support.rig import HOUR, PUBLIC_URL, SECOND, Rig, on_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4
MAIL: dict[str, Any] = {
    "type": "email",
    "endpoint": "mailto:ward@example.org",
    "payload": "text/plain",
}
SIGN = signer(b"k" * 32, "test")


def on_mail(
    scenario: Callable[[Rig, Endpoints], Coroutine[Any, Any, None]], **settings: Any
) -> None:
    """Run a scenario on a rig with email, and with the far end of it."""
    mails = Endpoints()
    on_rig(lambda rig: scenario(rig, mails), mails=mails, **settings)


def opt_in_of(rig: Rig) -> OptIn:
    assert rig.hub.opt_in is not None
    return rig.hub.opt_in


def token_of(envelope: Envelope) -> str:
    """Return the token in a question."""
    assert envelope.confirm_url is not None
    assert envelope.confirm_url.startswith(f"{PUBLIC_URL}{PATH}/")
    return envelope.confirm_url.rpartition("/")[2]


def fail(failure: FailureClass) -> Any:
    """Return what answers so every time."""

    def answer(envelope: Envelope, attempt: int) -> DeliveryResult:
        return Failed(failure=failure, reason="no", status=550)

    return answer


def test_an_email_subscription_is_active_at_once_and_is_sent_events_alone() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        assert rig.status("sub") == "active"
        await rig.write(a_task())
        await rig.after(SECOND)
        ((_, envelope),) = mails.attempts
        assert mails.numbers() == [1]
        assert envelope.notification is not None
        assert envelope.notification.events[0].event_number == 1
        assert envelope.confirm_url is None
        assert "Task" not in repr(envelope)

    on_mail(scenario)


def test_what_the_mail_server_refuses_for_good_is_not_tried_again() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        mails.answers = fail(FailureClass.UNDELIVERABLE)
        await rig.write(a_task())
        await rig.after(100 * HOUR)
        assert len(mails.attempts) == 1
        assert rig.status("sub") == "error"
        assert "no" in (rig.subscriber("sub").error or "")
        mails.answers = Endpoints.answers
        await rig.write(a_task())
        await rig.update("sub", **MAIL)
        assert rig.status("sub") == "active"
        await rig.after(SECOND)
        assert mails.numbers() == [1, 2]
        assert mails.of("handshake") == []

    on_mail(scenario)


def test_what_the_mail_server_takes_later_is_tried_by_the_schedule() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        mails.answers = fail(FailureClass.BUSY)
        await rig.write(a_task())
        await rig.after(SECOND)
        mails.answers = Endpoints.answers
        await rig.write(a_task())
        await rig.after(HOUR)
        assert mails.numbers() == [1, 2]
        ids = {each.notification.id for _, each in mails.attempts[:2] if each.notification}
        assert len(ids) == 1

    on_mail(scenario, policy=RetryPolicy(schedule=(5 * SECOND,), floor=SECOND))


def test_a_mail_a_day_is_the_most_that_a_heartbeat_makes() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", heartbeat=60, **MAIL)
        await rig.after(49 * HOUR)
        assert len(mails.of("heartbeat")) == 3  # the first one at once

    on_mail(scenario)


def test_a_person_is_asked_once_and_events_wait_for_the_answer() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        await rig.write(a_task())
        await rig.after(HOUR)
        ((_, question),) = mails.attempts
        assert rig.status("sub") == "requested"
        token = token_of(question)
        asked = opt_in_of(rig).asked(token)
        assert (asked.address, asked.confirmed) == ("ward@example.org", False)
        assert asked.topic == "http://example.org/topics/task"
        assert rig.status("sub") == "requested"
        confirmed = await opt_in_of(rig).confirm(token)
        assert confirmed.confirmed
        assert rig.status("sub") == "active"
        await rig.after(SECOND)
        assert mails.numbers() == [1]
        assert (await opt_in_of(rig).confirm(token)).confirmed
        assert opt_in_of(rig).asked(token).confirmed
        assert mails.attempts[-1][1].confirm_url is None

    on_mail(scenario, sign=SIGN)


def test_two_who_agree_at_once_both_agreed() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        await rig.after(SECOND)
        token = token_of(mails.attempts[0][1])
        both = await asyncio.gather(opt_in_of(rig).confirm(token), opt_in_of(rig).confirm(token))
        assert [each.confirmed for each in both] == [True, True]

    on_mail(scenario, sign=SIGN)


def test_who_does_not_answer_in_a_day_is_not_written_to_and_can_be_asked_again() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        await rig.after(CONFIRM_WITHIN + HOUR)
        assert rig.status("sub") == "error"
        assert "nobody agreed in time" in (rig.subscriber("sub").error or "")
        first = token_of(mails.attempts[0][1])
        with pytest.raises(NotFound):
            opt_in_of(rig).asked(first)
        await rig.update("sub", **MAIL)
        assert rig.status("sub") == "requested"
        await rig.after(SECOND)
        second = token_of(mails.attempts[1][1])
        for old in (first, f"{second}x", second[:-1], "", "1.1.1.x", "ä", "x" * 1000):
            with pytest.raises(NotFound):
                await opt_in_of(rig).confirm(old)
        assert rig.status("sub") == "requested"
        await opt_in_of(rig).confirm(second)
        assert rig.status("sub") == "active"

    on_mail(scenario, sign=SIGN)


def test_a_link_is_of_one_subscription_as_it_was() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        await rig.after(SECOND)
        first = token_of(mails.attempts[0][1])
        other = MAIL | {"endpoint": "mailto:other@example.org"}
        await rig.update("sub", **other)
        await rig.after(SECOND)
        assert mails.attempts[1][1].endpoint == "mailto:other@example.org"
        with pytest.raises(NotFound):
            await opt_in_of(rig).confirm(first)
        second = token_of(mails.attempts[1][1])
        await rig.update("sub", status="off", **other)
        with pytest.raises(NotFound):
            await opt_in_of(rig).confirm(second)
        await rig.hub.subscriptions.delete(R4, "sub")
        with pytest.raises(NotFound):
            await opt_in_of(rig).confirm(second)

    on_mail(scenario, sign=SIGN)


def test_a_change_while_the_question_is_under_way_is_a_question_of_its_own() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        taken = asyncio.Event()
        go_on = asyncio.Event()
        plain = mails.send

        async def slow(envelope: Envelope) -> DeliveryResult:
            result = await plain(envelope)
            taken.set()
            await go_on.wait()
            return result

        mails.send = slow  # type: ignore[method-assign]  # a far end that takes its time
        await rig.update("sub", **MAIL)
        await taken.wait()
        await rig.update("sub", **MAIL | {"endpoint": "mailto:other@example.org"})
        go_on.set()
        await rig.after(SECOND)
        assert [each.endpoint for _, each in mails.attempts] == [
            "mailto:ward@example.org",
            "mailto:other@example.org",
        ]

    on_mail(scenario, sign=SIGN)


def test_a_question_that_cannot_be_sent_is_tried_again_or_given_up() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        mails.answers = lambda envelope, attempt: (
            Failed(failure=FailureClass.BUSY, reason="later")
            if attempt == 1
            else Endpoints.answers(envelope, attempt)
        )
        await rig.update("sub", **MAIL)
        await rig.after(HOUR)
        assert len(mails.attempts) == 2
        await opt_in_of(rig).confirm(token_of(mails.attempts[1][1]))
        mails.answers = fail(FailureClass.UNDELIVERABLE)
        await rig.update("other", **MAIL)
        await rig.after(HOUR)
        assert rig.status("other") == "error"

    on_mail(scenario, sign=SIGN)


def test_who_is_active_stays_so_and_another_address_is_asked() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        await rig.after(SECOND)
        await opt_in_of(rig).confirm(token_of(mails.attempts[0][1]))
        await rig.update("sub", status="active", max_count=3, **MAIL)
        assert rig.status("sub") == "active"
        await rig.update("sub", status="active", **MAIL | {"endpoint": "mailto:b@example.org"})
        assert rig.status("sub") == "requested"

    on_mail(scenario, sign=SIGN)


def test_a_trial_by_mail_asks_as_well_and_knows_other_causes() -> None:
    async def scenario(rig: Rig, mails: Endpoints) -> None:
        await rig.update("sub", **MAIL)
        await rig.after(SECOND)
        assert (await rig.hub.verification.verify(R4, "sub")).cause == ""
        assert rig.status("sub") == "requested"
        await opt_in_of(rig).confirm(token_of(mails.attempts[1][1]))
        await rig.hub.verification.verify(R4, "sub")
        assert mails.attempts[2][1].confirm_url is None
        for failure in FailureClass:
            mails.answers = fail(failure)
            verified = await rig.hub.verification.verify(R4, "sub")
            assert verified.cause == CAUSES_BY_MAIL.get(failure, CAUSES[failure]) != ""

    on_mail(scenario, sign=SIGN)


def test_links_are_of_one_purpose_and_one_key() -> None:
    assert len(SIGN("a")) == 43
    assert (
        len({SIGN("a"), SIGN("b"), signer(b"k" * 32, "x")("a"), signer(b"l" * 32, "test")("a")})
        == 4
    )
    assert timedelta(hours=24) == CONFIRM_WITHIN
