"""Values are compared as the type of their search parameter asks."""

from __future__ import annotations

from decimal import Decimal

from tests.support.searches import R4, R5, asks


def test_strings_begin_with_the_value_without_case_and_accents() -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "Müller", "given": ["Anna"]}]}
    assert asks("name", "mull", patient)
    assert asks("name", "ANNA", patient)
    assert not asks("name", "ller", patient)
    assert asks("name:contains", "LLE", patient)
    assert asks("name:exact", "Müller", patient)
    assert not asks("name:exact", "Muller", patient)
    assert asks("name:missing", "false", patient)
    assert not asks("gender:missing", "false", patient)


def test_a_code_without_system_beside_concepts_answers_with_any_system() -> None:
    group = {"resourceType": "Group", "characteristic": [{"valueBoolean": True}]}
    assert asks("value", "true", group)
    assert asks("value", "http://any|true", group)
    assert asks("value", "|true", group)
    assert not asks("value", "http://any|", group)
    coded = {
        "resourceType": "Group",
        "characteristic": [
            {"valueCodeableConcept": {"coding": [{"system": "http://a", "code": "true"}]}}
        ],
    }
    assert asks("value", "http://a|true", coded)
    assert not asks("value", "http://b|true", coded)


def test_a_patient_that_did_not_die_is_not_deceased() -> None:
    assert asks("deceased", "false", {"resourceType": "Patient"})
    assert asks("deceased", "true", {"resourceType": "Patient", "deceasedDateTime": "2024"})
    assert not asks("deceased", "true", {"resourceType": "Patient", "deceasedBoolean": False})


def test_quantities_are_compared_in_their_unit() -> None:
    observation = {
        "resourceType": "Observation",
        "valueQuantity": {
            "value": Decimal("5.40"),
            "unit": "mg",
            "system": "http://unitsofmeasure.org",
            "code": "mg",
        },
    }
    assert asks("value-quantity", "5.4", observation)
    assert asks("value-quantity", "gt5|http://unitsofmeasure.org|mg", observation)
    assert asks("value-quantity", "5.4||mg", observation)
    assert not asks("value-quantity", "gt5|http://unitsofmeasure.org|g", observation)
    assert not asks("value-quantity", "5.5", observation)


def test_numbers_are_compared() -> None:
    assessment = {
        "resourceType": "RiskAssessment",
        "prediction": [{"probabilityDecimal": Decimal("0.8")}],
    }
    assert asks("probability", "gt0.7", assessment)
    assert not asks("probability", "0.7", assessment)


def test_canonicals_are_found_with_and_without_version() -> None:
    order = {"resourceType": "ServiceRequest", "instantiatesCanonical": ["http://x/Plan/1|2.0"]}
    for parameters in (R4, R5):
        for value in ("http://x/Plan/1", "http://x/Plan/1\\|2.0", "http://x/Plan/1|2.0"):
            assert asks("instantiates-canonical", value, order, parameters=parameters)
        value = "http://x/Plan/1|3.0"
        assert not asks("instantiates-canonical", value, order, parameters=parameters)
