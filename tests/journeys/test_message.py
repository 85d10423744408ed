"""Messages over real sockets: hubs tell hubs, orders come in, endpoints answer.

Longer than other files because its tests share a second hub.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from hub.codecs.xml_reader import read_xml
from hub.core.message import MessageEvent
from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    numbers_of,
    running_hub,
    status_of,
)
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Received, Reply
from tests.support.messages import a_header, a_message, an_order, read_answer
from tests.support.notification_rules import check_model, check_notification

R4 = FhirRelease.R4
EVENT = MessageEvent("https://hub.example.org/events", "told")
LIMIT = timedelta(seconds=2)


@pytest.fixture(scope="module")
def other() -> Iterator[RunningHub]:
    """Return a second hub, with an event of its own and short patience."""
    with running_hub(message_event=EVENT, give_up_after=LIMIT) as running:
        yield running


def carried(received: Received, release: FhirRelease) -> Resource:
    """Return the notification that a message carries, both checked against the standard."""
    message = json.loads(received.body)
    check_model(message, release)
    header, notification = (entry["resource"] for entry in message["entry"])
    assert message["type"] == "message"
    assert header["focus"] == [{"reference": message["entry"][1]["fullUrl"]}]
    assert received.target.partition("?")[0].endswith("/$process-message")
    text = received.body[received.body.index(b'{"resourceType":"Bundle"', 1) :]
    inner = text[: -len(b"}]}")]
    assert json.loads(inner) == notification
    return check_notification(inner, release)


def types_of(received: list[Received], release: FhirRelease) -> list[str]:
    return [status_of(carried(each, release))["type"] for each in received]


async def subscribed(fhir: Fhir, endpoint: str, **changes: Any) -> str:
    """Create a Subscription of channel message; return its id once it is active."""
    wanted = a_subscription(
        fhir.release, channel="message", endpoint=endpoint, content="full-resource", **changes
    )
    stored = await fhir.create(wanted)
    assert stored["status"] == "requested"
    await fhir.until(stored["id"], "active")
    id: str = stored["id"]
    return id


@asynccontextmanager
async def both(
    hub: RunningHub, other: RunningHub, release: FhirRelease
) -> AsyncIterator[tuple[Fhir, Fhir]]:
    async with hub.client(release) as here, other.client(release) as there:
        yield here, there


async def all_delivered(fhir: Fhir, id: str, last: int) -> None:
    """Wait until a Subscription was told of its event ``last``, and its status knows."""
    async with asyncio.timeout(PATIENCE):
        while not any(
            (each["kind"], each["outcome"], int(each["last"])) == ("events", "delivered", last)
            for each in await fhir.attempts(id)
        ):
            pass
        # The attempt is to be seen once it is committed, a moment before the status.
        while (await fhir.status(id))["errors"]:
            pass


async def found(fhir: Fhir, query: str) -> list[Resource]:
    bundle = await fhir.get(query)
    return [entry["resource"] for entry in bundle.get("entry", [])]


@pytest.mark.parametrize("whole", [False, True])
def test_a_hub_tells_a_hub_whose_subscribers_hear_of_it(
    hub: RunningHub, other: RunningHub, whole: bool
) -> None:
    async def scenario(here: Fhir) -> None:
        owner = f"https://lab.example.org/fhir/{fresh()}"
        filters = [f"Task?owner={owner}"]
        async with other.client(here.release) as there, Endpoint() as endpoint:
            local = await there.subscribed(endpoint, filters=filters, content="full-resource")
            target = f"{there.base}/$process-message" if whole else there.base
            id = await subscribed(here, target, filters=filters)
            task = await here.create(a_task(owner))
            await endpoint.wait_for(2)
            await here.put(task | {"status": "accepted"})
            await endpoint.wait_for(3)
            await here.delete(f"Task/{task['id']}")
            received = await endpoint.wait_for(4)
            bundles = [check_notification(each.body, here.release) for each in received[1:]]
            assert [numbers_of(bundle) for bundle in bundles] == [[1], [2], [3]]
            methods = [bundle["entry"][1]["request"]["method"] for bundle in bundles]
            assert methods == ["POST", "PUT", "DELETE"]
            copy = bundles[1]["entry"][1]["resource"]
            assert copy["status"] == "accepted"
            assert copy["meta"]["source"] == f"{here.base}/Task/{task['id']}"
            await all_delivered(here, id, 3)
            assert (await there.status(local["id"]))["counter"] == "3"

    in_every_release(hub, scenario)


def test_a_message_that_comes_again_has_no_second_effect(
    hub: RunningHub, other: RunningHub
) -> None:
    async def scenario(here: Fhir) -> None:
        owner = f"https://lab.example.org/fhir/{fresh()}"
        async with other.client(here.release) as there, Endpoint() as endpoint:
            id = await subscribed(here, endpoint.url, filters=[f"Task?owner={owner}"])
            await here.create(a_task(owner))
            _, told = await endpoint.wait_for(2)
            path = "$process-message"
            first = await there.ask("POST", path, content=told.body)
            again = await there.ask("POST", path, content=told.body)
            assert first.status_code == 200, first.text
            assert first.content == again.content
            assert read_answer(first.content) == ("ok", None)
            (copy,) = await found(there, f"Task?owner={owner}")
            assert copy["meta"]["versionId"] == "1"
            await here.delete(f"Subscription/{id}")

    in_every_release(hub, scenario)


def test_messages_go_and_come_in_xml(hub: RunningHub, other: RunningHub) -> None:
    async def scenario(here: Fhir) -> None:
        owner = f"https://lab.example.org/fhir/{fresh()}"
        filters = [f"Task?owner={owner}"]
        async with other.client(here.release) as there, Endpoint() as endpoint:
            for target in (there.base, endpoint.url):
                await subscribed(here, target, filters=filters, payload="application/fhir+xml")
            task = await here.create(a_task(owner))
            _, told = await endpoint.wait_for(2)
            message = read_xml(told.body, here.release).value
            assert [each["resource"]["resourceType"] for each in message["entry"]] == [
                "MessageHeader",
                "Bundle",
            ]
            answer = await there.ask(
                "POST",
                "$process-message",
                content=told.body,
                content_type="application/fhir+xml",
                accept="application/fhir+xml",
            )
            assert answer.status_code == 200, answer.text
            said = read_xml(answer.content, here.release).value
            assert said["entry"][0]["resource"]["response"]["code"] == "ok"
            (copy,) = await found(there, f"Task?owner={owner}")
            assert copy["meta"]["source"] == f"{here.base}/Task/{task['id']}"

    in_every_release(hub, scenario)


def test_two_hubs_that_tell_each_other_everything_come_to_rest(
    hub: RunningHub, other: RunningHub
) -> None:
    async def scenario() -> None:
        async with both(hub, other, R4) as (here, there):
            back = await subscribed(there, here.base, topic_name="any-change")
            forth = await subscribed(here, there.base, topic_name="any-change")
            task = await here.create(a_task())
            await all_delivered(there, back, 1)
            await here.put(task | {"status": "accepted"})
            await all_delivered(there, back, 2)
            (copy,) = await found(
                there, "Task?status=accepted&_source=" + f"{here.base}/Task/{task['id']}"
            )
            # What the other hub changes of its own copy stays there.
            await there.put(copy | {"status": "rejected"})
            await all_delivered(there, back, 3)
            assert (await here.get(f"Task/{task['id']}"))["status"] == "accepted"
            assert (await here.status(forth))["counter"] == "2"
            assert (await there.status(back))["counter"] == "3"
            await here.delete(f"Subscription/{forth}")
            await there.delete(f"Subscription/{back}")

    asyncio.run(scenario())


def test_an_order_that_comes_in_is_heard_of(other: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        sender = f"https://placer-{fhir.release.path}.example.org/fhir"
        async with Endpoint() as messages, Endpoint() as tasks:
            await fhir.subscribed(
                messages,
                topic_name="message-received",
                filters=[
                    "MessageHeader?event=http://hl7.org/fhir/uv/cow/CodeSystem/temp|new-order"
                ],
                content="full-resource",
            )
            await fhir.subscribed(
                tasks, topic_name="task-activity", filters=["Task?status=requested,accepted"]
            )
            order = an_order(fhir.release, number=fresh(), source=sender)
            answers = [await fhir.ask("POST", "$process-message", order) for _ in range(2)]
            assert answers[0].content == answers[1].content
            assert read_answer(answers[0].content) == ("ok", None)
            first, second = order["entry"][:2]
            second["resource"]["status"] = "accepted"
            first["resource"] |= a_header(fhir.release, "m2", event="order-update", source=sender)
            answer = await fhir.ask("POST", "$process-message", order)
            assert read_answer(answer.content) == ("ok", None)
            received = [
                check_notification(each.body, fhir.release) for each in await tasks.wait_for(3)
            ]
            assert [numbers_of(each) for each in received] == [[], [1], [2]]
            _, message = await messages.wait_for(2)
            bundle = check_notification(message.body, fhir.release)
            header, task = (entry["resource"] for entry in bundle["entry"][1:])
            assert header["focus"] == [{"reference": f"Task/{task['id']}"}]
            assert task["status"] == "requested"
            assert len(messages.received) == 2

    in_every_release(other, scenario)


def test_what_is_wrong_with_a_message_is_answered_by_a_message(other: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        wrong = a_message(a_header(fhir.release), ("urn:uuid:t", a_task(status="unheard-of")))
        answer = await fhir.ask("POST", "$process-message", wrong)
        assert answer.status_code == 400
        code, outcome = read_answer(answer.content)
        check_model(answer.json(), fhir.release)
        assert code == "fatal-error"
        assert outcome is not None
        assert outcome["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]

    in_every_release(other, scenario)


def test_the_wire_shows_event_destination_source_and_headers(other: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint(path="/fhir/?key=1") as endpoint:
            await subscribed(
                fhir,
                endpoint.url,
                filters=[f"Task?owner={owner}"],
                headers=[("Authorization", "Bearer x")],
                payload=f"application/fhir+json; fhirVersion={fhir.release.version}",
            )
            await fhir.create(a_task(owner))
            received = await endpoint.wait_for(2)
            assert types_of(received, fhir.release) == ["handshake", "event-notification"]
            for each in received:
                assert each.target == "/fhir/$process-message?key=1"
                assert each.header("authorization") == "Bearer x"
                assert each.header("accept") == "application/fhir+json"
                content_type = each.header("content-type")
                assert content_type == f"application/fhir+json; fhirVersion={fhir.release.version}"
                header = json.loads(each.body)["entry"][0]["resource"]
                name = "endpointUrl" if fhir.release is FhirRelease.R5 else "endpoint"
                assert header["eventCoding"] == {"system": EVENT.system, "code": EVENT.code}
                assert header["destination"] == [{name: endpoint.url}]
                assert header["source"] == {name: fhir.base, "software": "fhir-hub"}

    in_every_release(other, scenario)


def _response(code: str) -> Reply:
    header = {"resourceType": "MessageHeader", "response": {"identifier": "x", "code": code}}
    bundle = {"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}]}
    return Reply(body=json.dumps(bundle).encode())


def test_a_transient_error_is_tried_again_with_the_same_bytes(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        answers = [_response("ok"), _response("transient-error"), Reply(503), _response("ok")]
        async with Endpoint(answers) as endpoint:
            id = await subscribed(fhir, endpoint.url, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            _, first, second, third = await endpoint.wait_for(4)
            assert first.body == second.body == third.body
            await all_delivered(fhir, id, 1)
            outcomes = [each["outcome"] for each in await fhir.attempts(id)]
            assert outcomes == ["delivered", "busy", "busy", "delivered"]

    in_every_release(hub, scenario)


def test_a_fatal_handshake_is_an_error_and_the_client_can_reactivate(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint([_response("fatal-error")]) as endpoint:
            wanted = a_subscription(fhir.release, channel="message", endpoint=endpoint.url)
            stored = await fhir.create(wanted)
            status = await fhir.until(stored["id"], "error")
            assert status["errors"][0]["text"] == (
                "the endpoint answered HTTP 200, but with fatal-error"
            )
            (attempt,) = await fhir.attempts(stored["id"])
            assert (attempt["kind"], attempt["outcome"]) == ("handshake", "rejected")
            await fhir.put(stored | {"status": "requested"})
            await fhir.until(stored["id"], "active")
            types = types_of(endpoint.received, fhir.release)
            assert types == ["handshake", "handshake"]

    in_every_release(hub, scenario)


def test_who_fails_for_long_is_in_error_and_gets_what_was_missed(other: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint([Reply()], default=_response("fatal-error")) as endpoint:
            id = await subscribed(fhir, endpoint.url, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await fhir.until(id, "error")
            await fhir.create(a_task(owner))
            endpoint.default = _response("ok")
            stored = await fhir.get(f"Subscription/{id}")
            await fhir.put(stored | {"status": "requested"})
            await all_delivered(fhir, id, 2)
            bundle = carried(endpoint.received[-1], fhir.release)
            assert numbers_of(bundle) == [1, 2]

    in_every_release(other, scenario)


def test_heartbeats_are_messages_with_an_id_of_their_own(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            await subscribed(fhir, endpoint.url, heartbeat=1, filters=[f"Task?owner={fresh()}"])
            received = await endpoint.wait_for(3)
            assert types_of(received, fhir.release) == ["handshake", "heartbeat", "heartbeat"]
            ids = {json.loads(each.body)["entry"][0]["resource"]["id"] for each in received}
            assert len(ids) == 3

    in_every_release(hub, scenario)


def test_an_endpoint_can_be_tried_out(hub: RunningHub, other: RunningHub) -> None:
    async def scenario() -> None:
        async with both(hub, other, R4) as (here, there), Endpoint([Reply()]) as endpoint:
            id = await subscribed(here, there.base)
            endpoint.default = _response("fatal-error")
            broken = await subscribed(here, endpoint.url)
            for name, outcome in ((id, "delivered"), (broken, "rejected")):
                answer = await here.ask("POST", f"Subscription/{name}/$verify")
                parts = {each["name"]: each for each in answer.json()["parameter"]}
                assert parts["outcome"]["valueCode"] == outcome
            assert types_of(endpoint.received, R4) == ["handshake", "handshake"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("endpoint", "slug"),
    [
        (None, "endpoint-invalid"),
        ("mllp://a.example.org/", "endpoint-invalid"),
        ("https://10.1.2.3/fhir", "endpoint-not-allowed"),
        ("{hub}/fhir/r4", "endpoint-not-allowed"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_is_refused(
    hub: RunningHub, endpoint: str | None, slug: str
) -> None:
    async def scenario(fhir: Fhir) -> None:
        url = endpoint and endpoint.replace("{hub}", hub.url)
        wanted = a_subscription(fhir.release, channel="message", endpoint=url)
        status, issue = await fhir.refused("POST", "Subscription", wanted)
        assert status == 422
        assert issue["details"]["coding"][0]["code"] == slug
        where = "Subscription.endpoint"
        if fhir.release is not FhirRelease.R5:
            where = "Subscription.channel.endpoint"
        assert issue["expression"] == [where]

    in_every_release(hub, scenario)


def test_a_base_says_that_it_takes_messages(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        statement = await fhir.get("metadata")
        (messaging,) = statement["messaging"]
        (endpoint,) = messaging["endpoint"]
        assert endpoint["address"] == f"{fhir.base}/$process-message"
        names = [each["name"] for each in statement["rest"][0]["operation"]]
        assert "process-message" in names
        answer = await fhir.ask("POST", endpoint["address"], an_order(fhir.release, number=fresh()))
        assert answer.status_code == 200

    in_every_release(hub, scenario)
