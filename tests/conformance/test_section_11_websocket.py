"""The channel websocket."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection

from hub.core.release import FhirRelease, Resource
from tests.conformance.item import REC, SHALL, item
from tests.conformance.recording import Recordings
from tests.conformance.story import counting
from tests.journeys.binding import bind
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    heard,
    numbers_of,
    status_of,
)
from tests.support.builders import a_subscription, a_task

TOKEN = "$get-ws-binding-token"


async def _answered(fhir: Fhir, method: str, path: str, body: Resource | None = None) -> Resource:
    answer = await fhir.ask(method, path, body)
    assert answer.status_code == 200, answer.text
    found: Resource = answer.json()
    assert found["resourceType"] == "Parameters"
    return found


def _ids(parameters: Resource) -> list[str]:
    named = [each for each in parameters["parameter"] if each["name"] == "subscription"]
    return [each["valueString"] for each in named]


@item("11.1", SHALL)
async def test_11_1_a_token_comes_with_its_end_its_subscriptions_and_the_url(
    fhir: Fhir, hub: RunningHub
) -> None:
    one, other = [await counting(fhir) for _ in range(2)]
    of_one = await _answered(fhir, "GET", f"Subscription/{one}/{TOKEN}?id={other}")
    assert _ids(of_one) == [one]
    kinds = {each["name"]: sorted(set(each) - {"name"}) for each in of_one["parameter"]}
    assert kinds == {
        "token": ["valueString"],
        "expiration": ["valueDateTime"],
        "subscription": ["valueString"],
        "websocket-url": ["valueUrl"],
    }
    (url,) = [each["valueUrl"] for each in of_one["parameter"] if "valueUrl" in each]
    assert url == hub.websocket_url
    of_both = await _answered(fhir, "GET", f"Subscription/{TOKEN}?id={one}&id={other}")
    assert _ids(of_both) == [one, other]
    of_all = await _answered(fhir, "GET", f"Subscription/{TOKEN}")
    assert {one, other} <= set(_ids(of_all))


@item("11.2", SHALL)
async def test_11_2_the_token_is_given_by_get_and_by_post(fhir: Fhir) -> None:
    id = await counting(fhir)
    parameter = {"name": "id", "valueId": id}
    body = {"resourceType": "Parameters", "parameter": [parameter]}
    answers = [
        await _answered(fhir, "GET", f"Subscription/{TOKEN}?id={id}"),
        await _answered(fhir, "POST", f"Subscription/{TOKEN}", body),
        await _answered(fhir, "GET", f"Subscription/{id}/{TOKEN}"),
        await _answered(fhir, "POST", f"Subscription/{id}/{TOKEN}"),
    ]
    assert [_ids(each) for each in answers] == [[id]] * 4


@item("11.3", SHALL)
async def test_11_3_the_socket_is_bound_by_a_plain_text(fhir: Fhir, hub: RunningHub) -> None:
    id = await counting(fhir)
    for spelled in ("bind-with-token {}", "bind-with-token: {}"):
        async with a_socket(hub) as websocket:
            await websocket.send(spelled.format(await fhir.token(id)))
            said = status_of(await heard(websocket, fhir.release))
            assert said["type"] == "handshake"


@item("11.4", SHALL)
async def test_11_4_a_bind_is_answered_by_a_handshake_for_each_subscription(
    fhir: Fhir, hub: RunningHub
) -> None:
    owner = fresh()
    ids = [await counting(fhir, filters=[f"Task?owner={owner}"]) for _ in range(2)]
    async with a_socket(hub) as websocket:
        await websocket.send(f"bind-with-token {await fhir.token(*ids)}")
        greeted = [status_of(await heard(websocket, fhir.release)) for _ in ids]
        assert [each["type"] for each in greeted] == ["handshake"] * 2
        assert {each["subscription"].rpartition("/")[2] for each in greeted} == set(ids)
        await fhir.create(a_task(owner))
        said = [status_of(await heard(websocket, fhir.release)) for _ in ids]
        assert [each["type"] for each in said] == ["event-notification"] * 2


@item("11.5", SHALL)
async def test_11_5_a_socket_is_bound_again_and_to_several(fhir: Fhir, hub: RunningHub) -> None:
    owners = [fresh(), fresh()]
    ids = [await counting(fhir, filters=[f"Task?owner={owner}"]) for owner in owners]
    async with a_socket(hub) as websocket:
        for id in (*ids, ids[0]):
            said = status_of(await bind(websocket, fhir, id))
            assert said["subscription"].endswith(id)
        for owner, id in zip(owners, ids, strict=True):
            await fhir.create(a_task(owner))
            said = status_of(await heard(websocket, fhir.release))
            assert (said["subscription"].rpartition("/")[2], said["counter"]) == (id, "1")


@item("11.6", SHALL)
def test_11_6_a_socket_obeys_the_content_level(
    recordings: Recordings, release: FhirRelease
) -> None:
    for content in ("empty", "id-only", "full-resource"):
        over_socket = recordings.one(release, content, "websocket")
        over_hook = recordings.one(release, content)
        for one, other in zip(over_socket.events, over_hook.events, strict=True):
            shapes = []
            for bundle, each in ((one, over_socket), (other, over_hook)):
                event = status_of(bundle)["events"][0]
                entries = [sorted(entry) for entry in bundle["entry"]]
                shapes.append((event["focus"] and each.content, len(event["context"]), entries))
            assert shapes[0] == shapes[1]


@item("11.7", REC)
async def test_11_7_tokens_are_unguessable_for_their_subscriptions_only(
    fhir: Fhir, hub: RunningHub
) -> None:
    one, other = [await counting(fhir, filters=[f"Task?owner={fresh()}"]) for _ in range(2)]
    tokens = {await fhir.token(one) for _ in range(20)}
    assert len(tokens) == 20
    assert min(len(token) for token in tokens) >= 40
    async with a_socket(hub) as websocket:
        await websocket.send(f"bind-with-token {tokens.pop()}")
        said = status_of(await heard(websocket, fhir.release))
        assert said["subscription"].endswith(one) and not said["subscription"].endswith(other)
    async with a_socket(hub) as websocket:
        await websocket.send(f"bind-with-token {'x' * 43}")
        assert await _closed(websocket) == 1008


async def _closed(websocket: ClientConnection) -> int | None:
    async with asyncio.timeout(PATIENCE):
        await websocket.wait_closed()
    return websocket.close_code


@item("11.8", SHALL)
async def test_11_8_without_a_socket_events_count_and_come_at_the_next_bind(
    fhir: Fhir, hub: RunningHub
) -> None:
    owner = fresh()
    id = await counting(fhir, filters=[f"Task?owner={owner}"])
    for _ in range(2):
        await fhir.create(a_task(owner))
    said = await fhir.status(id)
    assert (said["status"], said["counter"], said["errors"]) == ("active", "2", [])
    async with a_socket(hub) as websocket:
        await bind(websocket, fhir, id)
        assert numbers_of(await heard(websocket, fhir.release)) == [1, 2]


@item("11.9", SHALL)
async def test_11_9_the_operation_is_offered_in_every_release(fhir: Fhir) -> None:
    stored = await fhir.create(a_subscription(fhir.release, channel="websocket"))
    assert await fhir.token(stored["id"])
