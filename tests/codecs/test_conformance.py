from __future__ import annotations

from decimal import Decimal

import pytest

from hub.codecs.conformance import issues_of
from hub.core.release import FhirRelease, Json, Resource

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
TASK: Resource = {"resourceType": "Task", "status": "draft", "intent": "order"}
EXTENSION = {"url": "http://example.org/x", "valueString": "x"}


def found(resource: Resource, release: FhirRelease = R4) -> list[tuple[str, str | None]]:
    return [(issue.code, issue.expression) for issue in issues_of(resource, release)]


def task(**members: Json) -> Resource:
    return {**TASK, **members}


def task_with_input(**members: Json) -> Resource:
    return task(input=[{"type": {"text": "x"}, **members}])


@pytest.mark.parametrize(
    ("resource", "code", "expression"),
    [
        (task(foo=1), "structure", "Task.foo"),
        (task(_foo={"id": "x"}), "structure", "Task._foo"),
        (task(_focus={"id": "x"}), "structure", "Task._focus"),
        ({**TASK, "foo bar`": 1}, "structure", "Task.`foo bar\\``"),
        (task(focus={"foo": 1}), "structure", "Task.focus.foo"),
        (task(focus={"resourceType": "Patient"}), "structure", "Task.focus.resourceType"),
        ({"resourceType": "Task", "intent": "order"}, "required", "Task.status"),
        (task(input=[{"valueString": "x"}]), "required", "Task.input[0].type"),
        (task_with_input(), "required", "Task.input[0].value[x]"),
        (task(status=["draft"]), "structure", "Task.status"),
        (task(status={"x": "draft"}), "structure", "Task.status"),
        (task(status="bogus"), "code-invalid", "Task.status"),
        (task(status=""), "value", "Task.status"),
        (task(status=1), "value", "Task.status"),
        (task(basedOn={"reference": "x"}), "structure", "Task.basedOn"),
        (task(basedOn=[]), "value", "Task.basedOn"),
        (task(basedOn=[None]), "structure", "Task.basedOn[0]"),
        (task(basedOn=["x"]), "structure", "Task.basedOn[0]"),
        (task(focus=[{"reference": "x"}]), "structure", "Task.focus"),
        (task(focus={}), "value", "Task.focus"),
        (task(description=""), "value", "Task.description"),
        (task(description=None), "structure", "Task.description"),
        (task(authoredOn="2024-02-30"), "value", "Task.authoredOn"),
        (task(lastModified="2024-01-01T10:00:00"), "value", "Task.lastModified"),
        (task(meta={"lastUpdated": "2024-01-01"}), "value", "Task.meta.lastUpdated"),
        (task(id="a b"), "value", "Task.id"),
        (task(restriction={"repetitions": 0}), "value", "Task.restriction.repetitions"),
        (task(text={"status": "empty", "div": 1}), "value", "Task.text.div"),
        (task_with_input(valueString="a", valueInteger=1), "structure", "Task.input[0].value[x]"),
        (
            task_with_input(valueString="a", _valueInteger={"extension": [EXTENSION]}),
            "structure",
            "Task.input[0].value[x]",
        ),
        (task_with_input(valueInteger=Decimal("1.0")), "value", "Task.input[0].value"),
        (task_with_input(valueString="x", valueFoo="x"), "structure", "Task.input[0].valueFoo"),
        (task(_status={"foo": 1}), "structure", "Task.status.foo"),
        (task(_status={}), "structure", "Task.status"),
        (task(_status=[{"id": "x"}]), "structure", "Task.status"),
        (task(_status={"id": ""}), "value", "Task.status.id"),
        (task(_status={"extension": []}), "value", "Task.status.extension"),
        (task(_status={"extension": EXTENSION}), "structure", "Task.status.extension"),
        (task(extension=[{"url": "x"}]), "invariant", "Task.extension[0]"),
        (task(extension=[{"valueString": "x"}]), "required", "Task.extension[0].url"),
        (
            task(extension=[{**EXTENSION, "extension": [EXTENSION]}]),
            "invariant",
            "Task.extension[0]",
        ),
        (task(_description={"id": "x"}), "required", "Task.description"),
        (task(description="x" * (1024**2 + 1)), "value", "Task.description"),
        (task(contained=[{"id": "x"}]), "required", "Task.contained[0]"),
        (task(contained=["x"]), "structure", "Task.contained[0]"),
        (task(contained=[task(status="x")]), "code-invalid", "Task.contained[0].status"),
        (task(contained=[task(contained=[TASK])]), "invariant", "Task.contained[0]"),
        (task(contained=[{"resourceType": "Nothing"}]), "structure", "Task.contained[0]"),
        ({}, "required", None),
        ({"resourceType": 1}, "structure", None),
        ({"resourceType": "Nothing"}, "structure", "Nothing"),
        ({"resourceType": "Resource"}, "structure", "Resource"),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": task(status="x")}]},
            "code-invalid",
            "Bundle.entry[0].resource.status",
        ),
    ],
)
def test_what_is_wrong_is_named_by_element(
    resource: Resource, code: str, expression: str | None
) -> None:
    assert found(resource) == [(code, expression)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ({"given": ["a", None], "_given": [None, {"extension": [EXTENSION]}]}, []),
        ({"given": ["a", None], "_given": [None, {"id": "x"}]}, [("required", "given[1]")]),
        ({"_given": [{"id": "x"}, {"extension": [EXTENSION]}]}, [("required", "given[0]")]),
        ({"given": ["a"], "_given": [{"id": "x"}]}, []),
        ({"given": [None]}, [("structure", "given[0]")]),
        ({"given": [None], "_given": [None]}, [("structure", "given[0]")]),
        (
            {"given": ["a"], "_given": [{"id": "x"}, {"id": "y"}]},
            [("structure", "given"), ("required", "given[1]")],
        ),
        ({"given": ["a"], "_given": {"id": "x"}}, [("structure", "given")]),
        ({"given": ["a"], "_given": []}, [("structure", "given")]),
        ({"_given": [None]}, [("structure", "given[0]")]),
        ({"given": ["a", ""]}, [("value", "given[1]")]),
    ],
)
def test_lists_of_primitives_line_up_with_their_extensions(
    name: Json, expected: list[tuple[str, str]]
) -> None:
    patient = {"resourceType": "Patient", "name": [name]}
    assert found(patient) == [(code, f"Patient.name[0].{place}") for code, place in expected]


@pytest.mark.parametrize(
    ("resource", "release"),
    [
        (task(), R4),
        ({"resourceType": "Task", "intent": "order", "_status": {"extension": [EXTENSION]}}, R4),
        (task(_status={"id": "x", "extension": [EXTENSION]}), R4),
        (task_with_input(valueString="x", _valueString={"id": "x"}), R4),
        (task_with_input(_valueString={"extension": [EXTENSION]}), R4),
        (task(extension=[{"url": "x", "extension": [EXTENSION]}]), R4),
        (task(extension=[{"url": "x", "_valueString": {"extension": [EXTENSION]}}]), R4),
        (task(requestedPeriod={"start": "2024"}), R5),
        ({"resourceType": "MedicinalProduct", "name": [{"productName": "x"}]}, R4),
    ],
)
def test_what_is_right_has_no_issue(resource: Resource, release: FhirRelease) -> None:
    assert found(resource, release) == []


@pytest.mark.parametrize(
    ("resource", "release", "words"),
    [
        (
            task(status="bogus"),
            R4,
            'Task.status: "bogus" is none of draft, requested, received, accepted, rejected, '
            "ready, cancelled, in-progress, on-hold, failed, completed, entered-in-error",
        ),
        (
            task(requestedPeriod={"start": "2024"}),
            R4,
            'Task has no element "requestedPeriod" in R4 (it is of R5)',
        ),
        (
            {"resourceType": "MedicinalProduct"},
            R4B,
            'MedicinalProduct: "MedicinalProduct" is no resource type of R4B (it is of R4)',
        ),
        (
            {"resourceType": "MedicinalProduct", "name": [{"productName": "x"}], "foo": 1},
            R4,
            'MedicinalProduct has no element "foo" in R4',
        ),
        (
            {"resourceType": "SubscriptionTopic"},
            R4,
            'SubscriptionTopic: "SubscriptionTopic" is no resource type of R4 '
            "(it is of R4B and R5)",
        ),
        (
            task(focus="x" * 100),
            R4,
            f'Task.focus: must be an object (Reference), not "{"x" * 80}..."',
        ),
        (task(description=["x"]), R4, "Task.description: must be a single string, not a list"),
        (task(basedOn=True), R4, "Task.basedOn: must be a list, not true"),
        (task(basedOn=Decimal("1.10")), R4, "Task.basedOn: must be a list, not 1.10"),
    ],
)
def test_the_words_say_what_was_found_and_what_is_allowed(
    resource: Resource, release: FhirRelease, words: str
) -> None:
    (issue,) = issues_of(resource, release)
    assert issue.diagnostics == words


def test_a_long_list_of_what_is_allowed_is_cut() -> None:
    (issue,) = issues_of(task_with_input(), R4)
    assert issue.diagnostics.startswith("Task.input[0].value[x]: one of valueBase64Binary, ")
    assert issue.diagnostics.endswith(" and 30 more is missing")


def test_the_reason_of_the_models_is_added_to_a_wrong_date() -> None:
    (issue,) = issues_of(task(authoredOn="2024-02-30"), R4)
    assert "2024-02-30" in issue.diagnostics
    assert "day value is outside expected range" in issue.diagnostics


def test_each_wrong_element_is_named() -> None:
    assert found({"resourceType": "Task", "status": "x", "foo": 1, "basedOn": {}}) == [
        ("code-invalid", "Task.status"),
        ("structure", "Task.foo"),
        ("structure", "Task.basedOn"),
        ("required", "Task.intent"),
    ]
