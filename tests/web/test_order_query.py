"""What the search box of the orders asks for."""

from __future__ import annotations

import pytest

from hub.errors import InvalidSearch
from hub.web.pages.order_query import REQUESTS, OrderQuery, read_order_query

KNOWN = ("ServiceRequest", "Task", "MedicationRequest")


@pytest.mark.parametrize(
    ("text", "types", "searches"),
    [
        ("", KNOWN, [()]),
        (
            "status:requested owner:Organization/lab",
            KNOWN,
            [(("status", "requested"), ("owner", "Organization/lab"))],
        ),
        ("Task/17", ("Task",), [(("_id", "17"),)]),
        ("17", KNOWN, [(("_id", "17"),), (("identifier", "17"),)]),
        (
            "type:Task,ServiceRequest status:not=draft",
            ("ServiceRequest", "Task"),
            [(("status:not", "draft"),)],
        ),
        (
            "identifier:http://example.org/orders|A=1",
            KNOWN,
            [(("identifier", "http://example.org/orders|A=1"),)],
        ),
        ('code:"blood count" type:Task', ("Task",), [(("code", "blood count"),)]),
        (
            "_has:Task:focus:owner=Organization/lab",
            KNOWN,
            [(("_has:Task:focus:owner", "Organization/lab"),)],
        ),
        (
            "A-17 status:active",
            KNOWN,
            [
                (("status", "active"), ("_id", "A-17")),
                (("status", "active"), ("identifier", "A-17")),
            ],
        ),
    ],
)
def test_words_become_searches(
    text: str, types: tuple[str, ...], searches: list[tuple[tuple[str, str], ...]]
) -> None:
    assert read_order_query(text, KNOWN) == OrderQuery(types, tuple(searches))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("type:Patient", "'Patient' is no type of orders; allowed: ServiceRequest, Task"),
        ("Patient/1", "'Patient' is no type of orders"),
        ("17 18", "'18' is a second id"),
        ('code:"blood', "is not closed"),
        ("status:", "lacks a name or a value"),
        (":requested", "lacks a name or a value"),
        ("_sort:status", "_sort is no condition"),
        ("_include=Task:focus", "_include is no condition"),
        ("x" * 1001, "at most 1000 characters"),
    ],
)
def test_what_can_t_be_understood_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidSearch, match=words):
        read_order_query(text, KNOWN)


def test_requests_are_types_of_some_release() -> None:
    assert len(set(REQUESTS)) == len(REQUESTS)
