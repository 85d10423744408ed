from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease, Resource
from hub.core.search_include import (
    INCLUDES,
    Include,
    Reference,
    closure,
    parse_include,
    reference_to,
)
from hub.errors import InvalidSearch
from tests.support.search_tables import PARAMETERS

R4 = PARAMETERS[FhirRelease.R4]
TASK: Resource = {
    "resourceType": "Task",
    "id": "t",
    "for": {"reference": "Patient/1"},
    "owner": {"reference": f"{R4.base_url}/Organization/2/_history/3"},
    "requester": {"reference": "http://elsewhere/Organization/4"},
    "focus": {"reference": "#inside"},
    "partOf": [{"reference": "Task/5"}, {"reference": "Task/6"}],
}


def test_an_include_names_what_the_resource_refers_to_here() -> None:
    def named(value: str, resource: Resource = TASK) -> list[Reference]:
        include = parse_include(R4, "Task", "_include", value)
        return sorted(include.references(resource))

    assert named("Task:owner") == [("Organization", "2")]
    assert named("Task:owner:Organization") == [("Organization", "2")]
    assert named("Task:owner:Device") == []
    assert named("Task:requester") == named("Task:focus") == []
    assert named("Task:part-of") == [("Task", "5"), ("Task", "6")]
    assert named("Patient:organization") == []
    everything = {("Organization", "2"), ("Patient", "1"), ("Task", "5"), ("Task", "6")}
    assert set(named("Task:*")) == everything
    assert set(named("*")) == everything
    assert set(named("Task:*:Task")) == {("Task", "5"), ("Task", "6")}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("_revinclude", "*", "TargetType; Type:* for every reference of the type"),
        ("_include", "Task", "TargetType; Type:* for every reference of the type, or *"),
        ("_include", "Task:", "allowed: Type:parameter"),
        ("_include", "Task:owner:", "allowed: Type:parameter"),
        ("_include", "Foo:owner", "'Foo' is no resource type of R4"),
        (
            "_include",
            "Task:status",
            "no reference parameter 'status'; allowed: based-on, encounter",
        ),
        ("_revinclude", "Task:*:Nothing", "does not refer to 'Nothing'"),
        ("_include", "Task:patient:Device", "does not refer to 'Device'; allowed: Patient"),
    ],
)
def test_what_can_not_be_included_is_refused_by_name(name: str, value: str, words: str) -> None:
    with pytest.raises(InvalidSearch) as refused:
        parse_include(R4, "Task", name, value)
    assert words in refused.value.diagnostics


def test_the_name_says_direction_and_whether_to_go_on() -> None:
    read = [parse_include(R4, "Task", name, "Task:part-of") for name in INCLUDES]
    assert [(each.reverse, each.iterate) for each in read] == [
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    ]
    assert read[0].may_name("Task") and not read[0].may_name("Patient")
    typed = parse_include(R4, "Task", "_revinclude", "Task:subject:Patient")
    assert typed.may_name("Patient") and not typed.may_name("Group")


class World:
    """Some Tasks that are part of one another, and how they are looked up."""

    def __init__(self, parts: dict[str, set[str]]) -> None:
        self.tasks = {
            id: {
                "resourceType": "Task",
                "id": id,
                "partOf": [{"reference": f"Task/{whole}"} for whole in sorted(wholes)],
            }
            for id, wholes in parts.items()
        }

    def read(self, reference: Reference) -> Resource | None:
        return self.tasks.get(reference[1])

    def referrers(self, include: Include, targets: Sequence[Reference]) -> Iterable[Resource]:
        return [task for task in self.tasks.values() if not set(targets).isdisjoint(_wholes(task))]

    def closure(self, names: Sequence[str], ids: Iterable[str], most: int = 100) -> set[str]:
        includes = [parse_include(R4, "Task", name, "Task:part-of") for name in names]
        matches = [self.tasks[id] for id in ids]
        found = closure(includes, matches, self.read, self.referrers, most=most)
        assert len(found) == len(set(found))
        return {id for _, id in found}


def _wholes(task: Resource) -> set[Reference]:
    return {("Task", each["reference"].partition("/")[2]) for each in task["partOf"]}


def test_one_step_is_taken_from_matches_and_more_only_where_iterated() -> None:
    world = World({"a": {"b", "gone"}, "b": {"c"}, "c": {"a"}, "d": {"b"}})
    assert world.closure([], ["a"]) == set()
    assert world.closure(["_include"], ["a"]) == {"b"}
    assert world.closure(["_include"], ["a", "b"]) == {"c"}
    assert world.closure(["_include:iterate"], ["a"]) == {"b", "c"}
    assert world.closure(["_revinclude"], ["b"]) == {"a", "d"}
    assert world.closure(["_revinclude:iterate"], ["b"]) == {"a", "c", "d"}
    assert world.closure(["_include", "_revinclude:iterate"], ["a"]) == {"b", "c", "d"}


def test_every_reference_is_followed_from_type_to_type_where_it_is_iterated() -> None:
    patient = {
        "resourceType": "Patient",
        "managingOrganization": {"reference": "Organization/2"},
        "generalPractitioner": [{"reference": "Practitioner/3"}],
    }
    plain = parse_include(R4, "Task", "_include", "*")
    assert len(list(plain.references(TASK))) > 3 and not list(plain.references(patient))
    iterated = parse_include(R4, "Task", "_include:iterate", "*")
    assert set(iterated.references(TASK)) == set(plain.references(TASK))
    assert set(iterated.references(patient)) == {("Organization", "2"), ("Practitioner", "3")}
    assert iterated.iterate and not iterated.reverse
    back = parse_include(R4, "Task", "_revinclude", "Provenance:*")
    assert len(back.parameters) > 1 and back.reverse and back.may_name("Task")


def test_what_can_not_refer_to_the_matches_is_not_asked_for() -> None:
    def read(reference: Reference) -> Resource | None:
        raise AssertionError

    def referrers(include: Include, targets: Sequence[Reference]) -> Iterable[Resource]:
        raise AssertionError

    include = parse_include(R4, "Task", "_revinclude", "Task:patient")
    assert closure([include], [TASK], read, referrers, most=1) == []


def test_more_than_may_be_included_is_refused() -> None:
    world = World({"a": {"b", "c"}, "b": set(), "c": set()})
    assert world.closure(["_include"], ["a"], most=2) == {"b", "c"}
    with pytest.raises(InvalidSearch, match="more than 1 resources"):
        world.closure(["_include"], ["a"], most=1)


IDS = st.sampled_from("abcdef")
WORLDS = st.dictionaries(IDS, st.frozensets(IDS, max_size=3), min_size=1).map(
    lambda parts: {id: set(wholes) for id, wholes in parts.items()}
)


@given(WORLDS, st.sets(st.sampled_from(INCLUDES)), st.data())
def test_nothing_more_can_be_reached_from_a_closure_and_all_of_it_is(
    parts: dict[str, set[str]], names: set[str], data: st.DataObject
) -> None:
    matches = data.draw(st.sets(st.sampled_from(sorted(parts))))
    found = World(parts).closure(sorted(names), sorted(matches))
    assert found.isdisjoint(matches)

    def reached(frm: set[str], active: set[str]) -> set[str]:
        forward = {whole for id in frm for whole in parts[id]} & set(parts)
        back = {id for id, wholes in parts.items() if wholes & frm}
        return (forward if active & {"_include", "_include:iterate"} else set()) | (
            back if active & {"_revinclude", "_revinclude:iterate"} else set()
        )

    expected = reached(matches, names)
    iterated = {name for name in names if name.endswith(":iterate")}
    while not (more := reached(expected, iterated)) <= expected:
        expected |= more
    assert found == expected - matches


def test_a_reference_is_type_and_id() -> None:
    assert reference_to(TASK) == ("Task", "t")
