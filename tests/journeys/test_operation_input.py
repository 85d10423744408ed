"""Bad input to the operations on Subscription: a table of what is answered to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pytest

from hub.core.release import FhirRelease, Resource
from tests.journeys.binding import socket_subscription
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, status_of
from tests.support.builders import a_subscription, a_task


@dataclass(frozen=True)
class Row:
    """One call; ``{socket}``, ``{hook}`` and ``{off}`` stand for ids, each of such a Subscription.

    ``code`` is that of the issue; None where the call is answered, with ``total`` or no events.
    """

    call: str
    status: int
    code: str | None = None
    total: int | None = None
    method: str = "GET"
    body: Any = None


def _posted(*pairs: tuple[str, str, Any]) -> Resource:
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, kind: value} for name, kind, value in pairs],
    }


_THOUSAND_AND_ONE = ",".join(f"x{number}" for number in range(1001))
ROWS: Final = (
    Row("{socket}/$events?eventsSinceNumber=-1", 400, "value"),
    Row("{socket}/$events?eventsSinceNumber=abc", 400, "value"),
    Row("{socket}/$events?eventsSinceNumber=1&eventsSinceNumber=1", 400, "value"),
    Row("{socket}/$events?eventsSinceNumber=2", 200),
    Row("{socket}/$events?eventsSinceNumber=2&eventsUntilNumber=1", 400, "value"),
    Row("{socket}/$events?content=everything", 400, "value"),
    Row("{socket}/$events?since=1", 400, "value"),
    Row("nobody/$events", 404, "not-found"),
    Row("$events", 404, "not-found"),
    Row("{socket}/$events", 405, "not-supported", method="PUT"),
    Row("{socket}/$events", 400, "invalid", method="POST", body=a_task()),
    Row(f"$status?id={_THOUSAND_AND_ONE}", 413, "too-costly"),
    Row("$status?id={socket},nobody", 200, total=1),
    Row("$status?id={socket}&id={hook}", 200, total=2),
    Row("$status?id={socket},{off}&status=off", 200, total=1),
    Row("$status?id=nobody", 200, total=0),
    Row("$status?status=sleeping", 400, "value"),
    Row("$status", 200, total=1, method="POST", body=_posted(("id", "valueId", "{socket}"))),
    Row("{socket}/$status?id=nobody&status=sleeping", 200, total=1),
    Row("nobody/$status", 404, "not-found"),
    Row("{socket}/$status", 405, "not-supported", method="DELETE"),
    Row("{hook}/$get-ws-binding-token", 422, "business-rule"),
    Row("{off}/$get-ws-binding-token", 422, "business-rule"),
    Row("nobody/$get-ws-binding-token", 404, "not-found"),
    Row("$get-ws-binding-token?id={socket},nobody", 404, "not-found"),
    Row("$get-ws-binding-token?id={socket},{hook}", 422, "business-rule"),
    Row("$get-ws-binding-token?ids={socket}", 400, "value"),
    Row("{socket}/$get-ws-binding-token?resume-after=soon", 400, "value"),
    Row("{socket}/$resend", 405, "not-supported"),
    Row("{socket}/$resend", 422, "business-rule", method="POST"),
    Row("{off}/$resend", 422, "business-rule", method="POST"),
    Row("nobody/$resend", 404, "not-found", method="POST"),
    Row("$resend", 404, "not-found", method="POST"),
    Row("{hook}/$resend?eventsSinceNumber=abc", 400, "value", method="POST"),
    Row("{hook}/$verify", 405, "not-supported"),
    Row("{socket}/$verify", 422, "business-rule", method="POST"),
    Row("{socket}/$attempts?_count=-1", 400, "value"),
    Row("{socket}/$nothing", 404, "not-found"),
    Row("{socket}/$nothing", 404, "not-found", method="POST"),
)


@pytest.fixture(scope="module")
def named(hub: RunningHub) -> dict[FhirRelease, dict[str, str]]:
    """Return the ids of the Subscriptions that the rows name, in each release."""
    found: dict[FhirRelease, dict[str, str]] = {}

    async def scenario(fhir: Fhir) -> None:
        hook = a_subscription(fhir.release, endpoint="http://127.0.0.1:9/hook")
        off = a_subscription(fhir.release, channel="websocket") | {"status": "off"}
        owner = fresh()
        found[fhir.release] = {
            "socket": await socket_subscription(fhir, owner),
            "hook": (await fhir.create(hook))["id"],
            "off": (await fhir.create(off))["id"],
        }
        await fhir.create(a_task(owner))

    in_every_release(hub, scenario)
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.call[:48]}")
def test_a_row(hub: RunningHub, named: dict[FhirRelease, dict[str, str]], row: Row) -> None:
    async def scenario(fhir: Fhir) -> None:
        ids = named[fhir.release]
        body = row.body
        if body is not None and body["resourceType"] == "Parameters":
            body = _posted(
                *(
                    (each["name"], kind, value.format(**ids))
                    for each in body["parameter"]
                    for kind, value in each.items()
                    if kind != "name"
                )
            )
        path = f"Subscription/{row.call.format(**ids)}"
        if row.code is not None:
            status, issue = await fhir.refused(row.method, path, body)
            assert (status, issue["code"]) == (row.status, row.code)
            return
        answer = await fhir.ask(row.method, path, body)
        assert answer.status_code == row.status, answer.text
        bundle = answer.json()
        if row.total is None:
            assert status_of(bundle)["events"] == []
        else:
            assert bundle["total"] == len(bundle.get("entry", ())) == row.total
            assert bundle["link"][0]["relation"] == "self"

    in_every_release(hub, scenario)


def test_events_never_say_more_than_the_subscription_allows(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        for own, allowed in (
            ("empty", {"empty": 0, "id-only": 0, "full-resource": 0}),
            ("id-only", {"empty": 0, "id-only": 1, "full-resource": 1}),
            ("full-resource", {"empty": 0, "id-only": 1, "full-resource": 2}),
        ):
            owner = fresh()
            id = await socket_subscription(fhir, owner, content=own)
            await fhir.create(a_task(owner))
            for asked, level in allowed.items():
                told = await fhir.get(f"Subscription/{id}/$events?content={asked}")
                (event,) = status_of(told)["events"]
                types = [entry["resource"]["resourceType"] for entry in told["entry"]]
                shown = (event.get("focus") is not None) + ("Task" in types)
                assert shown == level, (own, asked)

    in_every_release(hub, scenario)
