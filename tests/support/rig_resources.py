"""The resources that a rig is given, as clients write them."""

from __future__ import annotations

import json
import re
from typing import Any

from hub.core.echo import SUPPRESS_ECHO
from hub.core.json_text import dumps, parse
from hub.core.release import FhirRelease, Resource
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.version import ResourceVersion
from hub.engine.subscriptions import Stored
from hub.engine.write import Written

TASK_TOPIC = "http://example.org/topics/task"
OTHER_TOPIC = "http://example.org/topics/patient"
OTHER_OWNER = ("Task?owner=Organization/other",)
SECRET = ["Authorization: Bearer abc", "X-Key: k1"]


def a_topic(url: str = TASK_TOPIC, resource: str = "Task", **more: Any) -> SubscriptionTopic:
    """Return a topic that fires on every write of a type, with filters."""
    names = {"Task": ("owner", "status", "_id"), "Patient": ("_id", "gender")}[resource]
    source: Resource = {
        "resourceType": "SubscriptionTopic",
        "id": url.rpartition("/")[2],
        "url": url,
        "version": "1.0.0",
        "status": "active",
        "resourceTrigger": [{"resource": resource}],
        "canFilterBy": [
            {"resource": resource, "filterParameter": name, "modifier": ["not", "missing"]}
            for name in names
        ],
        "notificationShape": [{"resource": "Task", "include": ["Task:patient"]}],
    }
    return parse_topic(source | more)


def a_subscription(**changes: Any) -> Resource:
    """Return an R4 backport Subscription: Tasks of Organization/lab to a rest-hook, id-only."""
    backport = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
    channel: Resource = {
        "type": changes.get("type", "rest-hook"),
        "payload": changes.get("payload", "application/fhir+json"),
        "_payload": {
            "extension": [
                {
                    "url": f"{backport}/backport-payload-content",
                    "valueCode": changes.get("content", "id-only"),
                }
            ]
        },
    }
    if channel["type"] == "rest-hook" or "endpoint" in changes:
        channel["endpoint"] = changes.get("endpoint", "https://lab.example.org/hook")
    if "header" in changes:
        channel["header"] = changes["header"]
    extension = [
        {"url": f"{backport}/{name}", value: changes[key]}
        for key, name, value in (
            ("heartbeat", "backport-heartbeat-period", "valueUnsignedInt"),
            ("timeout", "backport-timeout", "valueUnsignedInt"),
            ("max_count", "backport-max-count", "valuePositiveInt"),
        )
        if key in changes
    ]
    if extension:
        channel["extension"] = extension
    resource: Resource = {
        "resourceType": "Subscription",
        "status": changes.get("status", "requested"),
        "reason": "test",
        "criteria": changes.get("topic", TASK_TOPIC),
        "channel": channel,
    }
    filters = changes.get("filters", ("Task?owner=Organization/lab",))
    if filters:
        resource["_criteria"] = {
            "extension": [
                {"url": f"{backport}/backport-filter-criteria", "valueString": each}
                for each in filters
            ]
        }
    if "id" in changes:
        resource["id"] = changes["id"]
    if "end" in changes:
        resource["end"] = changes["end"]
    return resource | echo_of(changes)


def echo_of(changes: dict[str, Any]) -> Resource:
    """Return the extension that says whether an owner's own changes are suppressed."""
    if "suppress_echo" not in changes:
        return {}
    return {"extension": [{"url": SUPPRESS_ECHO, "valueBoolean": changes["suppress_echo"]}]}


def an_r5_subscription(**changes: Any) -> Resource:
    """Return the same Subscription as R5 says it."""
    resource: Resource = {
        "resourceType": "Subscription",
        "status": changes.get("status", "requested"),
        "topic": changes.get("topic", TASK_TOPIC),
        "channelType": {
            "system": "http://terminology.hl7.org/CodeSystem/subscription-channel-type",
            "code": changes.get("type", "rest-hook"),
        },
        "contentType": "application/fhir+json",
        "content": changes.get("content", "id-only"),
    }
    if changes.get("type", "rest-hook") == "rest-hook":
        resource["endpoint"] = changes.get("endpoint", "https://lab.example.org/hook")
    for key, name in (
        ("heartbeat", "heartbeatPeriod"),
        ("timeout", "timeout"),
        ("max_count", "maxCount"),
        ("end", "end"),
        ("id", "id"),
    ):
        if key in changes:
            resource[name] = changes[key]
    if "header" in changes:
        pairs = [each.split(": ", 1) for each in changes["header"]]
        resource["parameter"] = [{"name": name, "value": value} for name, value in pairs]
    filters = [
        re.fullmatch(r"(\w+)\?([^=:]+):?(\w*)=(.*)", each)
        for each in changes.get("filters", ("Task?owner=Organization/lab",))
    ]
    if filters:
        resource["filterBy"] = [
            {"resourceType": each[1], "filterParameter": each[2], "value": each[4]}
            | ({"modifier": each[3]} if each[3] else {})
            for each in filters
            if each is not None
        ]
    return resource | echo_of(changes)


def subscription_of(release: FhirRelease, **changes: Any) -> Resource:
    """Return the Subscription as a release says it."""
    return (an_r5_subscription if release is FhirRelease.R5 else a_subscription)(**changes)


def a_task(
    owner: str | None = "Organization/lab", status: str = "requested", **more: Any
) -> Resource:
    """Return a Task."""
    task: Resource = {"resourceType": "Task", "status": status, "intent": "order"}
    if owner:
        task["owner"] = {"reference": owner}
    return task | more


def document(resource: Resource) -> Any:
    """Return a resource as a document."""
    return parse(dumps(resource))


def id_of(stored: Stored | Written) -> str:
    """Return the id of what was stored."""
    version: ResourceVersion | None = stored.version
    assert version is not None
    return version.key.id


def text_of(stored: Stored | Written) -> bytes:
    """Return the text that is stored."""
    version: ResourceVersion | None = stored.version
    assert version is not None and version.body is not None
    return version.body


def body_of(stored: Stored | Written) -> Resource:
    """Return what is stored, which is what a later read shows."""
    resource: Resource = json.loads(text_of(stored))
    return resource
