"""An administrator writes topics while the hub runs, and they are there after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from hub.settings import SettingsError
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    a_socket,
    heard,
    numbers_of,
    running_hub,
    status_of,
)
from tests.support.builders import RELEASES, a_subscription, a_task
from tests.web.topics import ADMIN, URL, a_topic, administered, kind


def _every_release(hub: RunningHub, scenario: Any) -> None:
    async def run() -> None:
        for release in RELEASES:
            async with hub.client(release) as fhir:
                await scenario(fhir)

    asyncio.run(run())


NUDGE = {"system": "http://example.org/events", "code": "nudge"}


async def _inject(fhir: Fhir, focus: str) -> str:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "event", "valueCoding": NUDGE},
            {"name": "focus", "valueReference": {"reference": focus}},
        ],
    }
    path = f"{kind(fhir.release)}/mine-{fhir.release.path}/$inject-event"
    answer = await fhir.ask("POST", path, body, **ADMIN)
    assert answer.status_code == 200, answer.text
    *_, event = answer.json()["parameter"]
    number: str = event["part"][1]["valueString"]
    return number


async def _put(fhir: Fhir, status: str = "active") -> int:
    id = f"mine-{fhir.release.path}"
    body = a_topic(
        fhir.release,
        id=id,
        status=status,
        url=f"{URL}-{fhir.release.path}",
        eventTrigger=[{"resource": "Task", "event": {"coding": [NUDGE]}}],
    )
    answer = await fhir.ask("PUT", f"{kind(fhir.release)}/{id}", body, **ADMIN)
    return answer.status_code


def _wanted(fhir: Fhir) -> Resource:
    name = f"{URL}-{fhir.release.path}"
    return a_subscription(fhir.release, channel="websocket", topic_name=name)


def test_a_topic_is_written_notified_retired_and_kept_over_a_restart(tmp_path: Path) -> None:
    hub_now: list[RunningHub] = []
    settings = {"admin_token_file": administered(tmp_path).admin_token_file}
    ids: dict[FhirRelease, str] = {}

    async def write(fhir: Fhir) -> None:
        assert await _put(fhir) == 201
        stored = await fhir.create(_wanted(fhir))
        ids[fhir.release] = stored["id"]
        async with a_socket(hub_now[0]) as websocket:
            await websocket.send(f"bind-with-token {await fhir.token(stored['id'])}")
            assert status_of(await heard(websocket, fhir.release))["type"] == "handshake"
            task = await fhir.create(a_task("Organization/a"))
            assert numbers_of(await heard(websocket, fhir.release)) == [1]
            assert await _inject(fhir, f"Task/{task['id']}") == "2"
            told = await heard(websocket, fhir.release)
            assert numbers_of(told) == [2]
            (event,) = status_of(told)["events"]
            assert event["focus"].endswith(f"Task/{task['id']}")
        assert await _put(fhir, "retired") == 200
        status, _ = await fhir.refused(
            "PUT", f"{kind(fhir.release)}/x", a_topic(fhir.release, id="x")
        )
        assert status == 405

    async def after(fhir: Fhir) -> None:
        path = f"{kind(fhir.release)}/mine-{fhir.release.path}"
        answer = await fhir.ask("GET", path)
        assert answer.headers["etag"] == 'W/"2"'
        status, issue = await fhir.refused("POST", "Subscription", _wanted(fhir))
        assert status == 422 and "retired" in issue["diagnostics"]
        task = await fhir.create(a_task("Organization/a"))
        assert await _inject(fhir, f"Task/{task['id']}") == "4"
        assert (await fhir.status(ids[fhir.release]))["counter"] == "4"
        events = await fhir.get(f"Subscription/{ids[fhir.release]}/$events")
        assert numbers_of(events) == [1, 2, 3, 4]
        status, issue = await fhir.refused("DELETE", path, **ADMIN)
        assert status == 409 and "1 Subscription" in issue["diagnostics"]
        await fhir.delete(f"Subscription/{ids[fhir.release]}")
        assert (await fhir.ask("DELETE", path, **ADMIN)).status_code == 204

    async def finally_(fhir: Fhir) -> None:
        answer = await fhir.ask("GET", f"{kind(fhir.release)}/mine-{fhir.release.path}")
        assert answer.status_code == 410
        assert await _put(fhir) == 201

    for scenario in (write, after, finally_):
        with running_hub(tmp_path / "hub.db", **settings) as hub:
            hub_now[:] = [hub]
            _every_release(hub, scenario)


def test_a_hub_does_not_start_with_a_token_that_others_may_read(tmp_path: Path) -> None:
    path = administered(tmp_path).admin_token_file
    assert path is not None
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"), running_hub(admin_token_file=path):
        pass


def test_a_topic_of_a_file_that_was_retired_stays_so_over_a_restart(tmp_path: Path) -> None:
    settings = {"admin_token_file": administered(tmp_path).admin_token_file}
    path = "SubscriptionTopic/task-activity"

    async def retire(fhir: Fhir) -> None:
        read = await fhir.get(path)
        answer = await fhir.ask("PUT", path, read | {"status": "retired"}, **ADMIN)
        assert answer.status_code == 200, answer.text
        status, issue = await fhir.refused("DELETE", path, **ADMIN)
        assert status == 409 and "is a file" in issue["diagnostics"]

    async def stays(fhir: Fhir) -> None:
        assert (await fhir.get(path))["status"] == "retired"
        status, _ = await fhir.refused(
            "POST", "Subscription", a_subscription(fhir.release, channel="websocket")
        )
        assert status == 422

    async def one(hub: RunningHub, scenario: Any) -> None:
        async with hub.client(FhirRelease.R5) as fhir:
            await scenario(fhir)

    for scenario in (retire, stays):
        with running_hub(tmp_path / "hub.db", **settings) as hub:
            asyncio.run(one(hub, scenario))
