"""Clients that say who they are, over real sockets: who may do what with whose Subscription."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.client_settings import read_clients
from hub.core.client import Client
from hub.core.release import FhirRelease, Resource
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
    running_hub,
)
from tests.support.builders import a_subscription, a_task, identified
from tests.support.classic import a_classic
from tests.support.endpoints import Endpoint
from tests.web.clients import CLIENTS, LAB, OPS, WARD, shown_by

R4, R5 = FhirRelease.R4, FhirRelease.R5
MANAGING = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.managingEntity"
OFF = [{"op": "replace", "path": "/status", "value": "off"}]


@pytest.fixture(scope="module")
def asking() -> Iterator[RunningHub]:
    """Return a running hub that asks who calls."""
    with running_hub(clients=CLIENTS) as running:
        yield running


@asynccontextmanager
async def visiting(hub: RunningHub, release: FhirRelease, client: Client) -> AsyncIterator[Fhir]:
    async with hub.client(release) as fhir:
        fhir.http.headers.update(shown_by(client))
        yield fhir


def of_the_lab(release: FhirRelease, owner: str) -> Resource:
    """Return a Subscription that an administrator creates for the lab."""
    wanted = a_subscription(
        release, channel="websocket", filters=[f"Task?owner={owner}"], **identified(release, owner)
    )
    entity = {"reference": "Organization/lab"}
    if release is R5:
        return wanted | {"managingEntity": entity}
    wanted["extension"].append({"url": MANAGING, "valueReference": entity})
    return wanted


OPERATIONS = (
    ("GET", ""),
    ("GET", "/_history"),
    ("GET", "/_history/1"),
    ("GET", "/$status"),
    ("GET", "/$events"),
    ("GET", "/$attempts"),
    ("GET", "/$get-ws-binding-token"),
    ("POST", "/$resend?eventsSinceNumber=1"),
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
)
READS = 7
"""How many of them only read."""

DONE = (200,) * (len(OPERATIONS) - 1) + (204,)
NOTHING = (404,) * (len(OPERATIONS) - 1) + (204,)
READ_ONLY = (200,) * READS + (403,) * (len(OPERATIONS) - READS)
MATRIX = {
    ("own", LAB): DONE,
    ("own", WARD): NOTHING,
    ("own", OPS): DONE,
    ("administrative", LAB): READ_ONLY,
    ("administrative", WARD): NOTHING,
    ("administrative", OPS): DONE,
}
"""The statuses of ``OPERATIONS``, by whose Subscription it is (the lab's, or one for it)."""


@pytest.mark.parametrize(
    ("whose", "client"), MATRIX, ids=[f"{whose}-{client.name}" for whose, client in MATRIX]
)
def test_who_may_do_what(asking: RunningHub, whose: str, client: Client) -> None:
    async def scenario(_: Fhir) -> None:
        release = _.release
        owner = fresh()
        creator, body = (
            LAB,
            a_subscription(release, channel="websocket", filters=[f"Task?owner={owner}"]),
        )
        if whose == "administrative":
            creator, body = OPS, of_the_lab(release, owner)
        async with (
            visiting(asking, release, creator) as before,
            visiting(asking, release, client) as fhir,
        ):
            id = (await before.create(body))["id"]
            await before.create(a_task(owner))
            async with a_socket(asking) as websocket:
                # Bound sockets are what $resend needs; the token is a secret of its own.
                await bind(websocket, before, id)
                statuses = []
                for method, suffix in OPERATIONS:
                    sent = {"PUT": body | {"id": id}, "PATCH": OFF}.get(method)
                    more: dict[str, Any] = {}
                    if method == "PATCH":
                        more["content_type"] = "application/json-patch+json"
                    answer = await fhir.ask(method, f"Subscription/{id}{suffix}", sent, **more)
                    statuses.append(answer.status_code)
            assert tuple(statuses) == MATRIX[whose, client]
            alive = (await before.ask("GET", f"Subscription/{id}")).status_code
            assert alive == (410 if statuses[-1] == 204 and statuses[0] == 200 else 200)

    in_every_release(asking, scenario)


def test_each_is_notified_of_its_own(asking: RunningHub) -> None:
    async def scenario(open_base: Fhir) -> None:
        release, owner = open_base.release, fresh()
        filters = [f"Task?owner={owner}"]
        async with (
            Endpoint() as at_lab,
            Endpoint() as at_ward,
            visiting(asking, release, LAB) as lab,
            visiting(asking, release, WARD) as ward,
        ):
            mine = await lab.subscribed(at_lab, filters=filters, headers=[("X-Key", "s3cret")])
            theirs = await ward.subscribed(at_ward, filters=filters)
            await ward.create(a_task(owner))
            for endpoint, own, other in ((at_lab, mine, theirs), (at_ward, theirs, mine)):
                _, event = await endpoint.wait_for(2)
                text = event.body.decode()
                assert numbers_of(json.loads(text)) == [1]
                assert own["id"] in text and other["id"] not in text
            task = (await lab.get(f"Task?owner={owner}"))["entry"][0]["resource"]["id"]
            for fhir, own, other in ((lab, mine, theirs), (ward, theirs, mine)):
                told = json.dumps(await fhir.get(f"Task/{task}/$trace"))
                assert own["id"] in told and other["id"] not in told
                assert told.count('"standing"') == 2

    in_every_release(asking, scenario)


def test_whom_it_is_for_listens_and_asks_for_events(asking: RunningHub) -> None:
    async def scenario(open_base: Fhir) -> None:
        release, owner = open_base.release, fresh()
        async with (
            visiting(asking, release, OPS) as ops,
            visiting(asking, release, LAB) as lab,
            a_socket(asking) as websocket,
        ):
            id = (await ops.create(of_the_lab(release, owner)))["id"]
            await bind(websocket, lab, id)
            await ops.create(a_task(owner))
            event = await heard(websocket, release)
            again = await lab.get(f"Subscription/{id}/$events")
            for bundle in (event, again):
                assert numbers_of(bundle) == [1]
                assert id not in json.dumps(bundle["entry"])

    in_every_release(asking, scenario)


def test_who_shows_a_wrong_token_opens_no_socket(asking: RunningHub) -> None:
    async def scenario() -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with a_socket(asking, additional_headers={"Authorization": "Bearer wrong"}):
                pass
        answer = refused.value.response
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert b'"unauthorized"' in (answer.body or b"")

    asyncio.run(scenario())


def test_a_classic_socket_is_its_owners(asking: RunningHub) -> None:
    async def scenario() -> None:
        async with visiting(asking, R4, LAB) as lab:
            owner = fresh()
            body = a_classic(f"Task?owner={owner}", channel="websocket")
            id = (await lab.create(body))["id"]
            said = []
            for shown in ({}, shown_by(WARD), shown_by(LAB)):
                async with a_socket(asking, additional_headers=shown) as websocket:
                    await websocket.send(f"bind {id}")
                    async with asyncio.timeout(PATIENCE):
                        said.append(str(await websocket.recv()).split(" ")[0])
            assert said == ["error", "error", "bound"]

    asyncio.run(scenario())


def test_it_is_its_creators_after_a_restart_too(tmp_path: Path) -> None:
    ids: dict[FhirRelease, str] = {}
    administrative: dict[FhirRelease, str] = {}

    async def create(fhir: Fhir) -> None:
        owner = fresh()
        fhir.http.headers.update(shown_by(LAB))
        ids[fhir.release] = await socket_subscription(fhir, owner)
        answer = await fhir.ask(
            "POST", "Subscription", of_the_lab(fhir.release, owner), **shown_by(OPS)
        )
        administrative[fhir.release] = answer.json()["id"]

    async def look(fhir: Fhir) -> None:
        for known in (ids, administrative):
            path = f"Subscription/{known[fhir.release]}"
            for client, status in ((LAB, 200), (WARD, 404), (OPS, 200)):
                assert (await fhir.ask("GET", path, **shown_by(client))).status_code == status

    async def look_freely(fhir: Fhir) -> None:
        for known, status in ((ids, 200), (administrative, 404)):
            path = f"Subscription/{known[fhir.release]}"
            assert (await fhir.ask("GET", path)).status_code == status

    for scenario, clients in ((create, CLIENTS), (look, CLIENTS), (look_freely, None)):
        with running_hub(tmp_path / "hub.db", clients=clients) as running:
            in_every_release(running, scenario)


def test_commands_take_the_token_from_a_file_or_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUB_TOKEN", raising=False)
    monkeypatch.delenv("HUB_TOKEN_FILE", raising=False)
    file, token = tmp_path / "clients.json", tmp_path / "lab.token"
    known = ("--file", str(file))
    assert main(["client", "new", "lab", *known, "--token-file", str(token)]) == Exit.OK
    assert main(["client", "new", "ward", *known]) == Exit.OK
    wards = capsys.readouterr().out.strip()
    resource = tmp_path / "task.json"
    resource.write_text(json.dumps(a_task("Organization/lab")))
    with running_hub(clients=read_clients(str(file))) as hub:
        at = ("--url", hub.url)
        publish = ["publish", str(resource), *at]
        assert main(publish) == Exit.REFUSED
        assert "--token-file FILE" in capsys.readouterr().out
        assert main([*publish, "--token-file", str(token)]) == Exit.OK
        monkeypatch.setenv("HUB_TOKEN", wards)
        assert main(publish) == Exit.OK
        assert main(["subs", "list", *at]) == Exit.OK
        assert main(["trigger", "task-requested", *at]) == Exit.OK
        listening = ["watch", *at, "--count", "1", "--wait", "50ms", "--token-file", str(token)]
        assert main(listening) == Exit.NOTHING_ARRIVED
        assert main(["explain", "--after", str(resource), *at]) == Exit.FAILED
        written = capsys.readouterr()
        assert wards not in written.out + written.err
        for wrong, told in (("short", "HUB_TOKEN must hold one token"), ("x" * 43, "401 from")):
            monkeypatch.setenv("HUB_TOKEN", wrong)
            assert main(["subs", "list", *at]) in (Exit.USAGE, Exit.REFUSED)
            assert told in capsys.readouterr().err
        token.chmod(0o644)
        assert main([*publish, "--token-file", str(token)]) == Exit.USAGE
        assert "chmod 600" in capsys.readouterr().err
