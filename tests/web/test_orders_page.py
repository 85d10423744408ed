"""The orders and what became of one, as plain JSON and as pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease, Resource
from tests.support.builders import identified
from tests.support.rig import HOUR
from tests.support.rig_resources import a_subscription, a_task
from tests.web.clients import LAB, WARD, asking, shown_by
from tests.web.site import Site, a_site, issue, run
from tests.web.test_home import BROWSER, Page
from tests.web.topics import ADMIN, administered


def an_order(id: str, **more: Any) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": id,
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p", "display": "Peter Chalmers"},
        "performer": [{"reference": "Organization/lab"}, {"display": "somebody"}],
        **more,
    }


async def put(site: Site, resource: Resource) -> None:
    path = f"{resource['resourceType']}/{resource['id']}"
    answer = await site.ask("PUT", path, resource)
    assert answer.status_code in {200, 201}, answer.text


async def listed(site: Site, query: str = "") -> Any:
    answer = await site.ask("GET", f"/orders{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def references(found: Any) -> list[str]:
    return [each["reference"] for each in found["orders"]]


def dead(envelope: Envelope, attempt: int) -> DeliveryResult:
    if b"event-notification" in envelope.body:
        return Failed(failure=FailureClass.CONNECTION, reason="refused")
    return Delivered(status=200)


def test_orders_are_listed_newest_first_with_how_they_stand() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            site.rig.endpoints.answers = dead
            await site.ask("POST", "Subscription", a_subscription() | {"reason": "The lab"})
            await site.rig.after(HOUR)
            await put(site, an_order("o1"))
            prescription = {
                "resourceType": "MedicationRequest",
                "id": "m1",
                "status": "active",
                "intent": "order",
                "subject": {"identifier": {"system": "urn:p", "value": "7"}},
                "medicationCodeableConcept": {"text": "secret"},
            }
            await put(site, prescription)
            await put(site, a_task(id="t1", focus={"reference": "ServiceRequest/o1"}))
            await put(site, {"resourceType": "Patient", "id": "p"})
            await site.rig.after(HOUR)
            found = await listed(site)
            assert references(found) == ["Task/t1", "MedicationRequest/m1", "ServiceRequest/o1"]
            task, prescribed, order = found["orders"]
            assert task["page"] == "/orders/r4/Task/t1"
            assert (task["status"], task["version"]) == ("requested", 1)
            assert task["performers"] == ["Organization/lab"]
            assert task["order"] == "ServiceRequest/o1"
            assert prescribed["subject"] == "urn:p|7"
            assert prescribed["undelivered"] == 0 and prescribed["standing"] is None
            assert order["subject"] == "Patient/p" and order["performers"] == ["Organization/lab"]
            for each in (task, order):
                assert (each["undelivered"], each["waitingFor"]) == (1, ["The lab"])
                assert each["standing"] == "retrying"
            text = json.dumps(found)
            for hidden in ("lab.example.org", "secret", "Chalmers", "somebody"):
                assert hidden not in text
            site.rig.endpoints.answers = lambda envelope, attempt: Delivered(status=200)
            await site.rig.after(24 * HOUR)
            assert [each["undelivered"] for each in (await listed(site))["orders"]] == [0, 0, 0]

    run(scenario())


def test_orders_are_searched() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, an_order("o1", identifier=[{"system": "urn:x", "value": "A-1"}]))
            await put(site, an_order("o2", status="draft"))
            await put(site, a_task(id="t1"))
            await put(site, a_task("Organization/other", id="o1"))

            async def found(q: str) -> list[str]:
                return references(await listed(site, f"?release=r4&q={q}"))

            assert await found("status:requested%20owner:Organization/lab") == ["Task/t1"]
            assert await found("o1") == ["Task/o1", "ServiceRequest/o1"]
            assert await found("A-1") == ["ServiceRequest/o1"]
            assert await found("ServiceRequest/o2") == ["ServiceRequest/o2"]
            assert await found("type:ServiceRequest%20status:not=draft") == ["ServiceRequest/o1"]
            assert await found("none") == []
            only = await listed(site, "?q=owner:Organization/lab")
            assert only["types"] == ["Task"] and only["q"] == "owner:Organization/lab"
            assert references(await listed(site, "?release=r5")) == []

    run(scenario())


def test_pages_of_orders_follow_each_other_over_all_types() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for number in range(4):
                await put(site, an_order(f"o{number}"))
                await put(site, a_task(id=f"t{number}"))
            seen: list[str] = []
            address: str | None = "?release=r4&q=&_count=3"
            while address is not None:
                found = await listed(site, address)
                assert 1 <= len(found["orders"]) <= 3
                seen += references(found)
                address = found["next"] and found["next"].removeprefix("/orders")
            expected = [
                f"{kind}{n}" for n in (3, 2, 1, 0) for kind in ("Task/t", "ServiceRequest/o")
            ]
            assert seen == expected

    run(scenario())


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/orders?q=ownr:x", 400, "no search parameter 'ownr'"),
        ("/orders?q=type:Patient", 400, "is no type of orders"),
        ("/orders?colour=red", 400, "'colour' is no parameter of this page"),
        ("/orders?q=a&q=b", 400, "q may be given once"),
        ("/orders?release=r3", 400, "release must be one of r4, r4b, r5"),
        ("/orders?_count=x", 400, "_count must be a whole number"),
        ("/orders?_cursor=x", 400, "_cursor is none"),
        ("/orders/r3/Task/1", 404, "'r3' is no release"),
        ("/orders/r4/Basket/1", 404, "'Basket' is no resource type"),
        ("/orders/r4/Task/none", 404, "there is no Task/none"),
        ("/orders/r4/Task/a_b", 400, "is no id"),
        ("/orders/r4/Task/none?release=r4", 404, "there is no Task/none"),
        ("/orders/r4/Task/none?x=1", 400, "'x' is no parameter of this page"),
    ],
)
def test_what_there_is_not_is_refused(path: str, status: int, words: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", path)
            assert (answer.status_code, words in issue(answer)["diagnostics"]) == (status, True)

    run(scenario())


def test_an_order_says_first_whether_everybody_got_it() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            site.rig.endpoints.answers = dead
            await site.ask("POST", "Subscription", a_subscription() | {"reason": "The lab"})
            await site.rig.after(HOUR)
            await put(site, an_order("o1"))

            async def answer() -> Any:
                return (await site.ask("GET", "/orders/r4/ServiceRequest/o1")).json()

            found = await answer()
            assert found["answer"].startswith("Nobody was told")
            assert "nobody matched" in found["change"][0]["words"]
            await put(site, a_task(id="t1", focus={"reference": "ServiceRequest/o1"}))
            await site.rig.after(HOUR)
            found = await answer()
            assert found["answer"] == (
                "Not yet: 1 of 1 notification has not arrived. "
                "The lab lacks 1 (it is being tried again)."
            )
            assert (found["reference"], found["release"]) == ("ServiceRequest/o1", "r4")
            (told,) = found["change"][1]["told"]
            assert (told["name"], told["party"], told["standing"]) == ("The lab", 1, "retrying")
            assert told["since"] < told["due"] and "delivered" not in told
            assert found["change"][1]["status"] == "requested"
            assert "example.org/hook" not in json.dumps(found)
            site.rig.endpoints.answers = lambda envelope, attempt: Delivered(status=200)
            await site.rig.after(24 * HOUR)
            found = await answer()
            assert found["answer"] == "Yes, everything arrived: 1 notification at 1 subscriber."
            assert "delivered" in found["change"][1]["told"][0]

    run(scenario())


def test_many_who_lack_something_are_counted() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            site.rig.endpoints.answers = dead
            for number in range(5):
                await site.ask(
                    "POST", "Subscription", a_subscription() | {"reason": f"\u202es{number}"}
                )
            await site.rig.after(HOUR)
            await put(site, a_task(id="t1"))
            await site.rig.after(HOUR)
            words = (await site.ask("GET", "/orders/r4/Task/t1")).json()["answer"]
            assert words.startswith("Not yet: 5 of 5 notifications have not arrived. s0 lacks 1 (")
            assert words.endswith(", and 2 others.")

    run(scenario())


def test_browsers_get_pages_that_hold_no_data() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put(site, a_task(id="t1"))
            for path in ("/orders", "/orders/r4/Task/t1", "/orders/r4/Task/none", "/explain"):
                answer = await site.ask("GET", path, accept=BROWSER)
                assert answer.status_code == 200
                page = Page(answer.text)
                assert page.inline == [] and "t1" not in answer.text
                for address in page.addresses:
                    if address.startswith("/static/"):
                        assert (await site.ask("GET", address)).status_code == 200

    run(scenario())


def test_only_the_administrator_is_told_of_administrative_subscriptions(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            site.rig.endpoints.answers = dead
            wanted = a_subscription() | {"reason": "Hidden"} | identified(FhirRelease.R4, "1")
            created = await site.ask("POST", "Subscription", wanted, **ADMIN)
            assert created.status_code == 201, created.text
            await put(site, a_task(id="t1"))
            await site.rig.after(HOUR)
            path = f"/orders/r4/Subscription/{created.json()['id']}"
            assert (await site.ask("GET", path)).status_code == 404
            assert (await site.ask("GET", path, **ADMIN)).status_code == 200
            for path in ("/orders", "/orders/r4/Task/t1", "/explain?reference=Task/t1"):
                others = await site.ask("GET", path)
                assert others.status_code == 200 and "Hidden" not in others.text
                assert "Hidden" in (await site.ask("GET", path, **ADMIN)).text
                wrong = await site.ask("GET", path, authorization="Bearer wrong")
                assert wrong.status_code == 401

    run(scenario())


def test_of_others_subscriptions_it_is_told_whether_it_arrived_but_not_which_they_are() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            site.rig.endpoints.answers = dead
            lab, ward = shown_by(LAB), shown_by(WARD)
            wanted = a_subscription() | {"reason": " "}
            created = await site.ask("POST", "Subscription", wanted, **lab)
            assert created.status_code == 201, created.text
            id = created.json()["id"]
            await site.rig.after(HOUR)
            assert (await site.ask("PUT", "Task/t1", a_task(id="t1"), **ward)).status_code == 201
            await site.rig.after(HOUR)
            for path in ("/orders", "/orders/r4/Task/t1", "/explain?reference=Task/t1"):
                assert (await site.ask("GET", path)).status_code == 401
                assert id not in (await site.ask("GET", path, **ward)).text
            assert id in (await site.ask("GET", "/orders/r4/Task/t1", **lab)).text
            (order,) = (await site.ask("GET", "/orders", **ward)).json()["orders"]
            assert (order["undelivered"], order["waitingFor"]) == (1, ["somebody"])
            found = (await site.ask("GET", "/orders/r4/Task/t1", **ward)).json()
            assert "somebody lacks 1" in found["answer"]
            (told,) = found["change"][0]["told"]
            assert (told["party"], told["channel"]) == (1, "rest-hook")
            assert "subscription" not in told

    run(scenario())
