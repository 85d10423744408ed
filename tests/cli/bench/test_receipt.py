"""What a receiver got is compared with what was to come, exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.bench.failure import Wrong
from hub.cli.bench.receipt import Receipt, check_received, numbers_in
from hub.core.notification import NotificationType
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from tests.support.notifications import BASE, CODECS, a_notification


@given(st.integers(0, 30).flatmap(lambda n: st.permutations(range(1, n + 1))))
def test_all_numbers_in_any_order_leave_no_gap(numbers: list[int]) -> None:
    receipt = Receipt()
    assert all(receipt.take(number) for number in numbers)
    top, again, early, disorder = receipt.report()
    assert (top, again, early) == (len(numbers), 0, 0)
    assert bool(disorder) is (numbers != sorted(numbers))


@given(st.lists(st.integers(1, 12)))
def test_new_and_repeated_numbers_are_told_apart(numbers: list[int]) -> None:
    receipt = Receipt()
    new = sum([receipt.take(number) for number in numbers])
    top, again, early, _ = receipt.report()
    assert new == len(set(numbers)) == top + early
    assert again == len(numbers) - new


def test_what_is_complete_is_counted() -> None:
    assert check_received({"a": [2, 0, 0, 0], "b": [1, 0, 0, 0]}, {"a": 2, "b": 1, "c": 0}) == 3


@pytest.mark.parametrize(
    ("report", "wanted"),
    [
        ([2, 0, 0, 0], 3),
        ([3, 0, 0, 0], 2),
        ([1, 0, 1, 1], 3),
        ([2, 1, 0, 0], 2),
        ([2, 0, 0, 1], 2),
    ],
)
def test_loss_gaps_repeats_and_disorder_are_wrong(report: list[int], wanted: int) -> None:
    with pytest.raises(Wrong, match=r"^a: "):
        check_received({"a": report}, {"a": wanted})


def test_who_got_nothing_is_missed() -> None:
    with pytest.raises(Wrong, match="b: 1 events were made"):
        check_received({"a": [1, 0, 0, 0]}, {"a": 1, "b": 1})


@pytest.mark.parametrize("content", PayloadContent)
def test_numbers_are_found_in_what_the_hub_sends(content: PayloadContent) -> None:
    notification = a_notification(FhirRelease.R4, NotificationType.EVENT_NOTIFICATION, content)
    text = CODECS[FhirRelease.R4].encode_notification(notification, BASE)
    assert numbers_in(text) == [event.event_number for event in notification.events] != []
