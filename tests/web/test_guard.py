"""What stands around every request: ids, origins, hosts, bugs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from hub.ports import Reader
from hub.settings import Settings
from hub.stores.memory import MemoryStore
from hub.web.guard import Hosts, Origins
from tests.web.site import Site, a_patient, a_site, issue, run

T = TypeVar("T")
APP = "https://app.example.org"


class BrokenStore(MemoryStore):
    """A store whose reads fail with words that nobody may see."""

    broken = False
    words = "secret words"

    async def read(self, query: Callable[[Reader], T]) -> T:
        if self.broken:
            raise RuntimeError(self.words)
        return await super().read(query)


def test_every_answer_has_an_id_of_its_own_and_the_callers_beside_it() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            seen = []
            for path in ("/", "/fhir/r4/metadata", "/nowhere"):
                answer = await site.ask("GET", path, x_request_id="mine-1")
                seen.append(answer.headers["x-request-id"])
                assert answer.headers["x-correlation-id"] == "mine-1"
                assert answer.headers["x-content-type-options"] == "nosniff"
            assert len(set(seen)) == 3
            odd = await site.ask("GET", "/", x_request_id="a b")
            assert "x-correlation-id" not in odd.headers

    run(scenario())


def test_a_bug_is_500_without_details_and_logged_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        store = BrokenStore()
        async with a_site(store=store) as site:
            store.broken = True
            with caplog.at_level(logging.ERROR):
                answer = await site.ask("GET", "Patient/p")
                entry = {"request": {"method": "GET", "url": "Patient/p"}}
                batch = await site.ask(
                    "POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
                )
            assert answer.status_code == 500
            assert issue(answer)["code"] == "exception"
            assert "secret" not in answer.text
            assert answer.headers["x-request-id"] in answer.text
            assert batch.json()["entry"][0]["response"]["status"] == "500"
            assert "RuntimeError" in caplog.text
            assert "secret" not in caplog.text
            ready = await site.ask("GET", "/readyz")
            assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
            store.broken = False

    run(scenario())


def test_a_client_that_goes_while_it_sends_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            sent = await _raw(site, [{"type": "http.disconnect"}])
            assert sent == []

    run(scenario())
    assert not caplog.records


async def _raw(site: Site, messages: list[Message]) -> list[Message]:
    """Post to the application without a client; return what it sends."""
    waiting: asyncio.Queue[Message] = asyncio.Queue()
    for message in messages:
        waiting.put_nowait(message)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            raise ClientDisconnect

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/fhir/r4/Patient",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    await site.app(scope, waiting.get, send)
    return sent


def test_a_failure_after_the_answer_began_ends_it_quietly() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = {"type": "http.request", "body": b'{"resourceType":"Patient"}'}
            sent = await _raw(site, [body])
            assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]

    run(scenario())


def test_pages_that_the_settings_name_may_use_the_hub() -> None:
    async def scenario() -> None:
        async with a_site(settings=Settings(cors_origins=(APP,))) as site:
            preflight = await site.ask(
                "OPTIONS", "Patient", origin=APP, access_control_request_method="POST"
            )
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == APP
            assert "PATCH" in preflight.headers["access-control-allow-methods"]
            assert "If-Match" in preflight.headers["access-control-allow-headers"]
            made = await site.ask("POST", "Patient", a_patient(), origin=APP)
            assert made.status_code == 201
            exposed = made.headers["access-control-expose-headers"]
            for name in ("ETag", "Location", "Last-Modified", "X-Request-Id"):
                assert name in exposed
            assert "Origin" in made.headers["vary"]

    run(scenario())


def test_pages_of_anywhere_else_may_not() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            preflight = await site.ask(
                "OPTIONS", "Patient", origin=APP, access_control_request_method="POST"
            )
            assert preflight.status_code == 403
            refused = await site.ask("POST", "Patient", a_patient(), origin=APP)
            assert refused.status_code == 403
            assert "--cors-origin" in issue(refused)["diagnostics"]
            read = await site.ask("GET", "Patient", origin=APP)
            assert read.status_code == 200
            assert "access-control-allow-origin" not in read.headers

    run(scenario())


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("http://127.0.0.1:3000", True),
        ("https://[::1]:1", True),
        ("http://hub.example.org", True),
        ("http://hub.example.org:81", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_loopback_stands_for_every_page_of_this_machine(origin: str, allowed: bool) -> None:
    assert Origins(["loopback"], "http://hub.example.org/x").allows(origin) is allowed


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8080", True),
        ("localhost", True),
        ("[::1]:8080", True),
        ("192.168.1.5", True),
        ("HUB.example.org", True),
        ("evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_a_hub_of_this_machine_only_is_not_called_by_foreign_names(
    host: str, allowed: bool
) -> None:
    assert Hosts("127.0.0.1", "https://hub.example.org").allows(host) is allowed
    assert Hosts("0.0.0.0", "https://hub.example.org").allows(host)


def test_a_foreign_name_is_refused_with_the_way_out() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "metadata", host="evil.example")
            assert answer.status_code == 400
            assert "--public-url" in issue(answer)["diagnostics"]

    run(scenario())
