"""Subscription: what each of its elements means, and where R4 and R4B carry it."""

from __future__ import annotations

import asyncio
import json

from hub.core.release import Resource
from tests.conformance.item import BACKPORTED, R5, SHALL, item
from tests.conformance.story import counting, highest, refused, told
from tests.journeys.hosting import Fhir, fresh, numbers_of
from tests.support.builders import BACKPORT, a_bundle, a_subscription, a_task, an_entry
from tests.support.endpoints import Endpoint, Held, Reply
from tests.support.subscription_changes import channel, extension

UNUSED = "http://127.0.0.1:9/hook"
IDENTIFIER = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier"


def _whole(fhir: Fhir) -> Resource:
    """Return a Subscription that is switched off and has every element that clients may set."""
    more: Resource = {
        "status": "off",
        "end": "2099-01-01T00:00:00Z",
        "contact": [{"system": "email", "value": "help@example.org"}],
        "reason": "to know",
    }
    identifier = {"system": "http://example.org/subscriptions", "value": "1"}
    if fhir.release is R5:
        more |= {
            "identifier": [identifier],
            "name": "all elements",
            "managingEntity": {"reference": "Organization/lab"},
        }
    else:
        more["extension"] = [{"url": IDENTIFIER, "valueIdentifier": identifier}]
    return a_subscription(
        fhir.release,
        endpoint=UNUSED,
        content="full-resource",
        filters=[f"Task?owner={fresh()}", "Task?status:not=draft"],
        headers=[("X-Route", "a:b"), ("X-Route", "c")],
        heartbeat=60,
        timeout=20,
        max_count=5,
        **more,
    )


@item("2", SHALL)
async def test_2_every_element_comes_back_where_it_was_sent(fhir: Fhir) -> None:
    sent = _whole(fhir)
    answered = await fhir.create(sent)
    added = {"id": answered["id"], "meta": answered["meta"]}
    assert answered == sent | added
    read = await fhir.get(f"Subscription/{answered['id']}")
    shown = json.loads(json.dumps(answered).replace("a:b", "***").replace('"c"', '"***"'))
    if fhir.release is not R5:
        shown["channel"]["header"] = ["X-Route: ***", "X-Route: ***"]
    assert read | {"meta": None} == shown | {"meta": None}
    for name in ("status", "topic", "channelType") if fhir.release is R5 else ("status", "reason"):
        without = {key: value for key, value in sent.items() if key != name}
        issue = await refused(fhir, without)
        assert (issue["code"], issue["expression"]) == ("required", [f"Subscription.{name}"])


@item("2.1", SHALL, BACKPORTED)
async def test_2_1_the_underscore_siblings_survive(fhir: Fhir) -> None:
    sent = _whole(fhir)
    id = (await fhir.create(sent))["id"]
    read = await fhir.get(f"Subscription/{id}")
    assert read["_criteria"] == sent["_criteria"]
    assert read["channel"]["extension"] == sent["channel"]["extension"]
    assert read["channel"]["_payload"] == sent["channel"]["_payload"]
    written = await fhir.put(read)
    assert {**written, "meta": None} == {**read, "meta": None}


@item("2.2", SHALL, BACKPORTED)
async def test_2_2_extensions_of_another_release_are_refused(fhir: Fhir) -> None:
    wanted = a_subscription(fhir.release, channel="websocket")
    crossed = wanted | {
        "_criteria": {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/5.0/subscriptions-backport/StructureDefinition/"
                    "backport-filter-criteria",
                    "valueString": "Task?owner=Organization/1",
                }
            ]
        }
    }
    issue = await refused(fhir, crossed)
    assert issue["expression"][0].startswith("Subscription.criteria.extension")
    content = {"url": IDENTIFIER.replace("identifier", "content"), "valueCode": "empty"}
    assert (await refused(fhir, wanted | {"extension": [content]}))["code"] == "not-supported"
    identifier = {"url": IDENTIFIER, "valueIdentifier": {"value": "1"}}
    assert (await fhir.create(wanted | {"extension": [identifier]}))["extension"] == [identifier]


@item("2.3", SHALL)
async def test_2_3_no_period_no_heartbeat_and_never_more_events_than_asked_for(fhir: Fhir) -> None:
    owner = fresh()
    never = asyncio.Event()
    async with (
        Endpoint() as quiet,
        Endpoint() as beating,
        Endpoint() as counted,
        Endpoint([Reply(200), Held(never)]) as slow,
    ):
        mine = [f"Task?owner={owner}"]
        hanging, _, _, _ = await asyncio.gather(
            fhir.subscribed(slow, filters=mine, timeout=1),
            fhir.subscribed(quiet, filters=[f"Task?owner={fresh()}"]),
            fhir.subscribed(beating, filters=[f"Task?owner={fresh()}"], heartbeat=1),
            fhir.subscribed(counted, filters=mine, max_count=2),
        )
        tasks = [an_entry("POST", "Task", a_task(owner)) for _ in range(5)]
        answer = await fhir.ask("POST", "", a_bundle("transaction", *tasks))
        assert answer.status_code == 200
        await counted.wait_until(lambda: highest(counted) == 5)
        batches = [numbers_of(json.loads(each.body)) for each in counted.received[1:]]
        assert batches == [[1, 2], [3, 4], [5]]
        await beating.wait_for(2)
        assert told(beating.received[1], fhir.release)["type"] == "heartbeat"
        assert len(quiet.received) == 1
        said = await fhir.until_error(hanging["id"])
        assert said["errors"][0]["coding"][0]["code"] == "no-response"


@item("2.4", SHALL, BACKPORTED)
async def test_2_4_a_custom_channel_is_read_and_refused(fhir: Fhir) -> None:
    pigeon = {"system": "http://example.org/channels", "code": "pigeon"}
    wanted = a_subscription(fhir.release, endpoint=UNUSED)
    extension("channel._type", f"{BACKPORT}/backport-channel-type", valueCoding=pigeon)(wanted)
    issue = await refused(fhir, wanted)
    assert issue["code"] == "not-supported"
    assert issue["expression"] == ["Subscription.channel.type"]


@item("2.5", SHALL)
async def test_2_5_the_endpoint_is_one_that_the_channel_can_use(fhir: Fhir) -> None:
    path = "Subscription.endpoint" if fhir.release is R5 else "Subscription.channel.endpoint"
    for kind, endpoint in (
        ("rest-hook", "mailto:a@example.org"),
        ("rest-hook", "ws://example.org/hook"),
        ("rest-hook", "hook"),
        ("rest-hook", None),
        ("websocket", "https://example.org/hook"),
        ("message", "mllp://example.org"),
        ("email", "https://example.org/hook"),
    ):
        payload = "text/plain" if kind == "email" else "application/fhir+json"
        wanted = a_subscription(fhir.release, channel=kind, payload=payload)
        if endpoint is not None:
            channel("endpoint", endpoint)(wanted)
        assert (await refused(fhir, wanted))["expression"] == [path], (kind, endpoint)
    id = await counting(fhir, "task-activity")
    stored = await fhir.get(f"Subscription/{id}")
    assert "endpoint" not in stored.get("channel", stored)
