"""Header values are shown once, to whoever sent them, and never again."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, running_hub
from tests.support.builders import a_subscription, a_task, header_values
from tests.support.endpoints import Endpoint

SECRET: Final = "Bearer-4711-secret"
OTHER: Final = "Bearer-0815-other"
MASKED: Final = "***"


def test_a_secret_is_echoed_to_its_sender_and_masked_everywhere_else(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            wanted = a_subscription(
                fhir.release, endpoint=endpoint.url, headers=[("Authorization", SECRET)]
            )
            stored = await fhir.create(wanted)
            assert header_values(stored) == [SECRET]
            path = f"Subscription/{stored['id']}"
            await fhir.until(stored["id"], "active")
            read = await fhir.get(path)
            assert header_values(read) == [MASKED]
            changed = await fhir.put(read | {"status": "off"})
            assert header_values(changed) == [MASKED]
            patch = [{"op": "replace", "path": "/status", "value": "active"}]
            answer = await fhir.ask(
                "PATCH", path, patch, Content_Type="application/json-patch+json"
            )
            assert answer.json()["status"] == "requested"
            assert SECRET not in answer.text
            for place in (
                path,
                f"{path}/_history/1",
                f"{path}/_history/2",
                f"{path}/_history",
                f"Subscription?_id={stored['id']}",
                "Subscription/_history",
                f"{path}/$status",
                f"{path}/$attempts",
                f"{path}?_pretty=true",
            ):
                answer = await fhir.ask("GET", place)
                assert answer.status_code == 200, place
                assert SECRET not in answer.text, place
            answer = await fhir.ask("GET", f"{path}/_history")
            versions = [entry["resource"] for entry in answer.json()["entry"]]
            assert [header_values(version) for version in versions] == [[MASKED]] * len(versions)
            answer = await fhir.ask("DELETE", path, Prefer="return=OperationOutcome")
            assert SECRET not in answer.text

    in_every_release(hub, scenario)


def test_the_mask_keeps_the_stored_value(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        headers = [("Authorization", SECRET), ("X-Two", "one"), ("X-Two", "two")]
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(
                endpoint, headers=headers, filters=[f"Task?owner={owner}"]
            )
            read = await fhir.get(f"Subscription/{stored['id']}")
            assert header_values(read) == [MASKED] * 3
            tagged = read | {"meta": {"tag": [{"code": "changed"}]}}
            assert (await fhir.put(tagged))["status"] == "active"
            await fhir.create(a_task(owner))
            _, event = await endpoint.wait_for(2)
            assert event.header("authorization") == SECRET
            two = [value for name, value in event.headers if name == "X-Two"]
            assert two == ["one", "two"]
            moved = json.loads(json.dumps(tagged).replace("/hook", "/elsewhere"))
            assert (await fhir.put(moved))["status"] == "requested"
            received = await endpoint.wait_for(3)
            assert received[2].target == "/elsewhere"
            assert received[2].header("authorization") == SECRET

    in_every_release(hub, scenario)


def test_a_changed_value_replaces_the_stored_one(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, headers=[("Authorization", SECRET)])
            read = await fhir.get(f"Subscription/{stored['id']}")
            changed = await fhir.put(json.loads(json.dumps(read).replace(MASKED, OTHER)))
            assert header_values(changed) == [OTHER]
            assert changed["status"] == "requested"
            _, again = await endpoint.wait_for(2)
            assert again.header("authorization") == OTHER

    in_every_release(hub, scenario)


def test_the_mask_is_refused_where_there_is_nothing_to_keep(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint, Endpoint() as foreign:
            stored = await fhir.subscribed(endpoint, headers=[("Authorization", SECRET)])
            path = f"Subscription/{stored['id']}"
            read = await fhir.get(path)
            text = json.dumps(read)
            wrong: dict[str, Resource] = {
                "another name": json.loads(text.replace("Authorization", "X-Other")),
                "another origin": json.loads(text.replace(endpoint.url, foreign.url)),
                "another host": json.loads(text.replace("127.0.0.1", "localhost")),
            }
            for name, resource in wrong.items():
                status, issue = await fhir.refused("PUT", path, resource)
                assert status == 422, name
                assert issue["details"]["coding"][0]["code"] == "header-not-allowed"
            unknown = read | {"id": fresh("x").partition("/")[2]}
            status, _ = await fhir.refused("PUT", f"Subscription/{unknown['id']}", unknown)
            assert status == 422
            await fhir.delete(path)
            status, _ = await fhir.refused("PUT", path, read)
            assert status == 422

    in_every_release(hub, scenario)


def test_a_secret_reaches_no_file_in_the_clear(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            await fhir.subscribed(endpoint, headers=[("Authorization", "Only-In-This-Test-99")])

    with running_hub() as own:
        in_every_release(own, scenario)
        for path in own.settings.db.parent.iterdir():
            assert b"Only-In-This-Test-99" not in path.read_bytes(), path.name


def test_a_refusal_does_not_repeat_a_secret(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(FhirRelease.R4) as fhir:
            wanted = a_subscription(
                FhirRelease.R4, endpoint="https://example.org", headers=[("Host", SECRET)]
            )
            answer = await fhir.ask("POST", "Subscription", wanted)
            assert answer.status_code == 422
            assert SECRET not in answer.text
            wanted["channel"]["header"] = [SECRET]
            answer = await fhir.ask("POST", "Subscription", wanted)
            assert answer.status_code == 422
            assert SECRET not in answer.text

    asyncio.run(scenario())
