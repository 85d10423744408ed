"""How a table of the Task's life cycle is written (``hub.core.task_guard`` tells what it means).

It is JSON, an object with ``rules``; each rule has

- ``code`` (optional): tokens ``SYSTEM|CODE``, one of which a coding of Task.code must be;
- ``profile`` (optional): canonical URLs, one of which meta.profile must name, in any version;
- ``start`` (optional): the steps with which a Task may be created, any status where it is missing;
- ``transitions``: to each status the list of the steps from it; none leads on without a list.

A step is a status (``"accepted"``), which anybody may bring the Task to, or an object that says who
may: ``{"to": "accepted", "by": ["owner"]}``.  In ``by`` stand

- roles of the Task: ``requester``, ``owner``, ``performer`` (performer.actor, in R5),
  ``recipient`` (restriction.recipient), ``for``: whoever acts for what is named there;
- a party as the hub's clients have it: ``Organization/lab``, or an identifier ``SYSTEM|VALUE``;
- ``administrator``, who may take any step: alone it means nobody else.

A rule without code and profile is for all Tasks.

Source: http://hl7.org/fhir/task.html#statemachine; http://hl7.org/fhir/valueset-task-status.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Final, NoReturn, TypeVar

from hub.core.author import TASK_ROLES
from hub.core.canonical import is_absolute, split_canonical
from hub.core.profile import TypeNamed
from hub.core.release import Json, Resource
from hub.core.search_value import LOCAL_REFERENCE
from hub.core.task_guard import ADMINISTRATOR, TaskGuard, TaskRule, TaskStep

T = TypeVar("T")

TASK_STATUSES: Final = (
    "draft",
    "requested",
    "received",
    "accepted",
    "rejected",
    "ready",
    "cancelled",
    "in-progress",
    "on-hold",
    "failed",
    "completed",
    "entered-in-error",
)
"""The required codes of Task.status; R4, R4B and R5 have the same."""

_RULE: Final = ("code", "profile", "start", "transitions")
_STEP: Final = ("to", "by")
_WHO: Final = (*TASK_ROLES, ADMINISTRATOR)
_identifier = re.compile(r"([^|]*)\|[^|]+").fullmatch


class TaskGuardInvalid(ValueError):
    """A table that can't be used; one line that names the place in it."""


def parse_task_guard(table: Resource) -> TaskGuard:
    """Read a table, as the module describes it.

    Raises:
        TaskGuardInvalid: it is none.
    """
    _only(table, ("rules",), "")
    rules = _list(table, "rules", "", _rule)
    if rules is None:
        _refuse("rules", "is missing")
    return TaskGuard(rules)


def _rule(written: Json, place: str) -> TaskRule:
    rule = _object(written, place)
    _only(rule, _RULE, f"{place}.")
    if "transitions" not in rule:
        _refuse(f"{place}.transitions", "is missing")
    at = f"{place}.transitions"
    transitions = _object(rule["transitions"], at)
    for status in transitions:
        _status(status, at)
    return TaskRule(
        transitions={
            status: _steps(transitions, status, f"{at}.", empty=True) or ()
            for status in transitions
        },
        start=_steps(rule, "start", f"{place}."),
        codes=frozenset(_list(rule, "code", f"{place}.", _token) or ()),
        of_profile=TypeNamed(
            "Task", frozenset(_list(rule, "profile", f"{place}.", _profile) or ())
        ),
    )


def _steps(
    written: Resource, name: str, path: str, *, empty: bool = False
) -> tuple[TaskStep, ...] | None:
    steps = _list(written, name, path, _step, empty=empty)
    seen: dict[str, TaskStep] = {}
    for index, step in enumerate(steps or ()):
        if seen.setdefault(step.to, step) != step:
            _refuse(f"{path}{name}[{index}]", f"{step.to} is there twice, with others in by")
    return steps


def _step(written: Json, place: str) -> TaskStep:
    if not isinstance(written, dict):
        return TaskStep(_status(written, place))
    _only(written, _STEP, f"{place}.")
    for name in _STEP:
        if name not in written:
            _refuse(f"{place}.{name}", "is missing")
    by = _list(written, "by", f"{place}.", _who) or ()
    return TaskStep(_status(written["to"], f"{place}.to"), by)


def _who(written: Json, place: str) -> str:
    text = written if isinstance(written, str) else ""
    identifier = _identifier(text)
    is_identifier = identifier is not None and (not identifier[1] or is_absolute(identifier[1]))
    if not (text in _WHO or is_identifier or LOCAL_REFERENCE.fullmatch(text)):
        hint = _near(text, _WHO) or f"write {', '.join(_WHO)}, Type/id or SYSTEM|VALUE"
        _refuse(place, f"{str(written)[:64]!r} names nobody; {hint}")
    return text


def _list(
    written: Resource, name: str, path: str, read: Callable[[Json, str], T], *, empty: bool = False
) -> tuple[T, ...] | None:
    if name not in written:
        return None
    place, items = f"{path}{name}", written[name]
    if not isinstance(items, list) or not (items or empty):
        _refuse(place, f"must be a list{'' if empty else ' that is not empty'}")
    return tuple(read(item, f"{place}[{index}]") for index, item in enumerate(items))


def _object(written: Json, place: str) -> Resource:
    if not isinstance(written, dict):
        _refuse(place, "must be an object")
    return written


def _only(written: Resource, members: tuple[str, ...], path: str) -> None:
    for name in written:
        if name not in members:
            _refuse(f"{path}{name}", f"is unknown; allowed: {', '.join(members)}")


def _status(written: Json, place: str) -> str:
    if not isinstance(written, str) or written not in TASK_STATUSES:
        hint = _near(str(written), TASK_STATUSES) or f"there are {', '.join(TASK_STATUSES)}"
        _refuse(place, f"{str(written)[:64]!r} is no status of a Task; {hint}")
    return written


def _near(text: str, words: Sequence[str]) -> str | None:
    near = get_close_matches(text, words, n=1)
    return f"did you mean {near[0]}?" if near else None


def _token(written: Json, place: str) -> tuple[str, str]:
    system, bar, code = str(written).partition("|")
    if not isinstance(written, str) or not bar or not is_absolute(system) or not code:
        _refuse(place, f"{str(written)[:64]!r} is no code; write SYSTEM|CODE")
    return system, code


def _profile(written: Json, place: str) -> str:
    if not isinstance(written, str) or not is_absolute(written):
        _refuse(place, f"{str(written)[:64]!r} is no canonical URL of a profile")
    return split_canonical(written)[0]


def _refuse(place: str, words: str) -> NoReturn:
    raise TaskGuardInvalid(f"{place}: {words}")
