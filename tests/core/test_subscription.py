"""The life cycle of a Subscription."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease
from hub.core.subscription import (
    TRANSITIONS,
    ChannelType,
    PayloadContent,
    Signal,
    Subscription,
    SubscriptionStatusCode,
    counts,
    initial_status,
    needs_handshake,
    status_after_update,
    transition,
)
from hub.errors import Unprocessable

S = SubscriptionStatusCode
HOOK = Subscription(
    release=FhirRelease.R4,
    id="s",
    status=S.ACTIVE,
    topic="http://example.org/t",
    channel_type=ChannelType.REST_HOOK,
    content=PayloadContent.ID_ONLY,
    endpoint="https://example.org/hook",
    parameter=(("Authorization", "Bearer secret-value"),),
)
SOCKET = replace(HOOK, channel_type=ChannelType.WEBSOCKET, endpoint=None, parameter=())
CLASSIC = replace(HOOK, topic="Task", content=PayloadContent.EMPTY, content_type="")


def test_header_values_never_appear_in_its_text() -> None:
    assert "secret-value" not in repr(HOOK)


def test_its_reference_is_relative() -> None:
    assert HOOK.reference == "Subscription/s"


@given(st.sampled_from(S), st.sampled_from(Signal))
def test_any_signal_leads_to_a_status_or_is_refused(status: S, signal: Signal) -> None:
    if (status, signal) in TRANSITIONS:
        assert transition(status, signal) in S
    else:
        with pytest.raises(Unprocessable):
            transition(status, signal)


def test_only_the_client_leads_from_error_back_into_service() -> None:
    back = {
        signal
        for (status, signal), to in TRANSITIONS.items()
        if status is S.ERROR and to in (S.REQUESTED, S.ACTIVE)
    }
    assert back == {Signal.CLIENT_ON}


def test_entered_in_error_is_final() -> None:
    ends = {to for (status, _), to in TRANSITIONS.items() if status is S.ENTERED_IN_ERROR}
    assert ends == {S.ENTERED_IN_ERROR}


def test_events_count_but_for_off_and_entered_in_error() -> None:
    assert [status for status in S if not counts(status)] == [S.OFF, S.ENTERED_IN_ERROR]


@pytest.mark.parametrize(
    ("subscription", "status"),
    [
        (HOOK, S.REQUESTED),
        (replace(HOOK, status=S.REQUESTED), S.REQUESTED),
        (replace(HOOK, status=S.OFF), S.OFF),
        (SOCKET, S.ACTIVE),
        (replace(SOCKET, status=S.REQUESTED), S.ACTIVE),
        (replace(HOOK, channel_type=ChannelType.EMAIL), S.ACTIVE),
    ],
)
def test_a_new_subscription_waits_for_its_handshake_where_there_is_one(
    subscription: Subscription, status: S
) -> None:
    assert initial_status(subscription) is status


@pytest.mark.parametrize("opt_in", [False, True])
def test_an_email_is_active_at_once_unless_a_person_must_agree_first(opt_in: bool) -> None:
    mail = replace(HOOK, channel_type=ChannelType.EMAIL, endpoint="mailto:a@example.org")
    waits = S.REQUESTED if opt_in else S.ACTIVE
    assert initial_status(mail, email_opt_in=opt_in) is waits
    assert initial_status(HOOK, email_opt_in=opt_in) is S.REQUESTED
    assert initial_status(SOCKET, email_opt_in=opt_in) is S.ACTIVE
    other = replace(mail, endpoint="mailto:b@example.org")
    failed = replace(mail, status=S.ERROR)
    assert status_after_update(mail, other, email_opt_in=opt_in) is waits
    assert status_after_update(failed, mail, email_opt_in=opt_in) is waits
    assert status_after_update(mail, mail, email_opt_in=opt_in) is S.ACTIVE
    assert status_after_update(HOOK, mail, email_opt_in=opt_in) is waits


@pytest.mark.parametrize("stored", [S.ACTIVE, S.ERROR, S.OFF])
@pytest.mark.parametrize("submitted", [S.ACTIVE, S.REQUESTED])
def test_a_classic_one_is_active_at_once(stored: S, submitted: S) -> None:
    assert CLASSIC.is_classic
    assert not HOOK.is_classic
    wanted = replace(CLASSIC, status=submitted, endpoint="https://example.org/other")
    assert initial_status(wanted) is S.ACTIVE
    assert status_after_update(replace(CLASSIC, status=stored), wanted) is S.ACTIVE


def test_a_classic_one_that_is_off_stays_off() -> None:
    off = replace(CLASSIC, status=S.OFF)
    assert initial_status(off) is S.OFF
    assert status_after_update(CLASSIC, off) is S.OFF


def test_a_client_can_not_set_error() -> None:
    failed = replace(HOOK, status=S.ERROR)
    with pytest.raises(Unprocessable):
        initial_status(failed)
    with pytest.raises(Unprocessable):
        status_after_update(HOOK, failed)


@pytest.mark.parametrize(
    ("stored", "submitted", "status"),
    [
        (HOOK, HOOK, S.ACTIVE),
        (HOOK, replace(HOOK, status=S.REQUESTED), S.REQUESTED),
        (HOOK, replace(HOOK, endpoint="https://example.org/other"), S.REQUESTED),
        (HOOK, replace(HOOK, parameter=()), S.REQUESTED),
        (HOOK, replace(HOOK, content_type="application/json"), S.REQUESTED),
        (HOOK, replace(HOOK, content=PayloadContent.EMPTY), S.ACTIVE),
        (HOOK, SOCKET, S.ACTIVE),
        (HOOK, replace(HOOK, status=S.OFF), S.OFF),
        (HOOK, replace(HOOK, status=S.ENTERED_IN_ERROR), S.ENTERED_IN_ERROR),
        (replace(HOOK, status=S.ERROR), HOOK, S.REQUESTED),
        (replace(HOOK, status=S.OFF), HOOK, S.REQUESTED),
        (replace(SOCKET, status=S.OFF), SOCKET, S.ACTIVE),
        (replace(HOOK, status=S.REQUESTED), HOOK, S.REQUESTED),
    ],
)
def test_an_update_reactivates_keeps_or_ends(
    stored: Subscription, submitted: Subscription, status: S
) -> None:
    assert status_after_update(stored, submitted) is status


def test_a_new_target_needs_a_handshake() -> None:
    assert not needs_handshake(HOOK, replace(HOOK, max_count=3))
    assert needs_handshake(HOOK, SOCKET)


def test_what_was_entered_in_error_stays_so() -> None:
    with pytest.raises(Unprocessable):
        status_after_update(replace(HOOK, status=S.ENTERED_IN_ERROR), HOOK)
