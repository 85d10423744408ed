"""Why a change was told to whom, as plain JSON, and as a row of a truth table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.cli.truth_table import check_row
from hub.core.compiled_topic import CompiledTopic
from hub.core.release import FhirRelease, Resource
from hub.core.topic import parse_topic
from hub.settings import packaged_topics
from tests.support.rig_resources import (
    OTHER_OWNER,
    TASK_TOPIC,
    a_subscription,
    a_task,
    a_topic,
)
from tests.web.site import Site, a_site, issue, run

R4 = FhirRelease.R4
CASE = "case=it+is+so"


async def put(site: Site, resource: Resource) -> None:
    path = f"{resource['resourceType']}/{resource['id']}"
    answer = await site.ask("PUT", path, resource)
    assert answer.status_code in {200, 201}, answer.text


async def explained(site: Site, query: str) -> Any:
    answer = await site.ask("GET", f"/explain?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def checked(site: Site, row: Any, topic: str = TASK_TOPIC) -> list[str]:
    """Return what of a row is not as it says."""
    hub = site.rig.hub
    compiled: CompiledTopic = hub.registry.topic(R4, topic)
    return list(check_row(row, compiled, hub.parameters[R4]))


def test_a_stored_change_is_explained_to_one_subscription() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wanted = a_subscription(filters=OTHER_OWNER) | {"reason": "Other lab"}
            id = (await site.ask("POST", "Subscription", wanted)).json()["id"]
            await put(site, a_task(id="t1"))
            await put(site, a_task(id="t1", status="accepted"))
            for subscription in (id, f"Subscription/{id}"):
                query = f"release=r4&reference=Task/t1&version=1&subscription={subscription}"
                found = await explained(site, query)
                assert (found["release"], found["reference"]) == ("r4", "Task/t1")
                assert (found["version"], found["told"], found["interaction"]) == (1, 0, "create")
                (topic,) = found["topic"]
                (stream,) = topic["filters"]
                (clause,) = stream["clause"]
                assert (clause["holds"], clause["text"]) == (False, "owner=Organization/other")
                assert clause["found"] == ["Organization/lab"]
                assert stream["subscription"][0]["name"] == "Other lab"
                assert "case" not in topic
            newest = await explained(site, "reference=Task/t1&subscription=&version=&topic=")
            assert newest["version"] == 2

    run(scenario())


def test_a_page_that_asks_nothing_says_how_to_ask() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            found = await explained(site, "release=r5")
            assert found["release"] == "r5" and "reference=Task/17" in found["ask"]

    run(scenario())


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("reference=Task/none", 404, "there is no Task/none"),
        ("reference=Task", 400, "reference must be a type and an id, such as Task/17"),
        ("reference=Task/1/2", 400, "reference must be"),
        ("reference=Basket/1", 404, "'Basket' is no resource type"),
        ("version=3", 400, "version need a reference"),
        ("reference=Task/t1&version=x", 400, "version must be one whole number"),
        ("reference=Task/t1&subscription=none", 404, "there is no Subscription/none"),
        ("reference=Task/t1&colour=red", 400, "'colour' is no parameter of this page"),
        (f"reference=Task/t1&case={'x' * 201}", 400, "case must be a name of 1 to 200 characters"),
    ],
)
def test_what_can_t_be_explained_is_refused(query: str, status: int, words: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, a_task(id="t1"))
            answer = await site.ask("GET", f"/explain?{query}")
            assert (answer.status_code, words in issue(answer)["diagnostics"]) == (status, True)

    run(scenario())


def test_a_saved_case_is_a_row_that_holds_and_fails_when_it_is_turned_round() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("POST", "Subscription", a_subscription())
            await site.ask("POST", "Subscription", a_subscription(filters=OTHER_OWNER))
            odd = ("Task?owner=Organization/lab&status:not=a%26b,100%25",)
            await site.ask("POST", "Subscription", a_subscription(filters=odd))
            await put(site, a_task(id="t1"))
            raw = json.dumps(a_task(id="t1", status="accepted"))[:-1]
            quantity = ', "input": [{"type": {"text": "n"}, "valueDecimal": 1.10}]}'
            await site.ask(
                "PUT", "Task/t1", raw=(raw + quantity).encode(), content_type="application/json"
            )
            found = await explained(site, f"reference=Task/t1&{CASE}&topic={TASK_TOPIC}")
            text = found["topic"][0]["case"]
            assert '"valueDecimal": 1.10' in text
            row = json.loads(text)
            assert (row["name"], row["release"], row["fires"]) == ("it is so", ["R4"], True)
            assert row["previous"]["status"] == "requested"
            assert row["filters"] == {
                "Task.owner=Organization/lab": True,
                "Task.owner=Organization/other": False,
                "Task.owner=Organization/lab&Task.status:not=a%26b,100%25": True,
            }
            assert checked(site, row) == []
            assert checked(site, row | {"fires": False})
            assert checked(site, row | {"filters": {"Task.owner=Organization/lab": False}})
            await site.ask("DELETE", "Task/t1")
            found = await explained(site, f"reference=Task/t1&{CASE}")
            row = json.loads(found["topic"][0]["case"])
            assert (row["interaction"], row["current"]) == ("delete", None)
            assert checked(site, row) == []

    run(scenario())


def test_a_made_up_change_is_saved_too() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            parameters = [
                {"name": "after", "resource": a_task(id="t1")},
                {"name": "case", "valueString": "made up"},
            ]
            asked = {"resourceType": "Parameters", "parameter": parameters}
            answer = (await site.ask("POST", "$explain", asked)).json()
            (topic,) = [each for each in answer["parameter"] if each["name"] == "topic"]
            (case,) = [each for each in topic["part"] if each["name"] == "case"]
            row = json.loads(case["valueString"])
            assert (row["name"], row["interaction"]) == ("made up", "create")
            assert checked(site, row) == []

    run(scenario())


def test_what_others_said_is_part_of_the_case() -> None:
    chained = "requester:Organization.name"
    topic = a_topic(
        resourceTrigger=[
            {
                "resource": "Task",
                "queryCriteria": {
                    "current": "_has:Task:part-of:status=draft",
                    "requireBoth": False,
                },
            }
        ],
        canFilterBy=[{"resource": "Task", "filterParameter": chained}],
    )

    async def scenario() -> None:
        async with a_site(topics=[topic]) as site:
            wanted = a_subscription(filters=(f"Task?{chained}=ward",))
            assert (await site.ask("POST", "Subscription", wanted)).status_code == 201
            await put(site, {"resourceType": "Organization", "id": "w", "name": "Ward"})
            await put(site, a_task(id="t1", requester={"reference": "Organization/w"}))
            part_of = [{"reference": "Task/t1"}]
            await put(site, a_task(id="t2", status="draft", partOf=part_of))
            await put(
                site, a_task(id="t1", status="ready", requester={"reference": "Organization/w"})
            )
            found = await explained(site, f"reference=Task/t1&{CASE}")
            row = json.loads(found["topic"][0]["case"])
            assert {each["id"] for each in row["others"]} == {"t2", "w"}
            assert row["fires"] is True and list(row["filters"].values()) == [True]
            assert checked(site, row) == []
            assert checked(site, row | {"others": []})

    run(scenario())


def test_what_a_table_can_t_say_is_no_case() -> None:
    topic = a_topic(
        resourceTrigger=[{"resource": "Task", "fhirPathCriteria": "%current.status > 5"}]
    )

    async def scenario() -> None:
        async with a_site(topics=[topic]) as site:
            classic = {
                "resourceType": "Subscription",
                "status": "requested",
                "reason": "classic",
                "criteria": "Task?status=requested",
                "channel": {"type": "websocket"},
            }
            assert (await site.ask("POST", "Subscription", classic)).status_code == 201
            await put(site, a_task(id="t1"))
            found = await explained(site, f"reference=Task/t1&{CASE}")
            assert len(found["topic"]) == 2
            assert not any("case" in each for each in found["topic"])

    run(scenario())


def test_a_loss_is_saved_as_one() -> None:
    source = (packaged_topics() / "task-activity" / "topic.json").read_text()
    topic = parse_topic(json.loads(source))

    async def scenario() -> None:
        async with a_site(topics=[topic]) as site:
            wanted = a_subscription(topic=topic.url)
            assert (await site.ask("POST", "Subscription", wanted)).status_code == 201
            await put(site, a_task(id="t1"))
            await put(site, a_task("Organization/other", id="t1"))
            found = await explained(site, f"reference=Task/t1&{CASE}")
            row = json.loads(found["topic"][0]["case"])
            assert row["filters"] == {"Task.owner=Organization/lab": "lost"}
            assert checked(site, row, topic.canonical) == []
            turned = row | {"filters": {"Task.owner=Organization/lab": False}}
            assert checked(site, turned, topic.canonical)

    run(scenario())
