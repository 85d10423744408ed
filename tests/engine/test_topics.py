"""Topics that an administrator writes, in the engine: order, restart, what others share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.engine.topic_publication import publish_topics
from hub.engine.write import Outcome
from hub.errors import Conflict, HubError, TopicNotActive, TopicRefused
from hub.stores.memory import MemoryStore
from tests.support.rig import Rig, on_rig
from tests.support.rig_resources import TASK_TOPIC, a_task, a_topic, id_of

R4, R5 = FhirRelease.R4, FhirRelease.R5
URL = "http://example.org/topics/mine"


def mine(**more: Any) -> SubscriptionTopic:
    return a_topic(URL, **more)


def test_what_is_written_at_once_is_an_event_before_or_after_never_both() -> None:
    async def scenario(rig: Rig) -> None:
        created, *_ = await asyncio.gather(
            rig.hub.topics.update(R4, "mine", mine()),
            rig.write(a_task()),
            rig.write(a_task()),
        )
        assert created.outcome is Outcome.CREATED
        stored, *_ = await asyncio.gather(
            rig.subscribe(topic=URL), rig.write(a_task()), rig.write(a_task())
        )
        assert rig.hub.subscribers.top(rig.subscriber(id_of(stored))) == 2

    on_rig(scenario)


def test_of_two_that_write_the_same_version_one_is_refused() -> None:
    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(
            rig.hub.topics.create(R5, mine(title="One")),
            rig.hub.topics.create(R5, mine(title="Two")),
            return_exceptions=True,
        )
        assert [isinstance(answer, Conflict) for answer in answers] == [False, True]
        assert rig.hub.registry.topic(R4, URL).topic.title == "One"

    on_rig(scenario)


def test_all_of_it_survives_a_restart() -> None:
    store = MemoryStore()
    ids: list[str] = []

    async def before(rig: Rig) -> None:
        await rig.hub.topics.update(R5, "mine", mine())
        await rig.hub.topics.update(R5, "gone", a_topic("http://example.org/topics/gone"))
        await rig.hub.topics.delete(R5, "gone")
        ids.append(id_of(await rig.subscribe(topic=URL)))
        await rig.write(a_task())
        await rig.hub.topics.update(R4, "mine", mine(status="retired"))

    async def after(rig: Rig) -> None:
        assert not rig.refused
        await rig.write(a_task())
        assert rig.hub.subscribers.top(rig.subscriber(ids[0])) == 2
        with pytest.raises(TopicNotActive):
            await rig.subscribe(topic=URL)
        assert rig.hub.registry.known("http://example.org/topics/gone|1.0.0") is None
        head = rig.hub.store.writer.history(R5, "SubscriptionTopic", "mine", count=10)
        assert [version.version for version in head] == [2, 1]
        with pytest.raises(Conflict, match="1 Subscription is pinned"):
            await rig.hub.topics.delete(R5, "mine")

    on_rig(before, store=store)
    on_rig(after, store=store)


def test_a_refused_topic_leaves_nothing() -> None:
    broken: Resource = mine().source | {
        "resourceTrigger": [{"resource": "Task", "queryCriteria": {"current": "nothing=1"}}]
    }

    async def scenario(rig: Rig) -> None:
        with pytest.raises(HubError):
            await rig.hub.topics.create(R5, parse_topic(broken))
        assert rig.hub.registry.known(mine().canonical) is None
        assert rig.hub.store.writer.history(R5, "SubscriptionTopic", None, count=9)[1:] == []

    on_rig(scenario, topics=[a_topic()])


def test_of_versions_with_one_id_the_newest_is_the_resource() -> None:
    topics = [a_topic(version=version) for version in ("1.9", "1.10", "1.2")]

    async def scenario(rig: Rig) -> None:
        for _ in range(2):
            await publish_topics(rig.hub, topics)
        (version,) = rig.hub.store.writer.history(R5, "SubscriptionTopic", None, count=9)
        assert b'"1.10"' in (version.body or b"")
        assert rig.hub.registry.topic(R5, f"{TASK_TOPIC}|1.2").topic.version == "1.2"

    on_rig(scenario, topics=topics)


def test_a_topic_that_is_not_what_it_derives_from_is_refused() -> None:
    async def scenario(rig: Rig) -> None:
        about = [{"resource": "Task"}]
        await rig.hub.topics.create(R5, mine(resourceTrigger=about))
        other = "http://example.org/topics/derived"
        with pytest.raises(TopicRefused, match="is about Patient, not Task"):
            await rig.hub.topics.create(
                R5, a_topic(other, derivedFrom=[URL], resourceTrigger=[{"resource": "Patient"}])
            )
        assert rig.hub.registry.known(f"{other}|1.0.0") is None
        derived = a_topic(
            other,
            derivedFrom=[URL],
            resourceTrigger=about,
            canFilterBy=[*mine().source.get("canFilterBy", ()), {"filterParameter": "_id"}],
        )
        await rig.hub.topics.create(R5, derived)
        assert rig.hub.registry.topic(R4, other).topic.derived_from == (URL,)

    on_rig(scenario)


def test_what_contradicts_its_derivation_is_refused_before_a_restart_could_find_out() -> None:
    other = "http://example.org/topics/other"

    async def scenario(rig: Rig) -> None:
        bare = mine(derivedFrom=[TASK_TOPIC], canFilterBy=[{"filterParameter": "status"}])
        with pytest.raises(TopicRefused, match="takes the filter"):
            await rig.hub.topics.create(R5, bare)
        await rig.hub.topics.update(R5, "mine", mine(derivedFrom=[other]))
        with pytest.raises(TopicRefused, match="mine"):
            await rig.hub.topics.create(R5, a_topic(other, "Patient"))
        assert rig.hub.registry.known(f"{other}|1.0.0") is None
        await rig.hub.topics.update(R5, "other", a_topic(other))
        await rig.hub.topics.delete(R5, "other")

    on_rig(scenario)
