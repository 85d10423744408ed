from __future__ import annotations

import pytest

from hub.codecs.primitive import PRIMITIVES
from hub.codecs.tables import Element, elements, resource_types
from hub.core.release import FhirRelease

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5


def element(release: FhirRelease, kind: str, name: str) -> Element:
    return next(each for each in elements(release).of(kind) if each.name == name)


@pytest.mark.parametrize(
    ("release", "count", "has", "lacks"),
    [
        (R4, 146, {"Task", "MedicinalProduct", "Bundle"}, {"SubscriptionTopic", "Resource"}),
        (R4B, 141, {"Task", "SubscriptionTopic"}, {"MedicinalProduct", "DomainResource"}),
        (R5, 158, {"Task", "Transport"}, {"RequestGroup", "CanonicalResource", "Base"}),
    ],
)
def test_each_release_has_its_resource_types_and_no_abstract_one(
    release: FhirRelease, count: int, has: set[str], lacks: set[str]
) -> None:
    assert len(resource_types(release)) == count
    assert has <= resource_types(release)
    assert not lacks & resource_types(release)


@pytest.mark.parametrize("release", FhirRelease)
def test_every_type_that_an_element_names_is_defined(release: FhirRelease) -> None:
    table = elements(release)
    left = [*resource_types(release)]
    seen: set[str] = {"Resource"}
    while left:
        kind = left.pop()
        if kind in seen or kind in PRIMITIVES:
            continue
        seen.add(kind)
        assert kind in table
        left += [code for each in table.of(kind) for code in each.types]


@pytest.mark.parametrize("release", FhirRelease)
def test_a_required_code_has_its_codes(release: FhirRelease) -> None:
    status = element(release, "Task", "status")
    assert status.required
    assert not status.is_list
    assert status.codes is not None
    assert {"draft", "requested", "in-progress", "completed"} <= set(status.codes)


def test_a_choice_has_a_name_for_each_type() -> None:
    value = element(R4, "TaskInput", "value[x]")
    assert value.is_choice
    assert value.required
    assert value.json_names["valueString"] == "string"
    assert value.json_names["valueReference"] == "Reference"
    assert element(R4, "Task", "for").json_names == {"for": "Reference"}


def test_what_a_source_adds_to_the_standard_is_left_out() -> None:
    assert [each.name for each in elements(R4).of("Meta")] == [
        "id", "extension", "versionId", "lastUpdated", "source", "profile", "security", "tag"
    ]  # fmt: skip
    assert element(R4, "BundleEntryResponse", "outcome").types == ("Resource",)
    assert element(R4, "EvidenceVariable", "characteristic").required


def test_an_element_of_a_later_release_is_not_known_before() -> None:
    assert "requestedPerformer" not in {each.name for each in elements(R4).of("Task")}
    assert element(R5, "Task", "requestedPerformer").types == ("CodeableReference",)


def test_a_type_that_does_not_exist_is_a_key_error() -> None:
    assert "Nothing" not in elements(R4)
    with pytest.raises(KeyError):
        elements(R4).of("Nothing")
