"""Types of values and elements, and elements that have extensions only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.core.release import FhirRelease
from tests.support.fhirpath import failure_of, values_of

NOTE_URL = "http://example.org/note"
PERSON: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "gender": "female",
    "birthDate": "1980-05",
    "_birthDate": {"extension": [{"url": NOTE_URL, "valueString": "by word of mouth"}]},
    "_maritalStatus": {"id": "odd"},
    "_deceasedBoolean": {"extension": [{"url": NOTE_URL}]},
    "multipleBirthInteger": 2,
    "identifier": [{"system": "http://s", "value": "7", "period": {"start": "2020"}}],
    "name": [
        {
            "family": "Roe",
            "given": [None, "Ann"],
            "_given": [{"extension": [{"url": NOTE_URL}]}, None],
        },
        {"_family": {"extension": [{"url": NOTE_URL, "valueCode": "asked"}]}, "given": ["Zoe"]},
    ],
    "contact": [{"name": {"family": "Poe"}}],
    "extension": [{"url": NOTE_URL, "valueAge": {"value": 3, "unit": "years"}}],
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Lab"}],
    "link": [{"other": {"reference": "#o"}}],
}

TRUE = [
    "1 is Integer and 1.0 is Decimal and 'a' is String and true is Boolean and 1 'mg' is Quantity",
    "@2024 is Date and @2024T is DateTime and @T10 is Time and 1 is System.Integer",
    "(1 is Decimal).not() and (1 is String).not() and (1 is integer).not()"
    " and (1 is Patient).not()",
    "({} is Integer).empty() and (1 as Integer) = 1 and (1 as String).empty()"
    " and {}.as(String).empty()",
    "(1 | 'a' | 2).ofType(Integer).count() = 2 and (1 | 'a').ofType(System.String) = 'a'",
    "%current is Patient and %current is DomainResource and %current is Resource",
    "%current.is(FHIR.Patient) and %current.is(System.Patient).not() and (%current is Task).not()",
    "%previous.is(Patient).empty() and (%current as Patient).id = 'p'",
    "active is boolean and active is FHIR.boolean and (active is Boolean).not()",
    "(active is System.Boolean).not() and (active is string).not() and id is System.String",
    "gender is code and gender is string and gender is Element and (gender is id).not()",
    "gender.as(code) = 'female' and gender.as(string).empty() and gender.ofType(string).empty()",
    "birthDate is date and (birthDate is dateTime).not() and birthDate.ofType(date) = '1980-05'",
    "name.ofType(HumanName).count() = 2 and name[0] is HumanName",
    "name.first().family is string and name.where(family = 'Roe').given.last() is string",
    "contact is BackboneElement and contact.name is HumanName and contact.name.family is string",
    "name.where($this is HumanName).count() = 2 and name.all(given.last() is string)",
    "multipleBirth is integer and (multipleBirth is boolean).not()"
    " and multipleBirth.as(integer) = 2",
    "multipleBirth.ofType(boolean).empty()",
    "identifier.value is string and (identifier.value is uri).not()"
    " and identifier.value.ofType(string) = '7'",
    "identifier.period.start is dateTime and identifier.system is uri"
    " and identifier.first().system is uri",
    "extension.value is Age and extension.value is Quantity"
    " and (extension.value is Duration).not()",
    "extension.value.ofType(Age).value = 3 and extension.value.ofType(Quantity).empty()",
    "extension(%current.extension.url).value is Age and extension.url is System.String",
    "contained.ofType(Organization).name = 'Lab' and contained.ofType(Organization).name is string",
    "(contained as Organization).name is string and contained.first() is Organization",
    "1.type().name = 'Integer' and 1.type().namespace = 'System' and @T10.type().name = 'Time'",
    "gender.type().name = 'code' and gender.type().namespace = 'FHIR' and {}.type().empty()",
    "%current.type().name = 'Patient' and id.type().namespace = 'System'"
    " and id.type().name = 'String'",
    "(1 | 1 is Integer).count() = 2 and (1 | 2 as String).count() = 1 and 1 is Integer = true",
    "iif(gender is code, 1, 2) = 1 and name.given.trace('g').last() is string",
    "birthDate.extension('http://example.org/note').value = 'by word of mouth'",
    "birthDate.extension.value.is(string) and birthDate.extension.exists()"
    " and birthDate = '1980-05'",
    "name.family.extension('http://example.org/note').value = 'asked' and name.family.count() = 2",
    "name.given.extension.count() = 1 and name[1].family.exists()"
    " and name[1].family.hasValue().not()",
    "name[0].given.count() = 2 and name[0].given.first().hasValue().not()"
    " and name.given.last() = 'Zoe'",
    "name[0].given.getValue().empty() and name[1].given.getValue() = 'Zoe'"
    " and name.getValue().empty()",
    "maritalStatus.exists() and maritalStatus.id = 'odd' and maritalStatus.hasValue().not()",
    "name[1].family.extension.value is code and extension.where(url = 'x').extension.empty()",
    "name.where(family = 'Roe').extension.empty() and 'a'.extension('u').empty()"
    " and gender.extension.empty()",
    "(name[1].family < 'x').empty() and name[1].family.upper().empty() and name[1].family != 'Roe'",
    "name[1].family.extension.select(value is code)",
    "Patient.name.family.first() = 'Roe' and Patient.extension('http://example.org/note').exists()",
    "deceased.exists() and deceased.not().empty() and (deceased and true).empty()",
    "extension({}).empty() and where(deceased).empty() and iif(deceased, false, true)",
    "gender.code.extension.empty() and ('a'.b is string).empty() and gender[0] is code",
    "Patient.gender is code and Task.status.empty()",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true_of_types(expression: str) -> None:
    assert values_of(expression, PERSON) == [True]


def test_each_release_has_its_own_types() -> None:
    visit = {"resourceType": "Encounter", "class": {"code": "AMB"}, "reason": [{"use": []}]}
    assert values_of("class is Coding", visit) == [True]
    listed = visit | {"class": [{"coding": []}]}
    assert values_of("class is CodeableConcept", listed, FhirRelease.R5) == [True]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("name as HumanName", "as takes one value; of several, ofType() chooses"),
        ("name is HumanName", "one value expected, 2 found"),
        ("multipleBirth.value is string", "isn't known"),
        ("colour is string", "isn't known"),
        ("contact.colour.type()", "isn't known"),
    ],
)
def test_a_type_that_can_not_be_told_is_an_error(expression: str, reason: str) -> None:
    odd = PERSON | {"colour": "red", "multipleBirthInteger": {"value": "x"}}
    odd["contact"] = [{"colour": "red"}]
    assert reason in failure_of(expression, odd)


def test_the_elements_of_a_quantity_have_types_too() -> None:
    lab = {"resourceType": "Observation", "valueQuantity": {"value": Decimal("1.5"), "unit": "mg"}}
    assert values_of("value.ofType(Quantity).unit is string", lab) == [True]
    assert values_of("value.ofType(Quantity).value is decimal", lab) == [True]
    assert values_of("value.as(Quantity).value = 1.5", lab) == [True]


def test_without_a_resource_nothing_is_known_of_elements() -> None:
    assert values_of("%current.gender is code", None) == []
    assert values_of("'a'.type().name", None) == ["String"]
