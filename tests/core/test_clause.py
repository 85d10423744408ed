"""Clauses tell what was asked, what was there, and whether it held: the same as what decides."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.clause import shown
from hub.core.compiled_topic import Verdict
from hub.core.filters import accept_filters
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.subscription import FilterBy
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change, compiled, task

LAB = {"reference": "Organization/lab"}


def verdict(
    trigger: dict[str, Any], previous: Resource | None, current: Resource | None
) -> Verdict:
    (found,) = compiled(trigger).explain(change(previous, current), NOWHERE)
    return found


def told(found: Verdict) -> list[tuple[str, str, bool | None, tuple[str, ...]]]:
    return [(each.name, each.text, each.holds, each.found) for each in found.clauses]


REQUESTED = {
    "queryCriteria": {
        "previous": "status:not=requested",
        "resultForCreate": "test-passes",
        "current": "status=requested&owner=Organization/lab,Organization/x",
        "resultForDelete": "test-fails",
        "requireBoth": True,
    }
}


def test_each_condition_of_a_query_is_a_clause_with_what_was_there() -> None:
    found = verdict(REQUESTED, task("draft"), task("requested", owner=LAB))
    assert found.fires and found.concerns
    assert told(found) == [
        ("queryCriteria.previous", "status:not=requested", True, ("draft",)),
        ("queryCriteria.current", "status=requested", True, ("requested",)),
        (
            "queryCriteria.current",
            "owner=Organization/lab,Organization/x",
            True,
            ("Organization/lab",),
        ),
    ]


def test_a_result_for_create_or_delete_is_a_clause() -> None:
    created = verdict(REQUESTED, None, task("requested"))
    assert not created.fires
    assert told(created)[0] == ("queryCriteria.resultForCreate", "test-passes", True, ())
    assert told(created)[2][2:] == (False, ())
    deleted = verdict(REQUESTED, task("draft"), None)
    assert told(deleted)[0] == ("queryCriteria.resultForDelete", "test-fails", False, ())
    silent = verdict({"queryCriteria": {"current": "status=requested"}}, None, task())
    assert [each.name for each in silent.clauses] == ["queryCriteria.current"]


def test_fhirpath_is_one_clause_with_its_error() -> None:
    path = "%current.status = 'requested'"
    assert told(verdict({"fhirPathCriteria": path}, None, task())) == [
        ("fhirPathCriteria", path, True, ())
    ]
    several = {"fhirPathCriteria": "%current.note.text.single() = 'a'"}
    broken = verdict(several, None, task(note=[{"text": "a"}, {"text": "b"}]))
    assert broken.clauses[0].holds is None and broken.clauses[0].error
    assert broken.error == broken.clauses[0].error


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"resource": "Patient"}, "it is about Patient, not Task"),
        ({"supportedInteraction": ["update", "delete"]}, "it is about update, delete, not create"),
    ],
)
def test_a_trigger_that_does_not_look_at_a_change_says_why(
    trigger: dict[str, Any], words: str
) -> None:
    found = verdict(trigger, None, task())
    assert (found.why_not, found.concerns, found.fires, found.clauses) == (words, False, False, ())


STATUS = st.sampled_from(["requested", "draft", "accepted"])


@given(
    st.lists(st.tuples(STATUS, st.sampled_from([None, "not"])), max_size=4), STATUS, st.booleans()
)
def test_filters_accept_exactly_if_every_clause_holds(
    wanted: list[tuple[str, str | None]], status: str, owned: bool
) -> None:
    topic = compiled(
        {},
        canFilterBy=[
            {"filterParameter": "status", "modifier": ["not"]},
            {"filterParameter": "owner"},
        ],
    )
    entries = [FilterBy(filter_parameter="status", value=s, modifier=m) for s, m in wanted]
    entries.append(FilterBy(filter_parameter="owner", value="Organization/lab"))
    filters = accept_filters(topic, entries, PARAMETERS[FhirRelease.R4])
    made = change(None, task(status, owner=LAB) if owned else task(status))
    clauses = filters.clauses(made, NOWHERE)
    assert filters.accepts(made, NOWHERE) is all(clause.holds for clause in clauses)


def test_a_filter_on_referrers_has_nothing_to_show() -> None:
    topic = compiled({}, canFilterBy=[{"filterParameter": "_has:Task:part-of:owner"}])
    wanted = FilterBy(filter_parameter="_has:Task:part-of:owner", value="Organization/lab")
    filters = accept_filters(topic, [wanted], PARAMETERS[FhirRelease.R4])
    (clause,) = filters.clauses(change(None, task()), NOWHERE)
    assert (clause.name, clause.holds, clause.found) == ("filterBy Task", False, ())


@pytest.mark.parametrize(
    ("element", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (LAB, "Organization/lab"),
        ({"system": "http://loinc.org", "code": "1-8", "display": "x"}, "http://loinc.org|1-8"),
        ({"coding": [{"code": "a"}, {"code": "b"}], "text": "t"}, "a, b"),
        ({"coding": []}, "{coding}"),
        ({"text": "t"}, "t"),
        ({"identifier": {"system": "urn:x", "value": "7"}}, "urn:x|7"),
        ({"concept": {"text": "c"}}, "c"),
        ({"start": "2026", "end": "2027"}, "2026"),
        ({"b": 1, "a": 2}, "{a, b}"),
        ({"code": {"text": "x"}}, "{code}"),
        ([1], "..."),
    ],
)
def test_an_element_is_shown_in_its_short_form(element: Any, text: str) -> None:
    assert shown(element) == text
