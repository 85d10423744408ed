"""``$inject-event``: an administrator tells the hub of what no change shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.core.release import FhirRelease, Resource
from hub.stores.memory import MemoryStore
from tests.support.rig import HOUR
from tests.support.rig_resources import a_task, subscription_of
from tests.web.site import Site, a_patient, a_site, issue, run
from tests.web.topics import ADMIN, URL, a_topic, administered, kind

R4, R4B, R5 = FhirRelease
SYSTEM = "http://example.org/events"
EVENT = {
    "resourceTrigger": [{"resource": "Task", "supportedInteraction": ["delete"]}],
    "eventTrigger": [
        {"resource": "Encounter", "event": {"coding": [{"system": SYSTEM, "code": "a01"}]}},
        {"resource": "Task", "event": {"coding": [{"system": SYSTEM, "code": "nudge"}]}},
    ],
    "notificationShape": [{"resource": "Task", "include": ["Task:patient"]}],
}
NUDGE = {"name": "event", "valueCoding": {"system": SYSTEM, "code": "nudge"}}
every_release = pytest.mark.parametrize("release", list(FhirRelease))


def about(name: str, reference: str) -> Resource:
    return {"name": name, "valueReference": {"reference": reference}}


async def inject(
    site: Site, release: FhirRelease, *parameters: Resource, id: str = "mine", **more: Any
) -> httpx.Response:
    body = {"resourceType": "Parameters", "parameter": list(parameters)}
    return await site.ask(
        "POST",
        f"{kind(release)}/{id}/$inject-event",
        body,
        base=f"/fhir/{release.path}",
        **ADMIN | more,
    )


async def a_topic_and_a_task(site: Site, release: FhirRelease, owner: str = "lab") -> None:
    base = f"/fhir/{release.path}"
    topic = a_topic(release, id="mine", **EVENT)
    answer = await site.ask("PUT", f"{kind(release)}/mine", topic, base=base, **ADMIN)
    assert answer.status_code == 201, answer.text
    patient, other = a_patient(id="p"), a_patient(id="q")
    task = a_task(f"Organization/{owner}", id="t") | {"for": {"reference": "Patient/p"}}
    await site.rig.write(patient, other, release=release)
    await site.rig.write(task, release=release)


async def subscribe(site: Site, release: FhirRelease, owner: str = "lab", **more: Any) -> str:
    body = subscription_of(
        release, topic=URL, filters=(f"Task?owner=Organization/{owner}",), **more
    )
    answer = await site.ask("POST", "Subscription", body, base=f"/fhir/{release.path}")
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


@every_release
def test_an_event_is_numbered_delivered_and_asked_for_like_any_other(
    release: FhirRelease, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await a_topic_and_a_task(site, release)
            id = await subscribe(site, release, content="full-resource")
            await subscribe(site, release, "other")
            await site.rig.after(HOUR)
            focus = f"http://hub.example.org/fhir/{release.path}/Task/t"
            told = await inject(
                site, release, NUDGE, about("focus", focus), about("context", "Patient/q")
            )
            assert told.status_code == 200, told.text
            streams, subscriptions, event = told.json()["parameter"]
            assert (streams["valueInteger"], subscriptions["valueInteger"]) == (1, 1)
            assert event["part"] == [
                {"name": "subscription", "valueReference": {"reference": f"Subscription/{id}"}},
                {"name": "event-number", "valueString": "1"},
            ]
            await inject(site, release, NUDGE, about("focus", "Task/t"))
            await site.rig.delete("Task/t", release)
            await site.rig.after(HOUR)
            assert site.rig.endpoints.numbers() == [1, 2, 3]
            found = await site.rig.events(id, release)
            urls = [entry.get("fullUrl", "") for entry in found["entry"][1:]]
            assert sum(url.endswith("Task/t") for url in urls) == 2
            assert {url.rpartition("/")[2] for url in urls} == {"t", "p", "q"}
            at = site.rig.hub.subscribers.find(release, id)
            assert at is not None and at.delivery.cursor == 3

    run(scenario())


def test_a_concept_matches_by_any_of_its_codings(tmp_path: Path) -> None:
    other = {"system": "http://example.org/other", "code": "nudge"}

    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await a_topic_and_a_task(site, R5)
            await subscribe(site, R5)
            concept = {"coding": [other, NUDGE["valueCoding"]]}
            event = {"name": "event", "valueCodeableConcept": concept}
            told = await inject(site, R5, event, about("focus", "Task/t"))
            assert told.json()["parameter"][0]["valueInteger"] == 1
            refused = await inject(
                site, R5, {"name": "event", "valueCoding": other}, about("focus", "Task/t")
            )
            assert refused.status_code == 422
            assert f"Task {SYSTEM}|nudge" in issue(refused)["diagnostics"]

    run(scenario())


def test_an_event_without_streams_is_no_event(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await a_topic_and_a_task(site, R4)
            told = await inject(site, R4, NUDGE, about("focus", "Task/t"))
            assert [each["valueInteger"] for each in told.json()["parameter"]] == [0, 0]
            await subscribe(site, R4, "other")
            told = await inject(site, R4, NUDGE, about("focus", "Task/t"))
            assert [each["valueInteger"] for each in told.json()["parameter"]] == [0, 0]

    run(scenario())


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ([about("focus", "Task/t")], 400, "one event and one focus"),
        ([NUDGE], 400, "one event and one focus"),
        ([NUDGE, NUDGE, about("focus", "Task/t")], 400, "one event"),
        ([NUDGE, about("focus", "Task/none")], 422, "no Task/none"),
        ([NUDGE, about("focus", "Task/t"), about("context", "Patient/none")], 422, "Patient/none"),
        ([NUDGE, about("focus", "Patient/p")], 422, "no such event for a Patient"),
        ([NUDGE, about("focus", "Task/t/_history/1")], 400, "focus must be"),
        ([NUDGE, about("focus", "Nothing/t")], 400, "focus must be"),
        ([NUDGE, {"name": "focus", "valueString": "Task/t"}], 400, "focus must be"),
        ([{"name": "event", "valueString": "x"}, about("focus", "Task/t")], 400, "with a code"),
        ([{"name": "event", "valueCoding": {"system": SYSTEM}}], 400, "with a code"),
        ([{"name": "more", "valueString": "x"}], 400, "allowed: event, focus, context"),
        ([NUDGE, about("focus", "Task/t"), *[about("context", "Task/t")] * 51], 400, "51"),
    ],
)
def test_what_can_t_be_told_is_refused(
    parameters: list[Resource], status: int, words: str, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await a_topic_and_a_task(site, R5)
            await subscribe(site, R5)
            answer = await inject(site, R5, *parameters)
            assert answer.status_code == status, answer.text
            assert words in issue(answer)["diagnostics"]
            assert [each.n for each in site.rig.hub.subscribers.streams()] == [0]

    run(scenario())


def test_only_an_administrator_tells_events_of_topics_and_by_post(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            await a_topic_and_a_task(site, R5)
            anonymous = await inject(site, R5, NUDGE, authorization="")
            assert anonymous.status_code == 403
            wrong = await inject(site, R5, NUDGE, authorization="Bearer x")
            assert wrong.status_code == 401
            none = await inject(site, R5, NUDGE, about("focus", "Task/t"), id="none")
            assert none.status_code == 404
            path = "SubscriptionTopic/mine/$inject-event"
            assert (await site.ask("GET", path, base="/fhir/r5", **ADMIN)).status_code == 405
            elsewhere = await site.ask("POST", "Task/t/$inject-event", base="/fhir/r5", **ADMIN)
            assert elsewhere.status_code == 404

    run(scenario())


def test_a_topic_of_events_alone_is_offered_and_subscribed_to(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            topic = a_topic(R5, id="mine", **EVENT)
            del topic["resourceTrigger"]
            answer = await site.ask(
                "PUT", "SubscriptionTopic/mine", topic, base="/fhir/r5", **ADMIN
            )
            assert answer.status_code == 201, answer.text
            statement = (await site.ask("GET", "metadata")).text
            assert URL in statement
            await site.rig.write(a_task(id="t"))
            await subscribe(site, R4)
            told = await inject(site, R4, NUDGE, about("focus", "Task/t"))
            assert told.json()["parameter"][0]["valueInteger"] == 1

    run(scenario())


def test_events_that_were_told_survive_a_restart_and_stay_in_order(tmp_path: Path) -> None:
    store = MemoryStore()
    ids: list[str] = []

    async def before() -> None:
        async with a_site(settings=administered(tmp_path), store=store) as site:
            await a_topic_and_a_task(site, R4)
            ids.append(await subscribe(site, R4))
            await inject(site, R4, NUDGE, about("focus", "Task/t"))

    async def after() -> None:
        async with a_site(settings=administered(tmp_path), store=store) as site:
            await site.rig.delete("Task/t")
            await site.rig.write(a_task(id="t"))
            await inject(site, R4, NUDGE, about("focus", "Task/t"))
            stream = site.rig.hub.subscribers.streams()[0]
            events = store.writer.events(stream.id, 1, 9)
            assert [each.n for each in events] == [1, 2, 3]
            assert [each.seq for each in events] == sorted(each.seq for each in events)
            told = [each.context.occurrence for each in events]
            assert [each and each.focus.version for each in told] == [1, None, 3]
            assert len((await site.rig.events(ids[0]))["entry"]) >= 1

    run(before())
    run(after())
