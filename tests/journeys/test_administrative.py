"""Administrative Subscriptions over real sockets: the party is told, and never told the id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.core.message import MessageEvent
from hub.core.release import FhirRelease, Resource
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
from tests.journeys.mailing import an_address, email, mail_settings, with_mail
from tests.support.builders import IDENTIFIERS, a_subscription, a_task, identified
from tests.support.endpoints import Endpoint
from tests.support.mail_server import MailServer
from tests.support.notification_rules import check_notification, read_status
from tests.support.ports import fresh_port
from tests.web.topics import ADMIN, administered

EVENT = MessageEvent("https://hub.example.org/events", "told")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """Return a hub that has an administrator."""
    settings = {"admin_token_file": administered(tmp_path_factory.mktemp("t")).admin_token_file}
    with running_hub(message_event=EVENT, **settings) as running:
        yield running


async def set_up(fhir: Fhir, owner: str, **changes: Any) -> str:
    """Create a Subscription for whoever is ``owner``, as the administrator; return its id."""
    wanted = a_subscription(
        fhir.release,
        filters=[f"Task?owner={owner}"],
        **identified(fhir.release, owner),
        **changes,
    )
    answer = await fhir.ask("POST", "Subscription", wanted, **ADMIN)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def asked(fhir: Fhir, path: str) -> Resource:
    """Return what the administrator is answered."""
    answer = await fhir.ask("GET", path, **ADMIN)
    assert answer.status_code == 200, answer.text
    found: Resource = answer.json()
    return found


def logical(bundle: Resource) -> Resource:
    """Return the reference to the Subscription that a notification holds."""
    status = bundle["entry"][0]["resource"]
    first = status["parameter"][0] if status["resourceType"] == "Parameters" else status
    reference: Resource = first.get("valueReference") or first["subscription"]
    return reference


@pytest.mark.parametrize("content", ["empty", "id-only", "full-resource"])
def test_the_party_hears_of_its_events_under_the_identifier(hub: RunningHub, content: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            id = await set_up(fhir, owner, endpoint=endpoint.url, content=content, heartbeat=1)
            await endpoint.wait_for(1)
            for _ in range(2):
                await fhir.create(a_task(owner))
            received = await endpoint.wait_for(4)
            kinds, numbers = set(), []
            for each in received:
                bundle = check_notification(each.body, fhir.release)
                name = {"system": IDENTIFIERS, "value": owner}
                assert logical(bundle) == {"identifier": name}
                assert bundle["entry"][0]["request"]["url"] == f"{fhir.base}/Subscription/$status"
                whole = f"{each.target} {each.headers} {each.body.decode()}"
                assert id not in whole
                kinds.add(status_of(bundle)["type"])
                numbers += numbers_of(bundle)
            assert kinds == {"handshake", "event-notification", "heartbeat"}
            assert numbers == [1, 2]
            events = check_notification(
                json.dumps(await asked(fhir, f"Subscription/{id}/$events")).encode(), fhir.release
            )
            assert numbers_of(events) == [1, 2]
            told = await asked(fhir, f"Subscription/{id}/$status")
            status = read_status(told["entry"][0]["resource"])
            assert (status["status"], status["counter"]) == ("active", "2")
            assert status["subscription"] == f"{IDENTIFIERS}|{owner}"
            for path in (f"Subscription/{id}", f"Subscription/{id}/$events"):
                code, _ = await fhir.refused("GET", path)
                assert code == 404
            found = await asked(fhir, f"Subscription?identifier={IDENTIFIERS}|{owner}")
            assert [each["resource"]["id"] for each in found["entry"]] == [id]
            assert id not in (await fhir.ask("GET", "Subscription")).text

    in_every_release(hub, scenario)


def test_a_message_carries_the_identifier_alone(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            id = await set_up(fhir, owner, channel="message", endpoint=endpoint.url)
            await endpoint.wait_for(1)
            await fhir.create(a_task(owner))
            for each in await endpoint.wait_for(2):
                assert id not in f"{each.target} {each.headers} {each.body.decode()}"
                assert logical(json.loads(each.body)["entry"][1]["resource"]) == {
                    "identifier": {"system": IDENTIFIERS, "value": owner}
                }

    in_every_release(hub, scenario)


def test_a_party_binds_a_socket_with_a_token_that_the_administrator_got(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await set_up(fhir, owner, channel="websocket")
        code, _ = await fhir.refused("GET", f"Subscription/{id}/$get-ws-binding-token")
        assert code == 404
        given = await asked(fhir, f"Subscription/{id}/$get-ws-binding-token")
        token = next(each["valueString"] for each in given["parameter"] if each["name"] == "token")
        async with a_socket(hub) as websocket:
            await websocket.send(f"bind-with-token {token}")
            handshake = await heard(websocket, fhir.release)
            await fhir.create(a_task(owner))
            event = await heard(websocket, fhir.release)
            assert numbers_of(event) == [1]
            for bundle in (handshake, event):
                assert logical(bundle)["identifier"]["value"] == owner
                assert id not in json.dumps(bundle)

    in_every_release(hub, scenario)


def test_mails_and_the_page_that_asks_tell_the_identifier_alone(tmp_path: Path) -> None:
    port = fresh_port()
    admin = administered(tmp_path).admin_token_file

    async def scenario(fhir: Fhir, mails: MailServer) -> None:
        owner, address = fresh(), an_address()
        wanted = email(fhir.release, address, owner, content="full-resource")
        named = identified(fhir.release, owner)
        answer = await fhir.ask("POST", "Subscription", wanted | named, **ADMIN)
        id = answer.json()["id"]
        (question,) = await mails.mails(1, address)
        (link,) = [each.strip() for each in question.text.splitlines() if "/confirm/" in each]
        pages = [await fhir.http.get(link), await fhir.http.post(link)]
        assert {each.json()["subscription"] for each in pages} == {f"{IDENTIFIERS}|{owner}"}
        await fhir.create(a_task(owner))
        _, told = await mails.mails(2, address)
        for mail in (question, told):
            assert f"{IDENTIFIERS}|{owner}" in " ".join(mail.text.split())
            assert "$events" not in mail.text
            for part in mail.message.walk():
                assert id not in repr(part.get_payload(decode=True))
            assert id not in str(mail.message.items())

    with running_hub(**mail_settings(port, email_opt_in=True), admin_token_file=admin) as mailing:
        with_mail(mailing, port, scenario)


def test_it_is_hidden_after_a_restart_too(tmp_path: Path) -> None:
    settings = {"admin_token_file": administered(tmp_path).admin_token_file}
    owner, ids = fresh(), dict[FhirRelease, str]()

    async def create(fhir: Fhir) -> None:
        ids[fhir.release] = await set_up(fhir, owner, channel="websocket")

    async def after(fhir: Fhir) -> None:
        code, _ = await fhir.refused("GET", f"Subscription/{ids[fhir.release]}")
        assert code == 404
        await fhir.create(a_task(owner))
        told = await asked(fhir, f"Subscription/{ids[fhir.release]}/$events")
        assert numbers_of(told) == [1]
        assert logical(told) == {"identifier": {"system": IDENTIFIERS, "value": owner}}

    for scenario in (create, after):
        with running_hub(tmp_path / "hub.db", **settings) as running:
            in_every_release(running, scenario)
