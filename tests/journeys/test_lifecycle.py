"""The life of Subscriptions: changed, switched, deleted, put again, ended."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    numbers_of,
    running_hub,
    status_of,
)
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Reply

R4 = FhirRelease.R4


def _highest(endpoint: Endpoint) -> int:
    return max(
        (n for each in endpoint.received for n in numbers_of(json.loads(each.body))), default=0
    )


def _numbers(endpoint: Endpoint) -> list[int]:
    return [n for each in endpoint.received for n in numbers_of(json.loads(each.body))]


def _filtered(subscription: Resource, owner: str) -> Resource:
    """Return a Subscription with another owner to filter by."""
    text = json.dumps(subscription)
    kind = "Organization/"
    at = text.index(kind)
    end = text.index('"', at)
    changed: Resource = json.loads(text[:at] + owner + text[end:])
    return changed


def test_another_filter_keeps_the_numbers_and_needs_no_handshake(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        one, other = fresh(), fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={one}"])
            await fhir.create(a_task(one))
            await endpoint.wait_until(lambda: _highest(endpoint) == 1)
            read = await fhir.get(f"Subscription/{stored['id']}")
            changed = await fhir.put(_filtered(read, other))
            assert changed["status"] == "active"
            await fhir.create(a_task(one))
            await fhir.create(a_task(other))
            await endpoint.wait_until(lambda: _highest(endpoint) == 2)
            changed = await fhir.put(_filtered(changed, one))
            await fhir.create(a_task(other))
            await fhir.create(a_task(one))
            await endpoint.wait_until(lambda: _highest(endpoint) == 3)
            assert _numbers(endpoint) == [1, 2, 3]
            kinds = [status_of(json.loads(each.body))["type"] for each in endpoint.received]
            assert kinds == ["handshake", *["event-notification"] * 3]
            events = await fhir.get(f"Subscription/{stored['id']}/$events")
            assert numbers_of(events) == [1, 2, 3]

    in_every_release(hub, scenario)


def test_a_change_of_the_target_asks_for_a_new_handshake(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as old, Endpoint() as new:
            stored = await fhir.subscribed(old, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await old.wait_for(2)
            read = await fhir.get(f"Subscription/{stored['id']}")
            moved = json.loads(json.dumps(read).replace(old.url, new.url))
            changed = await fhir.put(moved)
            assert changed["status"] == "requested"
            await fhir.create(a_task(owner))
            handshake, event = await new.wait_for(2)
            said = status_of(json.loads(handshake.body))
            assert (said["type"], said["status"]) == ("handshake", "requested")
            assert numbers_of(json.loads(event.body)) == [2]
            assert _numbers(old) == [1]

    in_every_release(hub, scenario)


def test_requested_on_an_active_subscription_asks_for_a_new_handshake(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint)
            read = await fhir.get(f"Subscription/{stored['id']}")
            assert (await fhir.put(read | {"status": "active"}))["status"] == "active"
            changed = await fhir.put(read | {"status": "requested"})
            assert changed["status"] == "requested"
            await endpoint.wait_for(2)
            await fhir.until(stored["id"], "active")

    in_every_release(hub, scenario)


def test_off_stops_counting_and_numbers_go_on_after_it(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 1)
            read = await fhir.get(f"Subscription/{stored['id']}")
            assert (await fhir.put(read | {"status": "off"}))["status"] == "off"
            await fhir.create(a_task(owner))
            said = await fhir.status(stored["id"])
            assert (said["status"], said["counter"]) == ("off", "1")
            assert (await fhir.put(read | {"status": "active"}))["status"] == "requested"
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 2)
            assert _numbers(endpoint) == [1, 2]
            handshakes = [
                status_of(json.loads(each.body))
                for each in endpoint.received
                if status_of(json.loads(each.body))["type"] == "handshake"
            ]
            first, again = [said["counter"] for said in handshakes]
            assert first == "0"
            assert again in ("1", "2")

    in_every_release(hub, scenario)


def test_a_deleted_id_put_again_continues_its_numbers(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            id = fresh("x").partition("/")[2]
            wanted = a_subscription(
                fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={owner}"], id=id
            )
            answer = await fhir.ask("PUT", f"Subscription/{id}", wanted)
            assert answer.status_code == 201
            await fhir.until(id, "active")
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 1)
            await fhir.delete(f"Subscription/{id}")
            await fhir.delete(f"Subscription/{id}")
            status, issue = await fhir.refused("GET", f"Subscription/{id}/$status")
            assert (status, issue["code"]) == (410, "deleted")
            await fhir.create(a_task(owner))
            answer = await fhir.ask("PUT", f"Subscription/{id}", wanted)
            assert answer.status_code == 201
            assert answer.headers["etag"] == f'W/"{int(answer.json()["meta"]["versionId"])}"'
            await fhir.until(id, "active")
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 2)
            assert _numbers(endpoint) == [1, 2]
            status, issue = await fhir.refused(
                "GET", f"Subscription/{id}/$events?eventsSinceNumber=1"
            )
            assert (status, issue["code"]) == (410, "expired")
            assert "2" in issue["diagnostics"]

    in_every_release(hub, scenario)


def test_nothing_is_sent_after_a_delete(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint, Endpoint() as other:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], heartbeat=1)
            await fhir.subscribed(other, filters=[f"Task?owner={owner}"], heartbeat=1)
            await fhir.delete(f"Subscription/{stored['id']}")
            count = len(endpoint.received)
            await fhir.create(a_task(owner))
            await other.wait_for(3)
            assert len(endpoint.received) == count

    in_every_release(hub, scenario)


def test_an_end_that_is_over_is_left_out_at_create_and_ends_at_an_update(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, end="2020-01-01T00:00:00Z")
            assert "end" not in stored
            read = await fhir.get(f"Subscription/{stored['id']}")
            assert "end" not in read
            ended = await fhir.put(read | {"end": "2020-01-01T00:00:00Z"})
            assert ended["status"] == "off"

    in_every_release(hub, scenario)


def test_at_its_end_a_subscription_is_switched_off(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            hook = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            bound = await fhir.create(a_subscription(fhir.release, channel="websocket"))
            for id in (hook["id"], bound["id"]):
                answer = await fhir.ask("GET", f"Subscription/{id}")
                now = parsedate_to_datetime(answer.headers["date"])
                end = (now + timedelta(seconds=2)).isoformat()
                assert (await fhir.put(answer.json() | {"end": end}))["end"] == end
            for id in (hook["id"], bound["id"]):
                await fhir.until(id, "off")
            await fhir.create(a_task(owner))
            assert (await fhir.status(hook["id"]))["counter"] == "0"

    in_every_release(hub, scenario)


def test_a_client_can_not_set_error_nor_its_text(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint)
            read = await fhir.get(f"Subscription/{stored['id']}")
            status, issue = await fhir.refused(
                "PUT", f"Subscription/{stored['id']}", read | {"status": "error"}
            )
            assert status == 422
            assert issue["expression"] == ["Subscription.status"]
            if fhir.release is not FhirRelease.R5:
                changed = await fhir.put(read | {"error": "says the client"})
                assert "error" not in changed
                assert "error" not in await fhir.get(f"Subscription/{stored['id']}")

    in_every_release(hub, scenario)


def test_a_put_that_says_the_same_changes_nothing(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint)
            path = f"Subscription/{stored['id']}"
            sent = len(endpoint.received)
            read = await fhir.ask("GET", path)
            answer = await fhir.ask("PUT", path, read.json())
            assert answer.status_code == 200
            assert answer.headers["etag"] == read.headers["etag"]
            tagged = read.json()
            tagged["meta"] = tagged.get("meta", {}) | {
                "tag": [{"system": "http://example.org/tags", "code": "mine"}]
            }
            answer = await fhir.ask("PUT", path, tagged)
            assert answer.json()["meta"]["tag"][0]["code"] == "mine"
            assert answer.headers["etag"] != read.headers["etag"]
            assert (await fhir.get(path))["status"] == "active"
            assert len(endpoint.received) == sent

    in_every_release(hub, scenario)


def test_a_stale_if_match_leaves_a_subscription_alone(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint)
            path = f"Subscription/{stored['id']}"
            read = await fhir.get(path)
            off = read | {"status": "off"}
            status, issue = await fhir.refused("PUT", path, off, If_Match='W/"1"')
            assert (status, issue["code"]) == (412, "conflict")
            assert (await fhir.status(stored["id"]))["status"] == "active"
            etag = f'W/"{read["meta"]["versionId"]}"'
            assert (await fhir.ask("PUT", path, off, If_Match=etag)).status_code == 200

    in_every_release(hub, scenario)


def test_a_patch_switches_a_subscription(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, headers=[("X-Secret", "s3cret")])
            path = f"Subscription/{stored['id']}"
            patch = [{"op": "replace", "path": "/status", "value": "off"}]
            answer = await fhir.ask(
                "PATCH", path, patch, Content_Type="application/json-patch+json"
            )
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == "off"
            patch[0]["value"] = "active"
            answer = await fhir.ask(
                "PATCH", path, patch, Content_Type="application/json-patch+json"
            )
            assert answer.json()["status"] == "requested"
            _, again = await endpoint.wait_for(2)
            assert again.header("x-secret") == "s3cret"

    in_every_release(hub, scenario)


def test_a_new_filter_on_error_keeps_it_in_error_until_reactivated(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint([Reply(404)]) as endpoint:
            stored = await fhir.create(
                a_subscription(
                    fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={fresh()}"]
                )
            )
            await fhir.until(stored["id"], "error")
            read = await fhir.get(f"Subscription/{stored['id']}")
            assert read["status"] == "error"
            back = await fhir.put(read | {"status": "active"})
            assert back["status"] == "requested"
            assert (await fhir.status(stored["id"]))["errors"] == []
            await fhir.until(stored["id"], "active")

    in_every_release(hub, scenario)


def test_the_channel_of_a_subscription_can_change(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 1)
            wanted = a_subscription(
                fhir.release, channel="websocket", filters=[f"Task?owner={owner}"], id=stored["id"]
            )
            assert (await fhir.put(wanted))["status"] == "active"
            await fhir.create(a_task(owner))
            assert (await fhir.status(stored["id"]))["counter"] == "2"
            back = a_subscription(
                fhir.release,
                endpoint=endpoint.url,
                filters=[f"Task?owner={owner}"],
                id=stored["id"],
            )
            assert (await fhir.put(back))["status"] == "requested"
            await endpoint.wait_until(lambda: _highest(endpoint) == 2)

    in_every_release(hub, scenario)


def test_everything_is_as_it_was_after_a_restart(tmp_path: Path) -> None:
    owner = fresh()

    async def before(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(
                endpoint,
                filters=[f"Task?owner={owner}"],
                headers=[("X-Secret", "s3cret")],
            )
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            ids[fhir.release] = stored["id"]
        await fhir.create(a_task(owner))
        await fhir.until_error(stored["id"])

    async def after(fhir: Fhir) -> None:
        id = ids[fhir.release]
        async with Endpoint() as endpoint:
            said = await fhir.status(id)
            assert (said["status"], said["counter"]) == ("active", "2")
            read = await fhir.get(f"Subscription/{id}")
            text = json.dumps(read).replace("***", "s3cret")
            moved = json.loads(text)
            if fhir.release is FhirRelease.R5:
                moved["endpoint"] = endpoint.url
            else:
                moved["channel"]["endpoint"] = endpoint.url
            await fhir.put(moved)
            await endpoint.wait_until(lambda: _highest(endpoint) == 2)
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 3)
            assert _numbers(endpoint) == [2, 3]
            assert {each.header("x-secret") for each in endpoint.received} == {"s3cret"}

    ids: dict[FhirRelease, str] = {}
    db = tmp_path / "hub.db"
    waits = (timedelta(seconds=30),)
    with running_hub(db=db, retry_schedule=waits) as hub:
        in_every_release(hub, before)
    with running_hub(db=db, retry_schedule=waits) as hub:
        in_every_release(hub, after)


def test_two_puts_of_a_filter_at_once_both_keep_the_numbers(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        one, other = fresh(), fresh()
        stored = await fhir.create(
            a_subscription(fhir.release, channel="websocket", filters=[f"Task?owner={one}"])
        )
        read = await fhir.get(f"Subscription/{stored['id']}")
        work = [fhir.create(a_task(owner)) for owner in (one, other) * 5]
        work += [fhir.put(_filtered(read, owner)) for owner in (other, one, other, one)]
        await asyncio.gather(*work)
        counter = int((await fhir.status(stored["id"]))["counter"])
        found = await fhir.get(f"Subscription/{stored['id']}/$events")
        assert numbers_of(found) == list(range(1, counter + 1))

    in_every_release(hub, scenario)
