"""A resource trigger of a topic, compiled for one release: does this change fire it?

Source: http://hl7.org/fhir/R5/subscriptiontopic.html ("Resource Triggers").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hub.core.change import Change, Interaction
from hub.core.clause import Clause, clauses_of
from hub.core.fhirpath import FhirPathCriteria, FhirPathError, compile_fhirpath
from hub.core.profile import TypeNamed
from hub.core.release import Json
from hub.core.search import Condition, Query, Resolver, parse_query, split_query
from hub.core.search_parameter import ANY_RESOURCE, SearchParameters
from hub.core.topic import EventTrigger, QueryCriteria, ResourceTrigger
from hub.core.trigger_resource import UnknownType, type_named
from hub.errors import InvalidSearch, TopicRefused


class Demands(NamedTuple):
    """Conditions on the states before and after a change, all of which must hold."""

    before: tuple[Condition, ...] = ()
    after: tuple[Condition, ...] = ()

    def met(self, change: Change, resolver: Resolver) -> bool:
        """Tell whether a change meets them; states that are asked for must be there."""
        return all(
            condition.matches(state or {}, resolver)
            for conditions, state in ((self.before, change.previous), (self.after, change.current))
            for condition in conditions
        )


class Test(Protocol):
    """What decides whether a change fires a trigger."""

    def decide(self, change: Change, resolver: Resolver) -> bool | FhirPathError:
        """Tell whether it does, or why that can't be said."""

    def demands(
        self, interaction: Interaction, *, before: bool, after: bool
    ) -> tuple[Demands, ...] | None:
        """Return what ``decide`` comes to: whether one of these is met; there may be none to meet.

        None where conditions can't tell it.  ``before`` and ``after`` tell which states there are.
        """

    def clauses(self, change: Change, resolver: Resolver) -> Iterator[Clause]:
        """Yield the tests that this comes from; none that has no vote."""

    @property
    def is_local(self) -> bool:
        """Whether the change alone decides, no other resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTrigger:
    """One trigger that computes in a release.

    ``index`` is its place in ``SubscriptionTopic.resourceTrigger``; ``named`` is a type of the
    release or ``Resource`` for any, and the profiles of which the resource must claim one;
    ``criteria`` says in one word what is evaluated: ``query``, ``fhirpath`` or ``none``.
    """

    index: int
    named: TypeNamed
    interactions: frozenset[Interaction]
    criteria: str
    test: Test

    @property
    def resource_type(self) -> str:
        """The type of the resources that it looks at, or ``Resource``."""
        return self.named.resource_type

    def concerns(self, change: Change) -> bool:
        """Tell whether the trigger looks at this type, profile and interaction at all.

        The profile is looked for after a create or update, before a delete.
        """
        return (
            change.interaction in self.interactions
            and self.resource_type in (change.resource_type, ANY_RESOURCE)
            and self.named.means(change.subject)
        )

    def why_not(self, change: Change) -> str | None:
        """Return why the trigger does not look at a change at all, None where it does."""
        if self.resource_type not in (change.resource_type, ANY_RESOURCE):
            return f"it is about {self.resource_type}, not {change.resource_type}"
        if change.interaction not in self.interactions:
            allowed = ", ".join(each for each in Interaction if each in self.interactions)
            return f"it is about {allowed}, not {change.interaction}"
        if not self.named.means(change.subject):
            return f"meta.profile names none of {', '.join(sorted(self.named.profiles))}"
        return None

    def decide(self, change: Change, resolver: Resolver) -> bool | FhirPathError:
        """Tell whether the change fires this trigger, or why that can't be said (it doesn't)."""
        return self.concerns(change) and self.test.decide(change, resolver)


def compile_trigger(
    trigger: ResourceTrigger, index: int, parameters: SearchParameters
) -> tuple[CompiledTrigger, tuple[str, ...]]:
    """Compile a trigger; also return what of it does not compute although the rest does.

    ``queryCriteria`` is evaluated where it computes, else ``fhirPathCriteria``: they are two
    spellings of one rule.  A trigger without criteria fires on each of its interactions.

    Raises:
        TopicRefused: the type is none of the release, or none of its criteria computes.
    """
    named = _named(
        trigger.resource, f"SubscriptionTopic.resourceTrigger[{index}].resource", parameters
    )
    reasons: list[TopicRefused] = []
    chosen: tuple[str, Test] | None = None
    if trigger.query_criteria is not None:
        try:
            chosen = "query", _query_test(trigger.query_criteria, named.resource_type, parameters)
        except TopicRefused as error:
            reasons.append(_of(index, "queryCriteria", error.diagnostics))
    if chosen is None and trigger.fhirpath_criteria is not None:
        try:
            chosen = "fhirpath", _fhirpath_test(trigger.fhirpath_criteria, parameters)
        except TopicRefused as error:
            reasons.append(_of(index, "fhirPathCriteria", error.diagnostics))
    if chosen is None and reasons:
        raise TopicRefused(
            "; ".join(reason.diagnostics for reason in reasons), expression=reasons[0].expression
        )
    criteria, test = chosen or ("none", _Always())
    compiled = CompiledTrigger(
        index=index,
        named=named,
        interactions=trigger.supported_interaction,
        criteria=criteria,
        test=test,
    )
    return compiled, tuple(reason.diagnostics for reason in reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledEventTrigger:
    """One event trigger that the hub can be told of in a release.

    ``index`` is its place in ``SubscriptionTopic.eventTrigger``; ``resource_type`` is a type of
    the release or ``Resource`` for any; ``codings`` are the (system, code) of its event.
    """

    index: int
    resource_type: str
    codings: frozenset[tuple[str, str]]

    def means(self, resource_type: str, codings: Collection[tuple[str, str]]) -> bool:
        """Tell whether an event with one of these codings, about this type, is what it awaits."""
        return self.resource_type in (resource_type, ANY_RESOURCE) and not (
            self.codings.isdisjoint(codings)
        )


def compile_event_trigger(
    trigger: EventTrigger, index: int, parameters: SearchParameters
) -> CompiledEventTrigger:
    """Compile an event trigger.

    Raises:
        TopicRefused: its resource is no type of the release, or its event has no coding.
    """
    path = f"SubscriptionTopic.eventTrigger[{index}]"
    # Whoever tells of an event says what it is about: a profile's type is enough.
    resource_type = _named(trigger.resource, f"{path}.resource", parameters).resource_type
    codings = codings_of(trigger.event)
    if not codings:
        raise TopicRefused(
            f"eventTrigger[{index}].event has no coding with a code, so nothing can be told of it",
            expression=f"{path}.event",
        )
    return CompiledEventTrigger(index=index, resource_type=resource_type, codings=codings)


def codings_of(concept: Json) -> frozenset[tuple[str, str]]:
    """Return (system, code) of each coding of a CodeableConcept; the system is '' if absent."""
    written = concept.get("coding") if isinstance(concept, dict) else None
    return frozenset(
        (str(coding.get("system", "")), str(coding["code"]))
        for coding in (written if isinstance(written, list) else ())
        if isinstance(coding, dict) and coding.get("code")
    )


def _named(resource: str, path: str, parameters: SearchParameters) -> TypeNamed:
    try:
        return type_named(resource, parameters)
    except UnknownType as error:
        raise TopicRefused(str(error), expression=path) from None


def _of(index: int, clause: str, reason: str) -> TopicRefused:
    path = f"SubscriptionTopic.resourceTrigger[{index}].{clause}"
    return TopicRefused(f"resourceTrigger[{index}].{reason}", expression=path)


class _Always:
    """A trigger without criteria."""

    def decide(self, change: Change, resolver: Resolver) -> bool:
        return True

    def demands(
        self, interaction: Interaction, *, before: bool, after: bool
    ) -> tuple[Demands, ...]:
        return (Demands(),)

    def clauses(self, change: Change, resolver: Resolver) -> Iterator[Clause]:
        return iter(())

    @property
    def is_local(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class _FhirPathTest:
    """``fhirPathCriteria``."""

    criteria: FhirPathCriteria

    @property
    def is_local(self) -> bool:
        return "resolve" not in self.criteria.expression

    def decide(self, change: Change, resolver: Resolver) -> bool | FhirPathError:
        return self.criteria.evaluate(change.previous, change.current, resolver)

    def demands(self, interaction: Interaction, *, before: bool, after: bool) -> None:
        return None

    def clauses(self, change: Change, resolver: Resolver) -> Iterator[Clause]:
        answer = self.decide(change, resolver)
        error = answer.reason if isinstance(answer, FhirPathError) else None
        yield Clause(
            name="fhirPathCriteria",
            text=self.criteria.expression,
            holds=None if isinstance(answer, FhirPathError) else answer,
            error=error,
        )


@dataclass(frozen=True, slots=True)
class _QueryTest:
    """``queryCriteria``: votes, joined by AND or OR; what has no vote does not count."""

    criteria: QueryCriteria
    previous: Query | None
    current: Query | None

    @property
    def is_local(self) -> bool:
        return all(query is None or query.is_local for query in (self.previous, self.current))

    def decide(self, change: Change, resolver: Resolver) -> bool:
        before, after = change.previous is not None, change.current is not None
        demands = self.demands(change.interaction, before=before, after=after)
        return any(each.met(change, resolver) for each in demands)

    def demands(
        self, interaction: Interaction, *, before: bool, after: bool
    ) -> tuple[Demands, ...]:
        first: Demands | bool | None = None
        last: Demands | bool | None = None
        if before and self.previous is not None:
            first = Demands(before=self.previous.conditions)
        if after and self.current is not None:
            last = Demands(after=self.current.conditions)
        if interaction is Interaction.CREATE:
            first = self.criteria.result_for_create
        if interaction is Interaction.DELETE:
            last = self.criteria.result_for_delete
        votes = [Demands() if vote is True else vote for vote in (first, last) if vote is not None]
        possible = tuple(vote for vote in votes if vote is not False)
        if not self.criteria.require_both:
            return possible
        if not votes or len(possible) < len(votes):
            return ()
        return (Demands(*(sum(parts, ()) for parts in zip(*possible, strict=True))),)

    def clauses(self, change: Change, resolver: Resolver) -> Iterator[Clause]:
        stated = {
            Interaction.CREATE: ("resultForCreate", self.criteria.result_for_create),
            Interaction.DELETE: ("resultForDelete", self.criteria.result_for_delete),
        }
        if change.interaction in stated:
            name, vote = stated[change.interaction]
            if vote is not None:
                text = "test-passes" if vote else "test-fails"
                yield Clause(name=f"queryCriteria.{name}", text=text, holds=vote)
        for name, query, state in (
            ("previous", self.previous, change.previous),
            ("current", self.current, change.current),
        ):
            if query is not None and state is not None:
                yield from clauses_of(f"queryCriteria.{name}", query.conditions, state, resolver)


def _fhirpath_test(expression: str, parameters: SearchParameters) -> Test:
    return _FhirPathTest(
        compile_fhirpath(expression, parameters.release, parameters.base_url, parameters.value_sets)
    )


def _query_test(criteria: QueryCriteria, resource: str, parameters: SearchParameters) -> Test:
    if criteria == QueryCriteria(require_both=criteria.require_both):
        raise TopicRefused("queryCriteria: it has neither previous nor current, so it never fires")
    return _QueryTest(
        criteria,
        _clause("previous", criteria.previous, resource, parameters),
        _clause("current", criteria.current, resource, parameters),
    )


def _clause(
    name: str, text: str | None, resource: str, parameters: SearchParameters
) -> Query | None:
    try:
        return _query(text, resource, parameters)
    except InvalidSearch as error:
        raise TopicRefused(f"queryCriteria.{name}: {error.diagnostics}") from None


def _query(text: str | None, resource: str, parameters: SearchParameters) -> Query | None:
    """Read a search string; ``Type?`` before it is tolerated, as is percent-encoding."""
    if text is None:
        return None
    head, mark, rest = text.partition("?")
    if mark and "=" not in head:
        if head.strip("/") not in (resource, ""):
            raise InvalidSearch(f"{text!r} searches another type than {resource}")
        text = rest
    return parse_query(parameters, resource, split_query(text))
