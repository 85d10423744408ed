"""Why a change was told to whom, and what became of an order, asked of a running hub."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.codecs.parameter_parts import EXPLAINED, TRACED, read_parts
from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release
from tests.support.builders import a_subscription, a_task


def read(parameters: Resource, repeated: frozenset[str] = EXPLAINED) -> dict[str, Any]:
    assert parameters["resourceType"] == "Parameters"
    return read_parts(parameters["parameter"], repeated)


async def watcher(fhir: Fhir, owner: str, topic_name: str = "task-requested") -> str:
    wanted = a_subscription(
        fhir.release,
        topic_name=topic_name,
        channel="websocket",
        filters=[f"Task?owner={owner}"],
    )
    stored = await fhir.create(wanted)
    id: str = stored["id"]
    return id


def test_a_change_is_explained_in_every_release(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner, other = fresh(), fresh()
        mine, theirs = await watcher(fhir, owner), await watcher(fhir, other)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}/$explain"
        found = read(await fhir.get(f"{path}?subscription={mine}"))
        assert (found["version"], found["told"], found["interaction"]) == (1, 1, "create")
        (topic,) = found["topic"]
        assert topic["canonical"].endswith("/task-requested|1.0.0") and topic["fires"]
        assert topic["trigger"][0]["clause"][0]["holds"] is True
        (filters,) = topic["filters"]
        (subscription,) = filters["subscription"]
        assert subscription["reference"] == f"Subscription/{mine}"
        assert (subscription["event-number"], subscription["standing"]) == ("1", "waiting")

        missed = read(await fhir.get(f"{path}?subscription={theirs}"))
        assert missed["told"] == 0
        (clause,) = missed["topic"][0]["filters"][0]["clause"]
        assert clause["text"] == f"owner={other}" and clause["found"] == [owner]

        draft, requested = a_task(owner, status="draft"), a_task(owner)
        asked = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "before", "resource": draft},
                {"name": "after", "resource": requested},
                {"name": "subscription", "valueString": mine},
            ],
        }
        answer = await fhir.ask("POST", "$explain", asked)
        assert answer.status_code == 200, answer.text
        would = read(answer.json())
        assert would["told"] == 1 and "version" not in would
        assert (await fhir.status(mine))["counter"] == "1"

    in_every_release(hub, scenario)


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ([], 422, "unprocessable"),
        ([{"name": "now", "resource": {"resourceType": "Task"}}], 400, "invalid-resource"),
        ([{"name": "after", "resource": {"resourceType": "Basket"}}], 400, "invalid-resource"),
        ([{"name": "colour", "valueString": "red"}], 400, "invalid-value"),
    ],
)
def test_what_can_t_be_explained_is_refused(
    hub: RunningHub, parameters: list[Any], status: int, code: str
) -> None:
    async def scenario(fhir: Fhir) -> None:
        body: Resource = {"resourceType": "Parameters"}
        if parameters:
            body["parameter"] = parameters
        found, issue = await fhir.refused("POST", "$explain", body)
        assert (found, issue["details"]["coding"][0]["code"]) == (status, code)
        found, _ = await fhir.refused("GET", "Task/none/$explain")
        assert found == 404
        found, _ = await fhir.refused("GET", "$explain")
        assert found == 405
        found, _ = await fhir.refused("GET", "Task/none/$trace?x=1")
        assert found == 400

    in_every_release(hub, scenario)


def test_a_state_by_another_name_and_two_values_are_refused(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        now = {"name": "now", "resource": a_task(fresh())}
        status, issue = await fhir.refused(
            "POST", "$explain", {"resourceType": "Parameters", "parameter": [now]}
        )
        assert status == 400 and "before and after" in issue["diagnostics"]
        task = await fhir.create(a_task(fresh()))
        path = f"Task/{task['id']}/$explain?topic=a&topic=b"
        status, issue = await fhir.refused("GET", path)
        assert status == 400 and "may be given once" in issue["diagnostics"]

    in_every_release(hub, scenario)


def test_an_order_is_traced_in_every_release(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        mine = await watcher(fhir, owner)
        order = await fhir.create(
            {
                "resourceType": "ServiceRequest",
                "status": "active",
                "intent": "order",
                "subject": {"reference": "Patient/p"},
            }
        )
        focus = {"reference": f"ServiceRequest/{order['id']}"}
        task = await fhir.create(a_task(owner) | {"focus": focus})
        found = read(await fhir.get(f"ServiceRequest/{order['id']}/$trace"), TRACED)
        assert found["undelivered"] == 1 and found["cut"] is False
        first, second = found["change"]
        assert first["focus"] == focus["reference"] and "nobody matched" in first["words"]
        assert second["focus"] == f"Task/{task['id']}"
        (told,) = second["told"]
        assert (told["subscription"], told["channel"]) == (f"Subscription/{mine}", "websocket")
        assert (told["event-number"], told["standing"]) == ("1", "waiting")

    in_every_release(hub, scenario)


def test_neither_can_be_asked_for_in_a_bundle(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        bundle = {
            "resourceType": "Bundle",
            "type": "batch",
            "entry": [
                {
                    "resource": {"resourceType": "Parameters"},
                    "request": {"method": "POST", "url": "$explain"},
                }
            ],
        }
        answer = (await fhir.ask("POST", "", bundle)).json()
        assert answer["entry"][0]["response"]["status"].startswith("422")

    in_every_release(hub, scenario)


def test_the_command_line_shows_why_and_what_became_of_it(
    hub: RunningHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owner, other = fresh(), fresh()
    known: dict[str, str] = {}

    async def prepare() -> None:
        async with hub.client(FhirRelease.R4) as fhir:
            known["mine"] = await watcher(fhir, owner)
            known["theirs"] = await watcher(fhir, other)
            known["task"] = f"Task/{(await fhir.create(a_task(owner)))['id']}"

    asyncio.run(prepare())
    at = ("--url", hub.url, "--no-color")
    assert main(["explain", known["task"], "--subscription", known["mine"], *at]) == Exit.OK
    shown = capsys.readouterr().out
    assert shown.startswith(f"{known['task']} v1  create  1 Subscription is told\n")
    assert f"✓ Subscription/{known['mine']}  websocket  #1 waits for a websocket to bind" in shown
    assert "✓ queryCriteria.current  status=requested  requested" in shown

    assert main(["explain", known["task"], "--subscription", known["theirs"], *at]) == Exit.FAILED
    shown = capsys.readouterr().out
    assert "nobody is told" in shown
    assert f"✗ filterBy Task  owner={other}  {owner}" in shown

    after = tmp_path / "after.json"
    after.write_text(json.dumps(a_task(owner)))
    words = ["explain", "--after", str(after), "--topic", "task-closed", *at]
    assert main(words) == Exit.FAILED
    assert "✗ task-closed" in capsys.readouterr().out
    assert main([*words, "--format", "json"]) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["told"] == 0

    assert main(["trace", known["task"], *at]) == Exit.FAILED
    captured = capsys.readouterr()
    assert "#1  waits for a websocket to bind" in captured.out
    assert "Not yet: 1 of 1 notification has not arrived. a test lacks 1" in captured.err
    assert main(["trace", known["task"], *at, "--format", "json"]) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["undelivered"] == 1


def test_whoever_loses_a_task_is_told_so(
    hub: RunningHub, capsys: pytest.CaptureFixture[str]
) -> None:
    owner, other = fresh(), fresh()
    known: dict[str, str] = {}

    async def prepare() -> None:
        async with hub.client(FhirRelease.R4) as fhir:
            known["mine"] = await watcher(fhir, owner, "task-activity")
            task = await fhir.create(a_task(owner))
            await fhir.put(task | {"owner": {"reference": other}})
            known["task"] = f"Task/{task['id']}"

    asyncio.run(prepare())
    words = ["explain", known["task"], "--subscription", known["mine"], "--url", hub.url]
    assert main([*words, "--no-color"]) == Exit.OK
    shown = capsys.readouterr().out
    assert f"✓ Subscription/{known['mine']}  websocket  #2" in shown
    assert "its party had it before and has it no more: told by reference only" in shown
    assert f"✗ filterBy Task  owner={owner}  {other}" in shown
    assert main([*words, "--format", "json"]) == Exit.OK
    (topic,) = json.loads(capsys.readouterr().out)["topic"]
    assert topic["filters"][0]["lost"] is True


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "explain Task/17`, or"),
        (["Task/1", "--after", "x"], "explain Task/17`, or"),
        (["--after", "gone.json"], "gone.json: No such file"),
        (["--after", __file__], "is no JSON"),
    ],
)
def test_wrong_usage_of_explain_is_one_line(
    hub: RunningHub, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *words, "--url", hub.url]) == Exit.USAGE
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
