"""Subscriptions whose criteria are a search, over a rest-hook, in R4 and R4B."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.core.release import CLASSIC, FhirRelease, Resource
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    running_hub,
)
from tests.support.backport import BP
from tests.support.builders import a_subscription, a_task
from tests.support.classic import a_classic
from tests.support.endpoints import Endpoint, Reply

R4 = FhirRelease.R4
JSON = "application/fhir+json"
OPERATIONS = ("$status", "$events", "$get-ws-binding-token", "$resend")


async def until_status(fhir: Fhir, id: str, status: str) -> Resource:
    """Read a Subscription until it is ``status``."""
    async with asyncio.timeout(PATIENCE):
        while (found := await fhir.get(f"Subscription/{id}"))["status"] != status:
            pass
    return found


def test_without_payload_each_match_is_a_post_without_body(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            wanted = a_classic(
                f"Task?owner={owner}&status=requested&_format=json",
                endpoint=f"{endpoint.url}?who=lab",
                header=["Authorization: Bearer abc", "X-One: 1", "X-One: 2"],
            )
            stored = await fhir.create(wanted)
            assert stored["status"] == "active"
            assert {name: stored[name] for name in ("criteria", "channel", "reason")} == {
                name: wanted[name] for name in ("criteria", "channel", "reason")
            }
            task = await fhir.create(a_task(owner))
            await fhir.put(task | {"status": "accepted"})
            await fhir.put(task | {"priority": "urgent"})
            await fhir.put(task | {"priority": "asap"})
            await fhir.delete(f"Task/{task['id']}")
            await fhir.put(task | {"priority": "stat"})
            received = await endpoint.wait_for(4)
            for each in received:
                assert (each.method, each.target, each.body) == ("POST", "/hook?who=lab", b"")
                assert each.header("content-type") is None
                assert each.header("content-length") == "0"
                assert each.header("authorization") == "Bearer abc"
                assert [value for name, value in each.headers if name == "X-One"] == ["1", "2"]
            async with asyncio.timeout(PATIENCE):
                while len(attempts := await fhir.attempts(stored["id"])) < 4:
                    pass
            assert [each["outcome"] for each in attempts] == ["delivered"] * 4
            assert not {"first", "last"} & attempts[0].keys()
            assert len(endpoint.received) == 4

    in_every_release(hub, scenario, CLASSIC)


def test_with_a_payload_each_version_is_put_at_the_base_of_a_server(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        mime = f"{JSON}; fhirVersion={fhir.release.version}"
        async with Endpoint(default=Reply(201), path="/fhir/") as endpoint:
            await fhir.create(
                a_classic(
                    f"/Task?owner={owner}",
                    endpoint=endpoint.url,
                    payload=mime,
                    header=["X-Key: 1"],
                )
            )
            exact = {"type": {"text": "a"}, "valueDecimal": "1.10"}
            text = json.dumps(a_task(owner, input=[exact])).replace('"1.10"', "1.10")
            answer = await fhir.ask("POST", "Task", content=text.encode())
            assert answer.status_code == 201, answer.text
            task = answer.json()
            at = f"Task/{task['id']}"
            second = await fhir.put(task | {"status": "accepted"})
            await fhir.put(task | {"owner": {"reference": fresh()}})
            third = await fhir.put(second | {"status": "completed"})
            received = await endpoint.wait_for(3)
            versions = [await fhir.ask("GET", f"{at}/_history/{n}") for n in (1, 2, 4)]
            assert [each.body for each in received] == [each.content for each in versions]
            assert b"1.10" in received[0].body
            assert third["meta"]["versionId"] == "4"
            for each in received:
                assert (each.method, each.target) == ("PUT", f"/fhir/{at}")
                assert each.header("content-type") == mime
                assert each.header("x-key") == "1"

    in_every_release(hub, scenario, CLASSIC)


@pytest.mark.parametrize("mime", [JSON, "application/fhir+xml"])
def test_another_fhir_server_is_kept_up_to_date(hub: RunningHub, mime: str) -> None:
    async def scenario(fhir: Fhir, other: Fhir) -> None:
        owner = fresh()
        await fhir.create(a_classic(f"Task?owner={owner}", endpoint=other.base, payload=mime))
        tasks = [await fhir.create(a_task(owner, status="draft")) for _ in range(3)]
        for task in tasks:
            await fhir.put(task | {"status": "requested"})
        async with asyncio.timeout(PATIENCE):
            while (await other.get("Task?status=requested&_summary=count"))["total"] < 3:
                pass
        for task in tasks:
            copy = await other.get(f"Task/{task['id']}")
            assert copy["meta"]["versionId"] == "2"
            assert copy["owner"] == {"reference": owner}

    async def both(other: RunningHub) -> None:
        async with hub.client(R4) as fhir, other.client(R4) as copy:
            await scenario(fhir, copy)

    with running_hub() as other:
        asyncio.run(both(other))


def test_a_payload_in_xml_is_put_as_xml(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint(path="/fhir") as endpoint:
            mime = "application/fhir+xml"
            await fhir.create(a_classic(f"Task?owner={owner}", endpoint=endpoint.url, payload=mime))
            task = await fhir.create(a_task(owner))
            (received,) = await endpoint.wait_for(1)
            assert (received.method, received.target) == ("PUT", f"/fhir/Task/{task['id']}")
            assert received.header("content-type") == mime
            shown = await fhir.ask("GET", f"Task/{task['id']}/_history/1", accept=mime)
            assert received.body == shown.content
            assert received.body.startswith(b"<?xml")

    in_every_release(hub, scenario, CLASSIC)


def test_every_resource_of_a_type_and_chains_are_criteria_too(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        name = fresh().replace("/", "-")
        async with Endpoint(path="/fhir") as everything, Endpoint(path="/fhir") as chained:
            await fhir.create(a_classic("Device", endpoint=everything.url, payload=JSON))
            await fhir.create(
                a_classic(
                    f"Task?owner:Organization.name={name}", endpoint=chained.url, payload=JSON
                )
            )
            lab = await fhir.create({"resourceType": "Organization", "name": name})
            device = await fhir.create({"resourceType": "Device"})
            task = await fhir.create(a_task(f"Organization/{lab['id']}"))
            await fhir.create(a_task(fresh()))
            ((first,), (second,)) = await everything.wait_for(1), await chained.wait_for(1)
            assert first.target == f"/fhir/Device/{device['id']}"
            assert second.target == f"/fhir/Task/{task['id']}"

    in_every_release(hub, scenario, [R4])


def test_a_profile_that_is_claimed_changes_nothing(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            await fhir.create(
                a_classic(
                    f"Task?owner={owner}",
                    endpoint=endpoint.url,
                    meta={"profile": [f"{BP}/backport-subscription"]},
                )
            )
            await fhir.create(a_task(owner))
            (received,) = await endpoint.wait_for(1)
            assert received.body == b""

    in_every_release(hub, scenario, CLASSIC)


def test_used_up_retries_are_told_by_the_subscription_itself(tmp_path: Path) -> None:
    async def scenario(hub: RunningHub) -> None:
        owner = fresh()
        async with hub.client(R4) as fhir, Endpoint(default=Reply(500), path="/fhir") as endpoint:
            wanted = a_classic(f"Task?owner={owner}", endpoint=endpoint.url, payload=JSON)
            id = (await fhir.create(wanted))["id"]
            await fhir.create(a_task(owner, note=[{"text": "1"}]))
            found = await until_status(fhir, id, "error")
            assert "HTTP 500" in found["error"]
            await fhir.create(a_task(owner, note=[{"text": "2"}]))
            failed = len(endpoint.received)
            assert failed >= 2
            assert len({each.body for each in endpoint.received}) == 1
            endpoint.default = Reply(200)
            again = await fhir.put(wanted | {"id": id})
            assert again["status"] == "active"
            assert "error" not in again
            received = (await endpoint.wait_for(failed + 2))[failed:]
            assert [b'"text": "1"' in each.body for each in received] == [True, False]
            assert (await fhir.get(f"Subscription/{id}"))["status"] == "active"

    waits = (timedelta(milliseconds=20),)
    with running_hub(
        tmp_path / "hub.db", retry_schedule=waits, give_up_after=timedelta(milliseconds=100)
    ) as hub:
        asyncio.run(scenario(hub))


def test_a_backlog_outlives_a_restart(tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    owner = fresh()
    waits = (timedelta(milliseconds=100),)

    async def before(hub: RunningHub, port: int) -> None:
        async with hub.client(R4) as fhir:
            wanted = a_classic(
                f"Task?owner={owner}", endpoint=f"http://127.0.0.1:{port}/fhir", payload=JSON
            )
            await fhir.put(wanted | {"id": "kept"})
            for number in range(3):
                await fhir.put(a_task(owner, id=f"kept-{number}"))

    async def after(hub: RunningHub, listening: socket.socket) -> None:
        targets: list[str] = []
        came = asyncio.Event()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
            await reader.readexactly(length)
            targets.append(head.split()[1])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            if len(targets) == 4:
                came.set()

        listening.listen()
        async with hub.client(R4) as fhir:
            await fhir.put(a_task(owner, id="kept-3"))
            async with await asyncio.start_server(take, sock=listening):
                async with asyncio.timeout(PATIENCE):
                    await came.wait()
        assert targets == [f"/fhir/Task/kept-{number}" for number in range(4)]

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        with running_hub(db, retry_schedule=waits) as hub:
            asyncio.run(before(hub, listening.getsockname()[1]))
        with running_hub(db, retry_schedule=waits) as hub:
            asyncio.run(after(hub, listening.dup()))


def test_operations_that_need_a_topic_say_so(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(a_classic(f"Task?owner={fresh()}", channel="websocket"))
        for operation in OPERATIONS:
            for method in ("GET", "POST") if operation != "$resend" else ("POST",):
                status, issue = await fhir.refused(
                    method, f"Subscription/{stored['id']}/{operation}"
                )
                assert (status, issue["code"]) == (422, "not-supported"), operation
                assert issue["details"]["coding"][0]["code"] == "not-topic-based"
                assert "are a search" in issue["diagnostics"]
        bundle = await fhir.get("Subscription/$status")
        assert not any(stored["id"] in str(entry) for entry in bundle.get("entry", []))
        found = await fhir.get("Subscription?status=active&_count=1000")
        assert stored["id"] in [entry["resource"]["id"] for entry in found["entry"]]

    in_every_release(hub, scenario, CLASSIC)


def test_a_trial_without_payload_is_a_post_without_body(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.create(a_classic("Basic?code=x", endpoint=endpoint.url))
            answer = await fhir.ask("POST", f"Subscription/{stored['id']}/$verify")
            assert answer.status_code == 200
            (received,) = await endpoint.wait_for(1)
            assert (received.method, received.body) == ("POST", b"")

    in_every_release(hub, scenario, CLASSIC)


def test_an_explanation_and_a_trace_tell_it_without_numbers(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            id = (await fhir.create(a_classic(f"Task?owner={owner}", endpoint=endpoint.url)))["id"]
            task = await fhir.create(a_task(owner))
            await endpoint.wait_for(1)
            for operation in ("$explain", "$trace"):
                text = json.dumps(await fhir.get(f"Task/{task['id']}/{operation}"))
                assert f"Subscription/{id}" in text, operation
                assert "event-number" not in text

    in_every_release(hub, scenario, CLASSIC)


def test_another_release_s_changes_and_a_topic_s_subscriber_do_not_meet(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with (
            Endpoint() as classic,
            Endpoint() as topical,
            hub.client(FhirRelease.R4B) as other,
        ):
            await fhir.create(a_classic(f"Task?owner={owner}", endpoint=classic.url))
            await fhir.create(
                a_subscription(fhir.release, endpoint=topical.url, filters=[f"Task?owner={owner}"])
            )
            await topical.wait_for(1)
            await other.create(a_task(owner))
            await fhir.create(a_task(owner))
            await topical.wait_for(2)
            (received,) = await classic.wait_for(1)
            assert received.body == b""
            assert len(classic.received) == 1

    in_every_release(hub, scenario, [R4])


@pytest.mark.parametrize("change", [{"status": "off"}, None], ids=["off", "deleted"])
def test_nothing_is_sent_once_it_is_off_or_deleted(hub: RunningHub, change: Any) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.create(a_classic(f"Task?owner={owner}", endpoint=endpoint.url))
            if change is None:
                await fhir.delete(f"Subscription/{stored['id']}")
            else:
                await fhir.put(stored | change)
            await fhir.create(a_task(owner))
            wanted = a_classic(f"Task?owner={owner}&status=draft", endpoint=endpoint.url)
            await fhir.put(wanted | {"id": stored["id"]})
            await fhir.create(a_task(owner, status="draft"))
            await endpoint.wait_for(1)
            assert len(endpoint.received) == 1

    in_every_release(hub, scenario, CLASSIC)
