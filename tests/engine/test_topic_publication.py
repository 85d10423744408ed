"""Topics as resources that can be found."""

from __future__ import annotations

import json

from hub.core.release import FhirRelease
from hub.engine.topic_publication import publish_topics
from tests.support.fallible_store import FallibleStore
from tests.support.rig import Rig, on_rig
from tests.support.rig_resources import OTHER_TOPIC, a_topic

KINDS = {
    FhirRelease.R4: "Basic",
    FhirRelease.R4B: "SubscriptionTopic",
    FhirRelease.R5: "SubscriptionTopic",
}


def test_a_topic_is_a_resource_wherever_it_computes() -> None:
    async def scenario(rig: Rig) -> None:
        for release, kind in KINDS.items():
            found = rig.hub.store.writer.history(release, kind, None, count=10)
            assert len(found) == 1
            assert json.loads(found[0].body or b"")["resourceType"] == kind

    on_rig(scenario, topics=[a_topic()])


def test_publishing_again_writes_no_new_version() -> None:
    store = FallibleStore()
    topics = [a_topic(), a_topic(OTHER_TOPIC, "Patient")]

    async def scenario(rig: Rig) -> None:
        before = len(store.writer.history(FhirRelease.R5, "SubscriptionTopic", None, count=10))
        await publish_topics(rig.hub, topics)
        after = store.writer.history(FhirRelease.R5, "SubscriptionTopic", None, count=10)
        assert len(after) == before == 2
        assert {topic.canonical for batch in store.commits for topic in batch.topics} == {
            topic.canonical for topic in topics
        }

    on_rig(scenario, topics=topics, store=store)


def test_a_topic_that_others_brought_is_left_alone() -> None:
    topics = [a_topic(), a_topic(OTHER_TOPIC, "Patient")]
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        writes = len(store.commits)
        await publish_topics(rig.hub, topics[:1])
        published = [version.key for batch in store.commits[writes:] for version in batch.versions]
        assert published == []

    on_rig(scenario, topics=topics, store=store)


def test_many_topics_are_written_together_and_all_of_them() -> None:
    topics = [a_topic(f"http://example.org/t{number}", "Task") for number in range(70)]
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        for release, kind in KINDS.items():
            assert len(rig.hub.store.writer.history(release, kind, None, count=99)) == 70
        assert sum(bool(batch.versions) for batch in store.commits) < 10

    on_rig(scenario, topics=topics, store=store)
