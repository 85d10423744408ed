"""An order is known by a number: its Tasks are found by whichever number that is."""

from __future__ import annotations

from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release
from tests.support.builders import a_task


def test_every_number_of_an_order_leads_to_its_tasks(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        mark = fresh().replace("/", "-")

        def number(kind: str) -> dict[str, str]:
            return {"system": f"urn:example:{kind}", "value": mark}

        order = await fhir.create(
            {
                "resourceType": "ServiceRequest",
                "status": "active",
                "intent": "order",
                "subject": {"reference": "Patient/p"},
                "identifier": [number("placer"), number("filler")],
                "requisition": number("requisition"),
            }
        )
        focus = {"reference": f"ServiceRequest/{order['id']}"}
        own = {"identifier": [number("task")], "groupIdentifier": number("group")}
        task = await fhir.create(a_task(fresh()) | {"focus": focus} | own)
        for kind in ("placer", "filler", "requisition", "task", "group"):
            path = f"$order-status?identifier=urn:example:{kind}|{mark}"
            assert await fhir.get(path) == task, kind
        asked = {
            "resourceType": "Parameters",
            "parameter": [{"name": "identifier", "valueString": f"urn:example:placer|{mark}"}],
        }
        assert (await fhir.ask("POST", "$order-status", asked)).json() == task

        second = await fhir.create(a_task(fresh()) | {"basedOn": [focus]})
        bundle = await fhir.get(f"$order-status?identifier=urn:example:placer|{mark}")
        assert (bundle["type"], bundle["total"]) == ("searchset", 2)
        assert [each["resource"]["id"] for each in bundle["entry"]] == [second["id"], task["id"]]

    in_every_release(hub, scenario)


def test_a_number_that_nobody_has_and_a_wrong_call_are_refused(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        for query, status in (
            ("identifier=urn:example:placer|none", 404),
            ("", 400),
            ("identifier=a&identifier=b", 400),
            ("number=1", 400),
        ):
            found, _ = await fhir.refused("GET", f"$order-status?{query}")
            assert found == status, query

    in_every_release(hub, scenario)
