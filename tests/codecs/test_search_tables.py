from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease
from hub.core.search import parse_query
from hub.core.search_parameter import SearchParameters
from hub.core.search_resolver import NOWHERE
from hub.errors import InvalidSearch

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/SearchParameter/Subscription-"
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
            assert parameter.url.startswith(("http://hl7.org/fhir/SearchParameter/", GUIDE))
            assert parameter.form in (
                ("bare", "coded", "mixed") if parameter.type == "token" else ("",)
            )
            assert bool(parameter.groups) == (parameter.type == "composite")
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
        (R4, "Location", "contains"),
        (R4, "Composition", "section-text"),
        (R5, "ServiceRequest", "code"),
        (R4, "SubscriptionTopic", "url"),
    ],
)
def test_what_the_release_or_the_hub_does_not_have_is_absent(
    release: FhirRelease, resource_type: str, code: str
) -> None:
    assert KNOWN[release].get(resource_type, code) is None


@pytest.mark.parametrize(
    ("release", "resource_type", "code", "words"),
    [
        (R5, "Location", "contains", "boundaries are not evaluated"),
        (R5, "Composition", "section-code-text", "section-text is"),
        (R4, "Task", "_filter", "its grammar is not read"),
        (R5, "Patient", "_query", "no named queries"),
        (R4, "Bundle", "composition", "a reference is not read from Resource"),
    ],
)
def test_what_is_defined_and_not_evaluated_has_a_reason(
    release: FhirRelease, resource_type: str, code: str, words: str
) -> None:
    assert KNOWN[release].get(resource_type, code) is None
    assert words in str(KNOWN[release].why_not(resource_type, code))
    with pytest.raises(InvalidSearch, match=f"{resource_type}.{code} is not evaluated"):
        parse_query(KNOWN[release], resource_type, [(code, "1")])
    assert KNOWN[release].why_not(resource_type, "unheard") is None


@pytest.mark.parametrize(
    ("release", "code", "stated", "url"),
    [
        (R4, "_text", "string", "DomainResource-text"),
        (R5, "_text", "special", "DomainResource-text"),
        (R4, "_in", "reference", "Resource-in"),
        (R4, "_list", "special", "Resource-list"),
        (R5, "near", "special", "Location-near"),
    ],
)
def test_what_is_special_keeps_the_type_by_which_it_is_defined(
    release: FhirRelease, code: str, stated: str, url: str
) -> None:
    parameter = KNOWN[release].get("Location", code)
    assert parameter is not None
    assert (parameter.type, parameter.stated) == ("special", stated)
    assert parameter.url == f"http://hl7.org/fhir/SearchParameter/{url}"
    assert parameter.targets == ()


COMPOSITES = [
    (release, resource_type, parameter)
    for release, parameters in KNOWN.items()
    for resource_type in sorted(parameters.types())
    for parameter in parameters.of(resource_type).values()
    if parameter.type == "composite"
]
VALUES = {
    "token": "a",
    "quantity": "5",
    "number": "5",
    "date": "2024",
    "string": "a",
    "reference": "Observation/1",
    "uri": "http://a",
}


def test_every_composite_can_be_asked_for() -> None:
    assert len(COMPOSITES) > 200
    for release, resource_type, parameter in COMPOSITES:
        (group, *_) = parameter.groups
        value = "$".join(VALUES[component.type] for component in group.components)
        query = parse_query(KNOWN[release], resource_type, [(parameter.code, value)])
        assert not query.matches({"resourceType": resource_type}, NOWHERE)


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


@pytest.mark.parametrize("release", [R4, R4B])
def test_subscriptions_are_found_by_the_parameters_of_the_backport_guide(
    release: FhirRelease,
) -> None:
    defined = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"

    def extension(name: str, kind: str, value: Any) -> dict[str, Any]:
        return {"extension": [{"url": "urn:x"}, {"url": f"{defined}/{name}", kind: value}]}

    subscription = {
        "resourceType": "Subscription",
        "criteria": "http://example.org/topic|1",
        "_criteria": extension("backport-filter-criteria", "valueString", "owner=Device/1"),
        "channel": {
            "_type": extension(
                "backport-channel-type", "valueCoding", {"system": "urn:c", "code": "pigeon"}
            ),
            "_payload": extension("backport-payload-content", "valueCode", "id-only"),
        },
    }
    for query in (
        "topic=http://example.org/topic|1",
        "topic=http://example.org/topic",
        "filter-criteria=owner=Device",
        "payload-type=id-only",
        "custom-channel=urn:c|pigeon",
        "custom-channel=pigeon",
    ):
        code, _, value = query.partition("=")
        parsed = parse_query(KNOWN[release], "Subscription", [(code, value)])
        assert parsed.matches(subscription, NOWHERE), query
        assert not parsed.matches({"resourceType": "Subscription"}, NOWHERE), query
        parameter = KNOWN[release].get("Subscription", code)
        assert parameter is not None and parameter.url == GUIDE + code


def test_r5_has_no_parameters_of_the_backport_guide() -> None:
    codes = KNOWN[R5].of("Subscription")
    assert not {"filter-criteria", "payload-type", "custom-channel"} & set(codes)
    assert codes["topic"].url == "http://hl7.org/fhir/SearchParameter/Subscription-topic"
