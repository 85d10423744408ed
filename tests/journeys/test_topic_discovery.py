"""How clients find out which topics there are."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hub.core.release import FhirRelease, Resource
from hub.settings import SettingsError, packaged_topics
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, running_hub
from tests.support.builders import BACKPORT, a_subscription, a_task, topic

PACKAGED = {path.parent.name for path in packaged_topics().glob("*/topic.json")}
FHIR_TYPES = "http://hl7.org/fhir/fhir-types"
DEFINITION = "http://hl7.org/fhir/StructureDefinition"


def _subscription_entry(statement: Resource) -> Resource:
    (rest,) = statement["rest"]
    (entry,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    found: Resource = entry
    return found


def test_metadata_says_what_a_base_offers(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        statement = await fhir.get("metadata")
        assert statement["fhirVersion"] == fhir.release.full_version
        entry = _subscription_entry(statement)
        interactions = {each["code"] for each in entry["interaction"]}
        assert {"read", "create", "update", "delete", "search-type"} <= interactions
        operations = {each["name"] for each in entry["operation"]}
        assert {"status", "events", "get-ws-binding-token"} <= {
            name.removeprefix("$") for name in operations
        }
        if fhir.release is not FhirRelease.R5:
            assert entry["supportedProfile"] == [f"{BACKPORT}/backport-subscription"]
        if fhir.release is FhirRelease.R4:
            url = f"{BACKPORT}/capabilitystatement-subscriptiontopic-canonical"
            listed = [each["valueCanonical"] for each in entry["extension"] if each["url"] == url]
            assert {topic(name) for name in PACKAGED} == {each.partition("|")[0] for each in listed}
            for canonical in listed:
                wanted = a_subscription(
                    fhir.release, channel="websocket", topic_name=canonical, status="off"
                )
                await fhir.create(wanted)

    in_every_release(hub, scenario)


def test_topics_are_found_in_the_form_of_the_release(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        url = topic("task-activity")
        if fhir.release is FhirRelease.R4:
            found = await fhir.get(f"Basic?code={FHIR_TYPES}|SubscriptionTopic&_count=100")
            urls = [
                each["valueUri"]
                for entry in found["entry"]
                for each in entry["resource"]["extension"]
                if each["url"].endswith("SubscriptionTopic.url")
            ]
            assert sorted(urls) == sorted(topic(name) for name in PACKAGED)
            assert await fhir.get(f"Basic/{found['entry'][0]['resource']['id']}")
            return
        found = await fhir.get("SubscriptionTopic?_count=100")
        urls = [entry["resource"]["url"] for entry in found["entry"]]
        assert sorted(urls) == sorted(topic(name) for name in PACKAGED)
        for query in (f"url={url}", f"derived-or-self={url}"):
            (entry,) = (await fhir.get(f"SubscriptionTopic?{query}"))["entry"]
            assert entry["resource"]["url"] == url
            assert await fhir.get(f"SubscriptionTopic/{entry['resource']['id']}")

    in_every_release(hub, scenario)


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ("Specimen", {"specimen-status-changed"}),
        (f"{DEFINITION}/Specimen", {"specimen-status-changed"}),
        (f"Patient,{DEFINITION}/Specimen", {"specimen-status-changed", "patient-merged"}),
    ],
)
def test_a_topic_is_found_by_name_and_by_url_of_its_resource(
    hub: RunningHub, resource: str, names: set[str]
) -> None:
    async def scenario(fhir: Fhir) -> None:
        found = await fhir.ask("GET", f"SubscriptionTopic?resource={resource}")
        ids = [entry["resource"]["id"] for entry in found.json()["entry"]]
        assert {*ids} == names

    in_every_release(hub, scenario, releases=(FhirRelease.R4B, FhirRelease.R5))


def test_topics_are_read_only(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        if fhir.release is FhirRelease.R4:
            kind = "Basic"
            found = await fhir.get(f"Basic?code={FHIR_TYPES}|SubscriptionTopic")
        else:
            kind = "SubscriptionTopic"
            found = await fhir.get(kind)
        resource = found["entry"][0]["resource"]
        path = f"{kind}/{resource['id']}"
        for method, where, body in (
            ("PUT", path, resource),
            ("DELETE", path, None),
            ("POST", kind, {k: v for k, v in resource.items() if k != "id"}),
        ):
            status, issue = await fhir.refused(method, where, body)
            assert (status, issue["code"]) == (405, "not-supported"), method
        assert await fhir.get(path) == resource

    in_every_release(hub, scenario)


def test_a_subscription_takes_a_topic_with_or_without_its_version(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        for canonical in (topic("task-activity"), topic("task-activity") + "|1.0.0"):
            stored = await fhir.create(
                a_subscription(fhir.release, channel="websocket", topic_name=canonical)
            )
            shown = stored.get("topic") or stored["criteria"]
            assert shown == canonical

    in_every_release(hub, scenario)


def _a_topic(directory: Path, version: str, status: str = "active", **more: object) -> None:
    source = json.loads((packaged_topics() / "task-activity" / "topic.json").read_text())
    source |= {"url": topic("mine"), "id": f"mine-{version}", "version": version, "status": status}
    source |= more
    (directory / f"{version}.json").write_text(json.dumps(source))


def test_a_subscription_keeps_the_version_that_it_was_made_for(tmp_path: Path) -> None:
    topics, owner = tmp_path / "topics", fresh()
    topics.mkdir()
    db = tmp_path / "hub.db"
    only_deletes = [{"resource": "Task", "supportedInteraction": ["delete"]}]
    ids: dict[FhirRelease, str] = {}

    async def before(fhir: Fhir) -> None:
        wanted = a_subscription(
            fhir.release,
            channel="websocket",
            topic_name=topic("mine"),
            filters=[f"Task?owner={owner}"],
        )
        ids[fhir.release] = (await fhir.create(wanted))["id"]
        await fhir.create(a_task(owner))

    async def after(fhir: Fhir) -> None:
        wanted = a_subscription(
            fhir.release,
            channel="websocket",
            topic_name=topic("mine"),
            filters=[f"Task?owner={owner}"],
        )
        newer = (await fhir.create(wanted))["id"]
        await fhir.create(a_task(owner))
        assert (await fhir.status(ids[fhir.release]))["counter"] == "2"
        assert (await fhir.status(newer))["counter"] == "0"
        retired = wanted | {"status": "requested"}
        text = json.dumps(retired).replace(topic("mine"), topic("mine") + "|3.0.0")
        status, issue = await fhir.refused("POST", "Subscription", json.loads(text))
        assert (status, issue["details"]["coding"][0]["code"]) == (422, "topic-not-active")

    _a_topic(topics, "1.0.0")
    directories = (packaged_topics(), topics)
    with running_hub(db=db, topics=directories) as hub:
        in_every_release(hub, before)
    _a_topic(topics, "2.0.0", resourceTrigger=only_deletes)
    _a_topic(topics, "3.0.0", status="retired")
    with running_hub(db=db, topics=directories) as hub:
        in_every_release(hub, after)
    _a_topic(topics, "1.0.0", resourceTrigger=only_deletes)
    with (
        pytest.raises(SettingsError, match="another version"),
        running_hub(db=db, topics=directories),
    ):
        pass


def test_the_home_page_leads_to_the_bases(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(FhirRelease.R4) as fhir:
            answer = await fhir.http.get(hub.url, headers={"accept": "application/json"})
            assert answer.status_code == 200
            for release in FhirRelease:
                assert f"/fhir/{release.path}" in answer.text

    asyncio.run(scenario())


def _derived(directory: Path, name: str, **more: object) -> None:
    source = json.loads((packaged_topics() / "task-activity" / "topic.json").read_text())
    source |= {"url": topic(name), "id": name, "derivedFrom": [topic("task-activity")], **more}
    (directory / f"{name}.json").write_text(json.dumps(source))


def test_derived_topics_are_found_with_the_one_that_they_derive_from(tmp_path: Path) -> None:
    owner = fresh()

    async def scenario(fhir: Fhir) -> None:
        if fhir.release is not FhirRelease.R4:
            found = await fhir.get(f"SubscriptionTopic?derived-or-self={topic('task-activity')}")
            urls = {entry["resource"]["url"] for entry in found["entry"]}
            assert urls == {topic("task-activity"), topic("only-deletes")}
            found = await fhir.get(f"SubscriptionTopic?derived-or-self={topic('only-deletes')}")
            assert [entry["resource"]["url"] for entry in found["entry"]] == [topic("only-deletes")]
        counters = []
        for name in ("task-activity", "only-deletes"):
            wanted = a_subscription(
                fhir.release, channel="websocket", topic_name=name, filters=[f"Task?owner={owner}"]
            )
            counters.append((await fhir.create(wanted))["id"])
        task = await fhir.create(a_task(owner))
        await fhir.delete(f"Task/{task['id']}")
        assert [(await fhir.status(id))["counter"] for id in counters] == ["2", "1"]

    only_deletes = [{"resource": "Task", "supportedInteraction": ["delete"]}]
    _derived(tmp_path, "only-deletes", resourceTrigger=only_deletes)
    with running_hub(topics=(packaged_topics(), tmp_path)) as hub:
        in_every_release(hub, scenario)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"canFilterBy": []}, r"takes the filter .* away"),
        ({"resourceTrigger": [{"resource": "Patient"}]}, "is about Patient, not Task"),
    ],
)
def test_a_topic_that_is_none_of_its_kind_keeps_the_hub_from_starting(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    _derived(tmp_path, "other", **changes)
    with (
        pytest.raises(SettingsError, match=words),
        running_hub(topics=(packaged_topics(), tmp_path)),
    ):
        pass


def test_versions_stand_side_by_side_and_each_subscription_keeps_its_own(tmp_path: Path) -> None:
    only_deletes = [{"resource": "Task", "supportedInteraction": ["delete"]}]
    _a_topic(tmp_path, "1.9.0")
    _a_topic(tmp_path, "1.10.0", resourceTrigger=only_deletes)
    _a_topic(tmp_path, "2.0.0", status="draft")

    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        counters = {}
        for version in ("", "|1.9.0", "|1.10.0"):
            wanted = a_subscription(
                fhir.release,
                channel="websocket",
                topic_name=topic("mine") + version,
                filters=[f"Task?owner={owner}"],
            )
            counters[version] = (await fhir.create(wanted))["id"]
        task = await fhir.create(a_task(owner))
        await fhir.delete(f"Task/{task['id']}")
        counted = {version: (await fhir.status(id))["counter"] for version, id in counters.items()}
        assert counted == {"": "1", "|1.9.0": "2", "|1.10.0": "1"}
        draft = a_subscription(
            fhir.release, channel="websocket", topic_name=topic("mine") + "|2.0.0"
        )
        status, issue = await fhir.refused("POST", "Subscription", draft)
        assert (status, issue["details"]["coding"][0]["code"]) == (422, "topic-not-active")

    with running_hub(topics=(packaged_topics(), tmp_path)) as hub:
        in_every_release(hub, scenario)
