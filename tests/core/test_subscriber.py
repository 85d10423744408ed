"""A Subscription as the hub keeps it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

from hub.core.delivery import Timing
from hub.core.numbering import Segment
from hub.core.release import FhirRelease
from hub.core.subscriber import Attempt, Subscriber
from hub.core.timing import DeliveryState
from tests.support.subscriptions import a_subscription

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_when_its_delivery_goes_on_all_else_stays() -> None:
    before = Subscriber(
        sid=7,
        subscription=a_subscription(FhirRelease.R5),
        owner="ward",
        visibility="all",
        generation=3,
        topic_version="http://example.org/topic|1",
        error="no answer",
        error_code="no-response",
        segments=(Segment(1, 4, 0),),
        delivery=DeliveryState(cursor=1),
        created=NOW,
        deleted=True,
    )
    plain = Subscriber(sid=1, subscription=a_subscription(FhirRelease.R4))
    same = [
        each.name
        for each in fields(before)
        if getattr(before, each.name) == getattr(plain, each.name)
    ]
    assert not same, "each field is told apart from what it is by default"
    delivery = DeliveryState(cursor=2, last_sent=NOW)
    for error, code in (("HTTP 500", "error-response"), (None, None)):
        after = before.faring(delivery, error, code)
        assert after == replace(before, delivery=delivery, error=error, error_code=code)


def test_an_attempt_is_shown_without_the_words_of_its_reason() -> None:
    timing = Timing(address="192.0.2.1", total=2.0)
    shown = repr(Attempt(7, NOW, "events", 2, 3, "dns", 503, timing, "a secret"))
    assert "secret" not in shown
    assert all(
        each in shown for each in ("events", "2-3", "7", str(NOW), "dns", "503", "192.0.2.1")
    )
