"""Guards of writes over real sockets: what is refused, how, and that nobody hears of it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hub.core.release import FhirRelease, Resource
from hub.guard_settings import read_task_guard
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, running_hub
from tests.support.builders import a_bundle, a_patient, a_subscription, a_task, an_entry
from tests.support.messages import an_order

R4: Final = FhirRelease.R4
PATCH: Final = "application/json-patch+json"


@pytest.fixture(scope="module")
def versioned() -> Iterator[RunningHub]:
    """Return a hub on which nobody changes a Task without If-Match."""
    with running_hub(require_if_match=frozenset({"Task"})) as running:
        yield running


@pytest.fixture(scope="module")
def guarded() -> Iterator[RunningHub]:
    """Return a hub with the table of FHIR's state machine."""
    with running_hub(task_guard=read_task_guard("fhir")) as running:
        yield running


async def _counting(fhir: Fhir, owner: str) -> str:
    filters = [f"Task?owner={owner}"]
    stored = await fhir.create(a_subscription(fhir.release, channel="websocket", filters=filters))
    id: str = stored["id"]
    return id


async def _heard(fhir: Fhir, id: str) -> int:
    return int((await fhir.status(id))["counter"])


def _to(status: str) -> bytes:
    return json.dumps([{"op": "replace", "path": "/status", "value": status}]).encode()


def _patch_entry(id: str, status: str, **more: Any) -> Resource:
    data = base64.b64encode(_to(status)).decode()
    binary = {"resourceType": "Binary", "contentType": PATCH, "data": data}
    return an_entry("PATCH", f"Task/{id}", binary, **more)


def test_a_blind_change_is_428_and_makes_no_event(versioned: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        heard = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}"
        changed = task | {"description": "changed"}
        for method, body, more in (
            ("PUT", changed, {}),
            ("PATCH", None, {"content": _to("accepted"), "content_type": PATCH}),
            ("DELETE", None, {}),
        ):
            status, issue = await fhir.refused(method, path, body, **more)
            assert (status, issue["code"]) == (428, "required")
            coding = issue["details"]["coding"][0]
            assert coding["code"] == "version-required"
            assert f"{path} is there" in issue["diagnostics"]
        status, _ = await fhir.refused("PUT", path, changed, if_match='W/"7"')
        assert status == 412
        assert await _heard(fhir, heard) == 1

        answer = await fhir.ask("PUT", path, changed, if_match='W/"1"')
        assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
        answer = await fhir.ask("DELETE", path, if_match='W/"2"')
        assert answer.status_code == 204
        assert await _heard(fhir, heard) == 3
        await fhir.put(changed)  # it is there no more: this creates it
        patient = await fhir.create(a_patient())
        await fhir.put(patient | {"active": False})

    in_every_release(versioned, scenario)


def test_the_statement_says_what_needs_if_match(versioned: RunningHub, hub: RunningHub) -> None:
    async def needed(fhir: Fhir) -> set[str]:
        statement = await fhir.get("metadata")
        return {
            each["type"]
            for each in statement["rest"][0]["resource"]
            if each.get("versioning") == "versioned-update"
        }

    async def scenario() -> None:
        async with versioned.client(R4) as fhir, hub.client(R4) as free:
            assert await needed(fhir) == {"Task"}
            assert await needed(free) == set()

    asyncio.run(scenario())


def test_entries_say_their_version_in_the_request(versioned: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        heard = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}"
        changed = task | {"description": "changed"}
        for entry in (
            an_entry("PUT", path, changed),
            _patch_entry(task["id"], "accepted"),
            an_entry("DELETE", path),
        ):
            whole = a_bundle("transaction", an_entry("POST", "Task", a_task(owner)), entry)
            status, issue = await fhir.refused("POST", "", whole)
            assert (status, issue["code"]) == (428, "required")
            answer = await fhir.ask("POST", "", a_bundle("batch", entry))
            (only,) = answer.json()["entry"]
            assert only["response"]["status"].startswith("428")
        assert await _heard(fhir, heard) == 1
        whole = a_bundle("transaction", an_entry("PUT", path, changed, ifMatch='W/"1"'))
        answer = await fhir.ask("POST", "", whole)
        assert answer.status_code == 200, answer.text
        each = a_bundle("batch", _patch_entry(task["id"], "accepted", ifMatch='W/"2"'))
        (only,) = (await fhir.ask("POST", "", each)).json()["entry"]
        assert only["response"]["etag"] == 'W/"3"'
        assert await _heard(fhir, heard) == 3

    in_every_release(versioned, scenario)


def test_of_many_who_claim_one_task_with_its_version_one_wins(versioned: RunningHub) -> None:
    async def scenario() -> None:
        async with versioned.client(R4) as fhir:
            task = await fhir.create(a_task())
            path = f"Task/{task['id']}"
            answers = await asyncio.gather(
                *(
                    fhir.ask(
                        "PUT", path, task | {"owner": {"reference": fresh()}}, if_match='W/"1"'
                    )
                    for _ in range(20)
                )
            )
            assert sorted(each.status_code for each in answers) == [200] + [412] * 19

    asyncio.run(scenario())


def test_a_forbidden_step_is_422_and_makes_no_event(guarded: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        heard = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}"
        done = task | {"status": "completed"}
        words = (
            f"{path} is requested and may not become completed; "
            "it may become received, accepted, rejected, cancelled or entered-in-error"
        )
        patching = {"content": _to("completed"), "content_type": PATCH}
        for method, body, more in (("PUT", done, {}), ("PATCH", None, patching)):
            status, issue = await fhir.refused(method, path, body, **more)
            assert (status, issue["code"]) == (422, "business-rule")
            assert issue["details"]["coding"][0]["code"] == "transition-not-allowed"
            assert issue["expression"] == ["Task.status"]
            assert issue["diagnostics"].startswith(words)
        for entry in (an_entry("PUT", path, done), _patch_entry(task["id"], "completed")):
            whole = a_bundle("transaction", an_entry("POST", "Task", a_task(owner)), entry)
            status, issue = await fhir.refused("POST", "", whole)
            assert (status, issue["code"]) == (422, "business-rule")
            batch = a_bundle("batch", an_entry("POST", "Task", a_task(owner)), entry)
            created, refused = (await fhir.ask("POST", "", batch)).json()["entry"]
            assert created["response"]["status"].startswith("201")
            assert refused["response"]["status"].startswith("422")
            (issue,) = refused["response"]["outcome"]["issue"]
            assert issue["expression"] == ["Bundle.entry[1].resource.status"]
        assert await _heard(fhir, heard) == 3

        for allowed in ("accepted", "in-progress", "on-hold", "in-progress", "completed"):
            task = await fhir.put(task | {"status": allowed})
        assert task["meta"]["versionId"] == "6"
        assert await _heard(fhir, heard) == 8
        await fhir.delete(path)

    in_every_release(guarded, scenario)


def test_a_message_is_refused_whole_where_its_task_takes_a_forbidden_step(
    guarded: RunningHub, versioned: RunningHub
) -> None:
    async def scenario(fhir: Fhir) -> None:
        release, number = fhir.release, fresh().partition("/")[2]
        first = an_order(release, f"{number}a", number=number)
        answer = await fhir.ask("POST", "$process-message", first)
        assert answer.status_code == 200, answer.text
        wrong = an_order(release, f"{number}b", number=number, status="completed")
        answer = await fhir.ask("POST", "$process-message", wrong)
        assert answer.status_code == 422 and "may not become completed" in answer.text
        found = await fhir.get(f"Task?identifier={number}")
        (entry,) = found["entry"]
        assert entry["resource"]["status"] == "requested"
        right = an_order(release, f"{number}c", number=number, status="accepted")
        answer = await fhir.ask("POST", "$process-message", right)
        assert answer.status_code == 200, answer.text

    in_every_release(guarded, scenario)

    async def without_version(fhir: Fhir) -> None:
        number = fresh().partition("/")[2]
        for part, status in (("a", "requested"), ("b", "accepted")):
            order = an_order(fhir.release, f"{number}{part}", number=number, status=status)
            answer = await fhir.ask("POST", "$process-message", order)
            assert answer.status_code == 200, answer.text

    in_every_release(versioned, without_version)


def test_the_hub_writes_its_own_resources_whatever_needs_if_match(tmp_path: Path) -> None:
    own = frozenset({"OperationDefinition", "Basic", "SubscriptionTopic", "Subscription"})

    async def definition(hub: RunningHub) -> str:
        async with hub.client(R4) as fhir:
            found = await fhir.get("OperationDefinition?_count=1")
            url: str = found["entry"][0]["resource"]["url"]
            return url

    urls = []
    for _ in range(2):
        # The second has another port, and so other addresses in its definitions.
        with running_hub(tmp_path / "hub.db", require_if_match=own) as hub:
            urls.append(asyncio.run(definition(hub)))
            assert urls[-1].startswith(hub.url)
    assert urls[0] != urls[1]
