"""XML over real sockets: written, read, searched, and sent to endpoints and websockets."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.codecs.xml_reader import read_xml
from hub.codecs.xml_writer import write_xml
from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    in_every_release,
    numbers_of,
    status_of,
)
from tests.support.builders import RELEASES, a_subscription, a_task
from tests.support.endpoints import Endpoint, Received
from tests.support.notification_rules import check_notification
from tests.support.processes import a_hub

FHIR_XML = "application/fhir+xml"
WITHOUT_LXML = (
    "import sys; sys.modules['lxml'] = None; from hub.__main__ import main; "
    "sys.exit(main(sys.argv[4:]))"
)


def in_xml(resource: Resource, release: FhirRelease) -> bytes:
    return write_xml(json.dumps(resource).encode(), release)


def read(text: bytes, release: FhirRelease) -> Resource:
    found: Resource = read_xml(text, release).value
    return found


async def create(fhir: Fhir, resource: Resource) -> Resource:
    """Create a resource, sent and answered as XML."""
    answer = await fhir.ask(
        "POST",
        resource["resourceType"],
        content=in_xml(resource, fhir.release),
        content_type=FHIR_XML,
        accept=FHIR_XML,
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"] == f"{FHIR_XML}; charset=utf-8"
    return read(answer.content, fhir.release)


def notification(received: Received, release: FhirRelease) -> Resource:
    """Return a notification that came as XML, checked against the standard's rules."""
    assert received.body.startswith(b"<?xml")
    text = read_xml(received.body, release).text
    return check_notification(text, release)


def test_what_is_written_as_xml_is_read_and_searched_in_both_formats(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        stored = await create(fhir, a_task(owner))
        assert await fhir.get(f"Task/{stored['id']}") == stored
        answer = await fhir.ask("GET", f"Task?owner={owner}&_format=xml&_pretty=true")
        bundle = read(answer.content, fhir.release)
        assert [entry["resource"] for entry in bundle["entry"]] == [stored]
        changed = in_xml({**stored, "status": "completed"}, fhir.release)
        answer = await fhir.ask(
            "PUT", f"Task/{stored['id']}", content=changed, content_type=FHIR_XML
        )
        assert read(answer.content, fhir.release)["meta"]["versionId"] == "2"

    in_every_release(hub, scenario)


@pytest.mark.parametrize("payload", [FHIR_XML, "application/xml"])
def test_an_endpoint_that_asks_for_xml_gets_it(hub: RunningHub, payload: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        mime = f"{payload}; fhirVersion={fhir.release.version}"
        async with Endpoint() as endpoint:
            stored = await create(
                fhir,
                a_subscription(
                    fhir.release,
                    endpoint=endpoint.url,
                    payload=mime,
                    content="full-resource",
                    filters=(f"Task?owner={owner}",),
                ),
            )
            await fhir.until(stored["id"], "active")
            task = await create(fhir, a_task(owner))
            handshake, event = await endpoint.wait_for(2)
            assert event.header("content-type") == handshake.header("content-type") == mime
            said = status_of(notification(handshake, fhir.release))
            assert (said["type"], said["counter"]) == ("handshake", "0")
            bundle = notification(event, fhir.release)
            assert numbers_of(bundle) == [1]
            assert bundle["entry"][1]["resource"] == task
            verified = await fhir.ask("POST", f"Subscription/{stored['id']}/$verify")
            assert verified.status_code == 200
            (again,) = (await endpoint.wait_for(3))[2:]
            assert status_of(notification(again, fhir.release))["type"] == "handshake"
            events = await fhir.get(f"Subscription/{stored['id']}/$events")
            assert numbers_of(events) == [1]
            asked = await fhir.ask("GET", f"Subscription/{stored['id']}/$events", accept=FHIR_XML)
            assert read(asked.content, fhir.release)["entry"][1:] == events["entry"][1:]

    in_every_release(hub, scenario)


def test_a_socket_gets_xml_where_the_subscription_asks_for_it(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        stored = await fhir.create(
            a_subscription(
                fhir.release,
                channel="websocket",
                payload=FHIR_XML,
                filters=(f"Task?owner={owner}",),
            )
        )

        async def heard(websocket: Any) -> Resource:
            async with asyncio.timeout(PATIENCE):
                text = (await websocket.recv()).encode()
            return check_notification(read_xml(text, fhir.release).text, fhir.release)

        async with a_socket(hub) as websocket:
            await websocket.send(f"bind-with-token {await fhir.token(stored['id'])}")
            assert status_of(await heard(websocket))["type"] == "handshake"
            await create(fhir, a_task(owner))
            assert numbers_of(await heard(websocket)) == [1]

    in_every_release(hub, scenario)


def test_long_xml_is_read_and_written_whole(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        given = [f"n{number}" for number in range(20_000)]
        stored = await create(fhir, {"resourceType": "Patient", "name": [{"given": given}]})
        assert stored["name"] == [{"given": given}]
        deep = b'<Patient xmlns="http://hl7.org/fhir">' + b"<a>" * 50_000
        answer = await fhir.ask("POST", "Patient", content=deep, content_type=FHIR_XML)
        assert answer.status_code == 400
        assert read(answer.content, fhir.release)["issue"][0]["code"] == "structure"

    in_every_release(hub, scenario)


def test_operations_take_parameters_in_xml(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(a_subscription(fhir.release, channel="websocket"))
        parameters = {
            "resourceType": "Parameters",
            "parameter": [{"name": "id", "valueId": stored["id"]}],
        }
        answer = await fhir.ask(
            "POST",
            "Subscription/$get-ws-binding-token",
            content=in_xml(parameters, fhir.release),
            content_type=FHIR_XML,
        )
        found = read(answer.content, fhir.release)["parameter"]
        assert {"name": "subscription", "valueString": stored["id"]} in found

    in_every_release(hub, scenario)


def test_without_the_extra_the_hub_serves_json_and_blocks_what_it_can_not_write(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with Endpoint() as endpoint:
            async with a_hub(tmp_path) as hub, httpx.AsyncClient(timeout=PATIENCE) as http:
                ids = {}
                for release in RELEASES:
                    wanted = a_subscription(release, endpoint=endpoint.url, payload=FHIR_XML)
                    fhir = Fhir(release, hub.base(release.path), http)
                    ids[release] = (await fhir.create(wanted))["id"]
                    await fhir.until(ids[release], "active")
                await hub.terminate()
            before = (sys.executable, "-c", WITHOUT_LXML)
            async with (
                a_hub(tmp_path, port=hub.port, before=before) as hub,
                httpx.AsyncClient(timeout=PATIENCE) as http,
            ):
                for release in RELEASES:
                    await _has_no_xml(Fhir(release, hub.base(release.path), http), ids[release])

    asyncio.run(scenario())


async def _has_no_xml(fhir: Fhir, id: str) -> None:
    said = await fhir.status(id)
    assert said["status"] == "error"
    for method, path, more, expected in (
        ("POST", "Task", {"content": b"<Task/>", "content_type": FHIR_XML}, 415),
        ("GET", "Task", {"accept": FHIR_XML}, 406),
        ("GET", "Task?_format=xml", {}, 406),
    ):
        status, issue = await fhir.refused(method, path, **more)
        assert status == expected
        assert "pip install 'fhir-hub[xml]'" in issue["diagnostics"]
    wanted = a_subscription(fhir.release, endpoint="http://127.0.0.1:1/x", payload=FHIR_XML)
    status, issue = await fhir.refused("POST", "Subscription", wanted)
    assert status == 422
    assert "pip install 'fhir-hub[xml]'" in issue["diagnostics"]
    assert (await fhir.get("metadata"))["format"] == ["json"]
    await fhir.create(a_task(fresh()))
