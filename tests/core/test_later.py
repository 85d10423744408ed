"""A value that is filled later is in nothing that can be seen another one."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest

from hub.core.later import Later


@dataclass(frozen=True, slots=True)
class Order(Later):
    """Something with three fields."""

    id: int
    status: str
    note: str = ""


def order(asked: list[int], **known: Any) -> Order:
    def work(source: int) -> dict[str, Any]:
        asked.append(source)
        return {"id": source, "status": "draft", "note": "n"}

    return Order.later(work, 7, **known)


def test_it_is_worked_out_once_and_only_for_what_is_not_known() -> None:
    asked: list[int] = []
    found = order(asked, id=7)
    assert found.id == 7
    assert asked == []
    assert (found.status, found.note, found.id) == ("draft", "n", 7)
    assert asked == [7]


def test_a_name_that_it_does_not_have_asks_for_nothing() -> None:
    asked: list[int] = []
    with pytest.raises(AttributeError, match="color"):
        order(asked).color  # type: ignore[attr-defined]  # noqa: B018  # that is the point
    assert asked == []


def test_what_nobody_worked_out_is_missing_as_anywhere() -> None:
    found: Order = Order.later(lambda _: {"id": 1}, None, status="draft")
    assert found.id == 1
    with pytest.raises(AttributeError, match="note"):
        found.note  # noqa: B018  # that is the point


@pytest.mark.parametrize(
    "seen",
    [hash, repr, copy, deepcopy, pickle.dumps, lambda found: replace(found, note="o")],
)
def test_whatever_looks_at_it_sees_what_it_would_see_of_any_other(
    seen: Callable[[Order], object],
) -> None:
    whole = Order(7, "draft", "n")
    assert seen(order([])) == seen(whole)
    assert order([]) == whole
    assert whole == order([])
    assert order([]) == order([])
    assert pickle.loads(pickle.dumps(order([]))) == whole  # its own


def test_one_that_is_made_at_once_is_filled_at_once() -> None:
    whole = Order(7, "draft")
    assert whole == replace(order([]), note="")
    assert not hasattr(whole, "_work")
