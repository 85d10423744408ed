"""The two states of a change, and what has been found out about them so far.

The triggers of all topics and the filters of all streams ask the same of the same two states: what
a parameter has there, whether a condition holds.  Each of it is worked out once for a change.
"""

from __future__ import annotations

from hub.core.change import Change
from hub.core.release import Resource
from hub.core.search import Condition, Resolver
from hub.core.search_criterion import HasTerm, IsMissing
from hub.core.search_parameter import SearchParameter
from hub.core.search_value import ParameterValues


class State:
    """A resource before or after a change; good for that change alone."""

    __slots__ = ("_answers", "_resolver", "_values", "resource")

    def __init__(self, resource: Resource, resolver: Resolver) -> None:
        self.resource = resource
        self._resolver = resolver
        # By identity: a parameter is compiled once, and its hash would cost more than its values.
        self._values: dict[int, ParameterValues] = {}
        self._answers: dict[str, bool] = {}

    def values(self, parameter: SearchParameter) -> ParameterValues:
        """Return what the resource has in a parameter of its type or of ``Resource``."""
        key = id(parameter)
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = parameter.values(self.resource)
        return found

    def answers(self, condition: Condition) -> bool:
        """Tell whether the resource answers a condition on its type or on ``Resource``.

        What is spelled alike on both means the same.
        """
        spelling = condition.canonical
        found = self._answers.get(spelling)
        if found is None:
            found = self._answers[spelling] = self._answers_now(condition)
        return found

    def answers_all(self, conditions: tuple[Condition, ...]) -> bool:
        """Tell whether the resource answers every condition."""
        for condition in conditions:  # noqa: SIM110  # a generator doubles the time
            if not self.answers(condition):
                return False
        return True

    def _answers_now(self, condition: Condition) -> bool:
        criterion = condition.criterion
        if isinstance(criterion, (HasTerm, IsMissing)):
            return criterion.holds(self.values(criterion.parameter))
        return criterion.matches(self.resource, self._resolver)


class States:
    """The states of a resource before and after ``change``; None where it was not there.

    ``subject`` is the state that filters look at (``Change.subject``).
    """

    __slots__ = ("after", "before", "change", "resolver", "subject")

    def __init__(self, change: Change, resolver: Resolver) -> None:
        previous, current = change.previous, change.current
        self.change = change
        self.resolver = resolver
        self.before = None if previous is None else State(previous, resolver)
        self.after = None if current is None else State(current, resolver)
        self.subject = self.after or self.before or State({}, resolver)
