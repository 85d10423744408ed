"""The index finds exactly the triggers that a change fires."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.compiled_topic import compile_topic
from hub.core.profile import Profiles
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.state import States
from hub.core.topic import parse_topic
from hub.core.trigger_index import TriggerIndex
from tests.support.topics import change, task, topic_json

PROFILE = "http://example.org/StructureDefinition/referral-task"
PARAMETERS = search_parameters(
    FhirRelease.R4,
    "http://hub.example/fhir",
    profiles=Profiles(
        [
            {
                "url": PROFILE,
                "kind": "resource",
                "type": "Task",
                "derivation": "constraint",
                "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Task",
            }
        ]
    ),
)

ON_TASKS = [
    "?",
    "status=requested",
    "status:not=requested",
    "status=requested,accepted&owner=Organization/a",
    "status=requested&status=requested,accepted",
    "owner:missing=true",
    "authored-on=gt2024&status=accepted",
    "patient.name=x",
]
ON_ANY = ["_id=t1", "_id=t1&_tag:not=a", "patient:missing=true"]
PATHS = [
    "%current.status = 'requested'",
    "(%previous.status ~ %current.status).not()",
    "%previous.status.first().length() > 'a'",
]


def query_criteria(queries: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    votes = st.sampled_from(["test-passes", "test-fails"])
    query = st.sampled_from(queries)
    optional = {
        "previous": query,
        "current": query,
        "resultForCreate": votes,
        "resultForDelete": votes,
    }
    return st.builds(
        lambda members, both: {"queryCriteria": {**members, "requireBoth": both}},
        st.fixed_dictionaries({}, optional=optional).filter(bool),
        st.booleans(),
    )


def triggers_on(
    resource: str, *criteria: st.SearchStrategy[dict[str, Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    path = st.sampled_from([{"fhirPathCriteria": each} for each in PATHS])
    return st.builds(
        lambda interactions, members: {
            "resource": resource,
            "supportedInteraction": interactions,
            **members,
        },
        st.lists(st.sampled_from(list(Interaction)), min_size=1, unique=True),
        st.one_of(st.just({}), path, *criteria),
    )


triggers = st.one_of(
    triggers_on("Task", query_criteria(ON_TASKS)),
    triggers_on(PROFILE, query_criteria(ON_TASKS)),
    triggers_on("Resource", query_criteria(ON_ANY)),
    triggers_on("Encounter"),
)


@st.composite
def states(draw: st.DrawFn) -> Resource:
    kind = draw(st.sampled_from(["Task", "Task", "Task", "Encounter", "Patient"]))
    if kind != "Task":
        return {"resourceType": kind, "id": "1", "status": "planned"}
    owner = draw(st.sampled_from([None, "Organization/a", "Organization/b"]))
    profile = draw(st.sampled_from([None, PROFILE]))
    return task(
        draw(st.sampled_from(["requested", "accepted", "draft"])),
        **({"owner": {"reference": owner}} if owner else {}),
        **({"meta": {"profile": [profile]}} if profile else {}),
    )


@given(
    st.lists(st.lists(triggers, min_size=1, max_size=3), max_size=6), states(), states(), st.data()
)
def test_the_index_equals_asking_each_topic(
    sets: list[list[dict[str, Any]]], before: Resource, after: Resource, data: st.DataObject
) -> None:
    held = {
        str(number): compile_topic(parse_topic(topic_json(*each)), PARAMETERS)
        for number, each in enumerate(sets)
    }
    index = TriggerIndex(held)
    pairs: list[tuple[Resource | None, Resource | None]] = [(None, after), (before, None)]
    if before["resourceType"] == after["resourceType"]:
        pairs.append((before, after))
    for pair in pairs:
        what = change(*pair)
        # Whatever the interaction is: what is not there has no vote.
        for asked in (what, what._replace(interaction=data.draw(st.sampled_from(Interaction)))):
            plain = {name: topic.fires(asked, NOWHERE) for name, topic in held.items()}
            expected = {name: found for name, found in plain.items() if found}
            assert index.fired(States(asked, NOWHERE)) == expected


def test_a_topic_that_fires_in_several_ways_is_told_once_with_all_triggers() -> None:
    passes = {"previous": "status=requested", "current": "status=requested"}
    topic = compile_topic(
        parse_topic(
            topic_json(
                {"fhirPathCriteria": "%current.status = 'requested'"},
                {"queryCriteria": passes},
                {},
            )
        ),
        PARAMETERS,
    )
    fired = TriggerIndex({"topic": topic}).fired(States(change(task(), task()), NOWHERE))
    assert fired == {"topic": (0, 1, 2)}
