from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease, Resource
from hub.core.search import (
    NOWHERE,
    Condition,
    parse_condition,
    parse_query,
    split_query,
)
from hub.errors import InvalidSearch

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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "requested"),
        ("status", "http://hl7.org/fhir/task-status|requested"),
        ("status", "|requested"),
        ("status", "draft,requested"),
        ("status:not", "draft"),
        ("status:not", "draft,ready"),
        ("status:missing", "false"),
        ("priority:missing", "true"),
        ("priority:not", "urgent"),
        ("code", "fulfill"),
        ("code", "http://codes|fulfill"),
        ("code", "http://codes|"),
        ("code:text", "BITTE AUS"),
        ("business-status", "|waiting"),
        ("identifier", "http://ids|A\\,1\\|\\$\\\\"),
        ("identifier:of-type", "http://t|PLAC|A\\,1\\|\\$\\\\"),
        ("_id", "81"),
        ("_id", "1,81"),
        ("_type", "Task"),
        ("_tag", "http://tags|actionable"),
        ("_profile", "http://profiles/task"),
        ("_lastUpdated", "2024-05"),
        ("_lastUpdated", "gt2024-05-01T09:59:59Z,lt2000"),
        ("owner", "PractitionerRole/7"),
        ("owner", "PractitionerRole/7/_history/3"),
        ("owner", BASE + "/PractitionerRole/7"),
        ("owner", BASE + "/PractitionerRole/7/_history/3"),
        ("owner", "7"),
        ("owner:PractitionerRole", "7"),
        ("owner:PractitionerRole", "PractitionerRole/7"),
        ("owner:identifier", "http://ids|owner"),
        ("owner:identifier", "owner"),
        ("owner:not", "PractitionerRole/8"),
        ("encounter:not", "1"),
        ("encounter:missing", "true"),
        ("patient", "1"),
        ("patient", "Patient/1"),
        ("subject", "Patient/1"),
        ("focus", "ServiceRequest/5"),
        ("based-on", "http://other/fhir/ServiceRequest/9"),
        ("based-on", "http://other/fhir/ServiceRequest/9/_history/1"),
        ("based-on:ServiceRequest", "http://other/fhir/ServiceRequest/9"),
        ("authored-on", "2024-05"),
        ("authored-on", "le2024-05-01"),
        ("authored-on", "ap2024-05-01T12:00"),
        ("period", "gt2030"),
        ("requester.name", "spital"),
        ("requester:Organization.name:exact", "Spital Süd"),
        ("requester:Organization.name:contains", "sud"),
    ],
)
def test_the_task_answers(name: str, value: str) -> None:
    assert asks(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "Requested"),
        ("status", "draft"),
        ("status:not", "requested"),
        ("status:not", "draft,requested"),
        ("status:missing", "true"),
        ("code", "|fulfill"),
        ("code", "http://other|fulfill"),
        ("code", "http://codes|other"),
        ("code:text", "Ausführen"),
        ("identifier:of-type", "http://t|FILL|A\\,1\\|\\$\\\\"),
        ("_type", "Patient"),
        ("_lastUpdated", "gt2024-05"),
        ("owner", "PractitionerRole/8"),
        ("owner", "Practitioner/7"),
        ("owner", "http://other/PractitionerRole/7"),
        ("owner:Practitioner", "7"),
        ("owner:identifier", "PractitionerRole/7"),
        ("owner:not", "PractitionerRole/7"),
        ("based-on", "ServiceRequest/9"),
        ("authored-on", "2024-05-01T12:00"),
        ("authored-on", "sa2024-05-01"),
        ("period", "2024-05-02"),
        ("requester.name", "sud"),
        ("requester:Organization.name:exact", "spital süd"),
        ("requester:Patient.name", "spital"),
        ("owner:Practitioner.name", "a"),
        ("focus.status", "active"),
        ("based-on:ServiceRequest.status", "active"),
        ("encounter.status", "finished"),
        ("_has:Task:part-of:status", "requested"),
    ],
)
def test_the_task_does_not_answer(name: str, value: str) -> None:
    assert not asks(name, value)


@pytest.mark.parametrize(
    ("resource_type", "name", "value", "words"),
    [
        ("Task", "nothing", "1", "no search parameter 'nothing' in R4; allowed: _id, _last"),
        ("Nothing", "_id", "1", "no search parameter"),
        ("Task", "status", "", "allowed: a value that is not empty"),
        ("Task", "status", "a,,b", "not empty"),
        ("Task", "status", "system|", "code or system|code"),
        ("Task", "status", "a|b|c", "code or system|code"),
        ("Task", "status:text", "a", "one of missing, not"),
        ("Task", "status:of-type", "a|b|c", "one of missing, not"),
        ("Task", "status:", "a", "no modifier"),
        ("Task", "status:in", "http://valueset", "no modifier, or one of missing, not"),
        ("Task", "status:missing", "yes", "true, false"),
        ("Task", "code", "|", "code, system|code"),
        ("Task", "code", "a|b|c", "code, system|code"),
        ("Task", "code:text", " ", "not blank"),
        ("Task", "identifier:of-type", "a|b", "system|code|value"),
        ("Task", "identifier:of-type", "a||c", "system|code|value"),
        ("Task", "owner", "Nothing/1", "a resource type of R4"),
        ("Task", "owner", "not an id", "Type/id, id or an absolute URL"),
        ("Task", "owner:Nothing", "1", "identifier, [type]"),
        ("Task", "owner:Practitioner", "Patient/1", "a reference to a Practitioner"),
        ("Task", "owner:Practitioner", "http://other/Patient/1", "a reference to a Practitioner"),
        ("Task", "authored-on", "soon", "YYYY"),
        ("Task", "authored-on", "xx2024", "YYYY"),
        ("Task", "authored-on:exact", "2024", "one of missing"),
        ("Task", "status.name", "a", "only references can be chained"),
        ("Task", "owner:Medication.code", "a", "can't be chained; allowed: CareTeam, Device"),
        ("Task", "owner.nothing", "a", "has the search parameter 'nothing'"),
        ("Task", "owner:Practitioner.nothing", "a", "Practitioner has no search parameter"),
        ("Task", "_has:Task", "a", "incomplete"),
        ("Task", "_has:Task:part-of:", "a", "incomplete"),
        ("Task", "_has:Nothing:part-of:status", "a", "no resource type of R4"),
        ("Task", "_has:Task:status:status", "a", "does not refer to Task"),
        ("Task", "_has:Task:owner:status", "a", "does not refer to Task"),
        ("Task", "_has:Task:nothing:status", "a", "no search parameter 'nothing'"),
        ("Task", "part-of." * 6 + "status", "a", "deeper than the 5 steps"),
        ("Task", "part-of." * 5_000 + "status", "a", "deeper than the 5 steps"),
        ("Task", "owner._has:Nothing", "a", "has the search parameter '_has:Nothing'"),
        ("Task", "owner._has:PractitionerRole:status:x", "a", "has the search parameter"),
        ("Patient", "name", "é́ ".strip("é") + " ", "not blank"),
        ("RiskAssessment", "probability", "high", "number"),
        ("Observation", "value-quantity", "5|mg", "number|system|code"),
        ("Observation", "value-quantity", "5|s|", "number|system|code"),
        ("Observation", "value-quantity", "high", "number"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_words(
    resource_type: str, name: str, value: str, words: str
) -> None:
    with pytest.raises(InvalidSearch) as refused:
        parse_condition(R4, resource_type, name, value)
    assert words in refused.value.diagnostics


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


class Shelf:
    """Resources in memory; references are looked up as written."""

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


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        (TASK, "owner:PractitionerRole.organization", "Organization/3"),
        (TASK, "owner.organization", "3"),
        (TASK, "owner:PractitionerRole.organization.name", "lab"),
        (TASK, "owner._has:Task:owner:_id", "81"),
        (TASK, "focus.subject:Patient._id", "1"),
        (TASK, "focus:ServiceRequest.requester", "Patient/1"),
        (TASK, "focus.requester", "Patient/1"),
        (TASK, "focus._has:Task:focus:status", "requested"),
        (ORDER, "_has:Task:focus:owner", "PractitionerRole/7"),
        (ORDER, "_has:Task:focus:owner.organization", "Organization/3"),
        (ORDER, "_has:Task:focus:status:not", "draft"),
        (ROLE, "_has:Task:owner:_id", "81"),
        (ORGANIZATION, "_has:PractitionerRole:organization:_has:Task:owner:_id", "81"),
    ],
)
def test_chains_are_resolved_in_the_hubs_own_copy(
    resource: Resource, name: str, value: str
) -> None:
    assert asks(name, value, resource, resolver=SHELF)
    assert not asks(name, value, resource)
    assert not asks(name, "other", resource, resolver=SHELF) or ":not" in name


def test_nothing_refers_to_a_resource_without_an_id() -> None:
    order = {"resourceType": "ServiceRequest"}
    assert not asks("_has:Task:focus:status", "requested", order, resolver=SHELF)


def test_conditions_on_any_resource_are_those_that_every_resource_has() -> None:
    query = parse_query(R4, "Resource", split_query("_type=Task,Patient&patient=1&_id=81"))
    assert query.matches(TASK)
    assert not query.matches({**TASK, "for": {"reference": "Patient/2"}})
    with pytest.raises(InvalidSearch):
        parse_query(R4, "Resource", [("status", "requested")])


def test_a_query_is_about_one_type_and_all_conditions() -> None:
    query = parse_query(R4, "Task", split_query("status=requested&intent=order"))
    assert query.matches(TASK)
    assert not query.matches({**TASK, "intent": "plan"})
    assert not query.matches({**TASK, "resourceType": "ServiceRequest"})
    assert parse_query(R4, "Task", []).matches(TASK)
    with pytest.raises(InvalidSearch, match="no resource type of R4"):
        parse_query(R4, "Nothing", [])


def test_a_condition_keeps_how_it_was_written() -> None:
    def parts(name: str, value: str) -> tuple[str, str | None, tuple[str, ...]]:
        condition = parse_condition(R4, "Task", name, value)
        return condition.name, condition.modifier, condition.values

    assert parts("status", "a,b") == ("status", None, ("a", "b"))
    assert parts("status:not", "a\\,b") == ("status", "not", ("a\\,b",))
    assert parts("owner:PractitionerRole.organization:missing", "true") == (
        "owner:PractitionerRole.organization",
        "missing",
        ("true",),
    )
    assert parts("_has:Task:part-of:status:not", "a") == ("_has:Task:part-of:status", "not", ("a",))


def test_keys_are_given_where_terms_decide() -> None:
    def keys(name: str, value: str) -> tuple[str, tuple[str, ...]] | None:
        return parse_condition(R4, "Task", name, value).keys()

    assert keys("status", "b,http://x|a") == ("status", ("a", "b"))
    assert keys("code", "s|c") == ("code", ("s|c",))
    assert keys("patient", "1") == ("patient", ("Patient/1",))
    assert keys("owner:identifier", "s|v") == ("owner", ("i:s|v",))
    assert keys("_profile", "http://p") == ("_profile", ("http://p",))
    for name in ("status:not", "code:text", "owner.name", "_has:Task:part-of:status"):
        assert keys(name, "a") is None
    assert keys("status:missing", "true") is None
    assert keys("authored-on", "2024") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("status=a,b", "status=b,a"),
        ("status=a", "status=http://hl7.org/fhir/task-status|a"),
        ("status=a&intent=b", "intent=b&status=a"),
        ("status=a", "status=a&status=a"),
        ("owner=Patient/1", f"owner={BASE}/Patient/1/_history/2"),
        ("owner:Patient=1", "owner=Patient/1"),
        ("patient=1", "patient=Patient/1"),
        ("authored-on=2024-05-01T10:00:00Z", "authored-on=eq2024-05-01T12:00:00%2B02:00"),
        ("code:text=Ä", "code:text=a"),
        (
            "owner:PractitionerRole.organization=1",
            "owner:PractitionerRole.organization:Organization=1",
        ),
    ],
)
def test_equal_meanings_have_one_spelling(one: str, other: str) -> None:
    first, second = (parse_query(R4, "Task", split_query(text)) for text in (one, other))
    assert first.canonical == second.canonical
    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("status=a", "status:not=a"),
        ("status=a,b", "status=a&status=b"),
        ("identifier=a,b", "identifier=a\\,b"),
        ("identifier=a&code=b", "identifier=a%26code=b"),
        ("code=|a", "code=a"),
        ("owner=1", "owner=Patient/1"),
        ("owner:missing=true", "owner:missing=false"),
        ("code:text=a", "code=a"),
        ("authored-on=ge2024", "authored-on=2024"),
        ("focus.status=a", "focus:Task.status=a"),
        ("_has:Task:part-of:status=a", "_has:Task:focus:status=a"),
    ],
)
def test_different_meanings_have_different_spellings(one: str, other: str) -> None:
    first, second = (parse_query(R4, "Task", split_query(text)) for text in (one, other))
    assert first.canonical != second.canonical


def test_a_chain_over_many_types_stays_cheap_to_spell() -> None:
    name = "focus." + "subject." * 4 + "_id"
    one = parse_condition(R4, "Task", name, "1")
    assert len(one.canonical) < 2_000
    assert one.canonical == parse_condition(R4, "Task", name, "1").canonical
    assert one.canonical != parse_condition(R4, "Task", name, "2").canonical


def test_quantities_spell_their_unit() -> None:
    def canonical(value: str) -> str:
        return parse_condition(R4, "Observation", "value-quantity", value).canonical

    assert canonical("5|s|mg") == "value-quantity=eq4500000..5500000|s|mg"
    assert canonical("5") == "value-quantity=eq4500000..5500000"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("a=b", [("a", "b")]),
        ("a=b&&c=d&", [("a", "b"), ("c", "d")]),
        ("a=b=c", [("a", "b=c")]),
        ("a=x|y", [("a", "x|y")]),
        ("a=x%7Cy", [("a", "x|y")]),
        ("a=%2541", [("a", "%41")]),
        ("a=1+1", [("a", "1+1")]),
        ("a=1%2B1", [("a", "1+1")]),
        ("a=50%", [("a", "50%")]),
        ("a%3Anot=%C3%A4", [("a:not", "ä")]),
    ],
)
def test_a_query_is_split_and_decoded_once(text: str, pairs: list[tuple[str, str]]) -> None:
    assert split_query(text) == pairs


@pytest.mark.parametrize("text", ["a", "=b", "a=b&c", "a=%FF"])
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(InvalidSearch):
        split_query(text)


NAMES = st.sampled_from(
    [
        "status",
        "code",
        "owner",
        "patient",
        "authored-on",
        "identifier",
        "_tag",
        "_has",
        "focus",
        "missing",
        "not",
        "text",
        "Task",
        "Patient",
        "name",
        "organization",
        "_lastUpdated",
    ]
) | st.just("")
SEPARATED = st.lists(st.tuples(NAMES, st.sampled_from([":", ".", "=", ""])), max_size=5).map(
    lambda parts: "".join(name + separator for name, separator in parts)
)


@given(SEPARATED | st.text(max_size=20), st.text(max_size=20))
def test_nothing_but_a_refusal_comes_of_any_text(name: str, value: str) -> None:
    try:
        condition = parse_condition(R4, "Task", name, value)
    except InvalidSearch:
        return
    assert condition.matches(TASK, SHELF) in (True, False)
    assert condition.canonical


@given(st.text(alphabet="a=&%|+:.2é", max_size=30))
def test_splitting_any_text_gives_pairs_or_a_refusal(text: str) -> None:
    try:
        pairs = split_query(text)
    except InvalidSearch:
        return
    assert all(name for name, _ in pairs)


TERMS = [
    ("status", "requested"),
    ("status", "draft,requested"),
    ("status", "draft"),
    ("code", "http://codes|fulfill"),
    ("code", "|fulfill"),
    ("owner", "7"),
    ("owner", "Patient/7,PractitionerRole/7"),
    ("owner:identifier", "owner"),
    ("_tag", "actionable"),
    ("patient", "2"),
]


@given(st.sampled_from(TERMS), st.booleans())
def test_keys_decide_as_matching_does(term: tuple[str, str], bare: bool) -> None:
    condition: Condition = parse_condition(R4, "Task", *term)
    resource = {"resourceType": "Task", "id": "1"} if bare else TASK
    found = condition.keys()
    assert found is not None
    code, alternatives = found
    parameter = R4.get("Task", code)
    assert parameter is not None
    terms = parameter.values(resource).terms
    assert condition.matches(resource, NOWHERE) == (not terms.isdisjoint(alternatives))
