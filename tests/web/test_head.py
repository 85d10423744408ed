"""What a request says before its body, and which address is a base's."""

from __future__ import annotations

import pytest

from hub.core.release import FhirRelease
from hub.web.endpoint import read_address
from hub.web.head import Head

R4, R4B, R5 = FhirRelease


def _head(*headers: tuple[bytes, bytes]) -> Head:
    return Head({"type": "http", "method": "GET", "path": "/", "headers": list(headers)})


def test_a_header_that_is_sent_twice_counts_once_or_as_a_list() -> None:
    head = _head((b"accept", b"a"), (b"host", b"one"), (b"host", b"two"), (b"accept", b"b\xe9"))
    assert head.get(b"host") == "one"
    assert head.all(b"accept") == ["a", "bé"]
    assert b"accept" in head


def test_a_header_that_was_not_sent_is_none_and_no_list() -> None:
    head = _head((b"host", b"one"))
    assert head.get(b"accept") is None
    assert head.all(b"accept") == []
    assert b"accept" not in head
    assert head.query == b""


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/fhir/r4", (R4, ())),
        ("/fhir/r4b/", (R4B, ())),
        ("/fhir/r5//", (R5, ())),
        ("/fhir/r4/Task/1", (R4, ("Task", "1"))),
        ("/fhir/r4/Task/1/", (R4, ("Task", "1"))),
        ("/fhir/r4/Task//", (R4, ("Task", ""))),
        ("/fhir/r4//Task", (R4, ("", "Task"))),
        ("/fhir/r4/fhir/r4", (R4, ("fhir", "r4"))),
        ("/fhir/r4/Task/1\n", (R4, ("Task", "1\n"))),
        ("/fhir/r4\n", None),
        ("/fhir/R4/Task", None),
        ("/fhir/r4x", None),
        ("/fhir/r3/Task", None),
        ("/fhir/", None),
        ("/fhir", None),
        ("fhir/r4", None),
        ("//fhir/r4", None),
        ("/x/fhir/r4", None),
        ("", None),
    ],
)
def test_an_address_is_below_the_base_that_it_begins_with(path: str, address: object) -> None:
    assert read_address(path) == address
