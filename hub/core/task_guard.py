"""Which status a Task may move to and who may move it, as the hub's administrator says.

Nobody is guarded otherwise.  FHIR draws a state machine and allows others, and order workflows
differ in theirs, so a table is data (``hub.core.task_table`` tells how it is written).

- The first rule that is for a Task counts; a Task that no rule is for is not guarded.
- A write that keeps the status is no transition.  Where a write brings a Task under another rule,
  the rules of the state before and of the state after must both allow the transition.
- What brought a Task under a rule, its code or profile, is not taken away from it.
- Where a step says who may take it, roles are those of the state before; where nobody had the role
  then, it is whoever the write gives it to: an owner may claim a Task.
- A role that a rule names is not taken from whoever has it: they alone give it up or hand it over.
- An administrator is bound by the statuses and by nothing else here.  Where nobody knows who
  writes, what is up to somebody is refused.
- A deletion is no transition; what is created after it begins anew.

Source: http://hl7.org/fhir/task.html#statemachine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hub.core.author import TASK_ROLES, Author
from hub.core.profile import TypeNamed
from hub.core.release import Resource
from hub.errors import TaskReserved, TransitionNotAllowed

ADMINISTRATOR: Final = "administrator"
_ANY_PROFILE: Final = TypeNamed("Task")


@dataclass(frozen=True, slots=True)
class TaskStep:
    """A status that a Task may come to.

    ``by`` are those who may bring it there: roles of the Task (``TASK_ROLES``), parties as
    ``Client.parties`` writes them, ``administrator``; everybody where it is empty.
    """

    to: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRule:
    """One rule: for which Tasks it is, and what it allows them.

    ``codes`` are pairs of system and code, none: any code; ``start`` is None where a Task may be
    created with any status.
    """

    transitions: Mapping[str, tuple[TaskStep, ...]]
    start: tuple[TaskStep, ...] | None = None
    codes: frozenset[tuple[str, str]] = frozenset()
    of_profile: TypeNamed = _ANY_PROFILE

    def is_for(self, task: Resource) -> bool:
        """Tell whether the rule is for a Task as it stands."""
        return self.of_profile.means(task) and self.has_code(task)

    def has_code(self, task: Resource) -> bool:
        """Tell whether a Task has one of the rule's codes."""
        return not self.codes or not self.codes.isdisjoint(_codings(task))

    @property
    def steps(self) -> Iterable[TaskStep]:
        """Every step that the rule allows."""
        return [*(self.start or ()), *(step for each in self.transitions.values() for step in each)]

    @property
    def roles(self) -> list[str]:
        """The roles that decide who may take a step."""
        named = {who for step in self.steps for who in step.by}
        return [role for role in TASK_ROLES if role in named]


@dataclass(frozen=True, slots=True)
class _Moment:
    """One write of a Task: by whom, from which state to which."""

    author: Author
    previous: Resource | None
    current: Resource

    def may(self, by: tuple[str, ...]) -> bool:
        """Tell whether the author is one of ``by``."""
        if not by or self.author.is_administrator:
            return True
        named = {who for who in by if who not in TASK_ROLES}
        for role in TASK_ROLES.keys() & by:
            named |= self.held(role) or self.author.named(self.current, TASK_ROLES[role])
        return self.author.acts_for(frozenset(named))

    def held(self, role: str) -> frozenset[str]:
        """Return who had a role before."""
        return self.author.named(self.previous, TASK_ROLES[role])

    def takes(self, role: str) -> bool:
        """Tell whether the author takes a role from somebody else."""
        before = self.held(role)
        if not before or before == self.author.named(self.current, TASK_ROLES[role]):
            return False
        return not self.author.is_administrator and not self.author.acts_for(before)


@dataclass(frozen=True, slots=True)
class TaskGuard:
    """The rules, the first one that is for a Task counts."""

    rules: tuple[TaskRule, ...]

    @property
    def asks_who(self) -> bool:
        """Whether any rule says who may take a step, so that callers must be known."""
        return any(step.by for rule in self.rules for step in rule.steps)

    def check(
        self, reference: str, previous: Resource | None, current: Resource, author: Author
    ) -> None:
        """Return if a Task may become ``current``.

        Args:
            reference: what the Task is called.
            previous: the valid state before, None where there is none: it is created.
            current: the valid state after.
            author: who writes.

        Raises:
            TransitionNotAllowed: it may not.
            TaskReserved: it may, but not by this author.
        """
        moment = _Moment(author, previous, current)
        after = self._rule(current)
        if previous is None:
            if after is not None and after.start is not None:
                _check_start(moment, after.start)
            return
        rule = self._rule(previous)
        if rule is not None:
            _check_kept(moment, rule, reference)
        if _status(previous) != _status(current):
            for each in (rule, after):
                if each is not None:
                    _check_step(moment, each, reference)

    def _rule(self, task: Resource) -> TaskRule | None:
        return next((rule for rule in self.rules if rule.is_for(task)), None)


def _check_start(moment: _Moment, start: tuple[TaskStep, ...]) -> None:
    to = _status(moment.current)
    step = next((each for each in start if each.to == to), None)
    if step is None:
        raise TransitionNotAllowed(
            f"a Task may not be created as {to}; it may be as {_either(each.to for each in start)}",
            expression="Task.status",
        )
    if not moment.may(step.by):
        raise _reserved(moment, f"that a Task is created as {to} is", step.by, "Task.status")


def _check_step(moment: _Moment, rule: TaskRule, reference: str) -> None:
    before, to = _status(moment.previous or {}), _status(moment.current)
    steps = rule.transitions.get(before, ())
    step = next((each for each in steps if each.to == to), None)
    if step is None:
        raise TransitionNotAllowed(
            f"{reference} is {before} and may not become {to}; "
            f"it may become {_either(each.to for each in steps)}",
            expression="Task.status",
        )
    if not moment.may(step.by):
        words = f"{reference} is {before}; that it becomes {to} is"
        raise _reserved(moment, words, step.by, "Task.status")


def _check_kept(moment: _Moment, rule: TaskRule, reference: str) -> None:
    """Refuse a write that takes away what the rule goes by."""
    for role in rule.roles:
        if moment.takes(role):
            element = ".".join(("Task", *TASK_ROLES[role]))
            words = f"a change of {element} in {reference} is"
            raise _reserved(moment, words, (role,), element)
    if not rule.is_for(moment.current) and not moment.author.is_administrator:
        element = "Task.meta.profile" if rule.has_code(moment.current) else "Task.code"
        words = f"{reference} is guarded by what {element} says; taking that away is"
        raise _reserved(moment, words, (ADMINISTRATOR,), element)


def _reserved(moment: _Moment, words: str, by: tuple[str, ...], expression: str) -> TaskReserved:
    who = _either(f"its {each}" if each in TASK_ROLES else _named(each) for each in by)
    unknown = ", and the hub does not know who is calling" if moment.author.client is None else ""
    return TaskReserved(f"{words} up to {who}{unknown}", expression=expression)


def _named(who: str) -> str:
    return "an administrator" if who == ADMINISTRATOR else who


def _status(task: Resource) -> str:
    return str(task.get("status", "without status"))


def _codings(task: Resource) -> Iterable[tuple[str, str]]:
    for coding in (task.get("code") or {}).get("coding", ()):
        yield coding.get("system", ""), coding.get("code", "")


def _either(words: Iterable[str]) -> str:
    *most, last = tuple(words) or ("nothing else",)
    return f"{', '.join(most)} or {last}" if most else last
