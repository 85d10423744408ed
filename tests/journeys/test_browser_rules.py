"""What web pages of other origins may do."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from hub.core.release import FhirRelease
from tests.journeys.hosting import RunningHub, running_hub
from tests.support.builders import a_patient

APP: Final = "https://app.example.org"
EVIL: Final = "https://evil.example.org"
R4: Final = FhirRelease.R4


def test_pages_of_an_allowed_origin_may_use_the_hub() -> None:
    async def scenario(hub: RunningHub) -> None:
        async with hub.client(R4) as fhir:
            answer = await fhir.ask("POST", "Patient", a_patient(), Origin=APP)
            assert answer.status_code == 201
            assert answer.headers["access-control-allow-origin"] == APP
            exposed = answer.headers["access-control-expose-headers"]
            assert {"ETag", "Location"} <= {name.strip() for name in exposed.split(",")}
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers
            preflight = await fhir.ask(
                "OPTIONS",
                "Patient",
                Origin=APP,
                Access_Control_Request_Method="PUT",
                Access_Control_Request_Headers="content-type, if-match",
            )
            assert preflight.status_code == 204
            assert preflight.headers["access-control-allow-origin"] == APP
            assert "PUT" in preflight.headers["access-control-allow-methods"]
            allowed = preflight.headers["access-control-allow-headers"].lower()
            assert {"content-type", "if-match"} <= {name.strip() for name in allowed.split(",")}
            refusal = await fhir.ask("GET", "Patient/nobody", Origin=APP)
            assert refusal.status_code == 404
            assert refusal.headers["access-control-allow-origin"] == APP

    with running_hub(cors_origins=(APP,)) as hub:
        asyncio.run(scenario(hub))


def test_pages_of_other_origins_may_not_write_nor_read_answers() -> None:
    async def scenario(hub: RunningHub) -> None:
        async with hub.client(R4) as fhir:
            for origin in (EVIL, "null", "http://app.example.org", f"{APP}.evil.org"):
                answer = await fhir.ask("POST", "Patient", a_patient(), Origin=origin)
                assert answer.status_code == 403, origin
                assert answer.json()["issue"][0]["code"] == "forbidden"
                assert "access-control-allow-origin" not in answer.headers
                read = await fhir.ask("GET", "metadata", Origin=origin)
                assert "access-control-allow-origin" not in read.headers
                preflight = await fhir.ask(
                    "OPTIONS", "Patient", Origin=origin, Access_Control_Request_Method="PUT"
                )
                assert preflight.status_code == 403
            assert (await fhir.get("Patient?_summary=count"))["total"] == 0

    with running_hub(cors_origins=(APP,)) as hub:
        asyncio.run(scenario(hub))


def test_pages_of_the_hub_itself_may_use_it(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir:
            answer = await fhir.ask("POST", "Patient", a_patient(), Origin=hub.url)
            assert answer.status_code == 201

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["evil.example.org", "localhost.evil.example.org", ""])
def test_a_name_that_is_not_the_hub_s_is_refused(hub: RunningHub, host: str) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir:
            answer = await fhir.ask("GET", "metadata", Host=host)
            assert answer.status_code == 400

    asyncio.run(scenario())


def test_loopback_stands_for_every_port_of_this_machine() -> None:
    async def scenario(hub: RunningHub) -> None:
        async with hub.client(R4) as fhir:
            for origin in ("http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:80"):
                answer = await fhir.ask("POST", "Patient", a_patient(), Origin=origin)
                assert answer.status_code == 201, origin
            for origin in (EVIL, "http://localhost.evil.org", "http://127.0.0.1.evil.org"):
                answer = await fhir.ask("POST", "Patient", a_patient(), Origin=origin)
                assert answer.status_code == 403, origin

    with running_hub(cors_origins=("loopback",)) as hub:
        asyncio.run(scenario(hub))


def test_references_follow_the_public_url_and_not_the_host_header() -> None:
    async def scenario(hub: RunningHub) -> None:
        async with hub.client(R4) as fhir:
            answer = await fhir.ask("POST", "Patient", a_patient(), Host="localhost")
            assert answer.headers["location"].startswith("https://fhir.example.org/hub/fhir/r4/")
            found = await fhir.get("Patient")
            assert found["entry"][0]["fullUrl"].startswith("https://fhir.example.org/hub/fhir/r4/")

    with running_hub(public_url="https://fhir.example.org/hub") as hub:
        asyncio.run(scenario(hub))
