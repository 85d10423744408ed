"""Does a change fire a trigger: the votes, the criteria, what does not compute."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.state import States
from hub.core.topic import EventTrigger
from hub.core.trigger import compile_event_trigger
from hub.core.trigger_index import TriggerIndex
from hub.errors import TopicRefused
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change, compiled, task

VOTES = [None, "test-passes", "test-fails"]
AS_BOOL = {None: None, "test-passes": True, "test-fails": False}


def fires(trigger: dict[str, Any], previous: Resource | None, current: Resource | None) -> bool:
    topic, moved = compiled(trigger), change(previous, current)
    found = topic.fires(moved, NOWHERE)
    fired = TriggerIndex({"topic": topic}).fired(States(moved, NOWHERE))
    assert fired == ({"topic": found} if found else {})
    return found == (0,)


def criteria(**elements: Any) -> dict[str, Any]:
    return {"queryCriteria": {name: value for name, value in elements.items() if value is not None}}


def decided(both: bool | None, *votes: bool | None) -> bool:
    stated = [vote for vote in votes if vote is not None]
    return bool(stated) and (all(stated) if both else any(stated))


@pytest.mark.parametrize(
    ("on_create", "on_delete", "both", "before", "after"),
    list(product(VOTES, VOTES, [None, False, True], [None, "a", "b"], [None, "a", "b"])),
)
def test_every_combination_of_votes(
    on_create: str | None, on_delete: str | None, both: bool | None, before: Any, after: Any
) -> None:
    trigger = criteria(
        previous=before and f"business-status={before}",
        resultForCreate=on_create,
        current=after and f"business-status={after}",
        resultForDelete=on_delete,
        requireBoth=both,
    )
    if trigger["queryCriteria"].keys() <= {"requireBoth"}:
        with pytest.raises(TopicRefused, match="so it never fires"):
            compiled(trigger)
        return
    state = task(businessStatus={"coding": [{"code": "a"}]})
    was = None if before is None else before == "a"
    is_ = None if after is None else after == "a"
    assert fires(trigger, None, state) is decided(both, AS_BOOL[on_create], is_)
    assert fires(trigger, state, None) is decided(both, was, AS_BOOL[on_delete])
    assert fires(trigger, state, state) is decided(both, was, is_)


def test_a_trigger_without_criteria_fires_on_its_interactions_only() -> None:
    trigger = {"supportedInteraction": ["update"]}
    assert fires(trigger, task(), task())
    assert not fires(trigger, None, task())
    assert not fires(trigger, task(), None)


def test_another_type_never_fires() -> None:
    assert not fires({}, None, {"resourceType": "Patient", "id": "p"})


def test_a_trigger_on_resource_fires_for_every_type() -> None:
    anything = {"resource": "Resource", **criteria(current="_tag=x")}
    tagged = {"resourceType": "Patient", "id": "p", "meta": {"tag": [{"code": "x"}]}}
    assert fires(anything, None, tagged)
    assert not fires(anything, None, {"resourceType": "Patient", "id": "p"})


@pytest.mark.parametrize(
    "text",
    [
        "status=requested",
        "Task?status=requested",
        "/Task?status=requested",
        "?status=requested",
        "status%3Anot=draft&status=requested",
        "group-identifier=urn%3Ax%7C1",
        "group-identifier=urn:x|1",
        "group-identifier=urn:x?y|2,urn:x|1",
    ],
)
def test_a_search_string_is_read_in_every_spelling(text: str) -> None:
    state = task(groupIdentifier={"system": "urn:x", "value": "1"})
    assert fires(criteria(current=text), task(), state)


def test_a_search_of_another_type_is_refused() -> None:
    with pytest.raises(TopicRefused, match="another type"):
        compiled(criteria(current="Patient?active=true"))


def test_query_criteria_come_before_fhirpath_criteria() -> None:
    both = {**criteria(current="status=requested"), "fhirPathCriteria": "false"}
    assert fires(both, None, task())


def test_fhirpath_criteria_are_used_where_the_query_does_not_compute() -> None:
    topic = compiled({**criteria(current="frobnication=1"), "fhirPathCriteria": "true"})
    assert topic.triggers[0].criteria == "fhirpath"
    assert topic.fires(change(None, task()), NOWHERE) == (0,)
    assert topic.refusals[0].startswith("resourceTrigger[0].queryCriteria.current: ")


def test_a_trigger_none_of_whose_criteria_computes_is_refused_with_all_reasons() -> None:
    with pytest.raises(TopicRefused) as caught:
        compiled({**criteria(current="frobnication=1"), "fhirPathCriteria": "now() > @2020"})
    assert "frobnication" in caught.value.diagnostics
    assert "now()" in caught.value.diagnostics
    assert caught.value.expression == "SubscriptionTopic.resourceTrigger[0].queryCriteria"


def test_a_type_of_another_release_is_refused() -> None:
    with pytest.raises(TopicRefused, match="no resource type Transport in R4"):
        compiled({"resource": "Transport"})
    assert compiled({"resource": "Transport"}, release=FhirRelease.R5).triggers


def _event(resource: str = "Task", event: Any = None) -> EventTrigger:
    return EventTrigger(
        resource=resource, event=event or {"coding": [{"system": "s", "code": "a"}, {"code": "b"}]}
    )


def test_an_event_trigger_means_events_with_one_of_its_codings_about_its_type() -> None:
    made = compile_event_trigger(_event(), 3, PARAMETERS[FhirRelease.R4])
    assert made.index == 3
    assert made.means("Task", [("s", "a")]) and made.means("Task", [("x", "y"), ("", "b")])
    assert not made.means("Task", [("", "a")])
    assert not made.means("Patient", [("s", "a")])
    anything = compile_event_trigger(_event("Resource"), 0, PARAMETERS[FhirRelease.R4])
    assert anything.means("Patient", [("s", "a")])


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (_event("Transport"), "no resource type Transport"),
        (_event("http://example.org/StructureDefinition/Profile"), "is not loaded"),
        (_event(event={"text": "x"}), "no coding with a code"),
        (_event(event={"coding": ["x", {"system": "s"}]}), "no coding with a code"),
        (_event(event={"coding": "x"}), "no coding with a code"),
        (_event(event="x"), "no coding with a code"),
    ],
)
def test_an_event_trigger_that_nothing_can_be_told_of_is_refused(
    trigger: EventTrigger, words: str
) -> None:
    with pytest.raises(TopicRefused, match=words) as refused:
        compile_event_trigger(trigger, 0, PARAMETERS[FhirRelease.R4])
    assert str(refused.value.expression).startswith("SubscriptionTopic.eventTrigger[0].")
