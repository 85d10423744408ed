"""The operations on Subscription."""

from __future__ import annotations

import asyncio
import json

from hub.core.release import Resource
from tests.conformance.item import MAY, R4, R5, REC, SHALL, item
from tests.conformance.story import counting
from tests.journeys.hosting import PATIENCE, Fhir, fresh, numbers_of, status_of
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint
from tests.support.notification_rules import check_model, check_notification

STATUS_PROFILE_KIND = {"R4": "Parameters", "R4B": "SubscriptionStatus", "R5": "SubscriptionStatus"}


def _ids(bundle: Resource) -> list[str]:
    """Return which Subscriptions a searchset of ``$status`` is about."""
    said = [status_of({"entry": [entry]}) for entry in bundle.get("entry", [])]
    return [each["subscription"].rpartition("/")[2] for each in said]


async def _ask(fhir: Fhir, path: str, **parameters: list[str]) -> Resource:
    """Call ``$status`` by POST."""
    kinds = {"id": "valueId", "status": "valueCode"}
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, kinds[name]: value}
            for name, values in parameters.items()
            for value in values
        ],
    }
    answer = await fhir.ask("POST", path, body)
    assert answer.status_code == 200, answer.text
    bundle: Resource = answer.json()
    return bundle


@item("14.1", SHALL)
async def test_14_1_status_is_asked_for_at_both_levels_by_get_and_post(fhir: Fhir) -> None:
    active = await counting(fhir)
    off = await counting(fhir, status="off")
    path = "Subscription/$status"
    for query, expected in (
        (f"id={active}", [active]),
        (f"id={active}&id={off}", [active, off]),
        (f"id={active},{off}", [active, off]),
        (f"id={active}&id={off}&status=off", [off]),
        (f"id={active}&id={off}&status=off&status=active", [active, off]),
        (f"id={active}&status=off", []),
    ):
        assert sorted(_ids(await fhir.get(f"{path}?{query}"))) == sorted(expected), query
    everything = _ids(await fhir.get(path))
    assert {active, off} <= set(everything)
    assert _ids(await _ask(fhir, path, id=[active, off], status=["off"])) == [off]
    instance = f"Subscription/{active}/$status"
    assert _ids(await fhir.get(f"{instance}?id={off}&status=off")) == [active]
    assert _ids(await _ask(fhir, instance, id=[off])) == [active]


@item("14.2", SHALL)
async def test_14_2_status_is_a_searchset(fhir: Fhir) -> None:
    one, other = await counting(fhir), await counting(fhir)
    for path, count in (
        (f"Subscription/{one}/$status", 1),
        (f"Subscription/$status?id={one}&id={other}", 2),
    ):
        bundle = await fhir.get(path)
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
        assert bundle["total"] == len(bundle["entry"]) == count
        assert [link["relation"] for link in bundle["link"]] == ["self"]
        for entry in bundle["entry"]:
            assert entry["search"] == {"mode": "match"}
            assert "request" not in entry and "response" not in entry
            assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
            assert entry["resource"]["resourceType"] == STATUS_PROFILE_KIND[fhir.release]
            assert status_of({"entry": [entry]})["type"] == "query-status"
        check_model(bundle, fhir.release)


@item("14.3", SHALL)
async def test_14_3_an_unknown_id_is_404_on_the_instance_and_left_out_on_the_type(
    fhir: Fhir,
) -> None:
    status, issue = await fhir.refused("GET", "Subscription/nobody/$status")
    assert (status, issue["code"]) == (404, "not-found")
    known = await counting(fhir)
    assert _ids(await fhir.get(f"Subscription/$status?id={known}&id=nobody")) == [known]
    assert _ids(await fhir.get("Subscription/$status?id=nobody")) == []


@item("14.4", MAY)
async def test_14_4_events_are_answered_by_number_and_level(fhir: Fhir) -> None:
    owner = fresh()
    id = await counting(fhir, filters=[f"Task?owner={owner}"], content="id-only")
    for _ in range(4):
        await fhir.create(a_task(owner))
    path = f"Subscription/{id}/$events"
    for query, expected in (
        ("", [1, 2, 3, 4]),
        ("?eventsSinceNumber=2&eventsUntilNumber=3", [2, 3]),
        ("?eventsSinceNumber=4", [4]),
        ("?eventsUntilNumber=1", [1]),
    ):
        answer = await fhir.ask("GET", path + query)
        bundle = check_notification(answer.content, fhir.release)
        assert status_of(bundle)["type"] == "query-event"
        assert numbers_of(bundle) == expected, query
    kind = "valueInteger64" if fhir.release is R5 else "valueString"
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "eventsSinceNumber", kind: "3"}],
    }
    assert numbers_of((await fhir.ask("POST", path, body)).json()) == [3, 4]
    less = await fhir.get(f"{path}?content=empty")
    assert status_of(less)["events"][0]["focus"] is None
    more = await fhir.get(f"{path}?content=full-resource")
    assert len(more["entry"]) == 1
    assert (await fhir.ask("GET", "Subscription/$events")).status_code == 404


@item("14.5", REC)
async def test_14_5_an_empty_range_is_no_query_event_and_what_expired_is_named(
    fhir: Fhir,
) -> None:
    owner = fresh()
    id = await counting(fhir, filters=[f"Task?owner={owner}"])
    path = f"Subscription/{id}/$events"
    kind = "query-event" if fhir.release is R4 else "query-status"
    for query in ("", "?eventsSinceNumber=1"):
        answer = await fhir.ask("GET", path + query)
        said = status_of(check_notification(answer.content, fhir.release))
        assert (said["type"], said["events"]) == (kind, [])
    await fhir.create(a_task(owner))
    stored = await fhir.get(f"Subscription/{id}")
    await fhir.delete(f"Subscription/{id}")
    await fhir.put(stored)
    await fhir.create(a_task(owner))
    status, issue = await fhir.refused("GET", f"{path}?eventsSinceNumber=1")
    assert (status, issue["code"]) == (410, "expired")
    assert "2" in issue["diagnostics"]


@item("14.6", MAY)
async def test_14_6_events_are_sent_again_by_number_and_by_time(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=1)
        path = f"Subscription/{stored['id']}/$resend"
        for _ in range(3):
            await fhir.create(a_task(owner))
        await _settled(fhir, stored["id"], 4)
        first = [each.body for each in endpoint.received[1:]]
        times = [each["timestamp"] for body in first for each in _events(body)]
        for query, again in (
            ("eventsSinceNumber=2&eventsUntilNumber=3", first[1:]),
            (f"eventsSinceInstant={times[0]}&eventsUntilInstant={times[1]}", first[:2]),
            ("eventsUntilNumber=1", first[:1]),
        ):
            sent = len(endpoint.received)
            answer = await fhir.ask("POST", f"{path}?{query}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["resourceType"] == "OperationOutcome"
            await endpoint.wait_for(sent + len(again))
            assert [each.body for each in endpoint.received[sent:]] == again, query
            await _settled(fhir, stored["id"], len(endpoint.received))
        assert (await fhir.status(stored["id"]))["counter"] == "3"


async def _settled(fhir: Fhir, id: str, count: int) -> None:
    """Wait until so many attempts are kept."""
    async with asyncio.timeout(PATIENCE):
        while len(await fhir.attempts(id)) < count:
            pass


def _events(body: bytes) -> list[Resource]:
    found: list[Resource] = status_of(json.loads(body))["events"]
    return found


@item("14.7", MAY)
async def test_14_7_binding_tokens_are_given(fhir: Fhir) -> None:
    id = await counting(fhir)
    assert await fhir.token(id)
    hook = await fhir.create(
        a_subscription(fhir.release, endpoint="http://127.0.0.1:9/hook", status="off")
    )
    path = f"Subscription/{hook['id']}/$get-ws-binding-token"
    assert (await fhir.refused("GET", path))[0] == 422


@item("14.8", SHALL)
async def test_14_8_post_always_works_and_get_where_nothing_changes(fhir: Fhir) -> None:
    id = await counting(fhir)
    for name in ("$status", "$events", "$get-ws-binding-token"):
        path = f"Subscription/{id}/{name}"
        got = await fhir.ask("GET", path)
        posted = await fhir.ask("POST", path, {"resourceType": "Parameters"})
        bare = await fhir.ask("POST", path)
        assert [each.status_code for each in (got, posted, bare)] == [200] * 3, name
        assert json.loads(got.content)["resourceType"] == json.loads(posted.content)["resourceType"]
    assert (await fhir.ask("GET", f"Subscription/{id}/$verify")).status_code == 405
