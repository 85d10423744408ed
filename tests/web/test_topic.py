"""Topics written over REST by an administrator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.core.release import FhirRelease, Resource
from tests.support.rig_resources import TASK_TOPIC, a_task, subscription_of
from tests.web.site import Site, a_site, issue, run
from tests.web.topics import ADMIN, URL, a_topic, administered, kind

R4, R4B, R5 = FhirRelease
every_release = pytest.mark.parametrize("release", list(FhirRelease))


async def put(
    site: Site, release: FhirRelease, id: str = "mine", *, headers: Any = None, **more: Any
) -> httpx.Response:
    body = a_topic(release, id=id, **more)
    base = f"/fhir/{release.path}"
    return await site.ask("PUT", f"{kind(release)}/{id}", body, base=base, **ADMIN, **headers or {})


async def subscribe(site: Site, release: FhirRelease, topic: str = URL) -> httpx.Response:
    body = subscription_of(release, topic=topic, filters=("Task?owner=Organization/lab",))
    return await site.ask("POST", "Subscription", body, base=f"/fhir/{release.path}")


@every_release
def test_a_topic_is_created_found_in_every_release_and_subscribed_to(
    release: FhirRelease, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            base = f"/fhir/{release.path}"
            answer = await site.ask("POST", kind(release), a_topic(release), base=base, **ADMIN)
            assert answer.status_code == 201, answer.text
            id = answer.json()["id"]
            assert answer.headers["location"].endswith(f"{kind(release)}/{id}/_history/1")
            for other in FhirRelease:
                found = await site.ask("GET", f"{kind(other)}/{id}", base=f"/fhir/{other.path}")
                assert found.status_code == 200
                assert (await subscribe(site, other)).status_code == 201
            await site.rig.write(a_task())
            stored = next(iter(site.rig.hub.subscribers)).subscription
            events = await site.rig.events(stored.id, stored.release)
            assert len(events["entry"]) >= 1

    run(scenario())


@every_release
def test_only_the_status_of_a_version_changes_and_only_forward(
    release: FhirRelease, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            assert (await put(site, release, status="draft")).status_code == 201
            refused = await subscribe(site, release)
            assert refused.status_code == 422
            assert (await put(site, release, status="draft")).status_code == 200
            answer = await put(site, release, date="2026-01-02")
            assert answer.status_code == 200, answer.text
            assert answer.headers["etag"] == 'W/"2"'
            assert (await subscribe(site, release)).status_code == 201
            back = await put(site, release, status="draft")
            assert back.status_code == 409 and "can't become draft" in issue(back)["diagnostics"]
            other = await put(site, release, title="Other", date="2026-01-02")
            assert other.status_code == 409
            assert "needs another version" in issue(other)["diagnostics"]
            assert (await put(site, release, status="retired")).status_code == 200
            again = await subscribe(site, release)
            assert again.status_code == 422
            assert issue(again)["details"]["coding"][0]["code"] == "topic-not-active"
            # Who is pinned to it goes on.
            await site.rig.write(a_task(), release=release)
            each = next(iter(site.rig.hub.subscribers))
            assert site.rig.hub.subscribers.top(each) == 1

    run(scenario())


def test_what_one_release_shows_may_be_sent_back_with_another_status(tmp_path: Path) -> None:
    rich: dict[str, Any] = {
        "name": "Mine",
        "publisher": "Somebody",
        "canFilterBy": [
            {"resource": "Task", "filterParameter": "authored-on", "comparator": ["gt", "le"]},
            {"resource": "Task", "filterParameter": "status", "modifier": ["missing", "not"]},
        ],
    }

    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            assert (await put(site, R5, status="draft", **rich)).status_code == 201
            for release in (R4, R4B, R5):
                base, path = f"/fhir/{release.path}", f"{kind(release)}/mine"
                read = (await site.ask("GET", path, base=base)).json()
                answer = await site.ask("PUT", path, read, base=base, **ADMIN)
                assert answer.status_code == 200, answer.text
            read = (await site.ask("GET", "SubscriptionTopic/mine", base="/fhir/r4b")).json()
            active = read | {"status": "active"}
            answer = await site.ask(
                "PUT", "SubscriptionTopic/mine", active, base="/fhir/r4b", **ADMIN
            )
            assert answer.status_code == 200
            now = (await site.ask("GET", "SubscriptionTopic/mine", base="/fhir/r5")).json()
            assert now["status"] == "active"
            assert now["canFilterBy"] == rich["canFilterBy"] and now["name"] == "Mine"

    run(scenario())


def test_a_new_version_stands_beside_the_old_one_and_running_subscriptions_stay(
    tmp_path: Path,
) -> None:
    only_done = [{"resource": "Task", "queryCriteria": {"current": "status=completed"}}]

    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await put(site, R5, "one")
            old = (await subscribe(site, R5)).json()["id"]
            same_id = await put(site, R5, "one", version="2.0.0", resourceTrigger=only_done)
            assert same_id.status_code == 409
            second = await put(site, R5, "two", version="2.0.0", resourceTrigger=only_done)
            assert second.status_code == 201
            new = (await subscribe(site, R5)).json()["id"]
            await site.rig.write(a_task(), release=R5)
            await site.rig.write(a_task(status="completed"), release=R5)
            tops = [
                site.rig.hub.subscribers.top(site.rig.hub.subscribers.named(R5, id))
                for id in (old, new)
            ]
            assert tops == [2, 1]
            found = await site.ask("GET", f"SubscriptionTopic?url={URL}", base="/fhir/r5")
            assert len(found.json()["entry"]) == 2
            moved = await put(site, R5, "three", version="2.0.0", resourceTrigger=only_done)
            assert moved.status_code == 409 and "the id two" in issue(moved)["diagnostics"]

    run(scenario())


@every_release
def test_a_topic_is_deleted_once_nobody_is_pinned_to_it(
    release: FhirRelease, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await put(site, release)
            base, path = f"/fhir/{release.path}", f"{kind(release)}/mine"
            ids = [(await subscribe(site, release)).json()["id"] for _ in range(2)]
            refused = await site.ask("DELETE", path, base=base, **ADMIN)
            assert refused.status_code == 409
            assert "2 Subscriptions are pinned" in issue(refused)["diagnostics"]
            for id in ids:
                await site.ask("DELETE", f"Subscription/{id}", base=base)
            stale = await site.ask("DELETE", path, base=base, if_match='W/"7"', **ADMIN)
            assert stale.status_code == 412
            assert (await site.ask("DELETE", path, base=base)).status_code == 405
            assert (await site.ask("DELETE", path, base=base, **ADMIN)).status_code == 204
            assert (await site.ask("DELETE", path, base=base, **ADMIN)).status_code == 204
            for other in FhirRelease:
                at = f"/fhir/{other.path}"
                gone = await site.ask("GET", f"{kind(other)}/mine", base=at)
                assert gone.status_code == 410
            unknown = await subscribe(site, release)
            assert issue(unknown)["details"]["coding"][0]["code"] == "topic-unknown"
            changed = await put(site, release, title="Other")
            assert changed.status_code == 201

    run(scenario())


def test_one_pinned_subscription_is_named_as_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await put(site, R5)
            await subscribe(site, R5)
            refused = await site.ask("DELETE", "SubscriptionTopic/mine", base="/fhir/r5", **ADMIN)
            assert "1 Subscription is pinned" in issue(refused)["diagnostics"]

    run(scenario())


def test_a_topic_of_a_file_may_be_retired_but_not_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            path = "SubscriptionTopic/task"
            read = (await site.ask("GET", path, base="/fhir/r5")).json()
            assert read["url"] == TASK_TOPIC
            refused = await site.ask("DELETE", path, base="/fhir/r5", **ADMIN)
            assert refused.status_code == 409 and "is a file" in issue(refused)["diagnostics"]
            retired = read | {"status": "retired"}
            answer = await site.ask("PUT", path, retired, base="/fhir/r5", **ADMIN)
            assert answer.status_code == 200
            assert (await subscribe(site, R4, TASK_TOPIC)).status_code == 422

    run(scenario())


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"resourceTrigger": [{"resource": "Task", "fhirPathCriteria": "now() > @2020"}]}, 422,
         "fhirPathCriteria"),
        ({"resourceTrigger": [{"resource": "Task", "queryCriteria": {"current": "nope=1"}}]}, 422,
         "nope"),
        ({"url": "no-url"}, 400, "url"),
        ({"status": "someday"}, 400, "status"),
        ({"resourceTrigger": []}, 400, ""),
    ],
)  # fmt: skip
def test_what_the_hub_can_t_compute_is_refused_with_the_reason(
    more: Resource, status: int, words: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            answer = await put(site, R5, **more)
            assert answer.status_code == status, answer.text
            assert words in json.dumps(issue(answer))
            assert (
                await site.ask("GET", "SubscriptionTopic/mine", base="/fhir/r5")
            ).status_code == 404

    run(scenario())


def test_a_topic_that_computes_in_another_release_only_is_refused_naming_it(
    tmp_path: Path,
) -> None:
    trigger: dict[str, Any] = {
        "resourceTrigger": [{"resource": "Transport"}],
        "canFilterBy": [{"filterParameter": "_id"}],
    }

    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            answer = await put(site, R4, **trigger)
            assert answer.status_code == 422
            assert "it does in R5" in issue(answer)["diagnostics"]
            assert (await put(site, R5, **trigger)).status_code == 201
            assert (await site.ask("GET", "Basic/mine")).status_code == 404

    run(scenario())


def test_a_topic_never_takes_the_place_of_another_resource(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            plain = {"resourceType": "Basic", "id": "mine", "code": {"text": "x"}}
            assert (await site.ask("PUT", "Basic/mine", plain)).status_code == 201
            answer = await put(site, R5)
            assert answer.status_code == 409 and "Basic/mine" in issue(answer)["diagnostics"]
            assert (await put(site, R5, "other")).status_code == 201
            became = await site.ask("PUT", "Basic/other", plain | {"id": "other"}, **ADMIN)
            assert became.status_code == 409 and "stays one" in issue(became)["diagnostics"]
            assert (await site.ask("PUT", "Basic/mine", plain, **ADMIN)).status_code == 200
            assert (await site.ask("DELETE", "Basic/mine", **ADMIN)).status_code == 204
            assert (await site.ask("DELETE", "Basic/none", **ADMIN)).status_code == 204

    run(scenario())


def test_topics_are_written_one_by_one(tmp_path: Path) -> None:
    def bundle(type: str) -> Resource:
        entry = {
            "resource": a_topic(),
            "request": {"method": "POST", "url": "SubscriptionTopic"},
        }
        return {"resourceType": "Bundle", "type": type, "entry": [entry]}

    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            answer = await site.ask("POST", "/fhir/r5", bundle("transaction"), **ADMIN)
            assert answer.status_code == 422
            answer = await site.ask("POST", "/fhir/r5", bundle("batch"))
            assert answer.json()["entry"][0]["response"]["status"] == "405"
            answer = await site.ask("POST", "/fhir/r5", bundle("batch"), **ADMIN)
            assert answer.json()["entry"][0]["response"]["status"] == "201"
            patch = b'[{"op":"replace","path":"/status","value":"retired"}]'
            sent = {"content_type": "application/json-patch+json", **ADMIN}
            answer = await site.ask(
                "PATCH", "SubscriptionTopic/task", raw=patch, base="/fhir/r5", **sent
            )
            assert answer.status_code == 405
            assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE"}
            assert (await site.ask("PATCH", "Basic/task", raw=patch, **sent)).status_code == 405
            answer = await site.ask(
                "POST", "SubscriptionTopic", a_topic(), base="/fhir/r5",
                if_none_exist=f"url={URL}", **ADMIN,
            )  # fmt: skip
            assert answer.status_code == 400

    run(scenario())
