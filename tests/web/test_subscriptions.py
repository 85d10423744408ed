"""The pages of Subscriptions: their data, who may see it, and the frame that browsers get.

Longer than other files: the list and the page of one tell of the same outages, so each outage is
made once and looked at on both.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.core.delivery import Delivered, Failed, FailureClass, Timing
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import ChannelType
from hub.core.timing import RetryPolicy
from hub.web.pages import subscriptions
from tests.support.builders import RELEASES
from tests.support.classic import a_classic
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_subscription, a_task, subscription_of
from tests.web.clients import LAB, OPS, WARD, asking, shown_by
from tests.web.site import Site, a_site, issue, run
from tests.web.test_administrative import PATCHED, created, wanted
from tests.web.test_home import BROWSER, Page
from tests.web.topics import ADMIN, administered

SECOND = timedelta(seconds=1)
TIMING = Timing(address="192.0.2.1", dns=1.0, connect=2.0, tls=3.0, wait=4.0, total=11.25)
BUSY = Failed(failure=FailureClass.BUSY, reason="overloaded", status=503, timing=TIMING)
POLICY = RetryPolicy(schedule=(5 * SECOND,), give_up_after=60 * SECOND, floor=SECOND)


class Switch:
    """Endpoints that can be switched to fail, by their URL."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.endpoints = Endpoints(
            answers=lambda envelope, _: (
                BUSY if envelope.endpoint in self.fails else Delivered(status=200, timing=TIMING)
            )
        )


def hook(name: str) -> str:
    return f"https://{name}.example.org/hook"


async def put(site: Site, id: str, release: FhirRelease = FhirRelease.R4, **changes: Any) -> None:
    """Create a Subscription whose endpoint is named as it, and let its handshake happen."""
    if changes.get("type") != "websocket":
        changes = {"endpoint": hook(id)} | changes
    base = f"/fhir/{release.path}"
    body = subscription_of(release, id=id, **changes)
    assert (await site.ask("PUT", f"Subscription/{id}", body, base=base)).status_code == 201
    await site.rig.after(SECOND)


async def events(site: Site, count: int) -> None:
    for _ in range(count):
        assert (await site.ask("POST", "Task", a_task())).status_code == 201
        await site.rig.after(SECOND / 100)


async def told(site: Site, path: str, **headers: Any) -> Resource:
    answer = await site.ask("GET", path, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: Resource = answer.json()
    return found


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


def test_an_outage_shows_on_the_number_line_with_its_attempts_and_what_to_do() -> None:
    async def scenario() -> None:
        switch = Switch()
        async with a_site(endpoints=switch.endpoints, policy=POLICY) as site:
            await put(site, "lab", max_count=2, header=["Authorization: Bearer abc"])
            await events(site, 2)
            switch.fails = {hook("lab")}
            await events(site, 3)
            await site.rig.after(6 * SECOND)
            found = await told(site, "/subscriptions/r4/lab")
            assert found["numbers"] == {
                "total": 5,
                "lowestKept": 1,
                "runs": [
                    {"first": 1, "last": 2, "state": "delivered"},
                    {"first": 3, "last": 3, "state": "retrying"},
                    {"first": 4, "last": 5, "state": "pending"},
                ],
                "segments": [1],
            }
            newest = found["attempts"][0]
            assert {name: newest[name] for name in ("kind", "first", "last", "outcome")} == {
                "kind": "events",
                "first": 3,
                "last": 3,
                "outcome": "busy",
            }
            assert newest["cause"].startswith("the endpoint has a fault")
            phases = ("address", "dns", "connect", "tls", "wait", "milliseconds")
            assert [newest[name] for name in phases] == ["192.0.2.1", 1.0, 2.0, 3.0, 4.0, 11.25]
            assert "tries again" in found["advice"]
            assert found["headers"] == [{"name": "Authorization", "value": "***"}]
            assert "abc" not in str(found)
            assert (found["maxCount"], found["version"]) == (2, 2)
            switch.fails = set()
            await site.rig.after(10 * SECOND)
            found = await told(site, "/subscriptions/r4/lab")
            assert found["numbers"]["runs"] == [{"first": 1, "last": 5, "state": "delivered"}]
            assert (found["advice"], found["error"]) == (None, None)
            assert found["attempts"][0]["cause"] is None

    run(scenario())


def test_what_retention_took_while_nothing_could_be_sent_stays_lost() -> None:
    async def scenario() -> None:
        switch = Switch()
        policy = RetryPolicy(schedule=(SECOND,), give_up_after=2 * SECOND, floor=SECOND)
        site_of = a_site(endpoints=switch.endpoints, policy=policy, retain=timedelta(hours=1))
        async with site_of as site:
            await put(site, "lab")
            await events(site, 2)
            switch.fails = {hook("lab")}
            await events(site, 2)
            await site.rig.after(timedelta(hours=2))
            await events(site, 1)
            await site.rig.retention.sweep()
            lost = [
                {"first": 1, "last": 2, "state": "delivered"},
                {"first": 3, "last": 4, "state": "lost"},
            ]
            found = await told(site, "/subscriptions/r4/lab")
            assert found["condition"] == "error" and "reactivate" in found["advice"]
            assert found["undelivered"] == 1
            assert found["numbers"]["lowestKept"] == 5
            assert found["numbers"]["runs"] == [*lost, {"first": 5, "last": 5, "state": "held"}]
            switch.fails = set()
            await site.ask(
                "PATCH",
                "Subscription/lab",
                [{"op": "replace", "path": "/status", "value": "requested"}],
                content_type=PATCHED,
            )
            await site.rig.after(5 * SECOND)
            found = await told(site, "/subscriptions/r4/lab")
            assert found["condition"] == "active"
            delivered = {"first": 5, "last": 5, "state": "delivered"}
            assert found["numbers"]["runs"] == [*lost, delivered]

    run(scenario())


def test_numbers_of_a_deleted_one_and_what_was_off_show() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, "lab")
            await events(site, 2)
            await site.ask("DELETE", "Subscription/lab")
            answer = await site.ask("GET", "/subscriptions/r4/lab")
            assert answer.status_code == 410
            await put(site, "lab")
            await events(site, 1)
            for status in ("off", "requested"):
                change = [{"op": "replace", "path": "/status", "value": status}]
                await site.ask("PATCH", "Subscription/lab", change, content_type=PATCHED)
                await events(site, 1)
                await site.rig.after(SECOND)
            found = await told(site, "/subscriptions/r4/lab")
            assert found["numbers"]["runs"] == [
                {"first": 1, "last": 2, "state": "former"},
                {"first": 3, "last": 4, "state": "delivered"},
            ]
            assert found["numbers"]["segments"] == [1, 3, 4]

    run(scenario())


def test_a_heartbeat_that_was_answered_is_told_before_it_is_kept() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, "lab", heartbeat=60)
            before = (await told(site, "/subscriptions/r4/lab"))["lastAnswered"]
            await site.rig.after(61 * SECOND)
            found = await told(site, "/subscriptions/r4/lab")
            assert before < found["lastAnswered"] < found["at"] < found["next"]["at"]
            assert (found["next"]["kind"], found["heartbeatPeriod"]) == ("heartbeat", 60.0)

    run(scenario())


def test_bound_sockets_are_counted_and_what_they_were_sent_shows_at_once() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, "socket", type="websocket")
            wire, _ = await site.rig.bind("socket")
            await events(site, 2)
            assert wire.numbers == [1, 2]
            found = await told(site, "/subscriptions/r4/socket")
            assert (found["condition"], found["sockets"]) == ("active", 1)
            assert found["numbers"]["runs"] == [{"first": 1, "last": 2, "state": "delivered"}]
            assert found["attempts"] == []

    run(scenario())


def test_a_classic_one_has_no_numbers_to_tell() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = a_classic(id="classic", criteria="Task?status=requested")
            await site.ask("PUT", "Subscription/classic", body)
            await events(site, 1)
            await site.rig.after(SECOND)
            (row,) = (await told(site, "/subscriptions"))["subscriptions"]
            assert (row["events"], row["delivered"], row["undelivered"]) == (None, None, 0)
            found = await told(site, "/subscriptions/r4/classic")
            assert found["numbers"] is None and found["isClassic"]
            assert {each["last"] for each in found["attempts"]} == {None}

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


def test_what_to_do_fits_what_is_the_matter() -> None:
    async def scenario() -> None:
        switch = Switch()
        switch.fails = {hook("late")}
        mails = Endpoints(channel_type=ChannelType.EMAIL)
        site_of = a_site(endpoints=switch.endpoints, mails=mails, sign=lambda text: text)
        async with site_of as site:
            await put(site, "late")
            mailed = subscription_of(FhirRelease.R4, id="mail", type="email")
            mailed["channel"] |= {"endpoint": "mailto:ward@example.org", "payload": "text/plain"}
            assert (await site.ask("PUT", "Subscription/mail", mailed)).status_code == 201
            bound = a_classic(id="bound", criteria="Task?status=requested", channel="websocket")
            assert (await site.ask("PUT", "Subscription/bound", bound)).status_code == 201
            await site.rig.after(SECOND)
            for id, condition, words in (
                ("late", "failing", "handshake fails"),
                ("mail", "requested", "asked by mail"),
                ("bound", "unbound", "send bind with its id"),
            ):
                found = await told(site, f"/subscriptions/r4/{id}")
                assert (found["condition"], words in found["advice"]) == (condition, True), id

    run(scenario())
