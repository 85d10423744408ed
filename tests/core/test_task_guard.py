"""Which status a Task may move to: tables that are read, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import Resource
from hub.core.task_guard import (
    TASK_STATUSES,
    TaskGuard,
    TaskGuardInvalid,
    parse_task_guard,
)
from hub.errors import TransitionNotAllowed

SYSTEM = "http://example.org/codes"
PROFILE = "http://example.org/StructureDefinition/lab-task"
FHIR = json.loads((Path(__file__).parents[2] / "hub/task_guards/fhir.json").read_bytes())
STATUSES = st.sampled_from(TASK_STATUSES)


def a_task(status: str, code: str | None = None, profile: str | None = None) -> Resource:
    task: Resource = {"resourceType": "Task", "status": status, "intent": "order"}
    if code is not None:
        task["code"] = {"coding": [{"code": "other"}, {"system": SYSTEM, "code": code}]}
    if profile is not None:
        task["meta"] = {"profile": [profile]}
    return task


def a_guard(*rules: Resource) -> TaskGuard:
    return parse_task_guard({"rules": list(rules)})


def may(guard: TaskGuard, previous: Resource | None, current: Resource) -> bool:
    try:
        guard.check("Task/81", previous, current)
    except TransitionNotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("draft", "requested", True),
        ("requested", "received", True),
        ("requested", "accepted", True),
        ("received", "rejected", True),
        ("accepted", "ready", True),
        ("ready", "in-progress", True),
        ("in-progress", "on-hold", True),
        ("on-hold", "in-progress", True),
        ("on-hold", "failed", True),
        ("in-progress", "completed", True),
        ("completed", "entered-in-error", True),
        ("accepted", "cancelled", True),
        ("completed", "completed", True),
        ("entered-in-error", "entered-in-error", True),
        ("requested", "completed", False),
        ("draft", "in-progress", False),
        ("in-progress", "cancelled", False),
        ("rejected", "accepted", False),
        ("completed", "in-progress", False),
        ("cancelled", "requested", False),
        ("entered-in-error", "requested", False),
    ],
)
def test_the_table_that_comes_with_the_hub_is_the_state_machine_of_fhir(
    before: str, after: str, allowed: bool
) -> None:
    guard = parse_task_guard(FHIR)
    assert may(guard, a_task(before), a_task(after)) is allowed
    assert may(guard, None, a_task(after))


def test_a_refusal_names_from_to_and_what_is_allowed() -> None:
    guard = a_guard(
        {"start": ["draft", "requested"], "transitions": {"requested": ["received", "accepted"]}}
    )
    with pytest.raises(TransitionNotAllowed) as told:
        guard.check("Task/81", a_task("requested"), a_task("completed"))
    assert told.value.diagnostics == (
        "Task/81 is requested and may not become completed; it may become received or accepted"
    )
    assert told.value.expression == "Task.status"
    assert (told.value.status, told.value.code) == (422, "business-rule")
    with pytest.raises(TransitionNotAllowed, match="it may become nothing else"):
        guard.check("Task/81", a_task("accepted"), a_task("completed"))
    with pytest.raises(TransitionNotAllowed) as told:
        guard.check("Task/81", None, a_task("completed"))
    assert told.value.diagnostics == (
        "a Task may not be created as completed; it may be as draft or requested"
    )
    guard.check("Task/81", None, a_task("draft"))


def test_a_status_that_is_not_there_goes_nowhere() -> None:
    guard = a_guard({"transitions": {"requested": ["accepted"]}})
    without = {"resourceType": "Task", "_status": {"extension": [{"url": "http://x"}]}}
    assert not may(guard, without, a_task("requested"))
    assert not may(guard, a_task("requested"), without)
    assert may(guard, without, without)


def test_the_first_rule_that_is_for_a_task_counts() -> None:
    guard = a_guard(
        {"code": [f"{SYSTEM}|a", f"{SYSTEM}|b"], "transitions": {"requested": ["completed"]}},
        {"profile": [f"{PROFILE}|1.0"], "transitions": {"requested": ["failed"]}},
        {"code": [f"{SYSTEM}|c"], "profile": [PROFILE], "transitions": {"requested": ["ready"]}},
    )

    def goes(to: str, **more: Any) -> bool:
        return may(guard, a_task("requested", **more), a_task(to, **more))

    for code in ("a", "b"):
        assert goes("completed", code=code) and not goes("failed", code=code)
        assert not goes("failed", code=code, profile=PROFILE)
    for profile in (PROFILE, f"{PROFILE}|2.0"):
        assert goes("failed", profile=profile) and not goes("completed", profile=profile)
    assert goes("completed") and goes("completed", code="c")
    # The rule before it is for this one, too.
    assert not goes("ready", code="c", profile=PROFILE)
    assert goes("failed", code="c", profile=PROFILE)


def test_a_task_that_no_rule_is_for_is_not_guarded() -> None:
    guard = a_guard({"code": [f"{SYSTEM}|a"], "start": ["draft"], "transitions": {}})
    free = a_task("completed", "b")
    assert may(guard, None, free) and may(guard, free, a_task("draft", "b"))
    assert may(guard, None, a_task("failed")) and may(guard, a_task("failed"), a_task("draft"))
    assert not may(guard, None, a_task("completed", "a"))


def test_a_write_that_changes_the_code_must_please_both_rules() -> None:
    guard = a_guard(
        {"code": [f"{SYSTEM}|a"], "transitions": {"requested": ["accepted", "rejected"]}},
        {"code": [f"{SYSTEM}|b"], "transitions": {"requested": ["accepted", "failed"]}},
    )
    for before, after in (("a", "b"), ("b", "a")):
        assert may(guard, a_task("requested", before), a_task("accepted", after))
        assert not may(guard, a_task("requested", before), a_task("rejected", after))
        assert not may(guard, a_task("requested", before), a_task("failed", after))
    assert not may(guard, a_task("requested", "a"), a_task("completed", "none"))
    assert not may(guard, a_task("requested", "none"), a_task("completed", "a"))
    assert may(guard, a_task("requested", "a"), a_task("rejected", "none"))


TABLES = st.dictionaries(STATUSES, st.lists(STATUSES, max_size=4), max_size=12)


@given(table=TABLES, start=st.none() | st.lists(STATUSES, min_size=1), path=st.lists(STATUSES))
def test_no_sequence_of_writes_makes_a_forbidden_step(
    table: dict[str, list[str]], start: list[str] | None, path: list[str]
) -> None:
    rule: Resource = {"transitions": table} | ({} if start is None else {"start": start})
    guard = a_guard(rule)
    now: Resource | None = None
    for status in path:
        wanted = a_task(status)
        if may(guard, now, wanted):
            if now is None:
                assert start is None or status in start
            else:
                assert status == now["status"] or status in table[now["status"]]
            now = wanted
        elif now is None:
            assert start is not None and status not in start
        else:
            assert status != now["status"] and status not in table.get(now["status"], [])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "rules: is missing"),
        ({"rules": []}, "rules: must be a list that is not empty"),
        ({"rules": {}}, "rules: must be a list that is not empty"),
        ({"rules": [1]}, r"rules\[0\]: must be an object"),
        ({"rule": []}, "rule: is unknown; allowed: rules"),
        ({"rules": [{}]}, r"rules\[0\]\.transitions: is missing"),
        ({"rules": [{"transitions": []}]}, r"rules\[0\]\.transitions: must be an object"),
        (
            {"rules": [{"transitions": {}}, {"transtions": {}}]},
            r"rules\[1\]\.transtions: is unknown; allowed: code, profile, start, transitions",
        ),
        (
            {"rules": [{"transitions": {"requested": ["received", "acepted"]}}]},
            r"rules\[0\]\.transitions\.requested\[1\]: 'acepted' is no status of a Task; "
            r"did you mean accepted\?",
        ),
        (
            {"rules": [{"transitions": {"zzz": []}}]},
            "'zzz' is no status of a Task; there are draft",
        ),
        ({"rules": [{"transitions": {"draft": "ready"}}]}, r"transitions\.draft: must be a list$"),
        ({"rules": [{"transitions": {}, "start": [1]}]}, r"start\[0\]: '1' is no status"),
        ({"rules": [{"transitions": {}, "start": []}]}, r"start: must be a list that is not empty"),
        (
            {"rules": [{"transitions": {}, "code": ["a"]}]},
            r"code\[0\]: 'a' is no code; write SYSTE",
        ),
        ({"rules": [{"transitions": {}, "code": ["|a"]}]}, r"code\[0\]: '\|a' is no code"),
        ({"rules": [{"transitions": {}, "code": ["a:b|"]}]}, r"code\[0\]: 'a:b\|' is no code"),
        ({"rules": [{"transitions": {}, "code": [{"a:b|": 1}]}]}, r"code\[0\]: .* is no code"),
        ({"rules": [{"transitions": {}, "profile": ["Task"]}]}, r"profile\[0\]: 'Task' is no can"),
        ({"rules": [{"transitions": {}, "profile": [7]}]}, r"profile\[0\]: '7' is no canonical"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_at_its_place(table: Resource, words: str) -> None:
    with pytest.raises(TaskGuardInvalid, match=words):
        parse_task_guard(table)
