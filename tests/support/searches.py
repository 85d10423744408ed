"""A Task that answers many searches, what stands around it, and how to ask."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE, parse_condition

BASE = "http://hub/fhir/r4"
R4 = search_parameters(FhirRelease.R4, BASE)
R5 = search_parameters(FhirRelease.R5, "http://hub/fhir/r5")

TASK: Resource = {
    "resourceType": "Task",
    "id": "81",
    "meta": {
        "lastUpdated": "2024-05-01T10:00:00.123Z",
        "tag": [{"system": "http://tags", "code": "actionable"}],
        "profile": ["http://profiles/task"],
    },
    "status": "requested",
    "intent": "order",
    "identifier": [
        {
            "system": "http://ids",
            "value": "A,1|$\\",
            "type": {"coding": [{"system": "http://t", "code": "PLAC"}]},
        }
    ],
    "code": {"coding": [{"system": "http://codes", "code": "fulfill"}], "text": "Bitte Ausführen"},
    "businessStatus": {"coding": [{"code": "waiting"}]},
    "for": {"reference": "Patient/1"},
    "owner": {
        "reference": BASE + "/PractitionerRole/7",
        "identifier": {"system": "http://ids", "value": "owner"},
    },
    "requester": {"reference": "#asker"},
    "focus": {"reference": "ServiceRequest/5/_history/2"},
    "basedOn": [{"reference": "http://other/fhir/ServiceRequest/9"}],
    "authoredOn": "2024-05-01",
    "executionPeriod": {"start": "2024-05-02"},
    "contained": [{"resourceType": "Organization", "id": "asker", "name": "Spital Süd"}],
}


def asks(
    name: str,
    value: str,
    resource: Resource = TASK,
    *,
    parameters: Any = R4,
    resolver: Any = NOWHERE,
) -> bool:
    condition = parse_condition(parameters, str(resource["resourceType"]), name, value)
    return condition.matches(resource, resolver)


class Shelf:
    """Resources in memory; references are looked up as written."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(self, *resources: Resource) -> None:
        self.resources = resources

    def read(self, resource_type: str, id: str) -> Resource | None:
        for resource in self.resources:
            if (resource["resourceType"], resource["id"]) == (resource_type, id):
                return resource
        return None

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        parameter = R4.get(resource_type, code)
        assert parameter is not None
        for resource in self.resources:
            named = f"{target_type}/{target_id}" in parameter.values(resource).terms
            if named and resource["resourceType"] == resource_type:
                yield resource


ROLE = {
    "resourceType": "PractitionerRole",
    "id": "7",
    "organization": {"reference": "Organization/3"},
}

ORGANIZATION = {"resourceType": "Organization", "id": "3", "name": "Lab"}

ORDER = {
    "resourceType": "ServiceRequest",
    "id": "5",
    "requester": {"reference": "Patient/1"},
    "subject": {"reference": "Patient/1"},
}

SHELF = Shelf(ROLE, ORGANIZATION, ORDER, TASK, {"resourceType": "Patient", "id": "1"})
