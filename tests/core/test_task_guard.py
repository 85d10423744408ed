"""Which status a Task may move to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.author import Author
from hub.core.client import Client
from hub.core.release import Resource
from hub.core.task_guard import TaskGuard
from hub.core.task_table import TASK_STATUSES, parse_task_guard
from hub.errors import TaskReserved, TransitionNotAllowed

SYSTEM = "http://example.org/codes"
PROFILE = "http://example.org/StructureDefinition/lab-task"
FHIR = json.loads((Path(__file__).parents[2] / "hub/task_guards/fhir.json").read_bytes())
STATUSES = st.sampled_from(TASK_STATUSES)
NOBODY = Author(None)
ADMINISTRATOR = Client(name="administrator", is_administrator=True)


def a_task(status: str, code: str | None = None, profile: str | None = None) -> Resource:
    task: Resource = {"resourceType": "Task", "status": status, "intent": "order"}
    if code is not None:
        task["code"] = {"coding": [{"code": "other"}, {"system": SYSTEM, "code": code}]}
    if profile is not None:
        task["meta"] = {"profile": [profile]}
    return task


def a_guard(*rules: Resource) -> TaskGuard:
    return parse_task_guard({"rules": list(rules)})


def may(
    guard: TaskGuard,
    previous: Resource | None,
    current: Resource,
    client: Client | None = None,
) -> bool:
    try:
        guard.check("Task/81", previous, current, Author(client))
    except (TransitionNotAllowed, TaskReserved):
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
        guard.check("Task/81", a_task("requested"), a_task("completed"), NOBODY)
    assert told.value.diagnostics == (
        "Task/81 is requested and may not become completed; it may become received or accepted"
    )
    assert told.value.expression == "Task.status"
    assert (told.value.status, told.value.code) == (422, "business-rule")
    with pytest.raises(TransitionNotAllowed, match="it may become nothing else"):
        guard.check("Task/81", a_task("accepted"), a_task("completed"), NOBODY)
    with pytest.raises(TransitionNotAllowed) as told:
        guard.check("Task/81", None, a_task("completed"), NOBODY)
    assert told.value.diagnostics == (
        "a Task may not be created as completed; it may be as draft or requested"
    )
    guard.check("Task/81", None, a_task("draft"), NOBODY)


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


def test_what_brought_a_task_under_a_rule_is_not_taken_away() -> None:
    guard = a_guard(
        {"code": [f"{SYSTEM}|a"], "transitions": {"requested": ["accepted"]}},
        {"code": [f"{SYSTEM}|b"], "profile": [PROFILE], "transitions": {"requested": ["accepted"]}},
    )
    first, second = a_task("requested", "a"), a_task("requested", "b", PROFILE)
    for before, after, element in (
        (first, a_task("requested"), "Task.code"),
        (first, a_task("accepted", "none"), "Task.code"),
        (second, a_task("requested", "none", PROFILE), "Task.code"),
        (second, a_task("requested", "b"), "Task.meta.profile"),
    ):
        with pytest.raises(TaskReserved) as told:
            guard.check("Task/81", before, after, Author(Client(name="lab")))
        assert told.value.diagnostics == (
            f"Task/81 is guarded by what {element} says; taking that away is up to an administrator"
        )
        assert told.value.expression == element
        assert may(guard, before, after, ADMINISTRATOR)
        assert may(guard, after, before | {"status": after["status"]})
    both = {**first, "code": {"coding": [{"system": SYSTEM, "code": each} for each in "ab"]}}
    assert may(guard, first, both) and not may(guard, both, a_task("requested", "b", PROFILE))


def test_a_write_that_changes_the_code_must_please_both_rules() -> None:
    guard = a_guard(
        {"code": [f"{SYSTEM}|a"], "transitions": {"requested": ["accepted", "rejected"]}},
        {"code": [f"{SYSTEM}|b"], "transitions": {"requested": ["accepted", "failed"]}},
    )

    def goes(before: str, to: str, after: str) -> bool:
        return may(guard, a_task("requested", before), a_task(to, after), ADMINISTRATOR)

    for before, after in (("a", "b"), ("b", "a")):
        assert goes(before, "accepted", after)
        assert not goes(before, "rejected", after) and not goes(before, "failed", after)
    assert not goes("a", "completed", "none") and not goes("none", "completed", "a")
    assert goes("a", "rejected", "none")


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
