"""FHIRPath criteria: what they mean, what is refused, and that none of them can hang."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from hub.core.fhirpath import FhirPathError, compile_fhirpath
from hub.core.release import FhirRelease
from hub.core.value_set import ValueSets
from hub.errors import TopicRefused

TASK: dict[str, Any] = {
    "resourceType": "Task",
    "id": "t1",
    "status": "requested",
    "owner": {"reference": "Organization/lab", "display": "The  Lab"},
    "output": [{"n": 1, "flag": True}, {"n": 2, "flag": True}, {"n": 2, "flag": False}],
    "amount": Decimal("1.50"),
    "count": 3,
    "start": "2025-01-01T10:00:00+02:00",
    "date": "2025-01-01",
    "empties": [None, {"x": 1}],
    "valueQuantity": {"value": Decimal("1.0"), "unit": "mg"},
    "extension": [{"url": "http://e", "valueString": "x"}, "odd"],
    "contained": [{"resourceType": "Patient", "id": "p"}],
    "done": False,
    "words": ["a", "B", "c"],
}


def answer(expression: str, release: FhirRelease = FhirRelease.R4) -> bool | FhirPathError:
    return compile_fhirpath(expression, release).evaluate(TASK, TASK)


TRUE = [
    "true",
    "%current.status = 'requested'",
    "status = 'requested'",
    "%resource.status = 'requested' and %context.id = 't1'",
    "%current.Task.status = 'requested'",
    "%current.Patient.status.empty()",
    "%`current`.`status` = 'requested'",
    "%current.status != 'draft'",
    "%current.nothing.empty()",
    "%current.status.nothing.empty()",
    "(%current.nothing = 'x').empty()",
    "(%current.nothing != 'x').empty()",
    "{}.empty()",
    "%current.amount = 1.5",
    "%current.amount > 1",
    "%current.count >= 3",
    "%current.count <= 3",
    "%current.count < 4",
    "%current.count > -1",
    "%current.count > +1",
    "1 = 1.0",
    "(1 = true).not()",
    "%current.amount ~ 1.5",
    "1.52 ~ 1.5",
    "(1.6 ~ 1.5).not()",
    "'A  b' ~ ' a B '",
    "'a' !~ 'b'",
    "%current.nothing ~ %current.nothing",
    "%current.output ~ %current.output",
    "%current.words ~ ('c' | 'a' | 'b')",
    "(%current.words = ('c' | 'a' | 'B')).not()",
    "%current.words = ('a' | 'B' | 'c')",
    "%current.words[1] = 'B'",
    "%current.words[9].empty()",
    "%current.words[-1].empty()",
    "'a' in %current.words",
    "%current.words contains 'B'",
    "('z' in %current.words).not()",
    "(%current.nothing in %current.words).empty()",
    "(%current.nothing in ('a' | 'b')).empty() and (%current.count in ('a' | 'b')).not()",
    "%current.start in ('x' | '2025-01-01T08:00:00Z')",
    "%current.start = '2025-01-01T08:00:00Z' and %current.date = @2025-01-01",
    "%current.start != '2025-01-01T08:00:00' and (%current.count = 'x').not()",
    "('a' | 'a').count() = 1",
    "'a' & 'b' = 'ab'",
    "'a' & {} = 'a'",
    "true and true",
    "(true and false).not()",
    "(false and {}) = false",
    "(true and {}).empty()",
    "true or {}",
    "(false or {}).empty()",
    "(false or false).not()",
    "true xor false",
    "({} xor true).empty()",
    "false implies {}",
    "true implies true",
    "({} implies false).empty()",
    "%current.owner and true",
    "%current.owner.exists()",
    "%current.done.not()",
    "%current.nothing.not().empty()",
    "%current.done.hasValue()",
    "%current.owner.hasValue().not()",
    "%current.output.exists(n = 2)",
    "%current.output.where(n = 2 and flag).count() = 1",
    "%current.output.where($this.n = 1).single().flag",
    "{}.single().empty()",
    "%current.output.all(n > 0)",
    "%current.output.all(flag).not()",
    "%current.output.select(n).count() = 3",
    "%current.output.n.distinct().count() = 2",
    "%current.output.n.isDistinct().not()",
    "%current.output.first().n = 1",
    "%current.output.last().n = 2",
    "%current.output.tail().count() = 2",
    "%current.output.take(2).count() = 2",
    "%current.output.skip(2).count() = 1",
    "%current.output.skip(-1).count() = 3",
    "%current.output.flag.allTrue().not()",
    "%current.output.flag.anyTrue()",
    "%current.output.flag.allFalse().not()",
    "%current.output.flag.anyFalse()",
    "iif(true, 'a', 'b') = 'a'",
    "iif(false, 'a', 'b') = 'b'",
    "iif(false, 'a').empty()",
    "'Ab'.lower() = 'ab' and 'Ab'.upper() = 'AB' and ' a '.trim() = 'a' and 'ab'.length() = 2",
    "{}.lower().empty()",
    "'abc'.startsWith('a') and 'abc'.endsWith('c') and 'abc'.contains('b')",
    "'abc'.startsWith({}).empty()",
    "%current.extension('http://e').exists()",
    "%current.extension('http://f').empty()",
    "('a' | 'b').subsetOf('a' | 'b' | 'c')",
    "('a' | 'b').supersetOf('a')",
    "('a' | 'b').intersect('b' | 'c') = 'b'",
    "('a' | 'b').exclude('b') = 'a'",
    "('a' | 'b').union('b').count() = 2",
    "('a' | 'b').combine('b').count() = 3",
    "%current.value.unit = 'mg'",
    "%current.value.ofType(Quantity).unit = 'mg'",
    "(%current.value as Quantity).unit = 'mg'",
    "%current.value is Quantity",
    "(%current.value is string).not()",
    "%current.value.is(FHIR.Quantity)",
    "%current.where(value.exists()).where(value is Quantity).exists()",
    "(%current.nothing.value is Quantity).empty()",
    "%current is Task",
    "(%current is Patient).not()",
    "(%current as Task).status = 'requested'",
    "%current.contained.ofType(Patient).id = 'p'",
    "(%current.nothing is Patient).empty()",
    "%current.empties.count() = 1",
    "%current.start = '2025-01-01T08:00:00Z'",
    "%current.start ~ '2025-01-01T08:00:00Z'",
    "%current.start < @2025-01-01T09:00:00Z",
    "%current.date > @2024",
    "(%current.date > @2025).empty()",
    "(%current.nothing > 1).empty()",
    "'a' < 'b'",
    r"'\'\t\u0041' = '''".replace("'''", r"'\'\tA'"),
    "@2025-01-01 < @2025-01-02",
    "(('a' | 'b') ~ 'a').not()",
    "%current = %previous",
    "%current.first() is Task",
    "%current.status in ('draft' | 'requested')",
    "(%current.status | %current.id | %current.status).count() = 2",
    "(%current.nothing.exists() | %current.status.exists()).anyTrue()",
    "(false and %current.words).not()",
    "true or %current.words",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true(expression: str) -> None:
    assert answer(expression) is True


@pytest.mark.parametrize(
    "expression",
    ["false", "{}", "'text'", "%current.nothing", "%current.words", "1"],
)
def test_nothing_but_a_single_true_fires(expression: str) -> None:
    assert answer(expression) is False


@pytest.mark.parametrize(
    "expression",
    [
        "(true | false).combine(true) and true",
        "%current.words.single() = 'a'",
        "%current.words > 1",
        "%current.status > 1",
        "%current.owner > 1",
        "%current.words in %current.words",
        "%current.words & 'a' = 'a'",
        "1 & 'a' = 'a'",
        "%current.words['a'].empty()",
        "%current.words[true].empty()",
        "%current.words[{}].empty()",
        "%current.output.where(%current.words).exists()",
        "%current.output is Patient",
    ],
)
def test_an_error_is_a_value_and_does_not_fire(expression: str) -> None:
    compiled = compile_fhirpath(expression, FhirRelease.R4)
    assert isinstance(compiled.evaluate(TASK, TASK), FhirPathError)
    assert compiled(TASK, TASK) is False


def test_previous_is_empty_on_create_and_current_on_delete() -> None:
    new = compile_fhirpath("%previous.empty() and %current.exists()", FhirRelease.R5)
    gone = compile_fhirpath("%current.empty() and %previous.exists()", FhirRelease.R5)
    assert new(None, TASK)
    assert not new(TASK, TASK)
    assert gone(TASK, None)


REFUSED = [
    ("%current.status.matches('(?=a)')", "this regular expression can't be used", 25),
    ("%current.status.matches('(a')", "missing \\)", 25),
    ("'a'.replaceMatches('(((a{100}){100}){100})', 'b')", "regular expression", 20),
    ("'a'.matchesFull(%current.id)", "in quotes", 17),
    ("(%previous.empty() | (%previous.status != 'x')) and true", "write 'or'", 2),
    ("true implies (true | false)", "write 'or'", 15),
    ("true | false", "write 'or'", 1),
    ("%current.code.memberOf('http://v')", "http://v is not loaded; give its file", 24),
    ("%current.code.memberOf(1)", "canonical of a ValueSet in quotes", 24),
    ("%current.code.memberOf(%current.id)", "canonical of a ValueSet in quotes", 24),
    ("%current.code.memberOf({})", "canonical of a ValueSet in quotes", 24),
    ("%current.code.memberOf()", "takes 1 arguments, not 0", 15),
    ("now() > @2020", "nothing but the change", 1),
    ("today() > @2020", "nothing but the change", 1),
    ("timeOfDay() > @T12:00", "nothing but the change", 1),
    ("%current.frobnicate()", "offered: abs, aggregate", 10),
    ("%current.empty(1)", "takes 0 arguments, not 1", 10),
    ("%current.exists(1, 2)", "takes 0 or 1 arguments, not 2", 10),
    ("%current.ofType()", "takes 1 arguments, not 0", 10),
    ("%other = 1", "not bound", 1),
    ("%current.deceased is HumanName", "deceased is never of type HumanName", 22),
    ("%current.value is Basket", "no type Basket", 19),
    ("%current.status is CQL.string", "no type CQL.string", 20),
    ("%current.status is System.Basket", "no type Basket", 20),
    ("(%current.id | 'a') is string", "type of these values isn't known", 24),
    ("@2024-13", "no date or time @2024-13", 1),
    ("@T25", "no date or time @T25", 1),
    ("@T12:00Z = @T12:00Z", "no date or time", 1),
    ("%current.conformsTo('http://p')", "conformsTo.. is not evaluated: validation", 10),
    ("defineVariable(%current.id, 1).exists()", "a name in quotes", 16),
    ("defineVariable({}, 1).exists()", "that isn't bound yet", 16),
    ("defineVariable('current').exists()", "that isn't bound yet", 16),
    ("defineVariable('a').defineVariable('a').exists()", "that isn't bound yet", 36),
    ("defineVariable('a').exists() and %a.exists()", "%a is not bound", 34),
    ("%current.status = ", "expecting", 19),
    ("%current.status = 'a' more", "expecting", 23),
    ("'a", "token recognition", 1),
    ("%current." + "where(" * 21 + "true" + ")" * 21, "nested deeper than 20", 135),
    ("%current" + ".a" * 100, "deeper than 60", 1),
]


@pytest.mark.parametrize(("expression", "reason", "position"), REFUSED)
def test_what_the_hub_does_not_evaluate_is_refused_with_position_and_reason(
    expression: str, reason: str, position: int
) -> None:
    with pytest.raises(TopicRefused, match=reason) as caught:
        compile_fhirpath(expression, FhirRelease.R5)
    assert f"position {position}:" in caught.value.diagnostics
    assert caught.value.expression == "SubscriptionTopic.resourceTrigger.fhirPathCriteria"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("true" + " or true" * 300, "at most 2000"),
        ("%current" + ".a" * 400, "at most 500"),
        ("(" * 600 + "1" + ")" * 600, "at most 500"),
        ("-" * 1_500 + "1", "at most 500"),
    ],
)
def test_an_oversized_expression_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(TopicRefused, match=reason):
        compile_fhirpath(expression, FhirRelease.R5)


@pytest.mark.parametrize(
    "expression",
    [
        "(1|2)" + ".select($this.combine($this))" * 30 + ".empty()",
        "'aaaaaaaa'" + ".select($this & $this)" * 40 + ".empty()",
        "%current.big.where(%current.big.where(%current.big.where(n = 1).exists()).exists())",
        "%current.big.all(%current.big ~ %previous.big)",
        "%current.big.all(n in %current.big.n)",
    ],
)
def test_a_hostile_expression_ends_when_its_budget_is_used_up(expression: str) -> None:
    compiled = compile_fhirpath(expression, FhirRelease.R5)
    big = {"resourceType": "Task", "big": [{"n": n} for n in range(2_000)]}
    result = compiled.evaluate(big, big)
    assert isinstance(result, FhirPathError)
    assert "too costly" in result.reason


def test_a_resource_is_never_changed() -> None:
    before = repr(TASK)
    for expression in TRUE:
        answer(expression)
    assert repr(TASK) == before


SYSTEM = "http://example.org/statuses"
VALUE_SETS = ValueSets(
    [
        {
            "url": "http://v",
            "version": "1",
            "compose": {"include": [{"system": SYSTEM, "concept": [{"code": "requested"}]}]},
        }
    ]
)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"status": "requested"}, True),
        ({"status": "draft"}, False),
        ({"status": {"coding": [{"system": SYSTEM, "code": "requested"}]}}, True),
        ({"status": {"coding": [{"system": "http://other", "code": "requested"}]}}, False),
        ({"status": ["requested", "requested"]}, False),
        ({"status": {"text": "requested"}}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("url", ["http://v", "http://v|1"])
def test_member_of_asks_a_loaded_value_set(
    element: dict[str, Any], expected: bool, url: str
) -> None:
    compiled = compile_fhirpath(
        f"%current.status.memberOf('{url}')", FhirRelease.R4, value_sets=VALUE_SETS
    )
    assert compiled(None, {"resourceType": "Task", **element}) is expected
    denied = compile_fhirpath(
        f"%current.status.memberOf('{url}').not()", FhirRelease.R4, value_sets=VALUE_SETS
    )
    known = len(element) == 1 and not isinstance(element["status"], list)
    concept = known and element["status"] != {"text": "requested"}
    assert denied(None, {"resourceType": "Task", **element}) is (concept and not expected)
