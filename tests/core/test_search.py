from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.search import parse_condition
from hub.errors import InvalidSearch
from tests.support.searches import BASE, R4, SHELF, TASK, asks


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
        (
            "Task",
            "nothing",
            "1",
            "no search parameter 'nothing' in R4; allowed: _content, _id, _in, _last",
        ),
        ("Nothing", "_id", "1", "no search parameter"),
        ("Task", "status", "", "allowed: a value that is not empty"),
        ("Task", "status", "a,,b", "not empty"),
        ("Task", "status", "system|", "code or system|code"),
        ("Task", "status", "a|b|c", "code or system|code"),
        ("Task", "status:text", "a", "one of missing, not"),
        ("Task", "status:of-type", "a|b|c", "one of missing, not"),
        ("Task", "status:", "a", "no modifier"),
        ("Task", "status:in", "http://valueset", "http://valueset is not loaded; give its file"),
        ("Task", "status:in", "http://a,http://b", "one ValueSet"),
        ("Task", "status:above", "a", "one of missing, not, in, not-in; list the codes"),
        ("Task", "status:missing", "yes", "true, false"),
        ("Task", "code", "|", "code, system|code"),
        ("Task", "code", "a|b|c", "code, system|code"),
        ("Task", "code:text", " ", "not blank"),
        ("Task", "identifier:of-type", "a|b", "system|code|value"),
        ("Task", "identifier:of-type", "a||c", "system|code|value"),
        ("Task", "owner", "Nothing/1", "a resource type of R4"),
        ("Task", "owner", "not an id", "Type/id, id or an absolute URL"),
        ("Task", "owner:Nothing", "1", "identifier, text, CareTeam"),
        ("Task", "owner:Practitioner", "Patient/1", "a reference to a Practitioner"),
        ("Task", "owner:above", "Device/1", "one of missing, not, identifier, text, CareTeam"),
        ("ValueSet", "url:exact", "http://a", "one of missing, above, below"),
        ("ValueSet", "url:below", "urn:oid:1.2", "a URL with a host"),
        ("ValueSet", "url:above", "http:///a", "a URL with a host"),
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
        ("Task", "part-of." * 4 + "status", "a", "deeper than the 3 steps"),
        ("Task", "_has:Task:part-of:" * 4 + "status", "a", "deeper than the 3 steps"),
        ("Task", "part-of." * 5_000 + "status", "a", "deeper than the 3 steps"),
        ("Task", "owner._has:Nothing", "a", "has the search parameter '_has:Nothing'"),
        ("Task", "owner._has:PractitionerRole:status:x", "a", "has the search parameter"),
        ("Patient", "name", "é́ ".strip("é") + " ", "not blank"),
        ("RiskAssessment", "probability", "high", "number"),
        ("Observation", "value-quantity", "5|mg", "number|system|code"),
        ("Observation", "code-value-quantity", "a", "allowed: token$quantity"),
        ("Observation", "code-value-quantity", "a$5$6", "allowed: token$quantity"),
        ("Observation", "code-value-quantity", "a$", "allowed: token$quantity"),
        ("Observation", "code-value-quantity", "a$b", "allowed: [eq"),
        ("Observation", "code-value-quantity:missing", "true", "no modifier, but token$quantity"),
        ("Task", "_filter", "a eq b", "Task?_filter is not evaluated: its grammar is not read"),
        ("Task", "_query", "a", "Task?_query is not evaluated: the hub has no named queries"),
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
