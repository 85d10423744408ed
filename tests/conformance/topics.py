"""The topics that the checklist needs besides those that ship with the hub."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any, Final

from hub.codecs.topic import ROOTS, to_release
from hub.core.release import FhirRelease, Resource
from tests.support.builders import BACKPORT

ROOT: Final = "http://example.org/conformance/SubscriptionTopic"
TASK: Final = "http://hl7.org/fhir/StructureDefinition/Task"
NUDGE: Final = {"system": "http://example.org/events", "code": "nudge"}
BY_OWNER: Final = [{"resource": "Task", "filterParameter": "owner", "modifier": ["missing", "not"]}]
VOTES: Final = [
    (result, both) for result, both in product(("test-passes", "test-fails"), (True, False))
]


def named(name: str) -> str:
    """Return the canonical of a topic of the checklist."""
    return f"{ROOT}/{name}"


def of_votes(interaction: str, result: str, both: bool) -> str:
    """Return the name of the topic that leaves the test without a state to ``result``."""
    return f"{interaction}-{result}-{'both' if both else 'either'}"


def a_topic(name: str, *triggers: Resource, version: str = "1.0.0", **more: Any) -> Resource:
    """Return a topic in R5."""
    topic: Resource = {
        "resourceType": "SubscriptionTopic",
        "id": f"{name}-{version.replace('.', '-')}",
        "url": named(name),
        "version": version,
        "status": "active",
        "title": name,
        "resourceTrigger": [{"resource": "Task", **trigger} for trigger in triggers],
        "canFilterBy": BY_OWNER,
    }
    return {name: value for name, value in (topic | more).items() if value}


def _query(**criteria: Any) -> Resource:
    return {"queryCriteria": criteria}


def _on(*interactions: str) -> Resource:
    return {"supportedInteraction": list(interactions)}


TWO_TYPES: Final = a_topic(
    "two-types",
    {"resource": "Task"},
    {"resource": "http://hl7.org/fhir/StructureDefinition/Patient"},
    canFilterBy=[
        *BY_OWNER,
        {"resource": TASK, "filterParameter": "status", "modifier": ["not"]},
        {"resource": "Task", "filterParameter": "patient"},
        {"resource": "Task", "filterParameter": "patient.gender"},
        {
            "resource": "Task",
            "filterParameter": "authored-on",
            "filterDefinition": "http://hl7.org/fhir/SearchParameter/Task-authored-on",
            "comparator": ["ge", "lt"],
        },
        {"resource": "Patient", "filterParameter": "identifier"},
        {"filterParameter": "_tag"},
    ],
    notificationShape=[{"resource": TASK, "include": ["Task:patient"]}],
)


RELATED: Final = "Task?patient=[patient]"
"""The related query of the topic that is recorded, as a template."""

RECORDED: Final = a_topic(
    "recorded",
    {"resource": "Task"},
    notificationShape=[
        {
            "resource": "Task",
            "include": ["Task:patient"],
            "extension": [
                {
                    "url": f"{BACKPORT}/backport-related-query",
                    "extension": [
                        {"url": "queryType", "valueCoding": NUDGE},
                        {"url": "query", "valueString": RELATED},
                    ],
                }
            ],
        }
    ],
)


def _votes() -> list[Resource]:
    """Return a topic for each result of a missing state, and each way to join the tests."""
    found = []
    for result, both in VOTES:
        on_create = _query(
            previous="status=draft",
            resultForCreate=result,
            current="status=accepted",
            requireBoth=both,
        )
        on_delete = _query(
            previous="status=accepted",
            current="status=draft",
            resultForDelete=result,
            requireBoth=both,
        )
        found += [
            a_topic(of_votes("create", result, both), _on("create") | on_create),
            a_topic(of_votes("delete", result, both), _on("delete") | on_delete),
        ]
    return found


def r5_topics() -> list[Resource]:
    """Return the topics that are written in R5."""
    both = {"previous": "status=requested", "current": "status=accepted"}
    return [
        TWO_TYPES,
        RECORDED,
        *_votes(),
        a_topic("with-type", _on("update") | _query(current="Task?status=accepted")),
        a_topic("either", _on("update") | _query(**both)),
        a_topic("both", _on("update") | _query(**both, requireBoth=True)),
        a_topic(
            "current-only", _on("create") | _query(current="status=accepted", requireBoth=True)
        ),
        a_topic("no-vote", _on("create") | _query(previous="status=accepted")),
        a_topic(
            "fhirpath",
            {"fhirPathCriteria": "%previous.empty() and %current.status = 'accepted'"},
            {"fhirPathCriteria": "%current.empty() and %previous.status = 'rejected'"},
        ),
        a_topic(
            "fhirpath-error",
            {"fhirPathCriteria": "(%current.status | %current.intent).startsWith('o')"},
            {"fhirPathCriteria": "%current.businessStatus.text = 'unknown'"},
        ),
        a_topic(
            "two-renderings",
            _on("create")
            | _query(current="status=accepted")
            | {"fhirPathCriteria": "%current.status = 'rejected'"},
        ),
        a_topic(
            "event-only",
            eventTrigger=[{"resource": "Task", "event": {"coding": [NUDGE]}}],
        ),
        a_topic("draft", {}, status="draft"),
        a_topic("retired", {}, status="retired"),
        a_topic("versioned", {}),
        a_topic("versioned", _on("delete"), version="2.0.0"),
        a_topic("versioned", {}, version="3.0.0", status="draft"),
        a_topic("derived", _on("delete"), derivedFrom=[named("either-or-none")]),
        a_topic("either-or-none", {}),
    ]


def wrapped_in_basic(name: str, root: int) -> Resource:
    """Return a topic as R4 wraps it in a Basic, its extensions under the root 5.0 or 4.3."""
    wrapped = to_release(a_topic(name, _on("create")), FhirRelease.R4)
    text = json.dumps(wrapped).replace(ROOTS[0], ROOTS[root])
    basic: Resource = json.loads(text)
    return basic


def write_topics(folder: Path) -> None:
    """Write all topics of the checklist as files that a hub loads."""
    basics = [wrapped_in_basic("root-5-0", 0), wrapped_in_basic("root-4-3", 1)]
    for number, topic in enumerate([*r5_topics(), *basics]):
        (folder / f"{number}.json").write_text(json.dumps(topic))
