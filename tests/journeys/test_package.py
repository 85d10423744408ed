"""A hub with an implementation guide: its topics, parameters and ValueSets at work."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hub.core.release import FhirRelease, Resource
from hub.settings import SettingsError, packaged_topics
from tests.journeys.hosting import Fhir, fresh, in_every_release, running_hub
from tests.support.builders import a_subscription, a_task
from tests.support.packages import MANIFEST, a_package

BASE = "http://example.org/guide"
URGENT = f"{BASE}/ValueSet/urgent"
CS = f"{BASE}/CodeSystem/codes"
TOPIC: Resource = {
    "resourceType": "SubscriptionTopic",
    "id": "urgent",
    "url": f"{BASE}/SubscriptionTopic/tasks",
    "version": "1.0.0",
    "status": "active",
    "resourceTrigger": [
        {
            "resource": "Task",
            "fhirPathCriteria": f"%current.code.memberOf('{BASE}/ValueSet/all')",
        }
    ],
    "canFilterBy": [
        {"resource": "Task", "filterParameter": "code", "modifier": ["in", "not-in"]},
        {"resource": "Task", "filterParameter": "floor"},
        {"resource": "Task", "filterParameter": "owner"},
    ],
}
GUIDE: tuple[Resource, ...] = (
    TOPIC,
    TOPIC
    | {
        "url": f"{BASE}/SubscriptionTopic/silent",
        "resourceTrigger": [
            {"resource": "Task", "queryCriteria": {"current": "code:in=http://no"}}
        ],
    },
    {
        "resourceType": "ValueSet",
        "url": URGENT,
        "compose": {"include": [{"system": CS, "concept": [{"code": "stat"}]}]},
    },
    {
        "resourceType": "ValueSet",
        "url": f"{BASE}/ValueSet/all",
        "compose": {"include": [{"system": CS}]},
    },
    {
        "resourceType": "CodeSystem",
        "url": CS,
        "content": "complete",
        "concept": [{"code": "stat"}, {"code": "later"}],
    },
    {
        "resourceType": "SearchParameter",
        "url": f"{BASE}/SearchParameter/floor",
        "code": "floor",
        "base": ["Task"],
        "type": "string",
        "expression": f"Task.extension.where(url = '{BASE}/floor').value.ofType(string)",
    },
)


def a_guide(tmp_path: Path) -> Path:
    path = tmp_path / "guide.tgz"
    manifest = {**MANIFEST, "fhirVersions": ["4.0.1", "4.3.0", "5.0.0"]}
    path.write_bytes(a_package(*GUIDE, manifest=manifest))
    return path


def an_order(owner: str, code: str, floor: str = "2") -> Resource:
    return a_task(
        owner,
        code={"coding": [{"system": CS, "code": code}]},
        extension=[{"url": f"{BASE}/floor", "valueString": floor}],
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_the_topics_parameters_and_value_sets_of_a_package_are_at_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, processes: int
) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        counted = {}
        for name, query in (
            ("all", f"owner={owner}"),
            ("urgent", f"code:in={URGENT}"),
            ("others", f"code:not-in={URGENT}"),
            ("floor", "floor=2"),
        ):
            filters = [f"Task?owner={owner}"] + ([f"Task?{query}"] if name != "all" else [])
            wanted = a_subscription(
                fhir.release, channel="websocket", topic_name=TOPIC["url"], filters=filters
            )
            counted[name] = (await fhir.create(wanted))["id"]
        for code, floor in (("stat", "2"), ("later", "2"), ("later", "3"), ("unknown", "2")):
            await fhir.create(an_order(owner, code, floor))
        counts = {name: (await fhir.status(id))["counter"] for name, id in counted.items()}
        assert counts == {"all": "3", "urgent": "1", "others": "2", "floor": "2"}
        for query, total in (
            (f"code:in={URGENT}", 1),
            (f"code:not-in={URGENT}", 3),
            ("floor=2", 3),
        ):
            found = await fhir.get(f"Task?owner={owner}&{query}")
            assert len(found["entry"]) == total, query
        status, issue = await fhir.refused("GET", "Task?code:in=http://no")
        assert status == 400 and "http://no is not loaded" in issue["diagnostics"]
        refused = a_subscription(
            fhir.release,
            channel="websocket",
            topic_name=TOPIC["url"],
            filters=["Task?code:in=http://no"],
        )
        status, issue = await fhir.refused("POST", "Subscription", refused)
        assert status == 422 and "http://no is not loaded" in issue["diagnostics"]

    with (
        caplog.at_level(logging.WARNING, "hub.loading"),
        running_hub(topics=(packaged_topics(), a_guide(tmp_path)), processes=processes) as hub,
    ):
        in_every_release(hub, scenario)
    (line,) = [record.message for record in caplog.records if record.message.startswith("left out")]
    assert "guide.tgz: SubscriptionTopic-1.json: " in line
    assert line.count("http://no is not loaded") == 1 and "in R4, R4B, R5: " in line


def test_a_broken_package_keeps_the_hub_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "guide.tgz"
    path.write_bytes(b"broken")
    with (
        pytest.raises(SettingsError, match=r"guide\.tgz: no gzipped tar file"),
        running_hub(topics=(packaged_topics(), path)),
    ):
        pass


def test_a_topic_that_ran_is_missed_when_its_package_lacks_a_part(tmp_path: Path) -> None:
    guide, db = a_guide(tmp_path), tmp_path / "hub.db"
    topics = (packaged_topics(), guide)
    with running_hub(db=db, topics=topics):
        pass
    manifest = {**MANIFEST, "fhirVersions": [each.full_version for each in FhirRelease]}
    guide.write_bytes(a_package(TOPIC, manifest=manifest))
    with (
        pytest.raises(SettingsError, match=r"ValueSet/all is not loaded"),
        running_hub(db=db, topics=topics),
    ):
        pass
