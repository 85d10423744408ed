"""Profiles as what topics are about: the resource's word is taken, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.compiled_topic import CompiledTopic, compile_topic
from hub.core.profile import Profiles, TypeNamed
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.topic import parse_topic
from hub.errors import TopicRefused
from tests.support.topics import change, task, topic_json

REFERRAL = "http://example.org/StructureDefinition/referral-task"
URGENT = "http://example.org/StructureDefinition/urgent-referral-task"
TRANSPORT = "http://example.org/StructureDefinition/transport"


def profile(url: str, base: str, type_: str | None = "Task", **elements: Any) -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "kind": "resource",
        "type": type_,
        "derivation": "constraint",
        "baseDefinition": base,
        **elements,
    }


TASK = "http://hl7.org/fhir/StructureDefinition/Task"
PROFILES = Profiles(
    [
        profile(URGENT, f"{REFERRAL}|1.0"),
        profile(REFERRAL, TASK),
        profile(TRANSPORT, "x", "Transport", baseDefinition=None),
        profile("http://example.org/type", TASK, derivation="specialization"),
        profile("http://example.org/extension", TASK, kind="complex-type"),
        profile("http://example.org/no-type", TASK, None),
        profile("http://example.org/loop", "http://example.org/loop"),
    ]
)
PARAMETERS = {
    release: search_parameters(release, "http://hub.example/fhir", profiles=PROFILES)
    for release in FhirRelease
}


def compiled(
    resource: str, release: FhirRelease = FhirRelease.R4, **elements: Any
) -> CompiledTopic:
    topic = parse_topic(topic_json({"resource": resource}, **elements))
    return compile_topic(topic, PARAMETERS[release])


def claiming(*profiles: Any) -> Resource:
    return task(meta={"profile": list(profiles)})


def test_a_profile_has_the_type_that_it_narrows_and_those_that_narrow_it_belong_to_it() -> None:
    assert PROFILES.named(REFERRAL) == TypeNamed("Task", frozenset((REFERRAL, URGENT)))
    assert PROFILES.named(f"{URGENT}|2.0") == TypeNamed("Task", frozenset((URGENT,)))
    assert PROFILES.named("http://example.org/loop") is not None


@pytest.mark.parametrize("name", ["type", "extension", "no-type", "unknown"])
def test_what_is_no_profile_of_a_resource_is_not_known(name: str) -> None:
    assert PROFILES.named(f"http://example.org/{name}") is None


def test_a_topic_on_a_profile_fires_for_resources_that_claim_it_or_one_derived_from_it() -> None:
    topic = compiled(REFERRAL)
    for claims in ([REFERRAL], [f"{REFERRAL}|3"], ["http://x", URGENT]):
        assert topic.fires(change(None, claiming(*claims)), NOWHERE) == (0,)
        assert topic.fires(change(claiming(*claims), None), NOWHERE) == (0,)
    for other in (task(), task(meta={"profile": "x"}), task(meta="x"), claiming(TASK, 7)):
        assert topic.fires(change(None, other), NOWHERE) == ()
    assert topic.fires(change(claiming(REFERRAL), task()), NOWHERE) == ()
    assert topic.fires(change(task(), claiming(REFERRAL)), NOWHERE) == (0,)
    (verdict,) = topic.explain(change(None, task()), NOWHERE)
    assert verdict.why_not == f"meta.profile names none of {REFERRAL}, {URGENT}"


def test_filters_and_shapes_may_name_the_profile_too() -> None:
    topic = compiled(
        REFERRAL,
        canFilterBy=[{"resource": REFERRAL, "filterParameter": "owner"}],
        notificationShape=[
            {"resource": REFERRAL, "include": ["Task:focus"]},
            {"resource": "http://example.org/unknown"},
        ],
    )
    assert list(topic.filters) == [("Task", "owner")]
    assert topic.shape("Task") is not None
    assert len(topic.refusals) == 1
    assert "notificationShape[1].resource" in topic.refusals[0]


def test_a_filter_of_an_unknown_profile_is_missing() -> None:
    topic = compiled("Task", canFilterBy=[{"resource": "urn:x", "filterParameter": "owner"}])
    assert topic.missing_filters == {("urn:x", "owner")}


def test_a_profile_that_is_not_loaded_is_refused_with_what_to_do() -> None:
    with pytest.raises(TopicRefused, match="is not loaded; load its StructureDefinition") as caught:
        compiled("http://example.org/unknown")
    assert caught.value.expression == "SubscriptionTopic.resourceTrigger[0].resource"


def test_a_profile_on_a_type_of_another_release_is_refused_there() -> None:
    with pytest.raises(TopicRefused, match="no resource type Transport in R4"):
        compiled(TRANSPORT)
    assert compiled(TRANSPORT, FhirRelease.R5).triggers
