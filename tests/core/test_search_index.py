from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.tables.search import search_parameters, standard_table
from hub.core.instant import format_instant
from hub.core.release import FhirRelease, Resource
from hub.core.search import Query, parse_query, split_query
from hub.core.search_comparator import Comparator
from hub.core.search_index import (
    And,
    Everything,
    Expression,
    IndexEntry,
    Not,
    Or,
    Overlap,
    Prefix,
    Term,
    index_entry,
    plan,
    selects,
)
from hub.core.search_parameter import SearchParameters
from hub.core.search_term import kind_term
from hub.errors import InvalidSearch

BASE = "http://hub/fhir/r4"
R4 = search_parameters(FhirRelease.R4, BASE)


def query(text: str) -> Query:
    resource_type, _, conditions = text.partition("?")
    return parse_query(R4, resource_type, split_query(conditions))


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("Task?status=ready", True),
        ("Task?status:not=ready", True),
        ("Task?status:missing=true", True),
        ("Task?code=s|c", True),
        ("Task?code=s|", False),
        ("Task?code:not=s|", False),
        ("Task?owner=1", False),
        ("Task?owner=Patient/1", True),
        ("Task?owner:identifier=s|v", True),
        ("Task?owner:identifier=s|", False),
        ("Task?code:text=a", False),
        ("Task?owner:text=a", False),
        ("ValueSet?url:above=http://a/b", True),
        ("ValueSet?url:below=http://a", False),
        ("Task?authored-on=2024", True),
        ("Observation?combo-code-value-quantity=a$5", False),
        ("Task?_lastUpdated:missing=true", False),
        ("Task?_lastUpdated=gt2024", True),
        ("Task?_type=Task", True),
        ("Task?_profile=http://p", True),
        ("Task?owner.name=a", False),
        ("Task?_has:Task:part-of:status=a", False),
        ("Patient?name=a", True),
        ("Patient?name=" + "a" * 61, False),
        ("Patient?name:exact=a", False),
        ("Patient?name:contains=a", False),
        ("Observation?value-quantity=5", True),
        ("Observation?value-quantity=5|s|mg", False),
        ("Resource?_type=Task,Patient&_tag=a", True),
        ("Resource?_type=Nothing", True),
        ("Resource?_type:not=Task", True),
        ("Resource?owner=a", None),
        ("Resource?", True),
        ("Task?", True),
    ],
)
def test_a_plan_says_whether_it_is_exact(text: str, exact: bool | None) -> None:
    if exact is None:
        with pytest.raises(InvalidSearch):
            query(text)
    else:
        assert plan(query(text), R4)[1] is exact


def test_a_composite_is_looked_up_by_its_parts_where_the_index_has_them() -> None:
    observation = {
        "resourceType": "Observation",
        "component": [{"code": {"text": "c", "coding": [{"code": "a"}]}, "valueString": "v"}],
    }
    entry = index_entry(R4, observation)
    one_part = dict(R4_TABLE["types"]["Observation"]["component-code-value-quantity"])
    for code, selected in (("a", True), ("b", False)):
        asked = query(f"Observation?component-code-value-concept={code}$x")
        assert not selects(plan(asked, R4)[0], entry)
        assert not asked.matches(observation)
        group = {"path": "component", "components": [one_part["groups"][0]["components"][0]]}
        table = _with_observation({"p": one_part | {"groups": [group]}})
        asked = parse_query(table, "Observation", [("p", code)])
        assert selects(plan(asked, table)[0], entry) is selected
        assert asked.matches(observation) is selected
        group["components"] = [group["components"][0] | {"code": ""}]
        table = _with_observation({"p": one_part | {"groups": [group]}})
        asked = parse_query(table, "Observation", [("p", code)])
        assert plan(asked, table) == (Term(kind_term("Observation")), False)
        assert asked.matches(observation) is selected


R4_TABLE = standard_table(FhirRelease.R4)


def _with_observation(entries: dict[str, Any]) -> SearchParameters:
    types = R4_TABLE["types"]
    table = {**R4_TABLE, "types": {**types, "Observation": {**types["Observation"], **entries}}}
    return SearchParameters(FhirRelease.R4, table, BASE)


def test_plans_have_these_forms() -> None:
    kind = Term(kind_term("Task"))
    assert plan(query("Resource?"), R4) == (Everything(), True)
    assert plan(query("Task?"), R4) == (kind, True)
    assert plan(query("Task?owner.name=a"), R4) == (kind, False)
    match plan(query("Task?status=ready"), R4)[0]:
        case Term(text):
            assert text.startswith("h")
        case other:
            pytest.fail(str(other))
    match plan(query("Task?status:not=ready&intent=order"), R4)[0]:
        case And((first, Not(Term()), Term())):
            assert first == kind
        case other:
            pytest.fail(str(other))
    match plan(query("Patient?name=A,B"), R4)[0]:
        case Or((Prefix(one), Prefix(two))):
            assert (one[-2:], two[-2:]) == (b"a".hex(), b"b".hex())
        case other:
            pytest.fail(str(other))
    match plan(query("Resource?_type=Patient,Task&_id=1"), R4)[0]:
        case Or((And(), And())):
            pass
        case other:
            pytest.fail(str(other))


def holds_not_beside_a_kind(expression: Expression) -> bool:
    match expression:
        case And(parts):
            beside = any(isinstance(part, Term) and part.text.startswith("k") for part in parts)
            inner = [part.part if isinstance(part, Not) else part for part in parts]
            negated = any(isinstance(part, Not) for part in parts)
            return (beside or not negated) and all(map(holds_not_beside_a_kind, inner))
        case Or(parts):
            return all(map(holds_not_beside_a_kind, parts))
        case Not():
            return False
        case _:
            return True


def test_expressions_select_by_terms_and_ranges() -> None:
    entry = IndexEntry("ka sab", ((7, 10, 20),))
    assert selects(Term("ka"), entry)
    assert not selects(Term("k"), entry)
    assert selects(Prefix("sa"), entry)
    assert selects(Overlap(7, 5, 15, Comparator.AP), entry)
    assert not selects(Overlap(8, 5, 15, Comparator.AP), entry)
    assert not selects(Overlap(7, 5, 15, Comparator.EQ), entry)
    assert selects(And((Term("ka"), Not(Term("kb")))), entry)
    assert selects(Or((Term("kb"), Everything())), entry)


def maybe(key: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.just({}) | values.map(lambda value: {key: value})


def merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Resource]:
    return st.tuples(*parts).map(lambda found: {k: v for part in found for k, v in part.items()})


CODES = st.sampled_from(["a", "b", "A", "a|"])
SYSTEMS = st.sampled_from(["s", "t"])
CODING = merged(maybe("system", SYSTEMS), maybe("code", CODES), maybe("display", CODES))
CONCEPT = merged(maybe("coding", st.lists(CODING, max_size=2)), maybe("text", CODES))
IDENTIFIER = merged(maybe("system", SYSTEMS), maybe("value", CODES))
REFERENCE = merged(
    maybe(
        "reference",
        st.sampled_from(
            [
                "Patient/1",
                "Group/1",
                BASE + "/Patient/1",
                "Patient/2/_history/1",
                "http://other/Patient/1",
                "#inside",
                "id:1",
            ]
        ),
    ),
    maybe("identifier", IDENTIFIER),
    maybe("type", st.just("Patient")),
)
DATES = st.sampled_from(["2023", "2024", "2024-05", "2024-05-01", "2024-05-01T10:00:00Z", "soon"])
PERIOD = merged(maybe("start", DATES), maybe("end", DATES))
TEXTS = st.sampled_from(["Müller", "Muller", "mu", "  Mu ", "x" * 60 + "y", "x" * 61, "ä" * 31, ""])
TASKS = merged(
    st.just({"resourceType": "Task", "id": "1"}),
    maybe("status", CODES),
    maybe("code", CONCEPT),
    maybe("identifier", st.lists(IDENTIFIER, max_size=2)),
    maybe("for", REFERENCE),
    maybe("owner", REFERENCE),
    maybe("authoredOn", DATES),
    maybe("executionPeriod", PERIOD),
)
PATIENTS = merged(
    st.just({"resourceType": "Patient", "id": "1"}),
    maybe("name", st.lists(maybe("family", TEXTS), max_size=2)),
    maybe("birthDate", DATES),
    maybe("deceasedBoolean", st.booleans()),
)
RESOURCES = TASKS | PATIENTS
PREFIXES = st.sampled_from(["", *Comparator])
TOKEN_VALUES = st.sampled_from(["a", "b", "s|a", "|a", "s|", "t|b", "a\\|", "A"])
REFERENCE_VALUES = st.sampled_from(["1", "Patient/1", "Group/1", BASE + "/Patient/2"]) | st.just(
    "http://other/Patient/1"
)


def condition(
    names: list[str], values: st.SearchStrategy[str], types: str
) -> st.SearchStrategy[tuple[str, str, str]]:
    alternatives = st.lists(values, min_size=1, max_size=2).map(",".join)
    return st.tuples(st.just(types), st.sampled_from(names), alternatives)


CONDITIONS = (
    condition(["status", "status:not", "code", "code:not", "identifier"], TOKEN_VALUES, "Task")
    | condition(["code:text", "owner:identifier", "patient:identifier"], TOKEN_VALUES, "Task")
    | condition(
        ["owner", "owner:not", "patient", "subject", "subject:Patient"], REFERENCE_VALUES, "Task"
    )
    | condition(
        ["authored-on", "period"],
        st.tuples(PREFIXES, DATES).map("".join),
        "Task",
    )
    | condition(["name", "name:exact", "name:contains"], TEXTS, "Patient")
    | condition(["birthdate"], st.tuples(PREFIXES, DATES).map("".join), "Patient")
    | condition(["deceased"], st.sampled_from(["true", "false"]), "Patient")
    | st.tuples(
        st.just("Task"),
        st.sampled_from(["status", "code", "owner", "authored-on", "patient", "_id"]).map(
            lambda code: f"{code}:missing"
        ),
        st.sampled_from(["true", "false"]),
    )
    | condition(["_id", "_id:not", "_type", "_type:not"], CODES | st.just("Task"), "Resource")
    | condition(["patient", "patient:not"], REFERENCE_VALUES, "Resource")
)


def read(conditions: list[tuple[str, str, str]]) -> Query | None:
    resource_type = conditions[0][0]
    try:
        return parse_query(
            R4,
            resource_type,
            [(name, value) for at, name, value in conditions if at == resource_type],
        )
    except InvalidSearch:
        return None


@given(st.lists(CONDITIONS, min_size=1, max_size=3), RESOURCES)
def test_a_plan_selects_every_match_and_only_matches_if_it_is_exact(
    conditions: list[tuple[str, str, str]], resource: Resource
) -> None:
    asked = read(conditions)
    if asked is None:
        return
    expression, exact = plan(asked, R4)
    selected = selects(expression, index_entry(R4, resource))
    matches = asked.matches(resource)
    assert selected or not matches
    assert selected == matches or not exact
    assert holds_not_beside_a_kind(expression)


@given(CONDITIONS, CONDITIONS, RESOURCES)
def test_queries_of_equal_spelling_match_alike(
    one: tuple[str, str, str], other: tuple[str, str, str], resource: Resource
) -> None:
    first, second = read([one]), read([other])
    if first and second and first.canonical == second.canonical:
        assert first.matches(resource) == second.matches(resource)


@given(CONDITIONS, RESOURCES)
def test_keys_decide_as_the_condition_does(asked: tuple[str, str, str], resource: Resource) -> None:
    found = read([asked])
    if found is None or found.resource_type != resource["resourceType"]:
        return
    (condition,) = found.conditions
    keys = condition.keys()
    if keys is not None:
        parameter = R4.get(found.resource_type, keys[0])
        assert parameter is not None
        terms = parameter.values(resource).terms
        assert condition.matches(resource) == (not terms.isdisjoint(keys[1]))


@given(
    st.sampled_from(Comparator),
    st.sampled_from(["2024", "2024-05", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000001Z"]),
    st.sampled_from([-1, 0, 1, 2, 999_999, 1_000_000, 86_400_000_000, -86_400_000_000]),
    st.sampled_from(["Task?", "Task?status=ready&", "Resource?"]),
)
def test_when_a_resource_was_written_is_asked_of_the_version(
    how: Comparator, asked: str, microseconds: int, start: str
) -> None:
    at = datetime(2024, 5, 1, 10, tzinfo=UTC) + timedelta(microseconds=microseconds)
    task = {
        "resourceType": "Task",
        "status": "ready",
        "meta": {"lastUpdated": format_instant(at)},
    }
    wanted = query(f"{start}_lastUpdated={how}{asked}")
    entry = index_entry(R4, task)
    assert entry.ranges == ()
    expression, exact = plan(wanted, R4)
    since = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert exact
    assert selects(expression, entry, since) is wanted.matches(task)
