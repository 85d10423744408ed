"""Who may move a Task: tables that say it, and every way around them."""

from __future__ import annotations

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
from hub.guard_settings import read_task_guard

BASE = "http://hub.example.org/fhir/r4"
NAMES = ("ward", "lab", "other")
CLIENTS = {
    name: Client(name=name, parties=frozenset({f"Organization/{name}", f"urn:ids|{name}"}))
    for name in NAMES
}
ADMINISTRATOR = Client(name="administrator", is_administrator=True)
ORDER = read_task_guard("order")


def named(name: str | None, how: str = "relative") -> Resource:
    """Return a reference to somebody, in one of the ways of writing it."""
    if how == "identifier":
        return {"identifier": {"system": "urn:ids", "value": name}}
    base = f"{BASE}/" if how == "absolute" else ""
    return {"reference": f"{base}Organization/{name}"}


def a_task(
    status: str = "requested",
    *,
    owner: str | None = "lab",
    requester: str | None = "ward",
    how: str = "relative",
) -> Resource:
    task: Resource = {"resourceType": "Task", "status": status}
    for role, name in (("owner", owner), ("requester", requester)):
        if name is not None:
            task[role] = named(name, how)
    return task


def refusal(
    before: Resource | None, after: Resource, client: Client | None, guard: TaskGuard = ORDER
) -> TaskReserved | None:
    """Return why a write is left to somebody else, None where it is allowed."""
    try:
        guard.check("Task/81", before, after, Author(client, BASE))
    except TaskReserved as error:
        return error
    return None


@pytest.mark.parametrize("how", ["relative", "absolute", "identifier"])
def test_the_owner_works_and_the_requester_calls_off(how: str) -> None:
    def may(name: str, before: str, after: str) -> bool:
        return not refusal(a_task(before, how=how), a_task(after, how=how), CLIENTS[name])

    for before, after, who in (
        ("draft", "requested", "ward"),
        ("requested", "received", "lab"),
        ("requested", "accepted", "lab"),
        ("received", "rejected", "lab"),
        ("accepted", "in-progress", "lab"),
        ("in-progress", "on-hold", "lab"),
        ("on-hold", "failed", "lab"),
        ("in-progress", "completed", "lab"),
        ("requested", "cancelled", "ward"),
        ("accepted", "cancelled", "ward"),
        ("completed", "entered-in-error", "lab"),
    ):
        assert [name for name in NAMES if may(name, before, after)] == [who]
        assert not refusal(a_task(before), a_task(after), ADMINISTRATOR)
        assert refusal(a_task(before), a_task(after), None)
    with pytest.raises(TransitionNotAllowed):
        refusal(a_task("requested"), a_task("completed"), ADMINISTRATOR)


def test_a_refusal_names_who_may() -> None:
    told = refusal(a_task(), a_task("accepted"), CLIENTS["ward"])
    assert told is not None
    assert told.diagnostics == "Task/81 is requested; that it becomes accepted is up to its owner"
    assert (told.status, told.code, told.slug) == (422, "business-rule", "task-reserved")
    assert told.expression == "Task.status"
    told = refusal(a_task(), a_task("accepted"), None)
    assert told is not None
    assert told.diagnostics.endswith("to its owner, and the hub does not know who is calling")
    told = refusal(None, a_task(), CLIENTS["lab"])
    assert told is not None
    assert told.diagnostics == "that a Task is created as requested is up to its requester"
    by = ["performer", "Organization/x", "administrator"]
    guard = parse_task_guard(
        {"rules": [{"transitions": {"draft": [{"to": "ready", "by": by}]}}]},
    )
    told = refusal(a_task("draft"), a_task("ready"), CLIENTS["lab"], guard)
    assert told is not None
    assert told.diagnostics.endswith("to its performer, Organization/x or an administrator")


def test_an_open_task_is_claimed_by_whoever_the_write_makes_its_owner() -> None:
    unowned = a_task(owner=None)
    assert not refusal(unowned, a_task("accepted"), CLIENTS["lab"])
    assert refusal(unowned, a_task("accepted"), CLIENTS["other"])
    assert refusal(unowned, a_task("accepted", owner=None), CLIENTS["lab"])
    assert not refusal(unowned, a_task(), CLIENTS["ward"])  # it only assigns the Task


def test_a_role_is_not_taken_from_whoever_has_it() -> None:
    for client, allowed in (
        (CLIENTS["lab"], True),
        (ADMINISTRATOR, True),
        (CLIENTS["ward"], False),
    ):
        for after in (a_task(owner="ward"), a_task(owner=None), a_task("cancelled", owner="ward")):
            if after["status"] == "cancelled" and client is CLIENTS["lab"]:
                continue
            told = refusal(a_task(), after, client)
            assert (told is None) is allowed
            if told is not None:
                assert told.expression == "Task.owner"
                assert told.diagnostics == ("a change of Task.owner in Task/81 is up to its owner")
    told = refusal(a_task(), a_task(requester="lab"), CLIENTS["lab"])
    assert told is not None and told.expression == "Task.requester"
    # The words beside a reference are nobody's.
    worded = a_task() | {"owner": named("lab") | {"display": "Laboratory"}}
    assert not refusal(a_task(), worded, CLIENTS["other"])
    more = a_task() | {"owner": named("lab") | named("other", "identifier")}
    assert refusal(a_task(), more, CLIENTS["other"])
    free = parse_task_guard({"rules": [{"transitions": {"requested": ["accepted"]}}]})
    assert not refusal(a_task(), a_task(owner="ward"), None, free)


def test_a_party_or_an_administrator_alone_may_be_named() -> None:
    def guard(who: str) -> TaskGuard:
        step = {"to": "accepted", "by": [who]}
        return parse_task_guard({"rules": [{"transitions": {"requested": [step]}}]})

    for party in ("Organization/other", "urn:ids|other"):
        told = {
            name: refusal(a_task(), a_task("accepted"), CLIENTS[name], guard(party))
            for name in NAMES
        }
        assert [name for name in NAMES if told[name] is None] == ["other"]
    only = guard("administrator")
    assert all(refusal(a_task(), a_task("accepted"), CLIENTS[name], only) for name in NAMES)
    assert not refusal(a_task(), a_task("accepted"), ADMINISTRATOR, only)


def test_whoever_creates_must_be_whom_the_start_names() -> None:
    assert not refusal(None, a_task(), CLIENTS["ward"])
    assert refusal(None, a_task(requester=None), CLIENTS["ward"])
    assert not refusal(None, a_task("in-progress"), CLIENTS["lab"])
    assert refusal(None, a_task("in-progress"), CLIENTS["ward"])
    assert not refusal(None, a_task(requester=None), ADMINISTRATOR)
    with pytest.raises(TransitionNotAllowed, match="may not be created as completed"):
        refusal(None, a_task("completed"), ADMINISTRATOR)


def test_in_r5_a_performer_may_be_named() -> None:
    step = {"to": "completed", "by": ["performer"]}
    guard = parse_task_guard({"rules": [{"transitions": {"in-progress": [step]}}]})
    performed = {"performer": [{"actor": named("lab")}]}
    before, after = (a_task(status) | performed for status in ("in-progress", "completed"))
    assert not refusal(before, after, CLIENTS["lab"], guard)
    told = refusal(before, a_task("in-progress"), CLIENTS["ward"], guard)
    assert told is not None and told.expression == "Task.performer.actor"


SOMEBODY = st.sampled_from([*NAMES, None])
WRITE = st.tuples(st.sampled_from(NAMES), st.sampled_from(TASK_STATUSES), SOMEBODY, SOMEBODY)


@given(writes=st.lists(WRITE, max_size=12))
def test_whatever_is_tried_work_is_moved_by_its_owner_and_called_off_by_its_requester(
    writes: list[tuple[Any, ...]],
) -> None:
    now: Resource | None = None
    had: dict[str, set[str | None]] = {"owner": set(), "requester": set()}
    roles: dict[str, str | None] = {"owner": None, "requester": None}
    for name, status, owner, requester in writes:
        after = a_task(status, owner=owner, requester=requester)
        try:
            ORDER.check("Task/81", now, after, Author(CLIENTS[name], BASE))
        except (TransitionNotAllowed, TaskReserved):
            continue
        before, roles = roles, {"owner": owner, "requester": requester}
        for role, holder in before.items():
            # Nobody loses a role to another one's write.
            assert holder in (None, name, roles[role])
            had[role] |= {roles[role]}
        if now is not None and status != now["status"]:
            role = "requester" if status in ("requested", "cancelled") else "owner"
            if status == "entered-in-error":
                assert name in (before["owner"], before["requester"], owner, requester)
            else:
                assert (before[role] or roles[role]) == name
                assert name in had[role]
        now = after
