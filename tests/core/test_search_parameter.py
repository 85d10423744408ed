from __future__ import annotations

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters

BASE = "http://hub/fhir/r4"
R4 = search_parameters(FhirRelease.R4, BASE + "/")


def test_a_parameter_of_a_type_is_found_by_its_code() -> None:
    owner = R4.get("Task", "owner")
    assert owner is not None
    assert (owner.code, owner.type) == ("owner", "reference")
    assert owner.url == "http://hl7.org/fhir/SearchParameter/Task-owner"
    assert "PractitionerRole" in owner.targets
    assert R4.get("Task", "owner") is owner


def test_parameters_of_every_resource_are_those_of_each_type() -> None:
    for code in ("_id", "_lastUpdated", "_tag", "_profile", "_security", "_source", "_type"):
        assert R4.get("Task", code) is not None
        assert R4.get("Resource", code) is not None


def test_an_unknown_type_or_code_has_no_parameter() -> None:
    assert R4.get("Task", "nothing") is None
    assert R4.get("Nothing", "_id") is None
    assert R4.get("Resource", "status") is None
    assert "Task" in R4.types()
    assert "Resource" not in R4.types()


def test_the_base_has_no_slash_at_its_end() -> None:
    assert R4.base_url == BASE
    assert R4.release is FhirRelease.R4


def test_values_are_those_of_the_element() -> None:
    status = R4.get("Task", "status")
    assert status is not None
    assert status.values({"resourceType": "Task", "status": "ready"}).terms == {"ready"}
    assert not status.values({"resourceType": "Task"})


def test_patient_honours_that_the_subject_must_be_a_patient() -> None:
    patient = R4.get("Task", "patient")
    assert patient is not None
    assert patient.targets == ("Patient",)
    task = {"resourceType": "Task", "for": {"reference": "Patient/1"}}
    assert patient.values(task).terms == {"Patient/1", "id:1"}
    assert not patient.values({"resourceType": "Task", "for": {"reference": "Group/1"}})


@pytest.mark.parametrize(
    ("resource", "terms"),
    [
        (
            {"resourceType": "Task", "for": {"reference": BASE + "/Patient/1"}},
            {"Patient/1", "id:1"},
        ),
        ({"resourceType": "Organization", "for": {"reference": "Patient/1"}}, set()),
        ({}, set()),
    ],
)
def test_patient_of_any_resource_is_its_own_patient_parameter(
    resource: dict[str, object], terms: set[str]
) -> None:
    patient = R4.get("Resource", "patient")
    assert patient is not None
    assert patient.values(resource).terms == terms


def test_a_patient_parameter_that_is_no_reference_is_not_asked() -> None:
    table = {
        "common": {},
        "types": {
            "Odd": {"patient": {"type": "string", "path": "patient", "url": "http://x/patient"}}
        },
    }
    parameters = SearchParameters(FhirRelease.R4, table, BASE)
    patient = parameters.get("Resource", "patient")
    odd = parameters.get("Odd", "patient")
    assert patient is not None and odd is not None
    assert odd.url == "http://x/patient"
    assert not patient.values({"resourceType": "Odd", "patient": "Smith"})
