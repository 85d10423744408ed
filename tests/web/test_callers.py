"""Who calls: asked at every base, told by a bearer token, and never written down."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from hub.core.client import ADMINISTRATOR, Client
from hub.core.registered_client import RegisteredClient, digest_of
from hub.core.release import FhirRelease, Json
from hub.engine.plan import Plan
from hub.engine.write import Write, Written
from hub.errors import AuthenticationRequired, TokenInQuery, Unauthorized
from hub.settings import Settings, SettingsError
from hub.web.app import create_app
from hub.web.callers import Callers
from hub.web.limits import Limits
from hub.web.pages.data_page import DataPage
from hub.web.service import Service
from tests.support.builders import RELEASES, a_bundle, a_task, an_entry
from tests.support.messages import an_order
from tests.web.clients import CLIENTS, LAB, OPS, WARD, asking, shown_by, token_of
from tests.web.site import VALIDATORS, a_patient, a_site, issue, run
from tests.web.topics import TOKEN, a_topic, administered


def test_a_client_is_known_by_its_token() -> None:
    callers = Callers(CLIENTS, TOKEN)
    for client in (LAB, OPS):
        assert callers.caller([f"Bearer {token_of(client)}"]) is client
        assert callers.caller([f"bEARER  {token_of(client)} "]) is client
    assert callers.caller([f"Bearer {TOKEN}"]) is ADMINISTRATOR
    assert callers.caller([]) is None
    assert callers.caller(["Basic dTpw"]) is None
    assert token_of(LAB) not in repr(vars(callers))


@pytest.mark.parametrize(
    "shown",
    [
        ["Bearer"],
        ["Bearer "],
        [f"Bearer {token_of(LAB)}x"],
        [f"Bearer {token_of(LAB)} {token_of(LAB)}"],
        [f"Bearer {token_of(LAB)}", f"Bearer {token_of(LAB)}"],
        ["Bearer " + "x" * 20_000],
        [f"Bearer {digest_of(token_of(LAB)).hex()}"],
    ],
)
def test_any_other_bearer_token_is_refused(shown: list[str]) -> None:
    with pytest.raises(Unauthorized, match="none that this hub knows"):
        Callers(CLIENTS).caller(shown)


def test_nobody_is_asked_where_there_is_no_list() -> None:
    callers = Callers(None, TOKEN)
    callers.require(None)
    callers.refuse_in_query(["access_token"])
    for empty in (Callers(()), Callers(CLIENTS)):
        empty.require(LAB)
        with pytest.raises(AuthenticationRequired):
            empty.require(None)
        with pytest.raises(TokenInQuery):
            empty.refuse_in_query(["access_token"])
    assert Callers(()).caller(["Bearer x"]) is None


def test_a_client_has_not_the_administrators_token() -> None:
    twin = RegisteredClient(Client(name="twin"), digest_of(TOKEN))
    with pytest.raises(SettingsError, match="'twin' in --clients") as refused:
        Callers([twin], TOKEN)
    assert TOKEN not in str(refused.value)


R4 = FhirRelease.R4
ADDRESSES = (
    ("GET", "Patient"),
    ("HEAD", "Patient"),
    ("OPTIONS", "Patient"),
    ("POST", "Patient"),
    ("PUT", "Patient/a"),
    ("DELETE", "Patient/a"),
    ("GET", "Patient/a/_history"),
    ("GET", "Subscription/$status"),
    ("POST", "$process-message"),
    ("GET", "$order-status"),
    ("POST", ""),
    ("GET", "Nope"),
    ("TRACE", "Patient"),
    ("GET", "metadata/x"),
)


@pytest.mark.parametrize("release", RELEASES)
def test_every_address_of_a_base_asks_but_metadata(release: FhirRelease) -> None:
    base = f"/fhir/{release.path}"

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            for method, path in ADDRESSES:
                body = a_patient() if method in {"POST", "PUT"} else None
                answer = await site.ask(method, path, body, base=base)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"] == 'Bearer realm="fhir-hub"'
                if method != "HEAD":
                    assert issue(answer)["code"] == "login"
                    told = issue(answer)["details"]["coding"][0]["code"]
                    assert told == "authentication-required"
            statement = (await site.ask("GET", "metadata", base=base)).json()
            (rest,) = statement["rest"]
            assert "Bearer TOKEN" in rest["security"]["description"]
            subscription = next(each for each in rest["resource"] if each["type"] == "Subscription")
            assert subscription["updateCreate"] is False

    run(scenario())


def test_pages_without_data_are_open() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            for path in ("/", "/guides", "/errors", "/healthz", "/readyz"):
                assert (await site.ask("GET", path)).status_code == 200, path
            preflight = await site.ask(
                "OPTIONS",
                "Patient",
                origin="http://hub.example.org",
                access_control_request_method="GET",
            )
            assert preflight.status_code in {204, 403}

    run(scenario())


def test_the_data_of_a_page_is_for_who_is_known_and_the_page_for_everybody() -> None:
    told: list[Client | None] = []

    async def data(_: Request, caller: Client | None) -> Json:
        told.append(caller)
        return {}

    async def scenario() -> None:
        async with a_site() as site:
            hub = site.rig.hub

            async def ask(callers: Callers, query: bytes = b"", **headers: str) -> int:
                service = Service(
                    hub=hub,
                    validators=VALIDATORS,
                    limits=Limits(),
                    started=hub.clock.now(),
                    callers=callers,
                )
                page = DataPage(
                    service=service, title="x", content="", here="/", script="x.js", data=data
                )
                raw = [(name.encode(), value.encode()) for name, value in headers.items()]
                scope = {"type": "http", "method": "GET", "headers": raw, "query_string": query}
                return (await page(Request(scope))).status_code

            asking_callers = Callers(CLIENTS)
            assert await ask(asking_callers, accept="text/html") == 200
            assert told == []
            with pytest.raises(AuthenticationRequired):
                await ask(asking_callers)
            with pytest.raises(Unauthorized):
                await ask(asking_callers, authorization="Bearer x")
            with pytest.raises(TokenInQuery):
                await ask(asking_callers, b"access_token=x", **shown_by(LAB))
            assert await ask(asking_callers, **shown_by(LAB)) == 200
            assert await ask(Callers(None)) == 200
            assert told == [LAB, None]

    run(scenario())


def test_where_nobody_is_asked_the_statement_says_nothing_of_it() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            (rest,) = (await site.ask("GET", "metadata")).json()["rest"]
            assert "security" not in rest
            assert (await site.ask("GET", "Patient?access_token=x")).status_code == 400
            assert (await site.ask("GET", "Patient", **shown_by(LAB))).status_code == 200

    run(scenario())


@pytest.mark.parametrize(
    ("authorization", "slug", "challenge"),
    [
        ("Basic dTpw", "authentication-required", 'Bearer realm="fhir-hub"'),
        ("", "authentication-required", 'Bearer realm="fhir-hub"'),
        ("Bearer", "unauthorized", 'Bearer realm="fhir-hub", error="invalid_token"'),
        ("Bearer s3cret", "unauthorized", 'Bearer realm="fhir-hub", error="invalid_token"'),
    ],
)
def test_a_wrong_answer_is_told_so_in_the_form_that_is_asked_for(
    authorization: str, slug: str, challenge: str
) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            answer = await site.ask("GET", "Patient", authorization=authorization)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == challenge
            assert issue(answer)["details"]["coding"][0]["code"] == slug
            assert "s3cret" not in answer.text
            as_xml = await site.ask(
                "GET", "Patient", authorization=authorization, accept="application/fhir+xml"
            )
            assert as_xml.status_code == 401 and as_xml.text.startswith("<")

    run(scenario())


def test_a_token_in_the_query_is_refused_and_never_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    token = token_of(LAB)

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            for more in ({}, shown_by(LAB)):
                for path in ("Patient", "metadata", "Subscription/$status"):
                    answer = await site.ask("GET", f"{path}?access_token={token}", **more)
                    assert answer.status_code == 400
                    assert issue(answer)["details"]["coding"][0]["code"] == "token-in-query"
                    assert "invalid_request" in answer.headers["www-authenticate"]
                    assert token not in answer.text
            answer = await site.ask(
                "POST",
                "Patient/_search",
                raw=f"access_token={token}".encode(),
                content_type="application/x-www-form-urlencoded",
                **shown_by(LAB),
            )
            assert answer.status_code == 400
            assert issue(answer)["details"]["coding"][0]["code"] == "token-in-query"

    with caplog.at_level(logging.DEBUG):
        run(scenario())
    # httpx is the client here.
    logged = [each.getMessage() for each in caplog.records if each.name != "httpx"]
    assert not any(token in each for each in logged)


def test_every_write_has_its_author(monkeypatch: pytest.MonkeyPatch) -> None:
    authors: list[Client | None] = []
    submit = Plan.submit

    def noting(self: Plan, release: FhirRelease, writes: Sequence[Write]) -> list[Written]:
        authors.extend(write.author for write in writes)
        return submit(self, release, writes)

    monkeypatch.setattr(Plan, "submit", noting)
    task = a_task("Organization/lab")
    patch = [{"op": "replace", "path": "/status", "value": "accepted"}]
    encoded = base64.b64encode(json.dumps(patch).encode()).decode()
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": encoded,
    }

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:

            async def ask(method: str, path: str, body: Any, client: Client, **more: Any) -> str:
                before = len(authors)
                answer = await site.ask(method, path, body, **shown_by(client), **more)
                assert answer.is_success, answer.text
                assert len(authors) > before, (method, path)
                assert set(authors[before:]) == {client}
                id: str = answer.json().get("id", "") if answer.content else ""
                return id

            id = await ask("POST", "Task", task, LAB)
            await ask("PUT", f"Task/{id}", task | {"id": id, "priority": "stat"}, WARD)
            await ask("PATCH", f"Task/{id}", patch, LAB, content_type="application/json-patch+json")
            await ask("POST", "Task", task, LAB, if_none_exist="identifier=x|1")
            for kind in ("batch", "transaction"):
                entries = (
                    an_entry("POST", "Task", task),
                    an_entry("PUT", "Task/mine", task | {"id": "mine", "description": kind}),
                )
                await ask("POST", "", a_bundle(kind, *entries), WARD)
                changes = (
                    an_entry("PATCH", f"Task/{id}", binary),
                    an_entry("DELETE", "Task/mine"),
                )
                await ask("POST", "", a_bundle(kind, *changes), LAB)
            await ask("DELETE", f"Task/{id}", None, WARD)
            await ask("POST", "$process-message", an_order(R4), LAB)
            topic = a_topic(R4)
            id = await ask("POST", "Basic", topic, OPS)
            await ask("DELETE", f"Basic/{id}", None, OPS)

    run(scenario())


def test_the_administrator_of_the_token_file_is_one_of_those_who_are_asked(tmp_path: Path) -> None:
    file = administered(tmp_path).admin_token_file

    async def scenario() -> None:
        async with a_site(settings=asking(admin_token_file=file)) as site:
            for shown in (shown_by(OPS), {"authorization": f"Bearer {TOKEN}"}):
                answer = await site.ask(
                    "POST", "SubscriptionTopic", a_topic(), base="/fhir/r5", **shown
                )
                assert answer.status_code in {201, 409}
            refused = await site.ask(
                "POST", "SubscriptionTopic", a_topic(), base="/fhir/r5", **shown_by(LAB)
            )
            assert refused.status_code == 405
            twin = RegisteredClient(Client(name="twin"), digest_of(TOKEN))
            settings = Settings(clients=(twin,), admin_token_file=file)
            with pytest.raises(SettingsError, match="twin"):
                create_app(site.rig.hub, validators=VALIDATORS, settings=settings)

    run(scenario())
