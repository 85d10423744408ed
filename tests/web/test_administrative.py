"""Administrative Subscriptions: there for the administrator, for everybody else as if not there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.core.release import FhirRelease, Resource
from tests.support.builders import RELEASES, a_subscription, a_task, identified
from tests.support.classic import a_classic
from tests.support.rig_resources import TASK_TOPIC, a_topic
from tests.web.site import Site, a_site, issue, run
from tests.web.topics import ADMIN, administered

R4, R4B, R5 = RELEASES
ENDPOINT = "https://lab.example.org/hook"
WITH_ADMIN_ONLY = pytest.mark.parametrize("release", RELEASES)
CHANGE = [{"op": "replace", "path": "/status", "value": "off"}]
PATCHED = "application/json-patch+json"


def wanted(release: FhirRelease, value: str = "1", **more: Any) -> Resource:
    """Return a Subscription that an administrator would create."""
    named = identified(release, value)
    more = {"topic_name": TASK_TOPIC, "endpoint": ENDPOINT} | more
    return a_subscription(release, **named, **more)


@asynccontextmanager
async def administrated(folder: Path) -> AsyncIterator[Site]:
    async with a_site(settings=administered(folder)) as site:
        yield site


async def created(site: Site, body: Resource, release: FhirRelease, **headers: Any) -> str:
    base = f"/fhir/{release.path}"
    answer = await site.ask("POST", "Subscription", body, base=base, **headers)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def without(id: str, answer: httpx.Response) -> tuple[int, Any]:
    """Return an answer without what differs from one request to the next."""
    return answer.status_code, json.loads(answer.text.replace(id, "ID") or "null")


@WITH_ADMIN_ONLY
def test_for_others_it_is_as_if_there_were_none(tmp_path: Path, release: FhirRelease) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            id = await created(site, wanted(release), release, **ADMIN)

            async def ask(method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
                return await site.ask(method, path, body, base=f"/fhir/{release.path}", **more)

            for method, path, body, more in (
                ("GET", "", None, {}),
                ("HEAD", "", None, {}),
                ("GET", "/_history", None, {}),
                ("GET", "/_history/1", None, {}),
                ("GET", "/$status", None, {}),
                ("GET", "/$events", None, {}),
                ("GET", "/$attempts", None, {}),
                ("GET", "/$trace", None, {}),
                ("GET", "/$explain", None, {}),
                ("GET", "/$get-ws-binding-token", None, {}),
                ("POST", "/$resend?eventsSinceNumber=1", None, {}),
                ("POST", "/$verify", None, {}),
                ("PATCH", "", CHANGE, {"content_type": PATCHED}),
                ("DELETE", "", None, {}),
            ):
                hidden = without(id, await ask(method, f"Subscription/{id}{path}", body, **more))
                absent = await ask(method, f"Subscription/absent{path}", body, **more)
                assert hidden == without("absent", absent), (method, path)
                assert hidden[0] == (204 if method == "DELETE" else 404)
            taken = await ask("PUT", f"Subscription/{id}", wanted(release) | {"id": id})
            assert taken.status_code == 404
            read = await ask("GET", f"Subscription/{id}", **ADMIN)
            assert (read.status_code, read.json()["status"]) == (200, "requested")

    run(scenario())


@WITH_ADMIN_ONLY
def test_lists_and_counts_leave_it_out(tmp_path: Path, release: FhirRelease) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            base = f"/fhir/{release.path}"
            hidden = [
                await created(site, wanted(release, str(n)), release, **ADMIN) for n in range(3)
            ]
            shown = await created(site, wanted(release, "9"), release)
            hidden.append(await created(site, wanted(release, "4"), release, **ADMIN))

            async def ask(path: str, **headers: Any) -> Resource:
                answer = await site.ask("GET", path, base=base, **headers)
                assert answer.status_code == 200, answer.text
                found: Resource = answer.json()
                return found

            for path in (
                "Subscription?_total=accurate",
                "Subscription?_total=accurate&_count=1",
                "Subscription?status=requested&_sort=status&_total=accurate",
                "Subscription?_summary=count",
                "Subscription/_history",
                "Subscription/$status",
            ):
                others, all_of_them = await ask(path), await ask(path, **ADMIN)
                text = json.dumps(others)
                assert others["total"] == 1, path
                assert all_of_them["total"] == 5, path
                assert not any(id in text for id in hidden)
                assert "_summary" in path or len(others["entry"]) == 1
            ids = "&".join(f"id={id}" for id in (*hidden, shown))
            assert (await ask(f"Subscription/$status?{ids}"))["total"] == 1
            assert (await ask(f"Subscription/$status?{ids}", **ADMIN))["total"] == 5
            assert (await ask(f"Subscription?_id={hidden[3]}&_total=accurate"))["total"] == 0
            assert (await ask("/"))["subscriptions"]["total"] == 1

    run(scenario())


def test_what_refers_and_is_referred_to_leaves_it_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            org = {"resourceType": "Organization", "id": "lab", "name": "Lab"}
            await site.ask("PUT", "Organization/lab", org, base="/fhir/r5")
            of_lab = wanted(R5) | {"managingEntity": {"reference": "Organization/lab"}}
            id = await created(site, of_lab, R5, **ADMIN)
            for path in (
                "Organization?_has:Subscription:owner:status=requested&_total=accurate",
                "Organization?_id=lab&_revinclude=Subscription:owner&_total=accurate",
            ):
                others = await site.ask("GET", path, base="/fhir/r5")
                assert others.status_code == 200 and id not in others.text
                told = await site.ask("GET", path, base="/fhir/r5", **ADMIN)
                more = "_has" not in path
                assert (others.json()["total"], told.json()["total"]) == (int(more), 1)
                assert (id in told.text) is more
            answer = await site.ask(
                "POST",
                "Organization",
                {"resourceType": "Organization", "name": "x"},
                base="/fhir/r5",
                if_none_exist="_has:Subscription:owner:status=requested",
            )
            assert answer.status_code == 400
            assert "which Subscriptions refer" in issue(answer)["diagnostics"]

    run(scenario())


def test_why_a_change_is_told_to_it_is_for_the_administrator(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            id = await created(site, wanted(R4), R4, **ADMIN)
            task = (await site.ask("POST", "Task", a_task("Organization/lab"))).json()["id"]
            for path in (f"Task/{task}/$explain", f"Task/{task}/$trace"):
                assert id not in (await site.ask("GET", path)).text
                assert f"Subscription/{id}" in (await site.ask("GET", path, **ADMIN)).text
            only = f"Task/{task}/$explain?subscription={id}"
            assert (await site.ask("GET", only)).status_code == 404
            assert (await site.ask("GET", only, **ADMIN)).status_code == 200

    run(scenario())


def test_only_the_administrator_gets_a_token_to_bind_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            body = wanted(R4, channel="websocket", endpoint=None)
            id = await created(site, body, R4, **ADMIN)
            for path in ("$get-ws-binding-token", f"$get-ws-binding-token?id={id}"):
                answer = await site.ask("GET", f"Subscription/{path}")
                assert answer.status_code == 404
                answer = await site.ask("GET", f"Subscription/{path}", **ADMIN)
                assert answer.status_code == 200
            async with site.socket() as socket:
                await socket.opened()
                socket.say(f"bind {id}")
                said = await socket.next()
                assert said["text"] == f"error {id} there is no such Subscription"

    run(scenario())


def test_it_stays_what_it_was_created_as(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:

            async def put(id: str, value: str | None = "1", **headers: Any) -> httpx.Response:
                body = wanted(R4, value or "")
                if value is None:
                    del body["extension"]
                return await site.ask("PUT", f"Subscription/{id}", body | {"id": id}, **headers)

            mine = await created(site, wanted(R4), R4)
            assert (await put(mine, **ADMIN)).status_code == 200
            assert (await site.ask("GET", f"Subscription/{mine}")).status_code == 200
            assert (await put("chosen", **ADMIN)).status_code == 201
            assert (await put("chosen", "2", **ADMIN)).status_code == 200
            nameless = await put("chosen", None, **ADMIN)
            assert nameless.status_code == 422
            assert issue(nameless)["expression"] == ["Subscription.extension"]
            assert (await site.ask("DELETE", "Subscription/chosen", **ADMIN)).status_code == 204
            assert (await site.ask("GET", "Subscription/chosen", **ADMIN)).status_code == 410
            assert (await site.ask("GET", "Subscription/chosen")).status_code == 404
            assert (await put("chosen")).status_code == 404
            assert (await put("chosen", None, **ADMIN)).status_code == 422
            assert (await put("chosen", **ADMIN)).status_code == 201
            assert (await site.ask("GET", "Subscription/chosen")).status_code == 404

    run(scenario())


def test_one_without_identifier_is_like_any_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            body = wanted(R4)
            del body["extension"]
            id = await created(site, body, R4, **ADMIN)
            assert (await site.ask("GET", f"Subscription/{id}")).status_code == 200

    run(scenario())


@WITH_ADMIN_ONLY
def test_no_two_of_them_have_one_name(tmp_path: Path, release: FhirRelease) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            base = f"/fhir/{release.path}"
            await created(site, wanted(release), release)
            first = await created(site, wanted(release), release, **ADMIN)
            answer = await site.ask("POST", "Subscription", wanted(release), base=base, **ADMIN)
            assert answer.status_code == 409
            assert first in issue(answer)["diagnostics"]
            second = await created(site, wanted(release, "2"), release, **ADMIN)
            renamed = wanted(release) | {"id": second}
            answer = await site.ask("PUT", f"Subscription/{second}", renamed, base=base, **ADMIN)
            assert answer.status_code == 409
            await site.ask("DELETE", f"Subscription/{first}", base=base, **ADMIN)
            await created(site, wanted(release), release, **ADMIN)
            # What others name so says nothing of it.
            await created(site, wanted(release), release)

    run(scenario())


def test_a_dry_run_refuses_what_a_create_would(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            body = a_classic("Task?status=requested", channel="websocket", **identified(R4, "1"))
            refused = await site.ask("POST", "Subscription", body, **ADMIN)
            assert refused.status_code == 422
            assert issue(refused)["expression"] == ["Subscription.channel.type"]
            tried = await site.ask("POST", "Subscription/$validate", body, **ADMIN)
            assert issue(tried)["diagnostics"] == issue(refused)["diagnostics"]
            tried = await site.ask("POST", "Subscription/$validate", body)
            assert tried.json()["issue"][0]["diagnostics"] == "the Subscription would be accepted"

    run(scenario())


def test_no_topic_tells_of_it(tmp_path: Path) -> None:
    about = a_topic().source | {"resourceTrigger": [{"resource": "Subscription"}]}
    about |= {"url": "http://example.org/topics/about", "id": "about"}
    about.pop("canFilterBy")
    about.pop("notificationShape")

    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            posted = await site.ask("POST", "SubscriptionTopic", about, base="/fhir/r5", **ADMIN)
            assert posted.status_code == 201, posted.text
            listener = await created(
                site,
                a_subscription(
                    R5, topic_name="http://example.org/topics/about", channel="websocket"
                ),
                R5,
            )
            id = await created(site, wanted(R5), R5, **ADMIN)
            await site.ask("DELETE", f"Subscription/{id}", base="/fhir/r5", **ADMIN)
            assert site.rig.top(listener, R5) == 0
            await created(site, wanted(R5, "2"), R5)
            assert site.rig.top(listener, R5) == 1

    run(scenario())


def test_a_batch_is_answered_as_its_sender_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with administrated(tmp_path) as site:
            id = await created(site, wanted(R4), R4, **ADMIN)
            batch = {
                "resourceType": "Bundle",
                "type": "batch",
                "entry": [
                    {"request": {"method": "GET", "url": f"Subscription/{id}"}},
                    {"request": {"method": "GET", "url": "Subscription?_total=accurate"}},
                ],
            }
            others = (await site.ask("POST", "", batch)).json()["entry"]
            assert others[0]["response"]["status"].startswith("404")
            assert others[1]["resource"]["total"] == 0
            told = (await site.ask("POST", "", batch, **ADMIN)).json()["entry"]
            assert told[0]["resource"]["id"] == id
            assert told[1]["resource"]["total"] == 1

    run(scenario())
