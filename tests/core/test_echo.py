"""Whose changes are an echo, and where that can't be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.core.echo import check_echo, muted_by
from hub.core.release import FhirRelease
from hub.errors import SubscriptionRefused
from tests.support.subscriptions import a_subscription

PLAIN = a_subscription(FhirRelease.R5)
SILENT = replace(PLAIN, suppress_echo=True)


def test_an_owner_is_muted_where_it_asks_for_that() -> None:
    assert muted_by(SILENT, "lab") == "lab"
    assert muted_by(PLAIN, "lab") == ""
    check_echo(SILENT, "lab", knows_callers=True)
    check_echo(PLAIN, "", knows_callers=False)


@pytest.mark.parametrize(
    ("administrative", "owner", "knows_callers", "words"),
    [
        (True, "lab", True, "an administrator created this one for somebody else"),
        (False, "lab", False, "this one asks nobody"),
        (False, "", True, "nobody owns this one"),
    ],
)
def test_an_echo_that_nobody_could_tell_is_refused(
    administrative: bool, owner: str, knows_callers: bool, words: str
) -> None:
    asked = replace(SILENT, administrative=administrative)
    with pytest.raises(SubscriptionRefused, match=words) as told:
        check_echo(asked, owner, knows_callers=knows_callers)
    assert told.value.expression == "Subscription.extension"
