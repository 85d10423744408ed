"""Topics that name a type that is about the hub itself."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease, Resource
from hub.core.topic import parse_topic
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import id_of

R4, R4B, R5 = FhirRelease
URL = "http://example.org/topics/about-the-hub"
every_release = pytest.mark.parametrize("release", list(FhirRelease))


def about(*types: str) -> Any:
    source: Resource = {
        "resourceType": "SubscriptionTopic",
        "id": "about",
        "url": URL,
        "version": "1",
        "status": "active",
        "resourceTrigger": [{"resource": each} for each in types],
        "canFilterBy": [{"filterParameter": "_id"}],
    }
    return parse_topic(source)


@every_release
def test_clients_changes_of_subscriptions_are_events_if_a_topic_names_the_type(
    release: FhirRelease,
) -> None:
    async def scenario(rig: Rig) -> None:
        first = await rig.subscribe(release, topic=URL, filters=())
        await rig.after(HOUR)
        assert rig.endpoints.numbers() == []
        await rig.subscribe(release, topic=URL, filters=(), endpoint="https://b.example.org/")
        other = await rig.subscribe(
            release,
            topic=URL,
            filters=("Subscription?_id=none",),
            endpoint="https://c.example.org/",
        )
        await rig.update(
            id_of(other), release, topic=URL, filters=(), endpoint="https://c.example.org/"
        )
        await rig.hub.subscriptions.delete(release, id_of(other))
        await rig.after(HOUR)
        assert rig.endpoints.numbers("https://lab.example.org/hook") == [1, 2, 3, 4]
        # Its own creation, or moving to a stream, is no event of the one who comes.
        assert rig.endpoints.numbers("https://b.example.org/") == [1, 2, 3]
        assert rig.endpoints.numbers("https://c.example.org/") == []
        assert rig.status(id_of(first), release) == "active"

    on_rig(scenario, topics=[about("Subscription")])


def test_what_deliveries_make_of_a_subscription_is_no_event() -> None:
    def answers(envelope: Envelope, attempt: int) -> DeliveryResult:
        if "broken" in envelope.endpoint:
            return Failed(failure=FailureClass.GONE, status=410, reason="410")
        return Delivered(status=200)

    async def scenario(rig: Rig) -> None:
        await rig.subscribe(R4, topic=URL, filters=())
        broken = await rig.subscribe(
            R4, topic=URL, filters=(), endpoint="https://broken.example.org/"
        )
        await rig.after(24 * HOUR)
        assert rig.status(id_of(broken)) in ("off", "error")
        assert rig.endpoints.numbers() == [1]

    on_rig(scenario, topics=[about("Subscription")], endpoints=Endpoints(answers))


def test_an_audit_event_is_an_event_only_where_its_type_is_named() -> None:
    audit: Resource = {"resourceType": "AuditEvent", "recorded": "2026-01-01T00:00:00Z"}
    for types, expected in (
        (("AuditEvent",), 1),
        (("Resource",), 0),
        (("Resource", "AuditEvent"), 1),
    ):

        async def scenario(rig: Rig, expected: int = expected) -> None:
            stored = await rig.subscribe(R5, topic=URL, filters=())
            await rig.write(audit, release=R5)
            assert rig.hub.subscribers.top(rig.subscriber(id_of(stored), R5)) == expected

        on_rig(scenario, topics=[about(*types)])


def test_a_basic_that_is_a_topic_is_never_an_event() -> None:
    async def scenario(rig: Rig) -> None:
        stored = await rig.subscribe(R4, topic=URL, filters=())
        plain: Resource = {"resourceType": "Basic", "code": {"text": "x"}}
        await rig.write(plain)
        await rig.hub.topics.update(
            R5, "more", parse_topic(about("Task").source | {"url": f"{URL}2"})
        )
        assert rig.hub.subscribers.top(rig.subscriber(id_of(stored))) == 1

    on_rig(scenario, topics=[about("Basic")])


def test_topics_written_by_an_administrator_are_events_where_they_are_named() -> None:
    async def scenario(rig: Rig) -> None:
        stored = await rig.subscribe(R5, topic=URL, filters=())
        await rig.hub.topics.update(
            R5, "more", parse_topic(about("Task").source | {"url": f"{URL}2"})
        )
        assert rig.hub.subscribers.top(rig.subscriber(id_of(stored), R5)) == 1

    on_rig(scenario, topics=[about("SubscriptionTopic")])


@every_release
def test_header_values_stay_masked_in_what_others_are_told(release: FhirRelease) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.subscribe(release, topic=URL, filters=(), content="full-resource")
        await rig.subscribe(
            release, topic=URL, filters=(), header=["Authorization: Bearer very-secret"],
            endpoint="https://b.example.org/",
        )  # fmt: skip
        await rig.after(HOUR)
        bodies = [envelope.body for _, envelope in rig.endpoints.received]
        assert any(b"b.example.org" in body for body in bodies)
        assert not any(b"very-secret" in body for body in bodies)

    on_rig(scenario, topics=[about("Subscription")])
