"""The operations on Subscription as clients call them."""

from __future__ import annotations

import asyncio
from typing import Final

from hub.core.release import FhirRelease
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    numbers_of,
    status_of,
)
from tests.support.builders import a_subscription, a_task

R4: Final = FhirRelease.R4


def test_events_are_asked_for_within_their_bounds(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        stored = await fhir.create(
            a_subscription(
                fhir.release,
                channel="websocket",
                content="full-resource",
                filters=[f"Task?owner={owner}"],
            )
        )
        path = f"Subscription/{stored['id']}/$events"
        empty = await fhir.get(path)
        assert numbers_of(empty) == []
        kind = "query-event" if fhir.release is FhirRelease.R4 else "query-status"
        assert status_of(empty)["type"] == kind
        for _ in range(4):
            await fhir.create(a_task(owner))
        for query, expected in {
            "": [1, 2, 3, 4],
            "?eventsSinceNumber=2": [2, 3, 4],
            "?eventsUntilNumber=2": [1, 2],
            "?eventsSinceNumber=2&eventsUntilNumber=3": [2, 3],
            "?eventsSinceNumber=0": [1, 2, 3, 4],
            "?eventsSinceNumber=4&eventsUntilNumber=900": [4],
            "?eventsSinceNumber=5": [],
        }.items():
            found = await fhir.get(path + query)
            assert numbers_of(found) == expected, query
            assert status_of(found)["counter"] == "4"
        lower = await fhir.get(path + "?content=empty")
        assert len(lower["entry"]) == 1
        assert status_of(lower)["topic"] is None
        for query in (
            "?eventsSinceNumber=3&eventsUntilNumber=2",
            "?eventsSinceNumber=-1",
            "?eventsSinceNumber=abc",
            "?content=everything",
            "?since=1",
        ):
            status, issue = await fhir.refused("GET", path + query)
            assert (status, issue["code"]) == (400, "value"), query
        kind = "valueInteger64" if fhir.release is FhirRelease.R5 else "valueString"
        parameters = {
            "resourceType": "Parameters",
            "parameter": [{"name": "eventsSinceNumber", kind: "3"}],
        }
        answer = await fhir.ask("POST", path, parameters)
        assert answer.status_code == 200, answer.text
        assert numbers_of(answer.json()) == [3, 4]

    in_every_release(hub, scenario)


def test_the_status_of_several_is_asked_for_by_id_and_status(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        wanted = a_subscription(fhir.release, channel="websocket")
        ids = [
            (await fhir.create(wanted | {"status": status}))["id"]
            for status in ("requested", "active", "off")
        ]

        async def found(query: str) -> list[str]:
            bundle = await fhir.get(f"Subscription/$status?{query}")
            entries = bundle.get("entry", [])
            assert bundle["total"] == len(entries)
            said = [status_of({"entry": [entry]}) for entry in entries]
            named = [each["subscription"].rpartition("/")[2] for each in said]
            return [ids[ids.index(each)] for each in named if each in ids]

        assert await found(f"id={ids[0]}") == [ids[0]]
        assert await found(f"id={ids[0]}&id={ids[2]}") == [ids[0], ids[2]]
        assert await found(f"id={ids[0]},{ids[1]}") == ids[:2]
        assert await found(f"id={ids[0]}&id={ids[2]}&status=off") == [ids[2]]
        assert await found("status=off,active") == ids
        assert await found(f"id={ids[0]}&id=nobody") == [ids[0]]
        assert await found("") == ids
        status, _ = await fhir.refused("GET", "Subscription/nobody/$status")
        assert status == 404
        kind = "valueId"
        parameters = {
            "resourceType": "Parameters",
            "parameter": [{"name": "id", kind: ids[1]}, {"name": "status", "valueCode": "active"}],
        }
        answer = await fhir.ask("POST", "Subscription/$status", parameters)
        assert answer.json()["total"] == 1

    in_every_release(hub, scenario)


def test_more_events_than_a_page_are_walked_by_their_links(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with hub.client(R4) as fhir:
            stored = await fhir.create(
                a_subscription(
                    R4, channel="websocket", content="empty", filters=[f"Task?owner={owner}"]
                )
            )
            tasks = [
                {"resource": a_task(owner), "request": {"method": "POST", "url": "Task"}}
                for _ in range(1000)
            ]
            for entries in (tasks, tasks[:5]):
                bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
                assert (await fhir.ask("POST", "", bundle)).status_code == 200
            url: str | None = f"{fhir.base}/Subscription/{stored['id']}/$events"
            seen: list[int] = []
            while url is not None:
                page = await fhir.get(url)
                seen += numbers_of(page)
                links = {link["relation"]: link["url"] for link in page.get("link", [])}
                url = links.get("next")
            assert seen == list(range(1, 1006))

    asyncio.run(scenario())


def test_operations_that_do_not_exist_or_do_not_fit_are_refused(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(a_subscription(fhir.release, channel="websocket"))
        path = f"Subscription/{stored['id']}"
        expected = {
            ("GET", f"{path}/$nope"): 404,
            ("GET", "Subscription/$events"): 404,
            ("GET", "Task/$status"): 404,
            ("GET", "Subscription/nobody/$events"): 404,
            ("DELETE", f"{path}/$status"): 405,
            ("PUT", "Subscription/$status"): 405,
            ("GET", "Subscription/$status?status=sleeping"): 400,
            ("GET", "Subscription/$status?colour=red"): 400,
            ("GET", f"{path}/$verify"): 405,
            ("GET", f"Subscription/$status?id={','.join(map(str, range(1001)))}"): 413,
        }
        for (method, where), status in expected.items():
            found, _ = await fhir.refused(method, where)
            assert found == status, (method, where)
        status, _ = await fhir.refused("POST", f"{path}/$status", a_task())
        assert status == 400

    in_every_release(hub, scenario)


def test_asking_moves_neither_cursor_nor_counter(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        stored = await fhir.create(
            a_subscription(fhir.release, channel="websocket", filters=[f"Task?owner={owner}"])
        )
        path = f"Subscription/{stored['id']}"
        await fhir.create(a_task(owner))
        first = await fhir.ask("GET", f"{path}/$events")
        for _ in range(3):
            await fhir.status(stored["id"])
            again = await fhir.ask("GET", f"{path}/$events")
            assert numbers_of(again.json()) == numbers_of(first.json()) == [1]
        assert (await fhir.status(stored["id"]))["counter"] == "1"
        assert (await fhir.get(path))["meta"]["versionId"] == "1"

    in_every_release(hub, scenario)
