from __future__ import annotations

from typing import Any

import pytest

from hub.core.derived_topic import check_derived
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.errors import TopicRefused
from tests.support.topics import topic_json

URL = "http://example.org/base"
EVENT = {"coding": [{"system": "http://e", "code": "admit"}, "wrong"]}
OWNER = {"resource": "Task", "filterParameter": "owner", "modifier": ["missing"]}
BASE: dict[str, Any] = {
    "url": URL,
    "version": "1",
    "canFilterBy": [OWNER, {"filterParameter": "_id"}],
}


def a_topic(*triggers: dict[str, Any], **elements: Any) -> SubscriptionTopic:
    return parse_topic(topic_json(*(triggers or ({},)), **elements))


def derived(*triggers: dict[str, Any], **elements: Any) -> SubscriptionTopic:
    own = {"derivedFrom": [URL], "canFilterBy": BASE["canFilterBy"], **elements}
    return a_topic(*triggers, **own)


def refusal(topic: SubscriptionTopic, *known: SubscriptionTopic) -> str:
    with pytest.raises(TopicRefused) as caught:
        check_derived(topic, known)
    assert caught.value.expression == "SubscriptionTopic.derivedFrom[0]"
    return caught.value.diagnostics


def test_a_derived_topic_may_add_filters_and_another_definition() -> None:
    more = [*BASE["canFilterBy"], {"resource": "Task", "filterParameter": "status"}]
    topic = derived({"queryCriteria": {"current": "status=ready"}}, canFilterBy=more)
    check_derived(topic, [a_topic(**BASE), topic])


def test_a_filter_may_not_be_taken_away() -> None:
    assert refusal(derived(canFilterBy=[OWNER]), a_topic(**BASE)) == (
        "http://example.org/topic derives from http://example.org/base|1, "
        "but takes the filter *?_id away"
    )
    plain = {"resource": "Task", "filterParameter": "owner"}
    fewer = derived(canFilterBy=[plain, {"filterParameter": "_id"}])
    assert "takes missing of the filter Task?owner away" in refusal(fewer, a_topic(**BASE))


def test_a_filter_for_every_type_covers_one_for_a_type() -> None:
    everywhere = {"filterParameter": "owner", "modifier": ["missing"]}
    check_derived(derived(canFilterBy=[everywhere, {"filterParameter": "_id"}]), [a_topic(**BASE)])


@pytest.mark.parametrize("triggers", [({"resource": "Patient"},), ({}, {"resource": "Patient"})])
def test_the_resource_types_may_not_change(triggers: tuple[dict[str, Any], ...]) -> None:
    told = refusal(derived(*triggers), a_topic(**BASE))
    assert "not Task" in told and "Patient" in told


def test_the_event_may_not_change_but_may_become_computable() -> None:
    by_event = {"eventTrigger": [{"resource": "Task", "event": EVENT}], "resourceTrigger": []}
    base = parse_topic(topic_json(**{**BASE, **by_event}))
    check_derived(derived(), [base])
    check_derived(derived(**by_event), [base])
    other = {"eventTrigger": [{"resource": "Task", "event": {"coding": [{"code": "end"}]}}]}
    assert "tells of other events: |end" in refusal(derived(**other), base)
    check_derived(derived(eventTrigger=[{"resource": "Task", "event": {"text": "x"}}]), [base])


def test_the_version_that_is_named_counts_else_the_newest() -> None:
    older, newer = a_topic(**BASE), a_topic(**(BASE | {"version": "2", "canFilterBy": []}))
    topic = derived(canFilterBy=[])
    check_derived(topic, [older, newer])
    assert "base|1" in refusal(derived(canFilterBy=[], derivedFrom=[f"{URL}|1"]), older, newer)


def test_what_is_not_known_is_not_checked() -> None:
    check_derived(derived(), [])
    check_derived(derived(derivedFrom=[f"{URL}|9"]), [a_topic(**BASE)])


def test_a_topic_may_not_derive_from_itself_but_from_its_older_version() -> None:
    itself = a_topic(derivedFrom=["http://example.org/topic"])
    assert refusal(itself, itself) == "http://example.org/topic derives from itself"
    older = a_topic(version="1")
    newer = a_topic(version="2", derivedFrom=["http://example.org/topic"])
    check_derived(newer, [older, newer])
    assert "derives from http://example.org/topic|1" in refusal(
        a_topic({"resource": "Patient"}, version="2", derivedFrom=["http://example.org/topic"]),
        older,
    )
