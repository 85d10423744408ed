from __future__ import annotations

from collections.abc import Callable

import pytest

from hub.core.refusals import MOST, Refusals
from hub.errors import (
    ContentNotSupported,
    EndpointInvalid,
    FilterInvalid,
    Issue,
    NotFound,
    SubscriptionRefused,
    Unprocessable,
)


def refuse(error: Exception) -> Callable[[], int]:
    def read() -> int:
        raise error

    return read


def test_what_is_fine_comes_back_and_nothing_is_raised() -> None:
    refusals = Refusals()
    assert refusals.take(lambda: 1, 2) == 1
    refusals.raise_any()


def test_one_refusal_is_raised_as_it_was() -> None:
    refusals, error = Refusals(), ContentNotSupported("no content")
    assert refusals.take(refuse(error), 2) == 2
    with pytest.raises(ContentNotSupported) as caught:
        refusals.raise_any()
    assert caught.value is error


def test_several_are_raised_as_one_and_keep_their_slugs() -> None:
    refusals = Refusals()
    for error in (
        ContentNotSupported("no content", expression="Subscription.content"),
        EndpointInvalid("no endpoint"),
        EndpointInvalid("no endpoint"),
        FilterInvalid("two", issues=[Issue("value", "a"), Issue("value", "b", slug="own")]),
    ):
        refusals.take(refuse(error), 0)
    with pytest.raises(SubscriptionRefused) as caught:
        refusals.raise_any()
    assert type(caught.value) is ContentNotSupported
    assert caught.value.expression == "Subscription.content"
    assert [(each.slug, each.diagnostics) for each in caught.value.issues] == [
        ("content-not-supported", "no content"),
        ("endpoint-invalid", "no endpoint"),
        ("filter-invalid", "a"),
        ("own", "b"),
    ]
    assert caught.value.issues[1].hint == EndpointInvalid.hint


def test_complaints_are_cut_off_and_other_errors_pass() -> None:
    refusals = Refusals()
    for number in range(100):
        refusals.take(refuse(Unprocessable(str(number))), 0)
    with pytest.raises(Unprocessable) as caught:
        refusals.raise_any()
    assert len(caught.value.issues) == MOST
    with pytest.raises(NotFound):
        refusals.take(refuse(NotFound("x")), 0)
