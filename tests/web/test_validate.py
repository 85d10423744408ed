"""``Subscription/$validate``: what a create would say, without doing it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hub.core.release import FhirRelease, Resource
from tests.support.builders import a_subscription
from tests.support.rig_resources import TASK_TOPIC
from tests.web.site import Site, a_site, run

PATH = "Subscription/$validate"
ENDPOINT = "https://example.org/hook"


def issues(answer: httpx.Response) -> list[Resource]:
    assert answer.status_code == 200, answer.text
    outcome = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    found: list[Resource] = outcome["issue"]
    assert found
    return found


def as_parameters(resource: Any, **more: str) -> Resource:
    return {
        "resourceType": "Parameters",
        "parameter": [
            *({"name": name, "valueCode": value} for name, value in more.items()),
            {"name": "resource", "resource": resource},
        ],
    }


async def ask(site: Site, release: FhirRelease, body: Any) -> list[Resource]:
    return issues(await site.ask("POST", PATH, body, base=f"/fhir/{release.path}"))


def sound(release: FhirRelease, **changes: Any) -> Resource:
    return a_subscription(release, **{"topic_name": TASK_TOPIC, "endpoint": ENDPOINT, **changes})


def told(found: list[Resource], severity: str = "information") -> dict[str, str]:
    """Return what the issues of a severity say, by expression."""
    return {
        (issue.get("expression") or [""])[0]: issue["diagnostics"]
        for issue in found
        if issue["severity"] == severity
    }


@pytest.mark.parametrize("release", FhirRelease)
def test_what_would_be_accepted_is_told_and_nothing_is_stored(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            codec = site.rig.hub.codecs[release]
            body = sound(release, filters=("Task?owner=Organization/lab",), status="active")
            found = await ask(site, release, body)
            assert found == await ask(site, release, as_parameters(body))
            assert {issue["severity"] for issue in found} == {"information"}
            assert found[0]["diagnostics"] == "the Subscription would be accepted"
            said = told(found)
            assert said[codec.element("Subscription.topic")].endswith(f"{TASK_TOPIC}|1.0.0")
            filters = said[codec.element("Subscription.filterBy")]
            assert filters == "events would be those with Task.owner=Organization/lab"
            assert any("a handshake would be sent" in each["diagnostics"] for each in found)
            assert said["Subscription.status"] == (
                'Subscription.status would be "requested" instead of "active"'
            )
            base = f"/fhir/{release.path}"
            assert (await site.ask("GET", "Subscription?_summary=count", base=base)).json()[
                "total"
            ] == 0
            assert not list(site.rig.hub.subscribers)
            assert not site.rig.endpoints.received

    run(scenario())


def test_what_would_be_changed_is_what_a_create_changes() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = sound(
                FhirRelease.R5,
                heartbeat=0,
                timeout=1000,
                payload=None,
                end="2020-01-01T00:00:00Z",
                headers=(("Authorization", "Bearer abc"),),
            )
            found = await ask(site, FhirRelease.R5, body)
            said = told(found)
            assert said == said | {
                "Subscription.end": "Subscription.end would be left out",
                "Subscription.timeout": "Subscription.timeout would be 120 instead of 1000",
                "Subscription.heartbeatPeriod": (
                    "Subscription.heartbeatPeriod would be 1 instead of 0"
                ),
                "Subscription.contentType": (
                    'Subscription.contentType would be added: "application/fhir+json"'
                ),
            }
            assert "abc" not in str(found)
            created = await site.ask("POST", "Subscription", body, base="/fhir/r5")
            stored = created.json()
            assert (stored["timeout"], stored["heartbeatPeriod"]) == (120, 1)
            assert "end" not in stored

    run(scenario())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channel": "websocket", "endpoint": None}, "active at once"),
        ({"status": "off"}, "it would be off"),
        ({}, "a handshake would be sent"),
    ],
)
def test_whether_a_handshake_would_be_sent_is_told(changes: dict[str, Any], words: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            found = await ask(site, FhirRelease.R4, sound(FhirRelease.R4, **changes))
            assert any(words in each["diagnostics"] for each in found)
            assert any("every event" in each["diagnostics"] for each in found)

    run(scenario())


@pytest.mark.parametrize("release", FhirRelease)
def test_all_that_is_wrong_is_told_at_once_as_a_create_would(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = sound(
                release,
                channel="websocket",
                payload="text/csv",
                filters=("Task?owner=Organization/lab", "Task?intent=order", "Task?code=x"),
            )
            found = await ask(site, release, body)
            assert [issue["severity"] for issue in found] == ["error"] * 4
            assert [issue["details"]["coding"][0]["code"] for issue in found] == [
                "payload-not-supported",
                "filter-not-allowed",
                "filter-not-allowed",
                "endpoint-invalid",
            ]
            created = await site.ask("POST", "Subscription", body, base=f"/fhir/{release.path}")
            assert created.status_code == 422
            assert created.json()["issue"] == found

    run(scenario())


def test_what_does_not_follow_its_definition_is_told_as_a_create_would() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for body in (
                {"resourceType": "Subscription", "status": "sleeping"},
                {"resourceType": "Patient"},
            ):
                found = await ask(site, FhirRelease.R4, as_parameters(body))
                created = await site.ask("POST", "Subscription", body)
                assert created.json()["issue"] == found

    run(scenario())


def test_parameters_without_effect_are_named() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = as_parameters(sound(FhirRelease.R4), mode="create", profile="x")
            warned = told(await ask(site, FhirRelease.R4, body), "warning")
            assert list(warned.values()) == ["the parameter profile is ignored"]
            refused = as_parameters({"resourceType": "Subscription"}, mode="create")
            answer = await site.ask("POST", f"{PATH}?profile=x&_pretty=true", refused)
            found = [issue for issue in issues(answer) if issue["severity"] == "warning"]
            assert [issue["diagnostics"] for issue in found] == [
                "the parameter profile is ignored",
                "the parameter mode is ignored",
            ]

    run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", PATH, None, 405),
        ("POST", PATH, None, 400),
        ("POST", PATH, {"resourceType": "Parameters"}, 400),
        ("POST", PATH, {"resourceType": "Parameters", "parameter": ["x"]}, 400),
        ("POST", PATH, {"resourceType": "Parameters", "parameter": [{"valueCode": "x"}]}, 400),
        ("POST", PATH, as_parameters("x"), 400),
        ("POST", PATH, as_parameters(sound(FhirRelease.R4), foo="x"), 400),
        ("POST", f"{PATH}?foo=x", sound(FhirRelease.R4), 400),
        ("POST", "Patient/$validate", {"resourceType": "Patient"}, 404),
        ("POST", "Subscription/x/$validate", sound(FhirRelease.R4), 404),
    ],
)
def test_a_call_that_says_nothing_to_try_is_refused(
    method: str, path: str, body: Any, status: int
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask(method, path, body)
            assert answer.status_code == status, answer.text
            assert answer.json()["issue"][0]["severity"] == "error"

    run(scenario())
