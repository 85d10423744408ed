"""Who writes counts, over real sockets: for the status of a Task, and for whom an event is news."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.codecs.parameter_parts import EXPLAINED, read_parts
from hub.core.client import Client
from hub.core.echo import SUPPRESS_ECHO
from hub.core.release import FhirRelease, Resource
from hub.guard_settings import read_task_guard
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    heard,
    in_every_release,
    numbers_of,
    running_hub,
    status_of,
)
from tests.support.builders import a_bundle, a_subscription, a_task, an_entry, identified
from tests.support.messages import an_order
from tests.web.clients import CLIENTS, LAB, OPS, WARD, shown_by, token_of

R4: Final = FhirRelease.R4
PATCH: Final = "application/json-patch+json"
SILENT: Final[Resource] = {"url": SUPPRESS_ECHO, "valueBoolean": True}


@pytest.fixture(scope="module")
def orders() -> Iterator[RunningHub]:
    """Return a hub that knows its callers, and on which orders are moved by those concerned."""
    with running_hub(clients=CLIENTS, task_guard=read_task_guard("order")) as running:
        yield running


class Acting:
    """The base of one release as each client sees it."""

    def __init__(self, hub: RunningHub, stack: AsyncExitStack) -> None:
        self._hub = hub
        self._stack = stack

    async def as_(self, client: Client, release: FhirRelease) -> Fhir:
        fhir = await self._stack.enter_async_context(self._hub.client(release))
        fhir.http.headers.update(shown_by(client))
        return fhir


async def both(hub: RunningHub, stack: AsyncExitStack, release: FhirRelease) -> tuple[Fhir, Fhir]:
    """Return the base of a release as the ward and as the laboratory see it."""
    acting = Acting(hub, stack)
    return await acting.as_(WARD, release), await acting.as_(LAB, release)


def an_order_for_the_lab(base: str, **more: Any) -> Resource:
    """Return a Task that the ward asks the laboratory to do, by an absolute reference."""
    return a_task(f"{base}/Organization/lab", requester={"reference": "Organization/ward"}, **more)


def test_each_side_moves_a_task_as_far_as_it_is_its_to_move(orders: RunningHub) -> None:
    async def scenario(anybody: Fhir) -> None:
        async with AsyncExitStack() as stack:
            ward, lab = await both(orders, stack, anybody.release)
            status, issue = await lab.refused("POST", "Task", an_order_for_the_lab(ward.base))
            assert (status, issue["code"]) == (422, "business-rule")
            assert issue["diagnostics"].startswith(
                "that a Task is created as requested is up to its requester"
            )
            task = await ward.create(an_order_for_the_lab(ward.base))
            path = f"Task/{task['id']}"
            taken = task | {"status": "accepted"}
            replaced = [{"op": "replace", "path": "/status", "value": "accepted"}]
            patching: dict[str, Any] = {
                "content": json.dumps(replaced).encode(),
                "content_type": PATCH,
            }
            for method, body, more in (("PUT", taken, {}), ("PATCH", None, patching)):
                status, issue = await ward.refused(method, path, body, **more)
                assert (status, issue["code"]) == (422, "business-rule")
                assert issue["details"]["coding"][0]["code"] == "task-reserved"
                assert issue["expression"] == ["Task.status"]
                assert issue["diagnostics"].startswith(
                    f"{path} is requested; that it becomes accepted is up to its owner"
                )
            mine = task | {"owner": {"reference": "Organization/ward"}}
            status, issue = await ward.refused("PUT", path, mine)
            assert (status, issue["expression"]) == (422, ["Task.owner"])
            unit = [an_entry("POST", "Patient", {"resourceType": "Patient"})]
            whole = a_bundle("transaction", *unit, an_entry("PUT", path, taken))
            status, issue = await ward.refused("POST", "", whole)
            assert (status, issue["code"]) == (422, "business-rule")
            batch = a_bundle("batch", *unit, an_entry("PUT", path, taken))
            created, refused = (await ward.ask("POST", "", batch)).json()["entry"]
            assert created["response"]["status"].startswith("201")
            assert refused["response"]["status"].startswith("422")

            answer = await lab.ask("PATCH", path, **patching)
            assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
            await ward.put(taken | {"status": "cancelled"})

    in_every_release(orders, scenario)


def test_a_message_is_asked_who_sends_it(orders: RunningHub) -> None:
    async def scenario(anybody: Fhir) -> None:
        async with AsyncExitStack() as stack:
            ward, lab = await both(orders, stack, anybody.release)
            number = fresh().partition("/")[2]
            parties = {
                "owner": {"identifier": {"system": "http://ura.example.org", "value": "1"}},
                "requester": {"reference": f"{ward.base}/Organization/ward"},
            }

            def message(part: str, status: str) -> Resource:
                id = f"{number}{part}"
                return an_order(anybody.release, id, number=number, status=status, **parties)

            for client, part, status, code in (
                (lab, "a", "requested", 422),
                (ward, "b", "requested", 200),
                (ward, "c", "accepted", 422),
                (lab, "d", "accepted", 200),
            ):
                answer = await client.ask("POST", "$process-message", message(part, status))
                assert answer.status_code == code, answer.text
            (entry,) = (await lab.get(f"Task?identifier={number}"))["entry"]
            assert entry["resource"]["status"] == "accepted"

    in_every_release(orders, scenario)


def test_who_writes_is_not_told_of_it_where_it_asks_for_that(orders: RunningHub) -> None:
    async def scenario(anybody: Fhir) -> None:
        release = anybody.release
        async with AsyncExitStack() as stack:
            ward, lab = await both(orders, stack, release)
            task = an_order_for_the_lab(ward.base, description=fresh())
            wanted = a_subscription(
                release,
                channel="websocket",
                filters=[f"Task?owner={ward.base}/Organization/lab"],
                extension=[SILENT],
            )
            checked = await lab.ask("POST", "Subscription/$validate", wanted)
            assert checked.status_code == 200 and "would be accepted" in checked.text
            quiet = await lab.create(wanted)
            assert quiet["extension"] == [SILENT]
            loud = await lab.create(wanted | {"extension": [SILENT | {"valueBoolean": False}]})

            websocket = await stack.enter_async_context(a_socket(orders))
            await websocket.send(f"bind-with-token {await lab.token(quiet['id'])}")
            await heard(websocket, release)
            stored = await ward.create(task)
            assert numbers_of(await heard(websocket, release)) == [1]
            stored = await lab.put(stored | {"status": "accepted"})
            stored = await lab.put(stored | {"status": "in-progress"})
            await ward.put(stored | {"description": "urgent"})
            told = await heard(websocket, release)
            assert numbers_of(told) == [2]
            assert status_of(told)["counter"] == "2"
            assert (await lab.status(loud["id"]))["counter"] == "4"

            # What the administrator changes in it leaves it its owner's.
            ops = await Acting(orders, stack).as_(OPS, release)
            await ops.put(quiet | {"end": "2030-01-01T00:00:00Z"})
            await lab.put(stored | {"description": "sampled"})
            assert (await lab.status(quiet["id"]))["counter"] == "2"
            await lab.put(quiet | {"extension": [SILENT | {"valueBoolean": False}]})
            await lab.put(stored | {"description": "again"})
            assert (await lab.status(quiet["id"]))["counter"] == "3"

    in_every_release(orders, scenario)


def test_an_explanation_tells_an_echo(
    orders: RunningHub,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    known: dict[str, Any] = {}

    async def prepare() -> None:
        async with AsyncExitStack() as stack:
            ward, lab = await both(orders, stack, R4)
            wanted = a_subscription(R4, channel="websocket", extension=[SILENT])
            known["id"] = (await lab.create(wanted))["id"]
            task = await ward.create(an_order_for_the_lab(ward.base))
            known["task"] = await lab.put(task | {"status": "accepted"})
            path = f"Task/{task['id']}/$explain?subscription={known['id']}"
            found = read_parts((await lab.get(path))["parameter"], EXPLAINED)
            (filters,) = found["topic"][0]["filters"]
            assert (found["told"], filters["accept"], filters["counted"]) == (0, True, False)
            assert filters["echo"] is True
            found = read_parts((await lab.get(f"{path}&version=1"))["parameter"], EXPLAINED)
            assert found["told"] == 1 and "echo" not in found["topic"][0]["filters"][0]

    asyncio.run(prepare())
    monkeypatch.setenv("HUB_TOKEN", token_of(LAB))
    only = ["--subscription", known["id"], "--url", orders.url, "--no-color"]
    assert main(["explain", f"Task/{known['task']['id']}", *only]) == Exit.FAILED
    shown = capsys.readouterr().out
    assert f"✗ Subscription/{known['id']}" in shown
    assert "not told: own echo; its owner wrote the change and asked for suppress-echo" in shown
    assert "decided otherwise" not in shown
    after = tmp_path / "after.json"
    after.write_text(json.dumps(known["task"]))
    for author, code in ((["--author", "lab"], Exit.FAILED), (["--author", "ward"], Exit.OK)):
        assert main(["explain", "--after", str(after), *author, *only]) == code
        shown = capsys.readouterr().out
        assert ("not told: own echo" in shown) is (code == Exit.FAILED)


def test_an_echo_that_nobody_could_tell_is_refused(orders: RunningHub, hub: RunningHub) -> None:
    async def scenario(anybody: Fhir) -> None:
        wanted = a_subscription(anybody.release, channel="websocket", extension=[SILENT])
        async with AsyncExitStack() as stack:
            ops = await Acting(orders, stack).as_(OPS, anybody.release)
            free = await stack.enter_async_context(hub.client(anybody.release))
            named = identified(anybody.release, fresh())
            extension = [SILENT, *named.pop("extension", [])]
            administrative = wanted | named | {"extension": extension}
            for fhir, asked, words in (
                (free, wanted, "this one asks nobody"),
                (ops, administrative, "an administrator created this one for somebody else"),
            ):
                status, issue = await fhir.refused("POST", "Subscription", asked)
                assert (status, issue["code"]) == (422, "business-rule")
                assert issue["expression"] == ["Subscription.extension"]
                assert words in issue["diagnostics"]

    in_every_release(orders, scenario)
