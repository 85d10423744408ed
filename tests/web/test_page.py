"""Cursors and links of pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidValue
from hub.web.limits import Limits
from hub.web.page import CURSOR, Page, address, links, read_page, write_cursor


@given(st.integers(0, 2**63 - 1))
def test_a_cursor_is_read_as_it_was_written(seq: int) -> None:
    assert read_page([(CURSOR, write_cursor(seq))], Limits()) == Page(50, seq)


@given(st.text(max_size=20))
def test_any_other_cursor_is_refused(text: str) -> None:
    try:
        found = read_page([(CURSOR, text)], Limits()).before
    except InvalidValue:
        return
    assert found is not None
    assert write_cursor(found) == text


def test_a_cursor_beyond_the_log_is_refused() -> None:
    with pytest.raises(InvalidValue):
        read_page([(CURSOR, write_cursor(2**63))], Limits())


@pytest.mark.parametrize(
    ("text", "count"), [("0", 0), ("7", 7), ("1000", 1000), ("1001", 1000), ("9" * 18, 1000)]
)
def test_a_count_is_bounded(text: str, count: int) -> None:
    assert read_page([("_count", text)], Limits()).count == count


@pytest.mark.parametrize("text", ["-1", "", "x", "1.0", "\u0661", "9" * 19])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_page([("_count", text)], Limits())


def test_links_keep_the_search_and_the_count() -> None:
    asked = [("code", "s|1,2"), ("_count", "7"), (CURSOR, write_cursor(9))]
    here, further = links("http://h/Task", asked, Page(7, 9), 3)
    assert here["url"] == f"http://h/Task?code=s%7C1,2&_count=7&_cursor={write_cursor(9)}"
    assert further["url"] == f"http://h/Task?code=s%7C1,2&_count=7&_cursor={write_cursor(3)}"


def test_an_address_without_parameters_has_no_question_mark() -> None:
    assert address("http://h/Task", []) == "http://h/Task"
