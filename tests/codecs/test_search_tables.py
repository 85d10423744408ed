from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
KNOWN = {
    release: search_parameters(release, f"http://hub/fhir/{release.path}")
    for release in FhirRelease
}


@pytest.mark.parametrize("release", list(FhirRelease))
def test_every_parameter_of_every_type_compiles(release: FhirRelease) -> None:
    parameters = KNOWN[release]
    count = 0
    for resource_type in parameters.types():
        for code, parameter in parameters.of(resource_type).items():
            count += 1
            assert parameter.code == code
            assert parameter.url.startswith("http://hl7.org/fhir/SearchParameter/")
            assert parameter.form in (
                ("bare", "coded", "mixed") if parameter.type == "token" else ("",)
            )
            assert set(parameter.targets) <= parameters.types()
            found = parameter.values({"resourceType": resource_type})
            assert bool(found) == (code in ("_type", "deceased"))
    assert count > 1_600 + 7 * 140


@pytest.mark.parametrize(
    ("release", "resource_type", "code", "path", "form"),
    [
        (R4, "Task", "status", "status", "bare"),
        (R4, "Task", "patient", "for{:Patient}", ""),
        (R4, "Task", "performer", "performerType", "coded"),
        (R5, "Task", "performer", "requestedPerformer.concept", "coded"),
        (R5, "Task", "requestedperformer-reference", "requestedPerformer.reference", ""),
        (R5, "Task", "output", "output.valueReference", ""),
        (R4, "Patient", "phone", "telecom{system=phone}", "coded"),
        (R4, "Patient", "deceased", "?deceasedBoolean|deceasedDateTime", "bare"),
        (R4, "Condition", "onset-date", "onsetDateTime|onsetPeriod", ""),
        (R4, "InsurancePlan", "name", "name|alias", ""),
        (
            R5,
            "Group",
            "value",
            "characteristic.valueCodeableConcept|characteristic.valueBoolean",
            "mixed",
        ),
        (R5, "ServiceRequest", "code-concept", "code.concept", "coded"),
        (R4B, "Encounter", "_lastUpdated", "meta.lastUpdated", ""),
    ],
)
def test_expressions_become_these_paths(
    release: FhirRelease, resource_type: str, code: str, path: str, form: str
) -> None:
    parameter = KNOWN[release].get(resource_type, code)
    assert parameter is not None
    assert (parameter.path, parameter.form) == (path, form)


@pytest.mark.parametrize(
    ("release", "resource_type", "code"),
    [
        (R4, "Task", "output"),
        (R4, "Observation", "code-value-quantity"),
        (R4, "Location", "near"),
        (R4, "Resource", "_content"),
        (R5, "Resource", "_in"),
        (R5, "ServiceRequest", "code"),
        (R4, "SubscriptionTopic", "url"),
    ],
)
def test_what_the_release_or_the_hub_does_not_have_is_absent(
    release: FhirRelease, resource_type: str, code: str
) -> None:
    assert KNOWN[release].get(resource_type, code) is None


TIMES: list[tuple[str, dict[str, Any]]] = [
    ("date", {"effectiveDateTime": "2024-05-01"}),
    ("date", {"effectivePeriod": {"start": "2024-05-01"}}),
    ("date", {"effectiveInstant": "2024-05-01T10:00:00Z"}),
    ("date", {"effectiveTiming": {"event": ["2024-05-01"]}}),
    ("value-quantity", {"valueQuantity": {"value": Decimal("5.4")}}),
    ("value-concept", {"valueCodeableConcept": {"text": "positive"}}),
    ("value-string", {"valueString": "positive"}),
    ("component-code", {"component": [{"code": {"coding": [{"code": "a"}]}}]}),
    ("patient", {"subject": {"reference": "Patient/1"}}),
]


@pytest.mark.parametrize("release", list(FhirRelease))
@pytest.mark.parametrize(("code", "elements"), TIMES)
def test_every_choice_of_an_element_is_read(
    release: FhirRelease, code: str, elements: dict[str, Any]
) -> None:
    parameter = KNOWN[release].get("Observation", code)
    assert parameter is not None
    assert parameter.values({"resourceType": "Observation", **elements})


def test_references_to_anything_name_every_type() -> None:
    for release in FhirRelease:
        focus = KNOWN[release].get("Task", "focus")
        assert focus is not None
        assert set(focus.targets) == KNOWN[release].types()


def test_the_table_is_read_once_and_shared_by_all_bases() -> None:
    other = search_parameters(R4, "http://elsewhere/fhir/r4")
    assert isinstance(other, SearchParameters)
    owner = other.get("Task", "owner")
    assert owner is not None
    task = {"resourceType": "Task", "owner": {"reference": "http://elsewhere/fhir/r4/Patient/1"}}
    assert "Patient/1" in owner.values(task).terms
