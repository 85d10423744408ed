"""What became of a resource: each change, who was told of it, and whether it arrived.

For an order also the Tasks and results that point to it.  No endpoint, header or body is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from hub.core.change import Change
from hub.core.client import Client
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.subscriber import Attempt, Subscriber
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.explain import change_of, event_of, name_of
from hub.engine.resolver import ReaderResolver
from hub.engine.standing import EventStanding, standing_of
from hub.engine.subscribers import GONE, Subscribers
from hub.errors import NotFound
from hub.ports import Reader, Store

MOST_RESOURCES = 50
MOST_CHANGES = 100
"""How many changes one trace tells, the newest of them."""

_ATTEMPTS = 1_000
_DEPTH = 2
POINTING: Mapping[str, tuple[str, ...]] = {
    "Task": ("focus", "based-on", "part-of"),
    "ServiceRequest": ("based-on", "replaces"),
    "DiagnosticReport": ("based-on",),
    "Observation": ("based-on",),
    "MedicationDispense": ("prescription",),
    "Communication": ("based-on", "part-of"),
    "Appointment": ("based-on",),
    "DocumentReference": ("related",),
}
"""By which parameters a resource of a type belongs to an order or a Task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One Subscription that a change was an event for.

    ``is_shown`` is whether who asks knows of the Subscription, ``name`` what the subscriber calls
    it, ``delivered`` when an endpoint took it, as far as that is still known.
    """

    subscriber: Subscriber
    is_shown: bool
    name: str
    number: int
    standing: EventStanding
    delivered: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedChange:
    """One change, and everybody who is told of it: nobody where no filter let it through."""

    version: ResourceVersion
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Changes in the order in which they were committed; ``cut`` if there are more."""

    changes: tuple[TracedChange, ...]
    cut: bool

    @property
    def undelivered(self) -> int:
        """How many events have not arrived."""
        return sum(not told.standing.delivered for change in self.changes for told in change.told)


@dataclass(frozen=True, slots=True)
class _Place:
    """A stretch of a stream's events and whom it belonged to."""

    subscriber: Subscriber
    low: int
    high: int
    offset: int


class Tracing:
    """Follows resources through the log and the streams."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        subscribers: Subscribers,
        parameters: Mapping[FhirRelease, SearchParameters],
    ) -> None:
        self._store = store
        self._registry = registry
        self._subscribers = subscribers
        self._parameters = parameters

    async def trace(self, key: ResourceKey, *, caller: Client | None = None) -> Trace:
        """Return what became of a resource and of those that point to it.

        What administrative Subscriptions were sent is told to those who know of these.  Of other
        clients' Subscriptions everybody is told whether it arrived, but not which they are.

        Raises:
            NotFound: there never was such a resource.
        """
        parameters = self._parameters[key.release]

        changes, cut = await self._store.read(lambda reader: _changes(reader, key, parameters))
        places = self._places(key.release, caller)
        return Trace(changes=await self._looked(changes, places, caller), cut=cut)

    async def undelivered(
        self, keys: Sequence[ResourceKey], *, caller: Client | None = None
    ) -> Mapping[ResourceKey, tuple[Told, ...]]:
        """Return what of the traces of some resources of one release has not arrived.

        It costs next to nothing where nothing waits: only what waits is looked for.
        """
        found: dict[ResourceKey, tuple[Told, ...]] = dict.fromkeys(keys, ())
        places = self._pending(keys[0].release, caller) if keys else {}
        if not places:
            return found
        parameters = self._parameters[keys[0].release]
        starts = [(stream, place.low) for stream, some in places.items() for place in some]

        def gather(reader: Reader) -> dict[ResourceKey, list[_Change]]:
            first = [reader.events(stream, low, low) for stream, low in starts]
            oldest = min((event.seq for events in first for event in events), default=0)
            return {key: _changes(reader, key, parameters, oldest)[0] for key in keys}

        changes = await self._store.read(gather)
        each = {version.seq: (version, it) for some in changes.values() for version, it in some}
        looked = await self._looked(list(each.values()), places, caller)
        told = {change.version.seq: change.told for change in looked}
        for key, some in changes.items():
            found[key] = tuple(one for version, _ in some for one in told[version.seq])
        return found

    async def _looked(
        self,
        changes: Sequence[_Change],
        places: Mapping[int, Sequence[_Place]],
        caller: Client | None,
    ) -> tuple[TracedChange, ...]:
        """Return the changes with whom of ``places`` they were events for."""
        # Matching belongs to the event loop, which alone changes topics and streams.
        tops = {stream: self._subscribers.n(stream) for stream in places}
        resting = {stream for stream in places if not self._subscribers.matched(stream)}
        candidates = [
            (version, sorted(places.keys() & (self._registry.may_count(change) | resting)))
            for version, change in changes
        ]

        def look(reader: Reader) -> tuple[TracedChange, ...]:
            seen = _Seen(reader, places, tops, caller)
            return tuple(
                TracedChange(version=version, told=tuple(seen.told(version, streams)))
                for version, streams in candidates
            )

        return await self._store.read(look)

    def _pending(self, release: FhirRelease, caller: Client | None) -> dict[int, list[_Place]]:
        """Return of ``_places`` what has not arrived."""
        found: dict[int, list[_Place]] = {}
        for stream, places in self._places(release, caller).items():
            last = self._subscribers.n(stream)
            for place in places:
                cursor = place.subscriber.delivery.cursor
                left = replace(
                    place,
                    low=max(place.low, cursor + 1 + place.offset),
                    high=min(place.high, last),
                )
                if left.low <= left.high:
                    found.setdefault(stream, []).append(left)
        return found

    def _places(self, release: FhirRelease, caller: Client | None) -> dict[int, list[_Place]]:
        """Return whom the events of each stream belong or belonged to, by stream."""
        places: dict[int, list[_Place]] = {}
        for subscriber in list(self._subscribers):
            subscription = subscriber.subscription
            if subscription.release is not release or subscriber.deleted:
                continue
            if subscription.administrative and not subscriber.belonging.is_shown_to(caller):
                continue
            for segment in subscriber.segments:
                if segment.stream != GONE:
                    high = 2**62 if segment.last is None else segment.last + segment.offset
                    low = segment.first + segment.offset
                    place = _Place(subscriber, low, high, segment.offset)
                    places.setdefault(segment.stream, []).append(place)
        return places


_Change = tuple[ResourceVersion, Change]


def _changes(
    reader: Reader, key: ResourceKey, parameters: SearchParameters, oldest: int = 0
) -> tuple[list[_Change], bool]:
    """Return the newest changes from ``oldest`` on of what belongs together, and if that is cut.

    Raises:
        NotFound: there never was such a resource.
    """
    head = reader.head(key)
    if head is None:
        raise NotFound(f"there is no {key.reference} at this base")
    resolver = ReaderResolver(reader, key.release, parameters, now=head.timestamp)
    keys, more = _together(key, resolver, parameters)
    found = [
        version
        for each in keys
        for version in reader.history(
            each.release, each.resource_type, each.id, count=MOST_CHANGES + 1
        )
        if version.seq >= oldest
    ]
    found.sort(key=lambda version: version.seq)
    shown = found[-MOST_CHANGES:]
    return [(each, change_of(reader, each)) for each in shown], more or found != shown


def _together(
    key: ResourceKey, resolver: ReaderResolver, parameters: SearchParameters
) -> tuple[list[ResourceKey], bool]:
    """Return the resource and what points to it, step by step; also whether there is more."""
    found = {key: None}
    newest: Sequence[ResourceKey] = (key,)
    for _ in range(_DEPTH):
        there = [each for each in _pointing(newest, resolver, parameters) if each not in found]
        found |= dict.fromkeys(there)
        newest = there
    keys = list(found)
    return keys[:MOST_RESOURCES], len(keys) > MOST_RESOURCES


def _pointing(
    keys: Iterable[ResourceKey], resolver: ReaderResolver, parameters: SearchParameters
) -> Iterator[ResourceKey]:
    for key in keys:
        for kind, codes in POINTING.items():
            for code in codes:
                parameter = parameters.get(kind, code)
                if parameter is None or key.resource_type not in parameter.targets:
                    continue
                for each in resolver.referrers(kind, code, key.resource_type, key.id):
                    yield ResourceKey(key.release, kind, str(each["id"]))


class _Seen:
    """What one view of the store has of events and attempts."""

    def __init__(
        self,
        reader: Reader,
        places: Mapping[int, Sequence[_Place]],
        tops: Mapping[int, int],
        caller: Client | None,
    ) -> None:
        self._caller = caller
        self._reader = reader
        self._places = places
        self._tops = tops
        self._attempts: dict[int, list[Attempt]] = {}
        self._names: dict[int, str] = {}

    def told(self, version: ResourceVersion, streams: Iterable[int]) -> Iterator[Told]:
        """Yield everybody for whom the change was an event of one of the streams."""
        for stream in streams:
            n = event_of(self._reader, stream, self._tops[stream], version.seq)
            for place in self._places[stream] if n is not None else ():
                if n is not None and place.low <= n <= place.high:
                    number = n - place.offset
                    yield Told(
                        subscriber=place.subscriber,
                        is_shown=place.subscriber.belonging.is_shown_to(self._caller),
                        name=self._name(place.subscriber),
                        number=number,
                        standing=standing_of(place.subscriber, number),
                        delivered=self._delivered(place.subscriber.sid, number),
                    )

    def _name(self, subscriber: Subscriber) -> str:
        if subscriber.sid not in self._names:
            self._names[subscriber.sid] = name_of(self._reader, subscriber)
        return self._names[subscriber.sid]

    def _delivered(self, sid: int, number: int) -> datetime | None:
        if sid not in self._attempts:
            self._attempts[sid] = self._reader.attempts(sid, _ATTEMPTS)
        return next(
            (
                each.at
                for each in self._attempts[sid]
                if each.outcome == "delivered" and each.first <= number <= each.last
            ),
            None,
        )
