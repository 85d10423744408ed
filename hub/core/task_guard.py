"""Which status a Task may move to, as the hub's administrator says; nobody is guarded otherwise.

FHIR draws a state machine and allows others, and order workflows differ in theirs, so a table is
data.  It is JSON, an object with ``rules``; each rule has

- ``code`` (optional): tokens ``SYSTEM|CODE``, one of which a coding of Task.code must be;
- ``profile`` (optional): canonical URLs, one of which meta.profile must name, in any version;
- ``start`` (optional): the statuses that a Task may be created with, any where it is missing;
- ``transitions``: to each status the list of those that may follow; none follows one without list.

The first rule that is for a Task counts, one without code and profile is for all.  A Task that no
rule is for is not guarded.  A write that keeps the status is never refused.  Where a write changes
code or profile, the rules of the state before and of the state after must both allow it; one that
keeps the status may so leave a rule, but never one that is for all.  A deletion is no transition;
what is created after it begins anew.

Source: http://hl7.org/fhir/task.html#statemachine; http://hl7.org/fhir/valueset-task-status.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, NoReturn, TypeVar

from hub.core.canonical import is_absolute, split_canonical
from hub.core.profile import TypeNamed
from hub.core.release import Json, Resource
from hub.errors import TransitionNotAllowed

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

_ANY_PROFILE: Final = TypeNamed("Task")
_MEMBERS: Final = ("code", "profile", "start", "transitions")


class TaskGuardInvalid(ValueError):
    """A table that can't be used; one line that names the place in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRule:
    """One rule: for which Tasks it is, and what it allows them.

    ``codes`` are pairs of system and code, none: any code; ``start`` is None where a Task may be
    created with any status.
    """

    transitions: Mapping[str, tuple[str, ...]]
    start: tuple[str, ...] | None = None
    codes: frozenset[tuple[str, str]] = frozenset()
    of_profile: TypeNamed = _ANY_PROFILE

    def is_for(self, task: Resource) -> bool:
        """Tell whether the rule is for a Task as it stands."""
        if not self.of_profile.means(task):
            return False
        return not self.codes or not self.codes.isdisjoint(_codings(task))


@dataclass(frozen=True, slots=True)
class TaskGuard:
    """The rules, the first one that is for a Task counts."""

    rules: tuple[TaskRule, ...]

    def check(self, reference: str, previous: Resource | None, current: Resource) -> None:
        """Return if a Task may become ``current``.

        Args:
            reference: what the Task is called.
            previous: the valid state before, None where there is none: it is created.

        Raises:
            TransitionNotAllowed: it may not.
        """
        to = _status(current)
        if previous is None:
            rule = self._rule(current)
            if rule is not None and rule.start is not None and to not in rule.start:
                raise TransitionNotAllowed(
                    f"a Task may not be created as {to}; it may be as {_either(rule.start)}",
                    expression="Task.status",
                )
            return
        before = _status(previous)
        if to == before:
            return
        for rule in (self._rule(previous), self._rule(current)):
            allowed = (to,) if rule is None else rule.transitions.get(before, ())
            if to not in allowed:
                raise TransitionNotAllowed(
                    f"{reference} is {before} and may not become {to}; "
                    f"it may become {_either(allowed)}",
                    expression="Task.status",
                )

    def _rule(self, task: Resource) -> TaskRule | None:
        return next((rule for rule in self.rules if rule.is_for(task)), None)


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
    _only(rule, _MEMBERS, f"{place}.")
    if "transitions" not in rule:
        _refuse(f"{place}.transitions", "is missing")
    at = f"{place}.transitions"
    transitions = _object(rule["transitions"], at)
    for status in transitions:
        _read_status(status, at)
    return TaskRule(
        transitions={
            status: _list(transitions, status, f"{at}.", _read_status, empty=True) or ()
            for status in transitions
        },
        start=_list(rule, "start", f"{place}.", _read_status),
        codes=frozenset(_list(rule, "code", f"{place}.", _token) or ()),
        of_profile=TypeNamed(
            "Task", frozenset(_list(rule, "profile", f"{place}.", _profile) or ())
        ),
    )


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


def _read_status(written: Json, place: str) -> str:
    if not isinstance(written, str) or written not in TASK_STATUSES:
        near = get_close_matches(str(written), TASK_STATUSES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(TASK_STATUSES)}"
        _refuse(place, f"{str(written)[:64]!r} is no status of a Task; {hint}")
    return written


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


def _status(task: Resource) -> str:
    return str(task.get("status", "without status"))


def _codings(task: Resource) -> Iterable[tuple[str, str]]:
    for coding in (task.get("code") or {}).get("coding", ()):
        yield coding.get("system", ""), coding.get("code", "")


def _either(statuses: tuple[str, ...]) -> str:
    *most, last = statuses or ("nothing else",)
    return f"{', '.join(most)} or {last}" if most else last
