"""``/subscribe``: what a form of a Subscription would be, tried in all releases at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.channels.addresses import EgressPolicy
from hub.channels.rest_hook import check_target
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import Subscription
from hub.mail_settings import SmtpServer
from hub.settings import Settings
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import TASK_TOPIC, a_topic
from tests.web.site import a_site, issue, run
from tests.web.test_demo import a_demo
from tests.web.test_home import BROWSER, Page

FORM: Resource = {
    "topic": TASK_TOPIC,
    "channelType": "rest-hook",
    "endpoint": "https://lab.example.org/hook",
    "content": "id-only",
    "filterBy": [
        {"resourceType": "Task", "filterParameter": "owner", "value": "Organization/lab"},
        {"filterParameter": "status", "modifier": "not", "value": "draft,completed"},
    ],
    "parameter": [{"name": "Authorization", "value": "Bearer abc"}],
}


class Guarded(Endpoints):
    """Endpoints of the wide world only."""

    def check(self, subscription: Subscription) -> None:
        """Refuse what a rest-hook can't have."""
        check_target(subscription, EgressPolicy(), subscription.endpoint)


def tried(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert list(found) == list(FhirRelease)
    return found


def errors(told: Resource) -> dict[str | None, str]:
    """Return the codes of refusals by field."""
    return {each["field"]: each["slug"] for each in told["issues"] if each["severity"] == "error"}


def test_what_would_be_accepted_is_created_as_it_is_shown_in_each_release() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            told = tried(await site.ask("POST", "/subscribe", {**FORM, "timeout": "1000"}))
            assert not list(site.rig.hub.subscribers)
            for release in FhirRelease:
                each, base = told[release], f"/fhir/{release.path}"
                assert each["accepted"]
                assert each["url"] == f"http://hub.example.org{base}/Subscription"
                assert each["issues"][0]["words"] == "the Subscription would be accepted"
                assert any("120 instead of 1000" in one["words"] for one in each["issues"])
                assert "Bearer abc" in json.dumps(each["resource"])
                assert "Bearer abc" not in json.dumps(each["shown"])
                assert "***" in json.dumps(each["shown"])
                checked = await site.ask(
                    "POST", "Subscription/$validate", each["resource"], base=base
                )
                assert [one["diagnostics"] for one in checked.json()["issue"]] == [
                    one["words"] for one in each["issues"]
                ]
                created = await site.ask("POST", each["url"], each["resource"])
                assert created.status_code == 201, created.text

    run(scenario())


def test_refusals_are_told_with_the_field_that_they_are_about() -> None:
    async def scenario() -> None:
        async with a_site(
            topics=[a_topic(canFilterBy=_some_filters())], endpoints=Guarded()
        ) as site:
            form = {
                **FORM,
                "endpoint": "https://10.0.0.1/",
                "contentType": "application/fhir+json; fhirVersion=4.0",
                "filterBy": [
                    {"filterParameter": "owner", "value": "Organization/lab"},
                    {"filterParameter": "code", "value": "x"},
                    {"filterParameter": "requestedperformer-reference", "value": "Organization/x"},
                ],
                "parameter": [{"name": "Host", "value": "x"}],
            }
            told = tried(await site.ask("POST", "/subscribe", form))
            assert errors(told["R4"]) == {
                "filterBy[1]": "filter-not-allowed",
                "filterBy[2]": "filter-not-allowed",
                "endpoint": "endpoint-not-allowed",
                "parameter": "header-not-allowed",
            }
            assert errors(told["R5"]) == {
                "filterBy[1]": "filter-not-allowed",
                "endpoint": "endpoint-not-allowed",
                "parameter": "header-not-allowed",
                "contentType": "payload-not-supported",
            }
            assert errors(told["R4B"])["contentType"] == "payload-not-supported"
            for each in told["R5"]["issues"]:
                assert each["help"] == f"/errors/{each['slug']}"
                assert (await site.ask("GET", each["help"])).status_code == 200

    run(scenario())


def _some_filters() -> list[Resource]:
    return [
        {"resource": "Task", "filterParameter": name}
        for name in ("owner", "requestedperformer-reference")
    ]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"topic": "http://example.org/none"}, {"topic": "topic-unknown"}),
        ({"channelType": "pigeon"}, {"channelType": "channel-not-supported"}),
        ({"heartbeatPeriod": "soon"}, {"heartbeatPeriod": "subscription-refused"}),
        ({"endpoint": ""}, {"endpoint": "endpoint-invalid"}),
        ({"endpoint": "http://x y"}, {"endpoint": "invalid-resource"}),
        ({"channelType": "websocket", "parameter": []}, {"endpoint": "endpoint-invalid"}),
    ],
)
def test_each_field_is_named_in_every_release(
    changes: dict[str, Any], fields: dict[str, str]
) -> None:
    async def scenario() -> None:
        async with a_site(endpoints=Guarded()) as site:
            told = tried(await site.ask("POST", "/subscribe", {**FORM, **changes}))
            for each in told.values():
                assert not each["accepted"]
                assert errors(each) == fields
                assert all(one["severity"] == "error" for one in each["issues"])

    run(scenario())


def test_without_a_topic_there_is_nothing_to_show_yet() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            told = tried(await site.ask("POST", "/subscribe", {**FORM, "topic": ""}))
            for each in told.values():
                assert (each["resource"], each["accepted"]) == (None, False)
                assert errors(each) == {"topic": "topic-unknown"}

    run(scenario())


@pytest.mark.parametrize(
    ("method", "body", "status", "slug"),
    [
        ("POST", None, 400, "invalid-resource"),
        ("POST", "[]", 400, "malformed-json"),
        ("POST", '{"x": "1"}', 400, "invalid-resource"),
        ("POST", "x" * 2**20, 413, "too-large"),
        ("PUT", "{}", 405, "method-not-allowed"),
    ],
)
def test_what_is_no_form_is_refused(method: str, body: str | None, status: int, slug: str) -> None:
    async def scenario() -> None:
        async with a_site(settings=Settings(max_body=2**19)) as site:
            raw = None if body is None else body.encode()
            answer = await site.ask(method, "/subscribe", raw=raw)
            assert answer.status_code == status
            assert issue(answer)["details"]["coding"][0]["code"] == slug
            options = await site.ask("OPTIONS", "/subscribe")
            assert options.headers["allow"] == "OPTIONS, GET, HEAD, POST"

    run(scenario())


def test_what_can_be_asked_for_is_what_this_hub_offers(tmp_path: Path) -> None:
    async def scenario() -> None:
        topics = [a_topic(), a_topic(url="http://example.org/topics/old", status="retired")]
        async with a_site(topics=topics, has_xml=False) as site:
            told = (await site.ask("GET", "/subscribe")).json()
            assert [each["name"] for each in told["topics"]] == ["task"]
            assert told["releases"]["R5"] == "http://hub.example.org/fhir/r5"
            channels = {each["code"]: each for each in told["channels"]}
            assert list(channels) == ["rest-hook", "websocket", "email", "message"]
            assert not channels["email"]["offered"]
            assert channels["rest-hook"]["endpoint"] == "https://..."
            assert channels["rest-hook"]["own"] is None
            assert channels["rest-hook"]["contentTypes"] == [
                "application/fhir+json",
                "application/json",
            ]
            assert channels["websocket"]["endpoint"] is None
            assert told["contents"][-1] == {"code": "full-resource", "notBy": ["email"]}
        settings = Settings(allow_http=True, smtp=SmtpServer("127.0.0.1", 25))
        async with a_site(settings=settings, demo=a_demo()) as site:
            told = (await site.ask("GET", "/subscribe")).json()
            channels = {each["code"]: each for each in told["channels"]}
            assert channels["email"]["offered"]
            assert channels["email"]["own"] is None
            assert channels["message"]["own"] == "http://127.0.0.1:9/notify"
            assert channels["message"]["endpoint"] == "http:// or https://..."

    run(scenario())


def test_the_page_holds_the_form_and_no_data() -> None:
    async def scenario() -> None:
        async with a_site(topics=[a_topic(title="Hidden")]) as site:
            answer = await site.ask("GET", "/subscribe", accept=BROWSER)
            page = Page(answer.text)
            assert page.inline == []
            assert "Hidden" not in answer.text
            for field in ("topic", "endpoint", "channelType", "content", "heartbeatPeriod", "end"):
                assert f"id='field-{field}'" in answer.text
            for address in page.addresses:
                if address.startswith("/static/"):
                    assert (await site.ask("GET", address)).status_code == 200

    run(scenario())
