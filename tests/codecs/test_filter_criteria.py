from __future__ import annotations

import pytest
from hypothesis import given

from hub.codecs.filter_criteria import read_filters, write_filter
from hub.core.release import FhirRelease
from hub.core.subscription import FilterBy
from hub.errors import FilterInvalid
from tests.support.subscriptions import filters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("patient=Patient/1", [(None, "patient", None, "Patient/1")]),
        ("Task.owner=Organization/1", [("Task", "owner", None, "Organization/1")]),
        ("Task?owner=Organization/1", [("Task", "owner", None, "Organization/1")]),
        ("code:in=http://x.org/vs", [(None, "code", "in", "http://x.org/vs")]),
        ("Task.code:not=a|b", [("Task", "code", "not", "a|b")]),
        ("Task?code:not=a,b&status=requested",
         [("Task", "code", "not", "a,b"), ("Task", "status", None, "requested")]),
        ("Task.code=a&Patient.active=true&x=y",
         [("Task", "code", None, "a"), ("Patient", "active", None, "true"),
          (None, "x", None, "y")]),
        ("patient.gender=female", [(None, "patient.gender", None, "female")]),
        ("Task.patient.gender=female", [("Task", "patient.gender", None, "female")]),
        ("subject:Patient.name:exact=Ann", [(None, "subject:Patient.name", "exact", "Ann")]),
        ("subject:Patient.name=Ann", [(None, "subject:Patient.name", None, "Ann")]),
        ("subject:Patient=1", [(None, "subject", "Patient", "1")]),
        ("_has:Observation:patient:code=1", [(None, "_has:Observation:patient:code", None, "1")]),
        ("_has:Observation:patient:code:not=1",
         [(None, "_has:Observation:patient:code", "not", "1")]),
        ("period=gt2020-01-01T00:00:00+01:00",
         [(None, "period", None, "gt2020-01-01T00:00:00+01:00")]),
        ("patient=Patient%2F1", [(None, "patient", None, "Patient/1")]),
        ("name=100%2525", [(None, "name", None, "100%25")]),
        ("name=a%26b=c", [(None, "name", None, "a&b=c")]),
        ("Resource?_id=1", [(None, "_id", None, "1")]),
    ],
)  # fmt: skip
def test_a_filter_string_is_read_in_every_spelling(
    text: str, expected: list[tuple[str | None, str, str | None, str]]
) -> None:
    found = read_filters(text, "e")
    assert [
        (one.resource_type, one.filter_parameter, one.modifier, one.value) for one in found
    ] == expected


@pytest.mark.parametrize(
    "text",
    ["", "patient", "patient=", "=x", "a=1&", "a=1&&b=2", "?a=1", "Task?", "Task.=1", "a:=1",
     "http://x.org/p=1", "a b=1", "a=%FF", "a=%00", "a..b=1", "/Task?a=1"],
)  # fmt: skip
def test_a_filter_that_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(FilterInvalid) as refusal:
        read_filters(text, "Subscription.criteria.extension[1]")
    assert refusal.value.expression == "Subscription.criteria.extension[1]"


@given(filter_by=filters(FhirRelease.R4))
def test_what_is_written_is_read_again(filter_by: FilterBy) -> None:
    assert read_filters(write_filter(filter_by), "e") == [filter_by]


def test_a_comparator_becomes_the_prefix_of_the_value() -> None:
    length = FilterBy(filter_parameter="length", value="5", comparator="gt")
    assert write_filter(length) == "length=gt5"
