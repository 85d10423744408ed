"""Subscriptions of R4 and R4B whose criteria are a search."""

from __future__ import annotations

import asyncio
import json

from websockets.asyncio.client import ClientConnection, connect

from hub.core.release import Resource
from tests.conformance.item import BACKPORTED, MAY, R5, SHALL, SHOULD, item
from tests.conformance.story import refused, told
from tests.journeys.hosting import PATIENCE, Fhir, fresh
from tests.journeys.mailing import an_address
from tests.support.builders import a_subscription, a_task, topic
from tests.support.classic import a_classic
from tests.support.endpoints import Endpoint, Reply
from tests.support.mail_server import MailServer

JSON = "application/fhir+json"
WEBSOCKET = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"


async def _until(fhir: Fhir, id: str, status: str) -> Resource:
    async with asyncio.timeout(PATIENCE):
        while (found := await fhir.get(f"Subscription/{id}"))["status"] != status:
            pass
    return found


@item("17.1", SHALL, BACKPORTED)
async def test_17_1_a_canonical_is_a_topic_and_anything_else_a_search(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as plain, Endpoint() as slashed, Endpoint() as topical:
        for endpoint, slash in ((plain, ""), (slashed, "/")):
            wanted = a_classic(f"{slash}Task?owner={owner}", endpoint=endpoint.url)
            assert (await fhir.create(wanted))["status"] == "active"
        await fhir.subscribed(topical, filters=[f"Task?owner={owner}"])
        await fhir.create(a_task(owner))
        _, event = await topical.wait_for(2)
        assert told(event, fhir.release)["topic"] == topic("task-activity")
        for endpoint in (plain, slashed):
            (received,) = await endpoint.wait_for(1)
            assert received.body == b""


@item("17.2", SHALL, BACKPORTED)
async def test_17_2_the_elements_are_those_of_the_release(fhir: Fhir) -> None:
    sound = a_classic(
        "Task?status=requested",
        endpoint="http://127.0.0.1:9/hook",
        payload=JSON,
        header=["X-A: b"],
        status="off",
        end="2099-01-01T00:00:00Z",
        contact=[{"system": "email", "value": "help@example.org"}],
    )
    stored = await fhir.create(sound)
    assert stored == sound | {"id": stored["id"], "meta": stored["meta"]}
    for name in ("status", "reason", "criteria", "channel"):
        without = {key: value for key, value in sound.items() if key != name}
        issue = await refused(fhir, without)
        assert (issue["code"], issue["expression"]) == ("required", [f"Subscription.{name}"])
    typeless = {**sound, "channel": {"endpoint": "http://127.0.0.1:9/hook"}}
    assert (await refused(fhir, typeless))["expression"] == ["Subscription.channel.type"]


@item("17.3", SHALL, BACKPORTED)
async def test_17_3_each_write_whose_new_state_matches_fires_and_no_delete(fhir: Fhir) -> None:
    owner, other = fresh(), fresh()
    async with Endpoint(path="/fhir") as endpoint:
        criteria = f"Task?owner={owner},{other}&status:not=draft&_format=json&_sort=-_lastUpdated"
        await fhir.create(a_classic(criteria, endpoint=endpoint.url, payload=JSON))
        task = await fhir.create(a_task(owner))
        second = await fhir.put(task | {"priority": "urgent"})
        await fhir.put(second | {"status": "draft"})
        await fhir.delete(f"Task/{task['id']}")
        last = await fhir.create(a_task(other))
        received = await endpoint.wait_for(3)
        sent = [json.loads(each.body) for each in received]
        assert [(one["id"], one.get("priority")) for one in sent] == [
            (task["id"], None),
            (task["id"], "urgent"),
            (last["id"], None),
        ]
        wrong = a_classic("Task?nonsense=1", endpoint=endpoint.url)
        assert (await refused(fhir, wrong))["expression"] == ["Subscription.criteria"]


@item("17.4", SHALL, BACKPORTED)
async def test_17_4_a_hook_is_an_empty_post_or_an_update_of_a_server(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as bare, Endpoint(path="/fhir") as server:
        header = ["X-One: 1", "Authorization: Bearer x"]
        for endpoint, payload in ((bare, None), (server, JSON)):
            stored = await fhir.create(
                a_classic(
                    f"Task?owner={owner}", endpoint=endpoint.url, payload=payload, header=header
                )
            )
            assert stored["status"] == "active"
        task = await fhir.create(a_task(owner))
        (post,), (put,) = await bare.wait_for(1), await server.wait_for(1)
        assert (post.method, post.target, post.body) == ("POST", "/hook", b"")
        assert (put.method, put.target) == ("PUT", f"/fhir/Task/{task['id']}")
        assert put.header("content-type") == JSON
        assert json.loads(put.body) == task
        for each in (post, put):
            assert (each.header("x-one"), each.header("authorization")) == ("1", "Bearer x")


async def _text(websocket: ClientConnection) -> str:
    async with asyncio.timeout(PATIENCE):
        return str(await websocket.recv())


@item("17.5", SHALL, BACKPORTED)
async def test_17_5_a_socket_is_bound_by_id_and_pinged(fhir: Fhir) -> None:
    (rest,) = (await fhir.get("metadata"))["rest"]
    (url,) = [each["valueUri"] for each in rest["extension"] if each["url"] == WEBSOCKET]
    owners = [fresh(), fresh()]
    wanted = [a_classic(f"Task?owner={owner}", channel="websocket") for owner in owners]
    ids = [(await fhir.create(each))["id"] for each in wanted]
    async with connect(url, proxy=None) as websocket:
        for id in ids:
            await websocket.send(f"bind {id}")
            assert await _text(websocket) == f"bound {id}"
        for owner, id in zip(owners, ids, strict=True):
            await fhir.create(a_task(owner))
            assert await _text(websocket) == f"ping {id}"


@item("17.6", MAY, BACKPORTED)
async def test_17_6_each_match_is_one_mail_and_sms_and_messages_are_refused(
    fhir: Fhir, mail_port: int
) -> None:
    owner, address = fresh(), an_address()
    wanted = a_classic(
        f"Task?owner={owner}",
        channel="email",
        endpoint=f"mailto:{address}",
        header=["Subject: News of the ward"],
    )
    async with MailServer(port=mail_port) as mails:
        assert (await fhir.create(wanted))["status"] == "active"
        tasks = [await fhir.create(a_task(owner)) for _ in range(2)]
        for mail in await mails.mails(2, address):
            assert mail.recipients == [address]
            assert mail.message["Subject"] == "News of the ward"
            assert mail.attachment is None
            assert not any(task["id"] in mail.text for task in tasks)
    for code in ("sms", "message"):
        issue = await refused(fhir, wanted | {"channel": {"type": code, "endpoint": "tel:+1"}})
        assert issue["expression"] == ["Subscription.channel.type"]


@item("17.7", SHOULD, BACKPORTED)
async def test_17_7_it_is_active_at_once_in_error_when_it_fails_and_back(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint([Reply(404)]) as endpoint:
        wanted = a_classic(f"Task?owner={owner}", endpoint=endpoint.url)
        stored = await fhir.create(wanted)
        assert stored["status"] == "active"
        path = f"Subscription/{stored['id']}"
        await fhir.create(a_task(owner))
        await endpoint.wait_for(2)
        async with asyncio.timeout(PATIENCE):
            while "error" in (found := await fhir.get(path)):
                pass
        assert found["status"] == "active"
        assert (await fhir.put(found | {"status": "off"}))["status"] == "off"
    odd = a_classic("Task?nonsense=1", endpoint="http://127.0.0.1:9/hook")
    assert (await refused(fhir, odd))["severity"] == "error"


@item("17.8", SHALL, BACKPORTED)
async def test_17_8_it_has_no_status_no_events_and_no_counter(fhir: Fhir) -> None:
    stored = await fhir.create(a_classic(f"Task?owner={fresh()}", channel="websocket"))
    for name in ("$status", "$events", "$get-ws-binding-token"):
        status, issue = await fhir.refused("GET", f"Subscription/{stored['id']}/{name}")
        assert (status, issue["code"]) == (422, "not-supported"), name
    assert stored["id"] not in str(await fhir.get("Subscription/$status"))


@item("17.9", SHALL, (R5,))
async def test_17_9_r5_has_neither_criteria_nor_channel_nor_sms(fhir: Fhir) -> None:
    classic = a_classic("Task?status=requested", endpoint="http://127.0.0.1:9/hook")
    assert (await fhir.refused("POST", "Subscription", classic))[0] == 400
    sms = a_subscription(R5, channel="sms", endpoint="tel:+1")
    issue = await refused(fhir, sms)
    assert issue["expression"] == ["Subscription.channelType"]
