"""Every row of the table of bad input, sent to a running hub."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from hub.core.release import FhirRelease, Resource
from hub.error_catalogue import catalogue
from hub.errors import HubError
from tests.bad_input.conftest import Hubs
from tests.bad_input.oracle import check_outcome, check_silence
from tests.bad_input.sending import filled, send
from tests.bad_input.sockets import open_socket, send_frame
from tests.bad_input.table import Row, read_table
from tests.journeys.hosting import Fhir, RunningHub, fresh
from tests.support.builders import a_subscription, a_task
from tests.web.clients import OPS, shown_by

TABLE: Final = read_table()
ROWS: Final = [
    pytest.param(row, release, id=f"{row.number}-{release.path}-{row.title}")
    for row in TABLE.rows
    for release in row.releases
]


@pytest.mark.parametrize(("row", "release"), ROWS)
def test_bad_input_is_answered_as_the_table_says(
    hubs: Hubs, row: Row, release: FhirRelease
) -> None:
    hub = hubs.named(row.hub)

    async def scenario() -> None:
        async with hub.client(release) as fhir:
            words = {
                "fresh": fresh("x").partition("/")[2],
                "host": hub.url.removeprefix("http://"),
            }
            if row.with_subscription or row.answer == "close":
                words |= await _subscription(fhir, row)
            for each in row.before:
                made = await send(fhir, hub, filled(each, words))
                assert made.status < 300, made.body
            what = filled(row.send, words)
            if "socket" in what:
                await _over_a_socket(hub, fhir, row, what, words)
            else:
                await _over_http(hub, fhir, row, what)
            shown = shown_by(OPS) if row.hub == "asking" else {}
            alive = await fhir.ask("GET", "Task?_count=0", **shown)
            assert alive.status_code == 200

    asyncio.run(scenario())


async def _subscription(fhir: Fhir, row: Row) -> dict[str, str]:
    """Make a websocket Subscription with two events, and a token for it."""
    owner = fresh()
    wanted = a_subscription(fhir.release, channel="websocket", filters=[f"Task?owner={owner}"])
    stored = await fhir.create(wanted)
    id: str = stored["id"]
    for _ in range(2):
        await fhir.create(a_task(owner))
    if row.reborn:
        await fhir.delete(f"Subscription/{id}")
        await fhir.put(stored)
    return {"subscription": id, "token": await fhir.token(id)}


async def _over_http(hub: RunningHub, fhir: Fhir, row: Row, what: Resource) -> None:
    answered = await send(fhir, hub, what)
    assert answered.status == row.status, answered.body
    if row.header is not None:
        assert answered.headers[row.header]
    if row.is_refusal:
        check_outcome(answered, row, fhir.release)
    if row.status >= 400:
        check_silence(answered.body, answered.sent)


async def _over_a_socket(
    hub: RunningHub, fhir: Fhir, row: Row, what: Resource, words: dict[str, str]
) -> None:
    status, head, socket = await open_socket(hub, what)
    try:
        if row.answer == "handshake":
            assert status == row.status
            assert "permessage-deflate" not in head
            return
        assert status == 101
        for frame in what["socket"]:
            send_frame(socket, frame)
        if what.get("delete"):
            await socket.next_frame()
            await fhir.delete(f"Subscription/{words['subscription']}")
        code, reason = await socket.closed()
        assert code == row.status, reason
        check_silence(reason, "".join(map(str, what["socket"])).encode())
    finally:
        socket.writer.close()


def test_every_error_is_met_by_a_row_or_listed_with_its_reason() -> None:
    met = {row.slug for row in TABLE.rows if row.slug is not None}
    errors = catalogue()
    assert met <= set(errors)
    assert set(errors) - met == set(TABLE.unreachable)
    assert all(reason.endswith(".") for reason in TABLE.unreachable.values())


def test_each_row_says_of_an_error_what_the_catalogue_says() -> None:
    for row in TABLE.rows:
        if row.slug is not None:
            error: type[HubError] = catalogue()[row.slug]
            assert row.status == error.status, row.number
            assert row.answer == "outcome", row.number


def test_rows_have_numbers_of_their_own() -> None:
    numbers = [row.number for row in TABLE.rows]
    assert len(set(numbers)) == len(numbers)
    assert all(reason.endswith(".") for reason in TABLE.not_here.values())
