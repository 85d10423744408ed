"""Creating and updating Subscriptions: what a server checks, answers and refuses."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.utils import parsedate_to_datetime

from hub.core.release import Resource
from tests.conformance.item import MAY, R4, R5, SHALL, SHOULD, item
from tests.conformance.story import highest, refused, told, topic_of
from tests.conformance.topics import named
from tests.journeys.hosting import Fhir, fresh
from tests.support.builders import IDENTIFIERS, a_subscription, a_task, identified, topic
from tests.support.endpoints import Endpoint, Reply
from tests.support.notification_rules import check_notification
from tests.support.subscription_changes import Change, canonical, channel, drop, kind, put
from tests.web.topics import ADMIN

IDENTIFIER = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier"
UNUSED = "http://127.0.0.1:9/hook"


def _path(fhir: Fhir, element: str) -> str:
    """Return the path of an element, which R4 and R4B have in the channel."""
    if fhir.release is R5:
        return f"Subscription.{element}"
    inside = {"channelType": "type", "contentType": "payload", "content": "payload"}
    return f"Subscription.channel.{inside.get(element, element)}"


async def _refused(fhir: Fhir, *changes: Change) -> Resource:
    wanted = a_subscription(fhir.release, endpoint=UNUSED)
    for change in changes:
        change(wanted)
    return await refused(fhir, wanted)


@item("4.1", SHALL)
async def test_4_1_an_accepted_subscription_hears_of_each_event(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as endpoint:
        await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
        tasks = [await fhir.create(a_task(owner)) for _ in range(3)]
        await endpoint.wait_until(lambda: highest(endpoint) == 3)
        said = [told(each, fhir.release) for each in endpoint.received[1:]]
        focuses = [event["focus"] for each in said for event in each["events"]]
        assert focuses == [f"{fhir.base}/Task/{task['id']}" for task in tasks]


@item("4.2", SHOULD)
async def test_4_2_topic_filters_channel_endpoint_and_payload_are_checked(fhir: Fhir) -> None:
    topic_path = "Subscription.topic" if fhir.release is R5 else "Subscription.criteria"
    issue = await _refused(fhir, canonical("http://example.org/no-such-topic"))
    assert issue["expression"] == [topic_path]
    issue = await _refused(fhir, channel("endpoint", "ftp://example.org/x"))
    assert issue["expression"] == [_path(fhir, "endpoint")]
    issue = await _refused(fhir, channel("payload", "text/csv"))
    assert issue["expression"] == [_path(fhir, "contentType")]
    issue = await _refused(fhir, kind("pigeon" if fhir.release is R5 else "sms"))
    assert issue["expression"] == [_path(fhir, "channelType")]


@item("4.3", SHALL)
async def test_4_3_what_will_not_be_honoured_is_refused(fhir: Fhir) -> None:
    await _refused(fhir, canonical("http://example.org/no-such-topic"))
    await _refused(fhir, canonical(topic("task-activity") + "|9.9"))
    if fhir.release is R5:
        await _refused(fhir, put("content", "everything"))
    else:
        await _refused(fhir, drop("channel._payload"))
    wanted = a_subscription(fhir.release, endpoint=UNUSED, filters=["Task?description=x"])
    assert (await refused(fhir, wanted))["code"] == "not-supported"


@item("4.4", SHALL)
async def test_4_4_the_payload_may_name_this_release_and_no_other(fhir: Fhir) -> None:
    version = fhir.release.version
    async with Endpoint() as endpoint:
        payload = f"application/fhir+json; fhirVersion={version}"
        await fhir.subscribed(endpoint, payload=payload)
        check_notification(endpoint.received[0].body, fhir.release)
    for other in {"3.0", "4.0", "4.3", "5.0", "x"} - {version}:
        payload = f"application/fhir+json; fhirVersion={other}"
        issue = await _refused(fhir, channel("payload", payload))
        assert issue["expression"] == [_path(fhir, "contentType")]


@item("4.5", SHOULD)
async def test_4_5_a_refusal_is_an_outcome_that_names_the_element(fhir: Fhir) -> None:
    wanted = a_subscription(fhir.release, endpoint=UNUSED, topic_name="http://example.org/none")
    answer = await fhir.ask("POST", "Subscription", wanted)
    assert answer.status_code == 422
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "not-supported")
    name = "topic" if fhir.release is R5 else "criteria"
    assert issue["expression"] == [f"Subscription.{name}"]
    wanted["status"] = "sleeping"
    answer = await fhir.ask("POST", "Subscription", wanted)
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == ["Subscription.status"]


@item("4.6", SHALL)
async def test_4_6_what_was_accepted_is_answered(fhir: Fhir) -> None:
    wanted = a_subscription(fhir.release, endpoint=UNUSED, heartbeat=0, timeout=600)
    answer = await fhir.ask("POST", "Subscription", wanted)
    assert answer.status_code == 201
    stored = answer.json()
    location = f"{fhir.base}/Subscription/{stored['id']}/_history/1"
    assert answer.headers["location"] == location
    assert answer.headers["etag"] == 'W/"1"'
    if fhir.release is R5:
        found = [stored["heartbeatPeriod"], stored["timeout"]]
    else:
        found = [each["valueUnsignedInt"] for each in stored["channel"]["extension"]]
    assert found == [1, 120]
    await fhir.delete(f"Subscription/{stored['id']}")
    answer = await fhir.ask(
        "POST", "Subscription", wanted | {"status": "off"}, Prefer="return=minimal"
    )
    assert (answer.status_code, answer.content) == (201, b"")


@item("4.7", SHALL)
async def test_4_7_a_client_sends_requested_active_or_off_but_never_error(fhir: Fhir) -> None:
    async with Endpoint() as endpoint:
        for sent, due in (("requested", "requested"), ("active", "requested"), ("off", "off")):
            wanted = a_subscription(fhir.release, endpoint=endpoint.url, status=sent)
            assert (await fhir.create(wanted))["status"] == due
        wanted = a_subscription(fhir.release, endpoint=endpoint.url, status="error")
        assert (await refused(fhir, wanted))["expression"] == ["Subscription.status"]
        stored = await fhir.subscribed(endpoint)
        error = await fhir.get(f"Subscription/{stored['id']}") | {"status": "error"}
        status, _ = await fhir.refused("PUT", f"Subscription/{stored['id']}", error)
        assert status == 422


@item("4.8", SHALL)
async def test_4_8_requested_then_active_or_after_a_failed_handshake_error(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as good, Endpoint([Reply(404)]) as bad:
        stored = await fhir.create(
            a_subscription(fhir.release, endpoint=good.url, filters=[f"Task?owner={owner}"])
        )
        failing = await fhir.create(a_subscription(fhir.release, endpoint=bad.url))
        assert stored["status"] == failing["status"] == "requested"
        await fhir.until(stored["id"], "active")
        await fhir.until(failing["id"], "error")
        await fhir.create(a_task(owner))
        handshake, event = await good.wait_for(2)
        said = told(handshake, fhir.release)
        assert (said["type"], said["status"]) == ("handshake", "requested")
        said = told(event, fhir.release)
        assert (said["type"], said["status"]) == ("event-notification", "active")
        assert (await fhir.get(f"Subscription/{stored['id']}"))["status"] == "active"
        assert (await fhir.get(f"Subscription/{failing['id']}"))["status"] == "error"


@item("4.9", SHALL)
async def test_4_9_sockets_and_mails_are_active_at_once_and_messages_asked_first(
    fhir: Fhir,
) -> None:
    async with Endpoint(path="/fhir") as endpoint:
        for name, url, due in (
            ("websocket", None, "active"),
            ("email", "mailto:ward@example.org", "active"),
            ("message", endpoint.url, "requested"),
        ):
            payload = "text/plain" if name == "email" else "application/fhir+json"
            wanted = a_subscription(
                fhir.release,
                topic_name=named("event-only"),
                channel=name,
                endpoint=url,
                payload=payload,
            )
            stored = await fhir.create(wanted)
            assert stored["status"] == due, name
            await fhir.until(stored["id"], "active")


@item("4.10", SHALL)
async def test_4_10_the_life_cycle_goes_through_error_requested_active_and_off(fhir: Fhir) -> None:
    async with Endpoint([Reply(404)]) as endpoint, Endpoint() as elsewhere:
        stored = await fhir.create(a_subscription(fhir.release, endpoint=endpoint.url))
        id = stored["id"]
        await fhir.until(id, "error")
        read = await fhir.get(f"Subscription/{id}")
        assert (await fhir.put(read | {"status": "requested"}))["status"] == "requested"
        await fhir.until(id, "active")
        read = await fhir.get(f"Subscription/{id}")
        channel("endpoint", elsewhere.url)(read)
        assert (await fhir.put(read))["status"] == "requested"
        await elsewhere.wait_for(1)
        await fhir.until(id, "active")
        canonical(named("draft"))(read)
        assert (await fhir.refused("PUT", f"Subscription/{id}", read))[0] == 422
        read = await fhir.get(f"Subscription/{id}")
        assert topic_of(read) == topic("task-activity")
        assert (await fhir.put(read | {"status": "off"}))["status"] == "off"
        sent = len(elsewhere.received)
        if fhir.release is R5:
            void = await fhir.put(read | {"status": "entered-in-error"})
            assert void["status"] == "entered-in-error"
            back = read | {"status": "requested"}
            assert (await fhir.refused("PUT", f"Subscription/{id}", back))[0] == 422
        assert len(elsewhere.received) == sent


@item("4.11", SHOULD)
async def test_4_11_a_delete_and_the_end_stop_it(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as deleted, Endpoint() as ended, Endpoint() as other:
        mine = [f"Task?owner={owner}"]
        gone, ending, _ = await asyncio.gather(
            *(fhir.subscribed(each, filters=mine) for each in (deleted, ended, other))
        )
        await fhir.delete(f"Subscription/{gone['id']}")
        answer = await fhir.ask("GET", f"Subscription/{ending['id']}")
        now = parsedate_to_datetime(answer.headers["date"])
        await fhir.put(answer.json() | {"end": (now + timedelta(seconds=1)).isoformat()})
        await fhir.until(ending["id"], "off")
        await fhir.create(a_task(owner))
        await other.wait_for(2)
        assert len(deleted.received) == len(ended.received) == 1
        assert (await fhir.ask("GET", f"Subscription/{gone['id']}")).status_code == 410


@item("4.12", MAY)
async def test_4_12_a_subscription_is_named_by_its_identifier_too(fhir: Fhir) -> None:
    owner = fresh()
    identifier = {"system": "http://example.org/subscriptions", "value": owner}
    named_by = (
        {"identifier": [identifier]}
        if fhir.release is R5
        else {"extension": [{"url": IDENTIFIER, "valueIdentifier": identifier}]}
    )
    async with Endpoint() as endpoint:
        wanted = a_subscription(
            fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={owner}"], **named_by
        )
        stored = await fhir.create(wanted)
        await fhir.until(stored["id"], "active")
        await fhir.create(a_task(owner))
        received = await endpoint.wait_for(2)
        asked = await fhir.get(f"Subscription/{stored['id']}/$status")
        for bundle in (asked, *(json.loads(each.body) for each in received)):
            reference = {
                "reference": f"{fhir.base}/Subscription/{stored['id']}",
                "identifier": identifier,
            }
            status = bundle["entry"][0]["resource"]
            first = status["parameter"][0] if fhir.release is R4 else status
            assert first.get("valueReference", first.get("subscription")) == reference


@item("4.12", MAY)
async def test_4_12_one_that_an_administrator_manages_goes_by_its_identifier_alone(
    fhir: Fhir,
) -> None:
    owner = fresh()
    mine = [f"Task?owner={owner}"]
    async with Endpoint() as endpoint:
        wanted = a_subscription(fhir.release, endpoint=endpoint.url, filters=mine)
        wanted |= identified(fhir.release, owner)
        stored = (await fhir.ask("POST", "Subscription", wanted, **ADMIN)).json()
        await endpoint.wait_for(1)
        await fhir.create(a_task(owner))
        for each in await endpoint.wait_for(2):
            assert told(each, fhir.release)["subscription"] == f"{IDENTIFIERS}|{owner}"
            assert stored["id"] not in each.body.decode()
        status, _ = await fhir.refused("GET", f"Subscription/{stored['id']}")
        assert status == 404


@item("4.13", MAY)
async def test_4_13_it_is_created_by_put_and_changed_by_patch_too(fhir: Fhir) -> None:
    id = fresh("x").partition("/")[2]
    path = f"Subscription/{id}"
    wanted = a_subscription(fhir.release, channel="websocket", id=id)
    assert (await fhir.ask("PUT", path, wanted)).status_code == 201
    patch = [{"op": "replace", "path": "/status", "value": "off"}]
    answer = await fhir.ask("PATCH", path, patch, Content_Type="application/json-patch+json")
    assert answer.json()["status"] == "off"
    assert (await fhir.get(path))["status"] == "off"
    await fhir.delete(path)
    assert (await fhir.ask("GET", path)).status_code == 410
