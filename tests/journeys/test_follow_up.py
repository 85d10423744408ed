"""What helps a subscriber to follow an event up: related queries, and a hint at authorization."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hub.core.related_query import RELATED_QUERY, Coding
from hub.core.release import FhirRelease, Resource
from hub.settings import packaged_topics
from tests.journeys.binding import bind
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    heard,
    in_every_release,
    running_hub,
    status_of,
)
from tests.support.builders import CONTENTS, a_subscription, a_task
from tests.support.endpoints import Endpoint
from tests.support.notification_rules import check_notification

URL: Final = "http://example.org/topics/followed"
TYPE: Final = {"system": "http://example.org/query-types", "code": "graph", "display": "Graph"}
HINT: Final = {"system": "http://example.org/auth", "code": "authorization_base"}


def _query(text: str, **more: Resource) -> Resource:
    parts: list[Resource] = [{"url": name, "valueCoding": value} for name, value in more.items()]
    parts.append({"url": "query", "valueString": text})
    return {"url": RELATED_QUERY, "extension": parts}


TOPIC: Final[Resource] = {
    "resourceType": "SubscriptionTopic",
    "id": "followed",
    "url": URL,
    "version": "1.0.0",
    "status": "active",
    "resourceTrigger": [{"resource": "Task", "supportedInteraction": ["create", "update"]}],
    "canFilterBy": [{"resource": "Task", "filterParameter": "owner"}],
    "notificationShape": [
        {
            "resource": "Task",
            "extension": [
                _query("[type]/[id]", queryType=TYPE),
                _query("Task?patient=[patient]&_count=5"),
                _query("https://elsewhere.example.org/graph/[id]"),
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Return a hub with a topic that has related queries, and with a hint."""
    folder: Path = tmp_path_factory.mktemp("topics")
    (folder / "followed.json").write_text(json.dumps(TOPIC))
    with running_hub(
        topics=(packaged_topics(), folder),
        authorization_hint=Coding(HINT["system"], HINT["code"]),
    ) as running:
        yield running


def _expected(fhir: Fhir, task: Resource, content: str) -> list[tuple[Resource | None, str]]:
    if content == "empty":
        return []
    id, patient = task["id"], task["for"]["reference"]
    return [
        (TYPE, f"{fhir.base}/Task/{id}"),
        (None, f"{fhir.base}/Task?patient={patient}&_count=5"),
        (None, f"https://elsewhere.example.org/graph/{id}"),
    ]


async def _followed(fhir: Fhir, owner: str) -> Resource:
    return await fhir.create(a_task(owner) | {"for": {"reference": fresh("Patient")}})


@pytest.mark.parametrize("content", CONTENTS)
def test_an_event_comes_with_its_queries_which_can_be_asked(hub: RunningHub, content: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(
                endpoint, topic_name=URL, content=content, filters=[f"Task?owner={owner}"]
            )
            task = await _followed(fhir, owner)
            (*_, received) = await endpoint.wait_for(2)
            told = status_of(check_notification(received.body, fhir.release))
            (event,) = told["events"]
            assert event["queries"] == _expected(fhir, task, content)
            assert event["hint"] == [HINT]
            for _, url in event["queries"][:2]:
                found = await fhir.get(url)
                assert task["id"] in json.dumps(found)
            again = await fhir.get(f"Subscription/{stored['id']}/$events")
            (event,) = status_of(again)["events"]
            assert event["queries"] == _expected(fhir, task, content)
            lower = await fhir.get(f"Subscription/{stored['id']}/$events?content=empty")
            assert status_of(lower)["events"][0]["queries"] == []

    in_every_release(hub, scenario)


def test_sockets_are_told_the_queries_too(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        stored = await fhir.create(
            a_subscription(
                fhir.release, channel="websocket", topic_name=URL, filters=[f"Task?owner={owner}"]
            )
        )
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, stored["id"])
            task = await _followed(fhir, owner)
            (event,) = status_of(await heard(websocket, fhir.release))["events"]
            assert event["queries"] == _expected(fhir, task, "id-only")
            assert event["hint"] == [HINT]

    in_every_release(hub, scenario)


def test_a_query_that_can_not_be_filled_is_left_out(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        stored = await fhir.create(
            a_subscription(
                fhir.release, channel="websocket", topic_name=URL, filters=[f"Task?owner={owner}"]
            )
        )
        await fhir.create(a_task(owner))
        told = await fhir.get(f"Subscription/{stored['id']}/$events")
        (event,) = status_of(told)["events"]
        assert [url for _, url in event["queries"] if "patient" in url] == []
        assert len(event["queries"]) == 2

    in_every_release(hub, scenario)


def test_the_topic_shows_its_queries_in_the_form_of_each_release(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        kind = "Basic" if fhir.release is FhirRelease.R4 else "SubscriptionTopic"
        shown = await fhir.get(f"{kind}/followed")
        extensions = shown["extension"] if fhir.release is FhirRelease.R4 else [
            {"extension": each["extension"], "url": "notificationShape"}
            for each in shown["notificationShape"]
        ]  # fmt: skip
        (shape,) = (each for each in extensions if each["url"].endswith("notificationShape"))
        queries = [each for each in shape["extension"] if each["url"] == RELATED_QUERY]
        assert queries == TOPIC["notificationShape"][0]["extension"]

    in_every_release(hub, scenario)


def test_queries_survive_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "topics"
    folder.mkdir()
    (folder / "followed.json").write_text(json.dumps(TOPIC))
    topics = (packaged_topics(), folder)

    async def first(hub: RunningHub) -> str:
        async with hub.client(FhirRelease.R4) as fhir:
            stored = await fhir.create(
                a_subscription(fhir.release, channel="websocket", topic_name=URL)
            )
            await _followed(fhir, fresh())
            id: str = stored["id"]
            return id

    async def second(hub: RunningHub, id: str) -> None:
        async with hub.client(FhirRelease.R4) as fhir:
            (event,) = status_of(await fhir.get(f"Subscription/{id}/$events"))["events"]
            assert len(event["queries"]) == 3
            assert event["hint"] == []

    with running_hub(tmp_path / "hub.db", topics=topics) as hub:
        id = asyncio.run(first(hub))
    with running_hub(tmp_path / "hub.db", topics=topics) as hub:
        asyncio.run(second(hub, id))
