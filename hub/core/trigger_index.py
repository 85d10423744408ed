"""Which triggers of many topics a change fires, without trying each of them.

What a trigger's queries demand is indexed as filters are; FHIRPath criteria are evaluated one by
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hub.core.change import Interaction
from hub.core.compiled_topic import CompiledTopic
from hub.core.condition_index import ConditionIndex
from hub.core.search import Condition
from hub.core.search_parameter import ANY_RESOURCE
from hub.core.state import States
from hub.core.trigger import CompiledTrigger, Demands


class _Rule(NamedTuple):
    """A trigger of a topic, and what must hold besides that by which it is found.

    ``conditions`` are asked of the state that filters look at, ``before`` of the one before.
    """

    topic: str
    trigger: CompiledTrigger
    conditions: tuple[Condition, ...] = ()
    before: tuple[Condition, ...] = ()


class TriggerIndex:
    """The triggers of the topics of one release.

    ``topics`` are compiled topics by any name; the answers use the same names.
    """

    def __init__(self, topics: Mapping[str, CompiledTopic]) -> None:
        self._topics = dict(topics)
        self._types = {
            trigger.resource_type for topic in topics.values() for trigger in topic.triggers
        }
        self._watches: dict[tuple[str, Interaction, bool, bool], _Watch] = {}

    def fired(self, states: States) -> dict[str, tuple[int, ...]]:
        """Return the topics of which a trigger fires, with what ``CompiledTopic.fires`` returns."""
        change, before, after = states.change, states.before is not None, states.after is not None
        resource_type = (
            change.resource_type if change.resource_type in self._types else ANY_RESOURCE
        )
        kind = resource_type, change.interaction, before, after
        watch = self._watches.get(kind)
        if watch is None:
            watch = self._watches[kind] = _Watch(self._topics, *kind)
        return watch.fired(states)


class _Watch:
    """The triggers that look at changes of one kind.

    ``resource_type`` is ``Resource`` where no trigger names the type; ``before`` and ``after``
    tell which states there are.
    """

    def __init__(
        self,
        topics: Mapping[str, CompiledTopic],
        resource_type: str,
        interaction: Interaction,
        before: bool,
        after: bool,
    ) -> None:
        self._index = ConditionIndex()
        self._indexed: list[_Rule] = []
        self._tried: list[_Rule] = []
        self._asked: list[_Rule] = []
        for name, topic in topics.items():
            for trigger in topic.triggers:
                if interaction in trigger.interactions and (
                    trigger.resource_type in (resource_type, ANY_RESOURCE)
                ):
                    demands = trigger.test.demands(interaction, before=before, after=after)
                    if demands is None:
                        self._asked.append(_Rule(name, trigger))
                    for each in demands or ():
                        self._add(name, trigger, each, after)

    def _add(self, topic: str, trigger: CompiledTrigger, demands: Demands, after: bool) -> None:
        """Hold a trigger; looked up is the state that filters look at, too."""
        subject, other = (demands.after, demands.before) if after else (demands.before, ())
        if any(condition.keys() for condition in subject):
            self._index.add(len(self._indexed), subject)
            self._indexed.append(_Rule(topic, trigger, before=other))
        else:
            self._tried.append(_Rule(topic, trigger, subject, other))

    def fired(self, states: States) -> dict[str, tuple[int, ...]]:
        subject, before = states.subject, states.before
        found: dict[str, tuple[int, ...]] = {}
        rules = self._tried
        if self._indexed:
            rules = [self._indexed[number] for number in self._index.match(subject)] + rules
        for rule in rules:
            if (not rule.conditions or subject.answers_all(rule.conditions)) and (
                not rule.before or (before is not None and before.answers_all(rule.before))
            ):
                _take(found, rule, states)
        for rule in self._asked:
            if rule.trigger.test.decide(states.change, states.resolver) is True:
                _take(found, rule, states)
        return found


def _take(found: dict[str, tuple[int, ...]], rule: _Rule, states: States) -> None:
    topic, trigger = rule.topic, rule.trigger
    if trigger.named.profiles and not trigger.named.means(states.subject.resource):
        return
    others = found.get(topic)
    if others is None:
        found[topic] = (trigger.index,)
    elif trigger.index not in others:
        found[topic] = tuple(sorted((*others, trigger.index)))
