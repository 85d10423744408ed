"""Websockets: tokens, binds, what was missed, heartbeats, and how sockets end."""

from __future__ import annotations

import asyncio
import json

import pytest

from hub.core.release import FhirRelease
from tests.journeys.binding import bind, socket_subscription
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    heard,
    in_every_release,
    numbers_of,
    status_of,
)
from tests.support.builders import CONTENTS, a_bundle, a_task, an_entry, topic

SPELLINGS = {
    "as the guide writes it": "bind-with-token {}",
    "as the guide's diagrams write it": "bind-with-token: {}",
    "as JSON": '{{"type":"bind-with-token","payload":{{"token":"{}"}}}}',
}
R4 = FhirRelease.R4


async def _write(fhir: Fhir, owner: str, count: int) -> None:
    entries = [an_entry("POST", "Task", a_task(owner)) for _ in range(count)]
    for at in range(0, count, 1000):
        answer = await fhir.ask("POST", "", a_bundle("transaction", *entries[at : at + 1000]))
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_socket_is_bound_in_each_spelling_and_hears_events(
    hub: RunningHub, spelling: str
) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        async with a_socket(hub) as websocket:
            await websocket.send(spelling.format(await fhir.token(id)))
            said = status_of(await heard(websocket, fhir.release))
            assert (said["type"], said["status"], said["counter"]) == ("handshake", "active", "0")
            assert said["subscription"] == f"{fhir.base}/Subscription/{id}"
            task = await fhir.create(a_task(owner))
            bundle = await heard(websocket, fhir.release)
            assert numbers_of(bundle) == [1]
            assert status_of(bundle)["events"][0]["focus"] == f"{fhir.base}/Task/{task['id']}"

    in_every_release(hub, scenario)


@pytest.mark.parametrize("content", CONTENTS)
def test_the_content_level_holds_on_a_socket_too(hub: RunningHub, content: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner, content=content)
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            task = await fhir.create(a_task(owner))
            await fhir.delete(f"Task/{task['id']}")
            for method in ("POST", "DELETE"):
                bundle = await heard(websocket, fhir.release)
                said = status_of(bundle)
                assert (said["topic"] is None) is (content == "empty")
                assert (said["events"][0]["focus"] is None) is (content == "empty")
                methods = [entry["request"]["method"] for entry in bundle["entry"][1:]]
                assert methods == ([method] if content == "full-resource" else [])

    in_every_release(hub, scenario)


def test_a_token_is_given_by_get_and_post_for_one_for_several_and_for_all(
    hub: RunningHub,
) -> None:
    async def scenario(fhir: Fhir) -> None:
        first, second = [await socket_subscription(fhir, fresh()) for _ in range(2)]
        parameters = {
            "resourceType": "Parameters",
            "parameter": [{"name": "id", "valueId": each} for each in (first, second)],
        }
        name = "Subscription/$get-ws-binding-token"
        answers = {
            "one": (
                await fhir.ask("GET", f"Subscription/{first}/$get-ws-binding-token"),
                [first],
            ),
            "one, posted": (
                await fhir.ask("POST", f"Subscription/{first}/$get-ws-binding-token"),
                [first],
            ),
            "several": (await fhir.ask("GET", f"{name}?id={first}&id={second}"), [first, second]),
            "posted": (await fhir.ask("POST", name, parameters), [first, second]),
        }
        for how, (answer, expected) in answers.items():
            assert answer.status_code == 200, (how, answer.text)
            found = answer.json()["parameter"]
            assert [each["name"] for each in found] == [
                "token",
                "expiration",
                *("subscription" for _ in expected),
                "websocket-url",
            ]
            assert [each["valueString"] for each in found[2:-1]] == expected, how
            assert found[-1]["valueUrl"] == hub.websocket_url
        answer = await fhir.ask("GET", name)
        everything = [each.get("valueString") for each in answer.json()["parameter"]]
        assert {first, second} <= set(everything)

    in_every_release(hub, scenario)


def test_a_token_for_several_yields_a_handshake_for_each(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owners = [fresh(), fresh()]
        ids = [await socket_subscription(fhir, owner) for owner in owners]
        async with a_socket(hub) as websocket:
            await websocket.send(f"bind-with-token {await fhir.token(*ids)}")
            greeted = [status_of(await heard(websocket, fhir.release)) for _ in ids]
            assert {said["subscription"].rpartition("/")[2] for said in greeted} == set(ids)
            assert {said["type"] for said in greeted} == {"handshake"}
            for owner, id in zip(owners, ids, strict=True):
                await fhir.create(a_task(owner))
                said = status_of(await heard(websocket, fhir.release))
                assert said["subscription"].endswith(id)
                assert said["counter"] == "1"

    in_every_release(hub, scenario)


def test_sockets_and_subscriptions_of_several_releases_may_be_mixed(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with (
            hub.client(R4) as r4,
            hub.client(FhirRelease.R5) as r5,
            a_socket(hub) as websocket,
        ):
            await bind(websocket, r4, await socket_subscription(r4, owner))
            await bind(websocket, r5, await socket_subscription(r5, owner))
            await r5.create(a_task(owner))
            assert numbers_of(await heard(websocket, FhirRelease.R5)) == [1]
            await r4.create(a_task(owner))
            assert numbers_of(await heard(websocket, R4)) == [1]

    asyncio.run(scenario())


def test_every_socket_of_a_subscription_hears_the_same(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner, content="full-resource")
        async with a_socket(hub) as one, a_socket(hub) as other:
            token = await fhir.token(id)
            for websocket in (one, other):
                await websocket.send(f"bind-with-token {token}")
                await heard(websocket, fhir.release)
            await fhir.create(a_task(owner))
            assert await heard(one, fhir.release) == await heard(other, fhir.release)

    in_every_release(hub, scenario)


def test_binding_again_greets_again_and_repeats_nothing(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            await fhir.create(a_task(owner))
            assert numbers_of(await heard(websocket, fhir.release)) == [1]
            handshake = await bind(websocket, fhir, id)
            assert status_of(handshake)["counter"] == "1"
            await fhir.create(a_task(owner))
            assert numbers_of(await heard(websocket, fhir.release)) == [2]

    in_every_release(hub, scenario)


def test_what_nobody_was_sent_comes_with_the_next_bind(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner, max_count=2)
        await _write(fhir, owner, 3)
        assert (await fhir.status(id))["counter"] == "3"
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            assert numbers_of(await heard(websocket, fhir.release)) == [1, 2]
            assert numbers_of(await heard(websocket, fhir.release)) == [3]
        await _write(fhir, owner, 1)
        async with a_socket(hub) as websocket:
            handshake = await bind(websocket, fhir, id)
            assert status_of(handshake)["counter"] == "4"
            assert numbers_of(await heard(websocket, fhir.release)) == [4]

    in_every_release(hub, scenario)


def test_of_what_was_missed_the_last_thousand_come(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with hub.client(R4) as fhir, a_socket(hub) as websocket:
            id = await socket_subscription(fhir, owner, content="empty", max_count=1000)
            await _write(fhir, owner, 1005)
            await bind(websocket, fhir, id)
            assert numbers_of(await heard(websocket, R4)) == list(range(6, 1006))
            await bind(websocket, fhir, id, resume_after=0)
            first = numbers_of(await heard(websocket, R4))
            assert first == list(range(1, 1001))

    asyncio.run(scenario())


def test_a_bind_resumes_after_the_number_that_it_names(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        await _write(fhir, owner, 4)
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id, resume_after=1)
            assert numbers_of(await heard(websocket, fhir.release)) == [2, 3, 4]
            await bind(websocket, fhir, id, resume_after=1)
            assert numbers_of(await heard(websocket, fhir.release)) == [2, 3, 4]
            handshake = await bind(websocket, fhir, id, resume_after=9)
            assert status_of(handshake)["counter"] == "4"
            await _write(fhir, owner, 1)
            assert numbers_of(await heard(websocket, fhir.release)) == [5]

    in_every_release(hub, scenario)


def test_a_bind_below_what_is_kept_says_what_is_lost(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        await _write(fhir, owner, 2)
        # Deleted and put again: its numbers go on, but the events of before are gone.
        stored = await fhir.get(f"Subscription/{id}")
        await fhir.delete(f"Subscription/{id}")
        await fhir.put(stored)
        await _write(fhir, owner, 1)
        async with a_socket(hub) as websocket:
            handshake = await bind(websocket, fhir, id, resume_after=0)
            said = status_of(handshake)
            assert said["counter"] in ("2", "3")
            assert "lowest number is 3" in said["errors"][0]["text"]
            assert numbers_of(await heard(websocket, fhir.release)) == [3]

    in_every_release(hub, scenario)


def test_ping_is_answered_with_pong_before_and_after_a_bind(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir, a_socket(hub) as websocket:
            for _ in range(2):
                await websocket.send('{"type":"ping"}')
                async with asyncio.timeout(PATIENCE):
                    assert json.loads(await websocket.recv()) == {"type": "pong"}
                await bind(websocket, fhir, await socket_subscription(fhir, fresh()))

    asyncio.run(scenario())


def test_heartbeats_come_on_a_bound_socket(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        id = await socket_subscription(fhir, fresh(), heartbeat=1)
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            said = status_of(await heard(websocket, fhir.release))
            assert (said["type"], said["counter"], said["events"]) == ("heartbeat", "0", [])

    in_every_release(hub, scenario)


def test_a_websocket_subscription_is_active_and_stays_so_without_a_socket(
    hub: RunningHub,
) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner, heartbeat=1)
        await _write(fhir, owner, 2)
        said = await fhir.status(id)
        assert (said["status"], said["counter"], said["errors"]) == ("active", "2", [])
        assert said["topic"] == topic("task-activity")
        assert await fhir.attempts(id) == []

    in_every_release(hub, scenario)


def test_after_a_reactivation_numbers_go_on_and_what_happened_while_off_is_not_counted(
    hub: RunningHub,
) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        await _write(fhir, owner, 2)
        stored = await fhir.get(f"Subscription/{id}")
        stored = await fhir.put(stored | {"status": "off"})
        await _write(fhir, owner, 5)
        stored = await fhir.put(stored | {"status": "requested"})
        assert stored["status"] == "active"
        await _write(fhir, owner, 1)
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            assert numbers_of(await heard(websocket, fhir.release)) == [1, 2, 3]

    in_every_release(hub, scenario)


def test_a_second_socket_is_greeted_with_all_events_so_far(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        async with a_socket(hub) as one, a_socket(hub) as other:
            assert status_of(await bind(one, fhir, id))["counter"] == "0"
            await _write(fhir, owner, 2)
            assert numbers_of(await heard(one, fhir.release)) == [1, 2]
            assert status_of(await bind(other, fhir, id))["counter"] == "2"
            await _write(fhir, owner, 1)
            for websocket in (one, other):
                assert numbers_of(await heard(websocket, fhir.release)) == [3]

    in_every_release(hub, scenario)


def test_binding_again_and_again_repeats_nothing_and_leaves_nothing_out(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with hub.client(R4) as fhir:
            id = await socket_subscription(fhir, owner, max_count=1)
            token = await fhir.token(id)
            numbers: list[int] = []
            for _ in range(3):
                await _write(fhir, owner, 1)
                async with a_socket(hub) as websocket:
                    for bind in range(3):
                        await websocket.send(f"bind-with-token {token}")
                        said = status_of(await heard(websocket, R4))
                        assert said["type"] == "handshake"
                        if bind == 0:
                            numbers += numbers_of(await heard(websocket, R4))
            assert numbers == [1, 2, 3]

    asyncio.run(scenario())
