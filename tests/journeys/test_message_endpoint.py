"""Messages to an endpoint, over a real socket: what it is sent, and what its answers mean."""

from __future__ import annotations

import asyncio
import json

import pytest

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, numbers_of, status_of
from tests.journeys.messaging import EVENT, all_delivered, both, subscribed
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Received, Reply
from tests.support.notification_rules import check_model, check_notification

R4 = FhirRelease.R4


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
