"""What is told of an event of a classic Subscription, by content level."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.core.change import Interaction
from hub.core.classic_notification import classic_notification
from hub.core.notification import NumberedEvent
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from hub.core.version import ResourceKey, ResourceVersion
from tests.support.subscriptions import a_subscription

R4 = FhirRelease.R4
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
EMPTY, ID_ONLY, FULL = PayloadContent
CLASSIC = a_subscription(R4, id="s1", topic="Task", content=FULL)
EVENT = NumberedEvent(
    number=5,
    timestamp=NOW,
    focus=ResourceVersion(
        key=ResourceKey(R4, "Task", "81"),
        version=2,
        seq=7,
        transaction=7,
        interaction=Interaction.UPDATE,
        timestamp=NOW,
        body=b"{}",
    ),
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (EMPTY, (None, None, None)),
        (ID_ONLY, ("Task", "Task/81", None)),
        (FULL, ("Task", "Task/81", Interaction.UPDATE)),
    ],
)
def test_no_more_is_held_than_may_be_told(
    content: PayloadContent, told: tuple[str | None, str | None, Interaction | None]
) -> None:
    found = classic_notification(replace(CLASSIC, content=content), EVENT, LATER)
    assert (found.resource_type, found.focus, found.interaction) == told
    assert (found.content, found.timestamp, found.is_event) == (content, NOW, True)


def test_an_event_has_one_id_whatever_changes_until_it_is_delivered() -> None:
    first = classic_notification(CLASSIC, EVENT, NOW)
    again = classic_notification(replace(CLASSIC, content=EMPTY, endpoint=None), EVENT, LATER)
    assert first.id == again.id
    others = [
        classic_notification(CLASSIC, replace(EVENT, number=6), NOW),
        classic_notification(CLASSIC, replace(EVENT, timestamp=LATER), NOW),
        classic_notification(replace(CLASSIC, id="s2"), EVENT, NOW),
        classic_notification(replace(CLASSIC, release=FhirRelease.R4B), EVENT, NOW),
        classic_notification(CLASSIC, None, NOW),
        classic_notification(CLASSIC, None, LATER),
    ]
    assert len({first.id, *(each.id for each in others)}) == 7


def test_a_trial_is_of_now_and_tells_the_type_at_most() -> None:
    found = classic_notification(CLASSIC, None, LATER)
    assert (found.is_event, found.timestamp) == (False, LATER)
    assert (found.resource_type, found.focus, found.interaction) == ("Task", None, None)
    assert classic_notification(replace(CLASSIC, content=EMPTY), None, NOW).resource_type is None
