"""The page of one Subscription: its numbers, its attempts, and what to do."""

from __future__ import annotations

from datetime import timedelta

from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType
from hub.core.timing import RetryPolicy
from tests.support.classic import a_classic
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import subscription_of
from tests.web.site import a_site, run
from tests.web.subscription_pages import POLICY, SECOND, Switch, events, hook, put, told
from tests.web.test_administrative import PATCHED


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
