"""Includes: the hub's own resources that the shape names for a focus."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.core.excluded import TOPIC_CODE
from hub.core.notification_shape import MAX_INCLUDES, includes
from hub.core.release import FhirRelease, Resource
from hub.core.search_value import local_parts
from tests.support.copies import Copies
from tests.support.search_tables import PARAMETERS
from tests.support.topics import compiled, task

R4 = PARAMETERS[FhirRelease.R4]
FOCUS: Resource = {"for": {"reference": "Patient/p"}} | task(
    focus={"reference": "ServiceRequest/s/_history/3"},
    basedOn=[{"reference": f"{R4.base_url}/ServiceRequest/s"}],
    owner={"reference": "http://other.example/Organization/o"},
    partOf=[{"reference": "Task/t1"}, {"reference": "Task/t2"}],
)
COPIES = Copies(
    {"resourceType": "ServiceRequest", "id": "s"},
    {"resourceType": "Patient", "id": "p"},
    {"resourceType": "Organization", "id": "o"},
    FOCUS,
    {**task(), "id": "t2"},
    {**task(), "id": "t3", "partOf": [{"reference": "Task/t1"}]},
)


def included(
    *directives: str, rev: tuple[str, ...] = (), focus: Resource = FOCUS, copies: Copies = COPIES
) -> list[tuple[str, str]]:
    shape: dict[str, Any] = {"resource": "Task", "include": [*directives], "revInclude": [*rev]}
    return includes(compiled({}, notificationShape=[shape]), focus, R4, copies)


@pytest.mark.parametrize(
    ("directive", "found"),
    [
        ("Task:focus", [("ServiceRequest", "s")]),
        ("Task:based-on", [("ServiceRequest", "s")]),
        ("Task:patient", [("Patient", "p")]),
        ("Task:patient&iterate=Patient.link", [("Patient", "p")]),
        ("Task:owner", []),
        ("Task:part-of", [("Task", "t2")]),
        ("Task:subject:Patient", [("Patient", "p")]),
        ("Task:subject:Group", []),
        ("Task:status", []),
        ("Task:nothing", []),
        ("Patient:organization", []),
    ],
)
def test_a_directive_names_what_the_focus_refers_to(
    directive: str, found: list[tuple[str, str]]
) -> None:
    assert included(directive) == found


def test_each_resource_comes_once_in_the_order_of_the_directives() -> None:
    assert included("Task:patient", "Task:based-on", "Task:focus") == [
        ("Patient", "p"),
        ("ServiceRequest", "s"),
    ]


def test_a_reverse_directive_names_what_refers_to_the_focus_but_not_the_focus() -> None:
    assert included(rev=("Task:part-of",)) == [("Task", "t3")]


def test_what_is_not_there_is_left_out() -> None:
    assert included("Task:focus", copies=Copies()) == []


def test_no_shape_means_no_includes() -> None:
    assert includes(compiled({}), FOCUS, R4, COPIES) == []


def test_the_hub_s_own_resources_are_never_included() -> None:
    focus = task(focus={"reference": "Subscription/x"})
    copies = Copies({"resourceType": "Subscription", "id": "x"})
    assert included("Task:focus", focus=focus, copies=copies) == []
    audit = {
        "resourceType": "AuditEvent",
        "id": "a",
        "entity": [{"what": {"reference": "Task/t1"}}],
    }
    assert included(rev=("AuditEvent:entity",), copies=Copies(audit)) == []


def test_a_basic_is_included_unless_it_is_a_topic() -> None:
    focus = task(focus={"reference": "Basic/b"})
    basic: Resource = {"resourceType": "Basic", "id": "b"}
    assert included("Task:focus", focus=focus, copies=Copies(basic)) == [("Basic", "b")]
    system, code = TOPIC_CODE
    topic = basic | {"code": {"coding": [{"system": system, "code": code}]}}
    assert included("Task:focus", focus=focus, copies=Copies(topic)) == []


def test_what_is_included_is_not_read() -> None:
    class Unread(Copies):
        def read(self, resource_type: str, id: str) -> Resource | None:
            raise AssertionError(f"{resource_type}/{id} was read")

    patient: Resource = {"resourceType": "Patient", "id": "p"}
    assert included("Task:patient", copies=Unread(patient)) == [("Patient", "p")]


def test_there_are_never_more_than_the_limit() -> None:
    steps = [
        {**task(), "id": f"s{number}", "partOf": [{"reference": "Task/t1"}]} for number in range(70)
    ]
    focus = task(partOf=[{"reference": f"Task/s{number}"} for number in range(70)])
    found = included("Task:part-of", rev=("Task:part-of",), focus=focus, copies=Copies(*steps))
    assert len(found) == MAX_INCLUDES


class Everything(Copies):
    """Has every resource."""

    def has(self, resource_type: str, id: str) -> bool:
        return True


LITERALS = st.sampled_from(
    [
        "Patient/1",
        "Group/1",
        "Patient/Group",
        f"{R4.base_url}/Patient/1",
        "Patient/1/_history/2",
        "http://other.example/Patient/1",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "#x",
        "Patient/1\n",
        "Patient",
        "",
    ]
)
REFERENCES = st.fixed_dictionaries(
    {},
    optional={
        "reference": LITERALS | st.just({"reference": "Patient/2"}) | st.none() | st.just(1),
        "display": st.just("d") | st.just(1),
        "type": st.sampled_from(["Patient", "Group", 1]),
        "resourceType": st.just("Patient"),
        "identifier": st.just({"system": "http://a", "value": "Patient/3"}),
    },
)
ELEMENTS = REFERENCES | LITERALS | st.none() | st.just(1)


@given(
    code=st.sampled_from(["focus", "patient", "subject", "owner", "part-of", "code", "encounter"]),
    wanted=st.sampled_from(["", "Patient", "Group"]),
    element=ELEMENTS | st.lists(ELEMENTS, max_size=3),
)
@example(code="code", wanted="", element={"reference": "Patient/1"})
def test_a_directive_names_what_its_parameter_has(code: str, wanted: str, element: Any) -> None:
    names = ("focus", "for", "owner", "partOf", "code", "encounter")
    focus = task(**dict.fromkeys(names, element))
    focus["contained"] = [{"resourceType": "Patient", "id": "x"}]
    parameter = R4.get("Task", code)
    assert parameter is not None
    targets = map(local_parts, sorted(parameter.values(focus).terms))
    expected = [each for each in targets if each and wanted in ("", each[0])]
    directive = f"Task:{code}:{wanted}" if wanted else f"Task:{code}"
    assert included(directive, focus=focus, copies=Everything()) == expected
