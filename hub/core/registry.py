"""All topics and all streams: which streams does a change belong to?

The registry is a copy in memory; the store has the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from hub.core.canonical import is_absolute, version_order
from hub.core.change import Change
from hub.core.classic_criteria import accept_criteria, criteria_topic
from hub.core.compiled_topic import CompiledTopic, compile_topic, does_not_compute
from hub.core.excluded import is_excluded
from hub.core.filter_index import FilterIndex
from hub.core.filter_shape import FilterShape, PlainFilters
from hub.core.filters import Filters, accept_filters
from hub.core.release import FhirRelease
from hub.core.search import NOWHERE, Resolver
from hub.core.search_parameter import SearchParameters
from hub.core.state import States
from hub.core.stream import Stream
from hub.core.subscription import FilterBy
from hub.core.topic import SubscriptionTopic
from hub.core.trigger_index import TriggerIndex
from hub.errors import Conflict, TopicNotActive, TopicRefused, TopicUnknown


class Match(NamedTuple):
    """A stream that a change belongs to, and the indexes of the topic's triggers that fired.

    ``lost`` tells that the stream's party had the resource before the change and has it no more.
    """

    stream: Stream
    topic: CompiledTopic
    triggers: tuple[int, ...]
    lost: bool = False


_STREAM_ID = attrgetter("stream.id")


@dataclass(slots=True)
class _Live:
    """A topic that has streams."""

    topic: CompiledTopic
    index: FilterIndex = field(default_factory=FilterIndex)


def compile_everywhere(
    topic: SubscriptionTopic, parameters: Mapping[FhirRelease, SearchParameters]
) -> tuple[Mapping[FhirRelease, CompiledTopic], Mapping[FhirRelease, TopicRefused]]:
    """Compile a topic for each release; also return why it does not compute in some of them.

    Raises:
        TopicRefused: it computes in no release.
    """
    compiled: dict[FhirRelease, CompiledTopic] = {}
    refusals: dict[FhirRelease, TopicRefused] = {}
    for release, known in parameters.items():
        try:
            compiled[release] = compile_topic(topic, known)
        except TopicRefused as error:
            refusals[release] = error
    if not compiled:
        first = next(iter(refusals.values()), None)
        raise TopicRefused(
            _everywhere(topic, refusals),
            expression=None if first is None else first.expression,
        )
    return compiled, refusals


class Registry:
    """The topics and streams of all releases."""

    def __init__(self) -> None:
        self._topics: dict[FhirRelease, dict[str, CompiledTopic]] = {
            release: {} for release in FhirRelease
        }
        self._streams: dict[int, Stream] = {}
        self._live: dict[FhirRelease, dict[str, _Live]] = {release: {} for release in FhirRelease}
        self._triggers: dict[FhirRelease, TriggerIndex] = {}

    def add_topic(
        self, topic: SubscriptionTopic, parameters: Mapping[FhirRelease, SearchParameters]
    ) -> Mapping[FhirRelease, TopicRefused]:
        """Compile a topic for each release; return why it does not exist in some of them.

        Raises:
            TopicRefused: it computes in no release.
            Conflict: the same url and version is there already with other content.
        """
        there = self.known(topic.canonical)
        if there is not None and there.source != topic.source:
            raise Conflict(
                f"{topic.canonical} is there with other content; give it another version",
                expression="SubscriptionTopic.version",
            )
        compiled, refusals = compile_everywhere(topic, parameters)
        self.put_topic(compiled)
        return refusals

    def put_topic(self, compiled: Mapping[FhirRelease, CompiledTopic]) -> None:
        """Take over a topic, in place of one with the same url and version; its streams go on."""
        for release, each in compiled.items():
            canonical = each.topic.canonical
            self._topics[release][canonical] = each
            live = self._live[release].get(canonical)
            if live is not None:
                live.topic = each
                self._triggers.pop(release, None)

    def remove_topic(self, canonical: str) -> None:
        """Forget a topic that has no streams; an unknown one is ignored."""
        for known in self._topics.values():
            known.pop(canonical, None)

    def known(self, canonical: str) -> SubscriptionTopic | None:
        """Return the topic with this ``url|version`` if it computes in any release."""
        for known in self._topics.values():
            if canonical in known:
                return known[canonical].topic
        return None

    def every_topic(self) -> Sequence[SubscriptionTopic]:
        """Return the topics that exist in any release, each version once."""
        found = {
            canonical: each.topic
            for known in self._topics.values()
            for canonical, each in known.items()
        }
        return list(found.values())

    def topics(self, release: FhirRelease) -> Sequence[CompiledTopic]:
        """Return the topics that exist in a release, by canonical."""
        known = self._topics[release]
        return [known[canonical] for canonical in sorted(known)]

    def open_topics(self, release: FhirRelease) -> Sequence[CompiledTopic]:
        """Return the topics that take new Subscriptions in a release, by canonical."""
        return [each for each in self.topics(release) if not each.event_only and _is_active(each)]

    def criteria_topics(self, release: FhirRelease) -> Sequence[CompiledTopic]:
        """Return what stands for the classic criteria that have streams, by the type's name."""
        live = self._live[release]
        return [live[name].topic for name in sorted(live) if not is_absolute(name)]

    def topic(self, release: FhirRelease, canonical: str, *, for_new: bool = True) -> CompiledTopic:
        """Return the topic that a Subscription names.

        ``url`` is its newest active version, ``url|version`` exactly that one.  ``for_new`` False
        also finds topics that are no longer active, for Subscriptions that run already.

        Raises:
            TopicUnknown: there is none in this release, or the hub computes none of its events.
            TopicNotActive: it takes no new Subscriptions.
        """
        if "|" in canonical:
            found = self._topics[release].get(canonical)
            named = [] if found is None else [found]
        else:
            named = [each for each in self.topics(release) if each.topic.url == canonical]
        if not named:
            raise TopicUnknown(self._unknown(release, canonical), expression="Subscription.topic")
        able = [each for each in named if not each.event_only]
        if not able:
            raise TopicUnknown(
                f"the hub computes no event of the topic {canonical}",
                expression="Subscription.topic",
            )
        active = [each for each in able if _is_active(each)]
        if not active and for_new:
            raise TopicNotActive(
                f"the topic {canonical} is {able[-1].topic.status}",
                expression="Subscription.topic",
            )
        return max(active or able, key=lambda each: version_order(each.topic.version))

    def title(self, release: FhirRelease, canonical: str) -> str | None:
        """Return what people call a topic; None if it has no title or is not there."""
        try:
            return self.topic(release, canonical, for_new=False).topic.title
        except TopicUnknown:
            return None

    def accept(
        self,
        release: FhirRelease,
        topic: str,
        filter_by: Sequence[FilterBy],
        parameters: SearchParameters,
        *,
        for_new: bool = True,
    ) -> tuple[str, Filters]:
        """Return what decides of a Subscription's events: its topic, with version, and filters.

        Args:
            topic: as in ``Subscription.topic``: a canonical, or the type of classic criteria.
            filter_by: its filters, or the conditions of classic criteria.
            parameters: of the release.
            for_new: see ``topic``.

        Raises:
            TopicUnknown, TopicNotActive: see ``topic``.
            FilterNotAllowed, FilterInvalid: the topic does not offer a filter, or it is wrong.
            CriteriaInvalid: classic criteria can't be evaluated.
        """
        if not is_absolute(topic):
            return topic, accept_criteria(topic, filter_by, parameters)
        compiled = self.topic(release, topic, for_new=for_new)
        return compiled.topic.canonical, accept_filters(compiled, filter_by, parameters)

    def add_streams(
        self, shape: FilterShape, streams: Sequence[Stream], plain: Sequence[PlainFilters]
    ) -> None:
        """Let changes find streams of one topic, as ``add_stream`` does, with ids that are new.

        Args:
            shape: of their filters.
            streams: with the topic for which the shape is.
            plain: the filters of each, in the same order.

        Raises:
            TopicUnknown: the topic is not there.
        """
        if streams:
            self._live_of(streams[0]).index.add_all(shape, plain)
            self._streams.update((stream.id, stream) for stream in streams)

    def add_stream(self, stream: Stream) -> None:
        """Let changes find a stream, in place of one with the same id.

        Raises:
            TopicUnknown: its topic is not there.
        """
        self.remove_stream(stream.id)
        self._live_of(stream).index.add(stream.id, stream.filters)
        self._streams[stream.id] = stream

    def _live_of(self, stream: Stream) -> _Live:
        """Return the topic of a stream, as one that has streams.

        Raises:
            TopicUnknown: it is not there.
        """
        live = self._live[stream.release].get(stream.topic)
        if live is None:
            compiled = (
                self.topic(stream.release, stream.topic, for_new=False)
                if is_absolute(stream.topic)
                else criteria_topic(stream.topic, stream.filters.parameters)
            )
            live = self._live[stream.release][stream.topic] = _Live(compiled)
            self._triggers.pop(stream.release, None)
        return live

    def remove_stream(self, id: int) -> None:
        """Forget a stream; an unknown one is ignored."""
        stream = self._streams.pop(id, None)
        if stream is None:
            return
        live = self._live[stream.release]
        live[stream.topic].index.remove(id)
        if not len(live[stream.topic].index):
            del live[stream.topic]
            self._triggers.pop(stream.release, None)

    def stream(self, id: int) -> Stream | None:
        """Return the stream with this id."""
        return self._streams.get(id)

    def streams_of(self, release: FhirRelease, canonical: str) -> list[Stream]:
        """Return the streams of a topic's version, by id."""
        live = self._live[release].get(canonical)
        return [] if live is None else [self._streams[id] for id in live.index]

    def match(self, change: Change, resolver: Resolver) -> list[Match]:
        """Return the streams that a change belongs to, by stream id.

        Only topics that have streams are evaluated; resources about the hub itself match nothing
        but topics that name their type.
        """
        states = States(change, resolver)
        subject, known, streams = states.subject.resource, self._live[change.release], self._streams
        about_hub = is_excluded(subject)
        found: list[Match] = []
        for name, triggers in self._trigger_index(change.release).fired(states).items():
            topic, index = known[name].topic, known[name].index
            if not about_hub or topic.names(subject):
                for id in index.match(states):
                    found.append(Match(streams[id], topic, triggers))
                for id in index.losers(states):
                    found.append(Match(streams[id], topic, triggers, lost=True))
        if change.author:
            found = [match for match in found if not match.stream.echoes(change)]
        found.sort(key=_STREAM_ID)
        return found

    def may_count(self, change: Change) -> set[int]:
        """Return the streams that a change is an event of, or was while others were as they were.

        For looking back: what a change was matched with besides itself may have changed since.
        """
        about_hub = is_excluded(change.subject)
        found: set[int] = set()
        for live in self._live[change.release].values():
            if about_hub and not live.topic.names(change.subject):
                continue
            if not live.topic.is_local:
                found.update(live.index)
            elif live.topic.fires(change, NOWHERE):
                found |= live.index.may_match(change)
        return found

    def match_event(
        self, topic: CompiledTopic, triggers: tuple[int, ...], change: Change, resolver: Resolver
    ) -> list[Match]:
        """Return the streams of a topic that an event which no change made belongs to.

        Args:
            topic: the one whose event triggers it is for.
            triggers: their indexes.
            change: from the focus to itself: what filters look at.
            resolver: of what filters refer to.
        """
        live = self._live[topic.release].get(topic.topic.canonical)
        if live is None:
            return []
        ids = live.index.match(States(change, resolver))
        return [Match(self._streams[id], live.topic, triggers) for id in sorted(ids)]

    def _trigger_index(self, release: FhirRelease) -> TriggerIndex:
        found = self._triggers.get(release)
        if found is None:
            topics = {name: live.topic for name, live in self._live[release].items()}
            found = self._triggers[release] = TriggerIndex(topics)
        return found

    def _unknown(self, release: FhirRelease, canonical: str) -> str:
        elsewhere = [
            other.value
            for other, known in self._topics.items()
            if any(canonical in (each.topic.url, each.topic.canonical) for each in known.values())
        ]
        if elsewhere:
            return f"the topic {canonical} exists in {', '.join(elsewhere)}, not in {release}"
        return f"the topic {canonical} is unknown"


def _is_active(compiled: CompiledTopic) -> bool:
    return compiled.topic.status == "active"


def _everywhere(topic: SubscriptionTopic, refusals: Mapping[FhirRelease, TopicRefused]) -> str:
    """Return why a topic computes in no release, each reason once."""
    reasons: dict[str, list[str]] = {}
    for release, error in refusals.items():
        reason = error.diagnostics.removeprefix(does_not_compute(topic, release))
        reason = reason.replace(f" in {release}", "")
        reasons.setdefault(reason, []).append(release)
    told = (does_not_compute(topic, ", ".join(names)) + why for why, names in reasons.items())
    return "; ".join(told) or "there is no release to compute it in"
