"""The tree of refusals."""

from __future__ import annotations

import re

import pytest

from hub.error_catalogue import catalogue
from hub.errors import HubError, InvalidResource, Issue, NotFound, Unavailable


def test_each_refusal_has_a_slug_of_its_own_words_and_a_hint() -> None:
    kinds = catalogue()
    assert len(kinds) > 30
    for slug, kind in kinds.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
        assert "slug" in vars(kind), kind
        assert kind.__doc__
        assert kind.hint or kind is HubError
        assert 400 <= kind.status < 600


def test_a_refusal_is_one_issue_unless_it_says_more() -> None:
    error = NotFound("there is no Task/1", expression="Task")
    assert error.issues == (Issue("not-found", "there is no Task/1", "Task"),)
    two = (Issue("required", "a"), Issue("value", "b", "Task.status"))
    assert InvalidResource("two things", issues=two).issues == two
    assert Unavailable("later", retry_after=3).retry_after == 3


def test_a_refusal_can_be_raised_and_read() -> None:
    with pytest.raises(HubError, match="no Task"):
        raise NotFound("no Task")
