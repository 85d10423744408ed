"""The operations on Subscription over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.codecs.operation_catalogue import operations
from hub.core.delivery import Delivered, DeliveryResult, Failed, FailureClass
from hub.core.release import FhirRelease, Resource
from hub.engine import subscription_status
from hub.web.operation import ON_INSTANCE, ON_TYPE
from tests.support.rig_endpoints import Endpoints, flat_status
from tests.support.rig_resources import a_subscription, a_task, a_topic
from tests.web.site import BASE, Site, a_patient, a_site, issue, run


async def _subscribed(site: Site, **changes: Any) -> str:
    answer = await site.ask("POST", "Subscription", a_subscription(**changes))
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def _parameters(*pairs: tuple[str, str, Any]) -> Resource:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, kind: value} for name, kind, value in pairs],
    }


def _values(parameters: Resource, name: str) -> list[Any]:
    return [
        value
        for each in parameters["parameter"]
        if each["name"] == name
        for key, value in each.items()
        if key != "name"
    ]


def test_status_is_asked_of_one_some_or_all_by_get_and_post() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            one, two = await _subscribed(site), await _subscribed(site, status="off")
            told = {}
            for name, method, path, body in (
                ("instance", "GET", f"Subscription/{one}/$status", None),
                ("posted instance", "POST", f"Subscription/{one}/$status", None),
                ("all", "GET", "Subscription/$status", None),
                ("ids", "GET", f"Subscription/$status?id={one}&id={two}", None),
                ("listed", "GET", f"Subscription/$status?id={one},{two},none", None),
                ("state", "GET", "Subscription/$status?status=active", None),
                (
                    "body",
                    "POST",
                    "Subscription/$status",
                    _parameters(("id", "valueId", two), ("id", "valueId", "none")),
                ),
            ):
                answer = await site.ask(method, path, body)
                assert answer.status_code == 200, answer.text
                bundle = answer.json()
                assert bundle["type"] == "searchset"
                assert bundle["link"][0]["url"].startswith(f"{BASE}/Subscription/")
                told[name] = bundle["total"]
            assert told == {
                "instance": 1,
                "posted instance": 1,
                "all": 2,
                "ids": 2,
                "listed": 2,
                "state": 0,
                "body": 1,
            }

    run(scenario())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Subscription/none/$status", 404),
        ("Subscription/$status?status=sleeping", 400),
        ("Subscription/$status?foo=1", 400),
        ("Subscription/$status?id=" + ",".join(["x"] * 1001), 413),
        ("Subscription/$events", 404),
        ("Subscription/none/$events", 404),
        ("Subscription/none/$other", 404),
        ("Patient/$status", 404),
        ("Subscription/none/$get-ws-binding-token", 404),
        ("Subscription/$get-ws-binding-token", 404),
        ("Subscription/none/$attempts", 404),
    ],
)
def test_what_is_not_there_is_refused(path: str, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", path)
            assert answer.status_code == status
            issue(answer)
            refused = await site.ask("PUT", path, {})
            assert refused.status_code == 405
            assert refused.headers["allow"] == "GET, HEAD, POST"

    run(scenario())


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("eventsSinceNumber=2&eventsUntilNumber=4", [2, 3, 4]),
        ("eventsSinceNumber=4", [4, 5]),
        ("eventsUntilNumber=2", [1, 2]),
        ("eventsSinceNumber=9", []),
        ("eventsSinceNumber=0&eventsUntilNumber=1", [1]),
    ],
)
def test_events_are_told_again_by_number(query: str, numbers: list[int]) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            id = await _subscribed(site)
            for _ in range(5):
                await site.ask("POST", "Task", a_task())
            answer = await site.ask("GET", f"Subscription/{id}/$events?{query}")
            assert answer.status_code == 200
            assert flat_status(answer.json())["numbers"] == numbers
            pairs = [pair.split("=") for pair in query.split("&") if pair]
            body = _parameters(*((name, "valueString", value) for name, value in pairs))
            if not pairs:
                del body["parameter"]
            posted = await site.ask("POST", f"Subscription/{id}/$events", body)
            assert flat_status(posted.json())["numbers"] == numbers

    run(scenario())


def test_many_events_come_in_pages_whose_links_lead_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscription_status, "EVENTS_PAGE", 2)

    async def scenario() -> None:
        async with a_site() as site:
            id = await _subscribed(site)
            for _ in range(6):
                await site.ask("POST", "Task", a_task())
            url: str | None = f"Subscription/{id}/$events?eventsUntilNumber=5&content=empty"
            seen: list[int] = []
            while url is not None:
                bundle = (await site.ask("GET", url)).json()
                status = flat_status(bundle)
                assert status["focus"] == []
                seen += status["numbers"]
                links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
                url = links.get("next")
                assert url is None or url.startswith(f"{BASE}/Subscription/{id}/$events?")
            assert seen == [1, 2, 3, 4, 5]

    run(scenario())


@pytest.mark.parametrize(
    "query",
    [
        "eventsSinceNumber=-1",
        "eventsSinceNumber=abc",
        "eventsSinceNumber=1&eventsSinceNumber=2",
        "eventsSinceNumber=5&eventsUntilNumber=2",
        "content=everything",
        "foo=1",
    ],
)
def test_events_that_can_not_be_told_are_refused(query: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            id = await _subscribed(site)
            answer = await site.ask("GET", f"Subscription/{id}/$events?{query}")
            assert answer.status_code == 400
            issue(answer)

    run(scenario())


def test_an_operation_takes_parameters_and_nothing_else() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            id = await _subscribed(site)
            path = f"Subscription/{id}/$status"
            assert (await site.ask("POST", path, a_patient())).status_code == 400
            nested = {
                "resourceType": "Parameters",
                "parameter": [{"name": "id", "resource": a_patient()}],
            }
            assert (await site.ask("POST", path, nested)).status_code == 400
            assert (await site.ask("POST", path, raw=b"{}")).status_code == 415

    run(scenario())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_binding_token_names_its_subscriptions_and_where_to_connect(method: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            one = await _subscribed(site, type="websocket")
            two = await _subscribed(site, type="websocket")
            hook = await _subscribed(site)
            for path, ids in (
                (f"Subscription/{one}/$get-ws-binding-token", [one]),
                (f"Subscription/{one}/$get-ws-binding-token?resume-after=3", [one]),
                (f"Subscription/$get-ws-binding-token?id={two}&id={one}", [two, one]),
                ("Subscription/$get-ws-binding-token", [one, two]),
            ):
                told = (await site.ask(method, path)).json()
                assert sorted(_values(told, "subscription")) == sorted(ids)
                assert _values(told, "websocket-url") == ["ws://hub.example.org/ws"]
                assert _values(told, "expiration") == ["2026-01-01T00:05:00.000000Z"]
                assert len(_values(told, "token")) == 1
            refused = await site.ask(method, f"Subscription/{hook}/$get-ws-binding-token")
            assert refused.status_code == 422

    run(scenario())


def test_attempts_are_told_newest_first() -> None:
    answers: list[DeliveryResult] = [
        Failed(failure=FailureClass.BUSY, reason="busy", status=503),
        Delivered(status=200),
    ]

    async def scenario() -> None:
        endpoints = Endpoints(answers=lambda _, attempt: answers[attempt - 1])
        async with a_site(endpoints=endpoints) as site:
            id = await _subscribed(site)
            empty = await site.ask("GET", f"Subscription/{id}/$attempts")
            assert empty.json() == {"resourceType": "Parameters"}
            await site.rig.after(timedelta(seconds=30))
            told = (await site.ask("GET", f"Subscription/{id}/$attempts?_count=9")).json()
            parts = [
                {
                    part["name"]: next(value for key, value in part.items() if key != "name")
                    for part in each["part"]
                }
                for each in told["parameter"]
            ]
            assert [each["outcome"] for each in parts] == ["delivered", "busy"]
            assert parts[1]["status"] == 503
            assert parts[1]["kind"] == "handshake"

    run(scenario())


def test_verify_sends_a_handshake_and_tells_what_came_of_it() -> None:
    async def scenario() -> None:
        failing = Failed(failure=FailureClass.DNS, reason="no such host")
        endpoints = Endpoints(answers=lambda _, __: failing)
        async with a_site(endpoints=endpoints) as site:
            id = await _subscribed(site)
            path = f"Subscription/{id}/$verify"
            assert (await site.ask("GET", path)).status_code == 405
            told = (await site.ask("POST", path)).json()
            assert _values(told, "outcome") == ["dns"]
            assert _values(told, "reason") == ["no such host"]
            assert "does not resolve" in _values(told, "cause")[0]
            endpoints.answers = lambda _, __: Delivered(status=204)
            told = (await site.ask("POST", path)).json()
            assert (_values(told, "outcome"), _values(told, "status")) == (["delivered"], [204])
            assert _values(told, "cause") == []

    run(scenario())


@pytest.mark.parametrize(
    ("base", "version", "topic_type"),
    [("r4", "4.0.1", None), ("r4b", "4.3.0", "SubscriptionTopic"), ("r5", "5.0.0", "Task")],
)
def test_metadata_tells_what_a_base_offers(base: str, version: str, topic_type: str | None) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "metadata?mode=full", base=f"/fhir/{base}")
            told = answer.json()
            assert told["fhirVersion"] == version
            assert told["implementation"]["url"] == f"http://hub.example.org/fhir/{base}"
            types = {each["type"] for each in told["rest"][0]["resource"]}
            assert "Subscription" in types
            assert topic_type is None or topic_type in types
            shorter = await site.ask("GET", "metadata?_summary=true", base=f"/fhir/{base}")
            assert shorter.json() == told
            refused = await site.ask("GET", "metadata?mode=normative", base=f"/fhir/{base}")
            assert refused.status_code == 400

    run(scenario())


def test_what_is_offered_on_subscriptions_is_what_is_defined() -> None:
    for release in FhirRelease:
        defined = operations(release, "Subscription")
        assert {f"${each.code}" for each in defined if each.on_instance} == set(ON_INSTANCE)
        assert {f"${each.code}" for each in defined if each.on_type} == set(ON_TYPE)


def test_metadata_follows_the_topics() -> None:
    async def scenario() -> None:
        async with a_site() as site:

            async def topics() -> set[str]:
                told = (await site.ask("GET", "metadata")).json()
                (entry,) = (
                    each for each in told["rest"][0]["resource"] if each["type"] == "Subscription"
                )
                return {each["valueCanonical"] for each in entry["extension"]}

            before = await topics()
            assert await topics() == before
            url = "http://example.org/topics/new"
            await site.rig.hub.topics.create(FhirRelease.R4, a_topic(url))
            assert await topics() == before | {url}

    run(scenario())
