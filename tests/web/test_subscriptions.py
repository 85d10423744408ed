"""The pages of Subscriptions: the list, who may see what, and the frame that browsers get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.core.release import FhirRelease
from hub.web.pages import subscriptions
from tests.support.builders import RELEASES
from tests.support.rig_resources import a_subscription, subscription_of
from tests.web.clients import LAB, OPS, WARD, asking, shown_by
from tests.web.site import Site, a_site, issue, run
from tests.web.subscription_pages import POLICY, SECOND, Switch, events, hook, put, told
from tests.web.test_administrative import PATCHED, created, wanted
from tests.web.test_home import BROWSER, Page
from tests.web.topics import ADMIN, administered


async def ids(site: Site, query: str = "", **headers: Any) -> list[str]:
    found = await told(site, f"/subscriptions{query}", **headers)
    assert found["total"] == len(found["subscriptions"])
    return [each["id"] for each in found["subscriptions"]]


def test_the_worst_comes_first_with_its_lag_and_its_next_try() -> None:
    async def scenario() -> None:
        switch = Switch()
        async with a_site(endpoints=switch.endpoints, policy=POLICY) as site:
            for id in ("well", "fails", "broken", "off", "gone"):
                await put(site, id)
            await put(site, "socket", type="websocket")
            off = [{"op": "replace", "path": "/status", "value": "off"}]
            await site.ask("PATCH", "Subscription/off", off, content_type=PATCHED)
            await site.ask("DELETE", "Subscription/gone")
            switch.fails = {hook("broken")}
            await events(site, 1)
            await site.rig.after(70 * SECOND)
            switch.fails.add(hook("fails"))
            await events(site, 2)
            found = await told(site, "/subscriptions")
            assert [(each["id"], each["condition"]) for each in found["subscriptions"]] == [
                ("broken", "error"),
                ("fails", "failing"),
                ("socket", "unbound"),
                ("well", "active"),
                ("off", "off"),
            ]
            assert found["conditions"] == {
                "error": 1,
                "failing": 1,
                "unbound": 1,
                "active": 1,
                "off": 1,
            }
            broken, fails, socket, well, _ = found["subscriptions"]
            assert (fails["events"], fails["delivered"], fails["undelivered"]) == (3, 1, 2)
            assert fails["failures"] == 1 and fails["error"] == "HTTP 503: overloaded"
            assert fails["next"]["kind"] == "events" and found["at"] < fails["next"]["at"]
            assert fails["oldestUndelivered"] == fails["failingSince"] < found["at"]
            assert (broken["undelivered"], broken["next"]) == (3, None)
            assert (socket["sockets"], well["sockets"]) == (0, None)
            assert well["oldestUndelivered"] is None
            assert well["name"] == "test" and well["filters"] == ["Task.owner=Organization/lab"]

    run(scenario())


def test_the_list_can_be_searched() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, "one", FhirRelease.R5)
            await put(site, "two", type="websocket")
            await put(site, "three")
            for query, expected in (
                ("?q=channel:websocket", ["two"]),
                ("?q=status:active%20channel:rest-hook", ["three", "one"]),
                ("?q=status:unbound", ["two"]),
                ("?q=release:r5", ["one"]),
                ("?release=r5", ["one"]),
                ("?release=r4b", []),
                ("?q=sub:R4/three", ["three"]),
                ("?q=sub:three", ["three"]),
                ("?q=topic:topics/task", ["two", "three", "one"]),
                ("?q=error:x", []),
                ("?q=status:", ["two", "three", "one"]),
                ("?q=HTTPS://three.example", ["three"]),
                ('?q="organization/lab"%20th', ["three"]),
                ("?q=test%20nobody", []),
            ):
                assert await ids(site, query) == expected, query
            for query in ("?q=colour:red", f"?q={'x%20' * 21}", f"?q={'x' * 501}", "?release=r3"):
                answer = await site.ask("GET", f"/subscriptions{query}")
                assert answer.status_code == 400 and issue(answer)["code"] == "value"

    run(scenario())


def test_a_name_that_was_changed_is_found_under_the_new_one() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, "one")
            assert await ids(site, "?q=test") == ["one"]
            renamed = a_subscription(id="one", endpoint=hook("one")) | {"reason": "Laboratory"}
            await site.ask("PUT", "Subscription/one", renamed)
            assert await ids(site, "?q=laboratory") == ["one"]

    run(scenario())


def test_only_so_many_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_SHOWN", 2)

    async def scenario() -> None:
        async with a_site() as site:
            for id in ("one", "two", "three"):
                await put(site, id)
            found = await told(site, "/subscriptions")
            assert found["total"] == 3
            assert [each["id"] for each in found["subscriptions"]] == ["one", "two"]

    run(scenario())


@pytest.mark.parametrize("release", RELEASES)
def test_administrative_ones_are_for_the_administrator(
    tmp_path: Path, release: FhirRelease
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            id = await created(site, wanted(release), release, **ADMIN)
            await put(site, "open", release)
            assert await ids(site) == ["open"]
            assert sorted(await ids(site, **ADMIN)) == sorted([id, "open"])
            path = f"/subscriptions/{release.path}/{id}"
            hidden = await site.ask("GET", path)
            absent = await site.ask("GET", f"/subscriptions/{release.path}/no")
            assert hidden.status_code == absent.status_code == 404
            assert hidden.text == absent.text.replace("Subscription/no ", f"Subscription/{id} ")
            assert (await told(site, path, **ADMIN))["administrative"] is True

    run(scenario())


def test_a_client_sees_its_own_and_an_administrator_all() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            body = subscription_of(FhirRelease.R4, endpoint=hook("lab"))
            id = await created(site, body, FhirRelease.R4, **shown_by(LAB))
            path = f"/subscriptions/r4/{id}"
            for client, expected in ((LAB, [id]), (WARD, []), (OPS, [id])):
                assert await ids(site, **shown_by(client)) == expected
                answer = await site.ask("GET", path, **shown_by(client))
                assert answer.status_code == (200 if expected else 404)
            for each in ("/subscriptions", path):
                assert (await site.ask("GET", each)).status_code == 401
                assert (await site.ask("GET", each, accept=BROWSER)).status_code == 200

    run(scenario())


def test_browsers_get_pages_and_what_they_load_is_there() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, "lab")
            for path in ("/subscriptions", "/subscriptions/r4/lab"):
                answer = await site.ask("GET", path, accept=BROWSER)
                assert answer.headers["content-type"] == "text/html; charset=utf-8"
                page = Page(answer.text)
                assert page.inline == [] and "subscriptions.css" in answer.text
                for address in page.addresses:
                    if address.startswith("/static/"):
                        assert (await site.ask("GET", address)).status_code == 200, address
            assert (await site.ask("GET", "/subscriptions/r3/lab")).status_code == 404

    run(scenario())
