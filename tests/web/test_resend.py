"""``$resend`` over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from tests.support.rig_resources import a_task, subscription_of
from tests.web.site import Site, a_site, issue, run

SECOND = timedelta(seconds=1)


async def _with_events(site: Site, count: int, release: FhirRelease, **changes: Any) -> str:
    """Create a Subscription, let it have events, and return the path of its ``$resend``."""
    base = f"/fhir/{release.path}"
    answer = await site.ask("POST", "Subscription", subscription_of(release, **changes), base=base)
    await site.rig.after(SECOND)
    for _ in range(count):
        assert (await site.ask("POST", "Task", a_task(), base=base)).status_code == 201
        await site.rig.after(SECOND)
    return f"{base}/Subscription/{answer.json()['id']}/$resend"


def _parameters(**values: str) -> Resource:
    parameters = [
        {"name": name, "valueInstant" if "Instant" in name else "valueString": value}
        for name, value in values.items()
    ]
    return {"resourceType": "Parameters"} | ({"parameter": parameters} if parameters else {})


def _told(outcome: Resource) -> list[tuple[str, str]]:
    assert outcome["resourceType"] == "OperationOutcome"
    return [(each["severity"], each["diagnostics"]) for each in outcome["issue"]]


@pytest.mark.parametrize("release", FhirRelease)
def test_the_numbers_that_will_be_sent_again_are_named(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            path = await _with_events(site, 4, release)
            whole = {"eventsSinceNumber": "2", "eventsUntilNumber": "3"}
            if release is FhirRelease.R5:
                body: Resource = {
                    "resourceType": "Parameters",
                    "parameter": [
                        {"name": name, "valueInteger64": value} for name, value in whole.items()
                    ],
                }
            else:
                body = _parameters(**whole)
            answer = await site.ask("POST", path, body)
            assert answer.status_code == 200, answer.text
            id = path.split("/")[-2]
            assert _told(answer.json()) == [
                ("information", f"Subscription/{id} will be sent again the event numbers 2 to 3")
            ]
            await site.rig.after(SECOND)
            assert site.rig.endpoints.numbers() == [1, 2, 3, 4, 2, 3]
            nothing = await site.ask("POST", f"{path}?eventsSinceNumber=5")
            assert "nothing is sent again" in nothing.json()["issue"][0]["diagnostics"]

    run(scenario())


def test_instants_in_an_address_and_in_a_body_mean_the_same() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            path = await _with_events(site, 2, FhirRelease.R4)
            for since in ("2026-01-01T00:00:01.5Z", "2026-01-01T01:00:01.5+01:00"):
                body = _parameters(
                    eventsSinceInstant=since, eventsUntilInstant="2027-01-01T00:00:00Z"
                )
                for address, asked in ((path, body), (f"{path}?eventsSinceInstant={since}", None)):
                    answer = await site.ask("POST", address, asked)
                    assert "numbers 2" in _told(answer.json())[0][1]
                    await site.rig.after(SECOND)
            assert site.rig.endpoints.numbers() == [1, 2, 2, 2, 2, 2]

    run(scenario())


def test_sockets_are_counted_and_what_waits_is_told() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            path = await _with_events(site, 0, FhirRelease.R4, type="websocket")
            id = path.split("/")[-2]
            _, one = await site.rig.bind(id)
            _, two = await site.rig.bind(id)
            for _ in range(3):
                await site.ask("POST", "Task", a_task())
            await site.rig.after(SECOND)
            answer = await site.ask("POST", f"{path}?eventsUntilNumber=1")
            assert "numbers 1, over 2 bound sockets" in _told(answer.json())[0][1]
            answer = await site.ask("POST", f"{path}?eventsSinceNumber=3")
            assert _told(answer.json())[0][1].endswith("waiting altogether: 1 and 3")
            await one.close()
            await two.close()

    run(scenario())


@pytest.mark.parametrize(
    ("method", "query", "status", "words"),
    [
        ("GET", "", 405, "takes POST"),
        ("POST", "?eventsSinceNumber=-1", 400, "whole number"),
        ("POST", "?eventsSinceNumber=abc", 400, "whole number"),
        ("POST", "?eventsSinceNumber=3&eventsUntilNumber=2", 400, "greater than"),
        ("POST", "?eventsSinceInstant=2026-01-01", 400, "must be one instant"),
        ("POST", "?eventsSinceInstant=2026-02-30T00:00:00Z", 400, "must be one instant"),
        (
            "POST",
            "?eventsSinceInstant=2026-01-01T00:00:00Z&eventsSinceInstant=2026-01-01T00:00:00Z",
            400,
            "must be one instant",
        ),
        (
            "POST",
            "?eventsSinceInstant=2026-01-02T00:00:00Z&eventsUntilInstant=2026-01-01T00:00:00Z",
            400,
            "is later than",
        ),
        ("POST", "?content=empty", 400, "no parameter"),
    ],
)
def test_what_can_not_be_sent_again_is_refused(
    method: str, query: str, status: int, words: str
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            path = await _with_events(site, 1, FhirRelease.R4)
            answer = await site.ask(method, path + query)
            assert answer.status_code == status
            assert words in issue(answer)["diagnostics"]
            await site.rig.after(SECOND)
            assert site.rig.endpoints.numbers() == [1]

    run(scenario())


def test_what_was_never_sent_and_what_is_gone_are_told_as_warnings() -> None:
    async def scenario() -> None:
        async with a_site(retain=timedelta(hours=1)) as site:
            path = await _with_events(site, 2, FhirRelease.R4)
            await site.rig.after(timedelta(hours=3))
            await site.ask("POST", "Task", a_task())
            await site.rig.after(SECOND)
            await site.rig.retention.sweep()
            expired = await site.ask("POST", f"{path}?eventsSinceNumber=1")
            assert expired.status_code == 410
            assert "the lowest is 3" in issue(expired)["diagnostics"]
            await site.ask("POST", "Task", a_task())
            (_, pending, lowest) = _told((await site.ask("POST", path)).json())
            assert pending[0] == lowest[0] == "warning"
            assert "from number 4 on are on their way" in pending[1]
            assert "before number 3 are no longer kept" in lowest[1]

    run(scenario())
