"""Which events a lane sends next, and what it says of those that are gone."""

from __future__ import annotations

from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.timing import DeliveryState, Kind
from hub.engine.delivery_range import lost_before, numbers_due
from tests.support.subscriptions import a_subscription


def _subscriber(state: DeliveryState, max_count: int | None = None) -> Subscriber:
    return Subscriber(
        sid=1,
        subscription=a_subscription(FhirRelease.R4, max_count=max_count),
        delivery=state,
    )


def test_what_is_due_is_bounded_by_max_count_by_what_is_kept_and_by_a_retry() -> None:
    for subscriber, kind, expected in (
        (_subscriber(DeliveryState(cursor=3)), Kind.EVENTS, (4, 23)),
        (_subscriber(DeliveryState(cursor=3), 2), Kind.EVENTS, (4, 5)),
        (_subscriber(DeliveryState(cursor=3, retry_to=6)), Kind.EVENTS, (4, 6)),
        (_subscriber(DeliveryState(cursor=0)), Kind.EVENTS, (2, 21)),
        (_subscriber(DeliveryState(cursor=9, resend=((3, 7), (9, 9))), 2), Kind.RESEND, (3, 4)),
        (_subscriber(DeliveryState(cursor=9, resend=((3, 7), (9, 9)))), Kind.RESEND, (3, 7)),
    ):
        assert numbers_due(subscriber, kind, 100, 2) == expected


def test_numbers_that_are_gone_are_named_where_others_take_their_place() -> None:
    subscriber = _subscriber(DeliveryState(cursor=3, resend=((1, 3),)))
    assert lost_before(subscriber, Kind.EVENTS, 4, 4) == ()
    assert lost_before(subscriber, Kind.RESEND, 1, 1) == ()
    (lost,) = lost_before(subscriber, Kind.EVENTS, 6, 6)
    assert lost.text == "events 4 to 5 are no longer kept"
    (lost,) = lost_before(subscriber, Kind.RESEND, 1, 3)
    assert lost.text == "events 1 to 2 are no longer kept"
