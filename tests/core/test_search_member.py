"""``_list`` and ``_in``: what a List, Group or CareTeam names."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from hub.core.search import parse_condition, parse_query
from hub.core.search_index import index_entry, plan, selects
from hub.errors import InvalidSearch
from tests.support.copies import Copies
from tests.support.search_tables import BASE_URL, PARAMETERS

R4, R5 = PARAMETERS[FhirRelease.R4], PARAMETERS[FhirRelease.R5]
PATIENT = {"resourceType": "Patient", "id": "1"}
TASK = {"resourceType": "Task", "id": "1", "for": {"reference": "Patient/1"}}


def a_list(*entries: Resource, id: str = "l") -> Resource:
    return {"resourceType": "List", "id": id, "entry": list(entries)}


def an_item(reference: Any = "Patient/1", **more: Any) -> Resource:
    return {"item": {"reference": reference}, **more}


def a_group(**more: Any) -> Resource:
    member = {"entity": {"reference": "Patient/1"}, **more}
    return {"resourceType": "Group", "id": "g", "member": [member]}


def a_team(**more: Any) -> Resource:
    participant = {"member": {"reference": "Patient/1"}, **more}
    return {"resourceType": "CareTeam", "id": "t", "participant": [participant]}


def asks(
    name: str, value: str, *copies: Resource, resource: Resource = PATIENT, known: Any = R4
) -> bool:
    condition = parse_condition(known, resource["resourceType"], name, value)
    return condition.matches(resource, Copies(*copies, parameters=known))


@pytest.mark.parametrize("known", [R4, R5])
@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (an_item(), True),
        (an_item("Patient/1/_history/3"), True),
        (an_item("Patient/2"), False),
        (an_item("Practitioner/1"), False),
        (an_item("http://other/fhir/Patient/1"), False),
        (an_item(deleted=True), False),
        (an_item(deleted=False), True),
        (an_item(None), False),
        ({"item": "Patient/1"}, False),
        ({}, False),
    ],
)
def test_a_list_names_what_its_entries_refer_to(
    known: Any, entry: Resource, expected: bool
) -> None:
    for name, value in (("_list", "l"), ("_list", "List/l"), ("_in", "List/l")):
        assert asks(name, value, a_list(entry), known=known) is expected
        assert not asks(name, value, known=known)


def test_references_below_the_hubs_base_are_its_own() -> None:
    assert asks("_list", f"{BASE_URL}/r4/List/l", a_list(an_item(f"{BASE_URL}/r4/Patient/1")))


@pytest.mark.parametrize("known", [R4, R5])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, True),
        ({"inactive": False}, True),
        ({"inactive": True}, False),
        ({"period": {"start": "2025", "end": "2026"}}, True),
        ({"period": {"start": "2026-01-01"}}, True),
        ({"period": {"start": "2026-01-02"}}, False),
        ({"period": {"end": "2025-12-31"}}, False),
        ({"period": {"end": "2026-01-01"}}, True),
        ({"period": {"start": 1, "end": "soon"}}, True),
        ({"period": "2020"}, True),
    ],
)
def test_members_count_while_they_are_active(known: Any, more: Resource, expected: bool) -> None:
    assert asks("_in", "Group/g", a_group(**more), known=known) is expected
    assert asks("_in", "List/x,Group/g", a_group(**more), known=known) is expected


def test_a_care_team_has_participants() -> None:
    assert asks("_in", "CareTeam/t", a_team())
    assert not asks("_in", "CareTeam/t", a_team(period={"end": "2025"}))
    assert not asks("_in", "CareTeam/t", a_team(coveragePeriod={"end": "2025"}), known=R5)


def test_what_a_resource_refers_to_is_asked_for_by_a_chain() -> None:
    assert asks("patient._in", "Group/g", a_group(), PATIENT, resource=TASK)
    assert not asks("patient._in", "Group/g", a_group(inactive=True), PATIENT, resource=TASK)
    assert asks("patient._list", "l", a_list(an_item()), PATIENT, resource=TASK)


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "words"),
    [
        ("Patient", "_list", "$current-allergies", "functional lists"),
        ("Patient", "_list", "Group/1", "the id of a List, or List/id"),
        ("Patient", "_list", "http://other/List/1", "the id of a List, or List/id"),
        ("Patient", "_in", "1", "CareTeam/id, Group/id or List/id"),
        ("Patient", "_in", "Patient/1", "CareTeam/id, Group/id or List/id"),
        ("Patient", "_in:not", "Group/1", "no modifier"),
        ("Patient", "_in:missing", "true", "no modifier"),
        ("Task", "_in", "Group/1", "a Task is no member of a Group; .* as patient._in does"),
        ("Task", "_in.name", "a", "only references can be chained"),
    ],
)
def test_other_values_are_refused_with_what_is_allowed(
    resource_type: str, name: str, value: str, words: str
) -> None:
    for known in (R4, R5):
        with pytest.raises(InvalidSearch, match=words):
            parse_condition(known, resource_type, name, value)


def test_every_type_may_be_asked_for_at_once() -> None:
    query = parse_query(R4, "Resource", [("_in", "Group/g")])
    assert query.matches(PATIENT, Copies(a_group()))
    assert query.canonical == "Resource?_in=Group/g"


def test_the_index_leaves_the_question_to_a_scan() -> None:
    query = parse_query(R4, "Patient", [("_in", "Group/g"), ("_list", "l")])
    expression, exact = plan(query, R4)
    assert not exact and selects(expression, index_entry(R4, PATIENT))
