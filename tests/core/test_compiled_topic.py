"""A topic in one release: what is left of it there, and why the rest is not."""

from __future__ import annotations

import pytest

from hub.core.compiled_topic import find_parameter
from hub.core.excluded import TOPIC_CODE
from hub.core.release import FhirRelease
from hub.core.search import NOWHERE
from hub.errors import TopicRefused
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change, compiled, task


def test_a_topic_keeps_the_triggers_that_compute_and_says_why_others_don_t() -> None:
    topic = compiled({"fhirPathCriteria": "now() > @2020"}, {}, {"resource": "Transport"})
    assert [trigger.index for trigger in topic.triggers] == [1]
    assert topic.fires(change(None, task()), NOWHERE) == (1,)
    assert len(topic.refusals) == 2


def test_a_topic_that_computes_nowhere_names_the_first_clause() -> None:
    with pytest.raises(TopicRefused) as caught:
        compiled({"fhirPathCriteria": "now() > @2020"}, {"resource": "Transport"})
    assert caught.value.expression == "SubscriptionTopic.resourceTrigger[0].fhirPathCriteria"


def test_a_topic_without_any_trigger_is_refused() -> None:
    with pytest.raises(TopicRefused, match="no trigger"):
        compiled()


def test_a_topic_of_events_only_is_kept_for_discovery() -> None:
    topic = compiled(eventTrigger=[{"resource": "Task", "event": {"text": "x"}}])
    assert topic.event_only
    assert topic.fires(change(None, task()), NOWHERE) == ()
    assert not compiled({}).event_only


def test_what_a_topic_of_events_only_filters_by_is_told_of_the_types_of_its_events() -> None:
    events = [{"resource": "Task", "event": {}}, {"resource": "http://e.org/profile", "event": {}}]
    filters = [{"filterParameter": "owner"}, {"filterParameter": "region"}]
    topic = compiled(eventTrigger=events, canFilterBy=filters)
    assert set(topic.filters) == {("Task", "owner")}
    assert topic.missing_filters == {("Task", "region")}


def test_explain_tells_of_errors_and_of_triggers_that_do_not_concern() -> None:
    topic = compiled(
        {"fhirPathCriteria": "(true | false).first() and %current.id.combine('x')"},
        {"fhirPathCriteria": "true"},
        {"supportedInteraction": ["delete"]},
    )
    broken, fired, other = topic.explain(change(None, task()), NOWHERE)
    assert broken.error is not None
    assert not broken.fires
    assert fired.fires
    assert (other.concerns, other.fires, other.error) == (False, False, None)


def test_filters_exist_where_their_parameter_does() -> None:
    filters = [
        {"filterParameter": "owner", "resource": "Task", "modifier": ["not", "="]},
        {"filterParameter": "requestedperformer-reference", "resource": "Task"},
        {"filterParameter": "patient", "resource": "Patient"},
        {"filterParameter": "_tag"},
    ]
    r4 = compiled({}, canFilterBy=filters)
    assert set(r4.filters) == {("Task", "owner"), ("Task", "_tag")}
    assert r4.missing_filters == {("Task", "requestedperformer-reference"), ("Patient", "patient")}
    assert r4.filters["Task", "owner"].modifiers == {"not"}
    assert r4.refusals == (
        "filter patient is of Patient, for which the topic has no trigger",
        "filter requestedperformer-reference of Task does not exist in R4",
    )
    r5 = compiled({}, release=FhirRelease.R5, canFilterBy=filters)
    assert ("Task", "requestedperformer-reference") in r5.filters


@pytest.mark.parametrize("directive", ["nonsense", "Task:colour", "Task:status", "Basket:x"])
def test_what_a_shape_can_t_include_is_told_and_the_rest_is_included(directive: str) -> None:
    shape = {"resource": "Task", "include": [directive, "Task:focus"]}
    topic = compiled({}, notificationShape=[shape])
    (reason,) = topic.refusals
    assert reason.startswith(f"notificationShape[0].include: {directive!r} names no reference")
    assert topic.shape("Task") is not None


def test_a_topic_on_any_resource_may_filter_single_types() -> None:
    topic = compiled(
        {"resource": "Resource"},
        canFilterBy=[
            {"filterParameter": "owner", "resource": "Task"},
            {"filterParameter": "_id", "resource": "Resource"},
        ],
    )
    assert set(topic.filters) == {("Task", "owner"), ("Resource", "_id")}
    assert topic.resource_types is None


def test_the_shape_of_the_type_comes_before_that_of_any() -> None:
    topic = compiled(
        {},
        notificationShape=[
            {"resource": "Resource", "include": ["Task:focus"]},
            {"resource": "Task", "include": ["Task:owner"]},
        ],
    )
    task_shape, other_shape = topic.shape("Task"), topic.shape("Patient")
    assert task_shape is not None
    assert task_shape.include == ("Task:owner",)
    assert other_shape is not None
    assert other_shape.include == ("Task:focus",)
    assert compiled({}).shape("Task") is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("owner", "owner"),
        ("owner:PractitionerRole.organization", "organization"),
        ("owner.organization", "organization"),
        ("focus:ServiceRequest.requester", "requester"),
        ("_has:Task:part-of:owner", "owner"),
        ("_has:Task:part-of:owner:PractitionerRole.organization", "organization"),
        ("_has:Task:part-of", None),
        ("_has:Task:nothing:owner", None),
        ("_has:Task:part-of:nothing", None),
        ("owner.nothing", None),
        ("nothing.owner", None),
        ("nothing", None),
    ],
)
def test_the_parameter_at_the_end_of_a_name_is_found(name: str, found: str | None) -> None:
    parameter = find_parameter(PARAMETERS[FhirRelease.R4], "Task", name)
    assert (parameter.code if parameter else None) == found


def test_event_triggers_that_compute_can_be_told_of_and_filtered() -> None:
    event = {"coding": [{"system": "s", "code": "a"}]}
    topic = compiled(
        eventTrigger=[
            {"resource": "Transport", "event": event},
            {"resource": "Task", "event": event},
            {"resource": "Resource", "event": event},
        ],
        canFilterBy=[{"filterParameter": "owner", "resource": "Task"}],
    )
    assert not topic.event_only
    assert topic.means("Task", [("s", "a")]) == (1, 2)
    assert topic.means("Patient", [("s", "a")]) == (2,)
    assert topic.means("Patient", [("s", "b")]) == ()
    assert ("Task", "owner") in topic.filters
    assert any("Transport" in reason for reason in topic.refusals)
    assert topic.fires(change(None, task()), NOWHERE) == ()


def test_a_topic_names_the_types_of_its_triggers_but_not_every_type() -> None:
    topic = compiled({"resource": "Resource"}, {"resource": "Subscription"}, {"resource": "Basic"})
    assert topic.names({"resourceType": "Subscription"})
    assert not topic.names({"resourceType": "AuditEvent"})
    assert topic.names({"resourceType": "Basic"})
    code = {"coding": [{"system": TOPIC_CODE[0], "code": TOPIC_CODE[1]}]}
    assert not topic.names({"resourceType": "Basic", "code": code})
