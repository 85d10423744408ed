"""What the hub knows of each Subscription, in memory; rebuilt from the store at start.

Only the event loop changes it, between two batches of the writer, after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from hub.core.belonging import Belonging
from hub.core.canonical import is_absolute
from hub.core.client import HUB, Client
from hub.core.filter_shape import FilterShape, PlainFilters, shape_key
from hub.core.filters import Filters
from hub.core.numbering import lowest, top
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.stream import Stream
from hub.core.subscriber import StoredSubscriber, Subscriber
from hub.core.subscription import Subscription
from hub.errors import Conflict, Deleted, Forbidden, HubError, NotFound, NotTopicBased
from hub.ports import StoredStream

GONE = 0
"""The stream that stands for numbers whose events are no longer kept anywhere."""


class Subscribers:
    """All Subscriptions by the hub's number, by id, and by the stream they are on."""

    def __init__(
        self, registry: Registry, parameters: Mapping[FhirRelease, SearchParameters]
    ) -> None:
        self._registry = registry
        self._parameters = parameters
        self._by_sid: dict[int, Subscriber | StoredSubscriber] = {}
        self._making = Lock()
        self._by_id: dict[tuple[FhirRelease, str], int] = {}
        self._on_stream: dict[int, int | set[int]] = {}
        self._floors: dict[int, int] = {}
        self._streams: dict[int, StoredStream] = {}
        self._by_key: dict[str, int] = {}
        self._belongings: dict[tuple[FhirRelease, str], Belonging] = {}

    def __iter__(self) -> Iterator[Subscriber]:
        for sid, found in self._by_sid.items():
            yield self._made(sid) if isinstance(found, StoredSubscriber) else found

    def sids(self) -> Sequence[int]:
        """Return the numbers of all Subscriptions, also of deleted ones."""
        return list(self._by_sid)

    def get(self, sid: int) -> Subscriber | None:
        """Return a Subscription, also a deleted one; None if there never was one."""
        found = self._by_sid.get(sid)
        return self._made(sid) if isinstance(found, StoredSubscriber) else found

    def _made(self, sid: int) -> Subscriber:
        """Return a Subscription of which only what is stored was known; asked on any thread."""
        with self._making:
            found = self._by_sid[sid]
            if isinstance(found, StoredSubscriber):
                found = self._by_sid[sid] = found.whole()
            return found

    def find(self, release: FhirRelease, id: str) -> Subscriber | None:
        """Return a Subscription, also a deleted one; None if there never was one."""
        sid = self._by_id.get((release, id))
        return None if sid is None else self.get(sid)

    def shows(self, release: FhirRelease, id: str, caller: Client | None) -> bool:
        """Tell whether a caller knows of the Subscription with this id, also of a deleted one.

        May be asked on any thread, of what was read there.
        """
        belonging = self._belonging(release, id)
        if belonging is None:
            # Committed this moment by somebody.
            return caller is None or caller.is_administrator
        return belonging.is_shown_to(caller)

    def check_change(
        self, release: FhirRelease, id: str, caller: Client | None, *, creates: bool = False
    ) -> None:
        """Return if a caller may change the Subscription with this id.

        Who was asked who they are has the hub choose the ids of its Subscriptions, so that what
        is refused for one that is another's tells nothing: it is so for all that are not theirs.

        Args:
            release: of the base.
            id: of the Subscription.
            caller: who wants to change it.
            creates: whether it would be created where there is none.

        Raises:
            NotFound: there is none that the caller knows of.
            Forbidden: the caller may only read it.
        """
        belonging = self._belonging(release, id)
        if belonging is None:
            free = caller is None or caller.is_administrator
        else:
            free = belonging.may_be_changed_by(caller)
        if free:
            return
        if belonging is not None and belonging.is_shown_to(caller):
            raise Forbidden(
                f"Subscription/{id} is for you, but the hub's administrator alone changes it"
            )
        hint = "; create one with POST: the hub chooses its id" if creates else ""
        raise NotFound(f"there is no Subscription/{id} at this base{hint}")

    def _belonging(self, release: FhirRelease, id: str) -> Belonging | None:
        """Return whose a Subscription is, as it is said since the start or was then."""
        said = self._belongings.get((release, id))
        if said is None and (found := self.find(release, id)) is not None:
            return found.belonging
        return said

    def announce(self, subscriber: Subscriber) -> None:
        """Know whose a Subscription is before it can be read anywhere.

        Until it is committed nobody is shown it who was not before.
        """
        subscription, belonging = subscriber.subscription, subscriber.belonging
        key = subscription.release, subscription.id
        before = self._belonging(*key)
        kept = before.managing_entity if before is not None else frozenset()
        self._belongings[key] = replace(belonging, managing_entity=belonging.managing_entity & kept)

    def check_name(self, subscription: Subscription) -> None:
        """Refuse an administrative Subscription that is called as another one of its release.

        Raises:
            Conflict: what its notifications say would not tell the two apart.
        """
        if not subscription.administrative:
            return
        for each in self:
            other = each.subscription
            if (
                other.administrative
                and not each.deleted
                and other.release is subscription.release
                and other.id != subscription.id
                and other.name == subscription.name
            ):
                raise Conflict(
                    f"{other.reference} is named by the identifier {other.name[:200]} already, and "
                    "by nothing else; use another one, or change that Subscription",
                    expression="Subscription.identifier",
                )

    def named(self, release: FhirRelease, id: str, *, caller: Client | None = HUB) -> Subscriber:
        """Return a Subscription that exists.

        Raises:
            NotFound: there never was one that the caller knows of.
            Deleted: it was deleted.
        """
        found = self.find(release, id)
        if found is None or not found.belonging.is_shown_to(caller):
            raise NotFound(f"there is no Subscription/{id} at this base")
        if found.deleted:
            raise Deleted(f"Subscription/{id} was deleted")
        return found

    def topic_based(
        self, release: FhirRelease, id: str, *, caller: Client | None = HUB
    ) -> Subscriber:
        """Return a Subscription that exists and is topic-based, so that it has numbers.

        Raises:
            NotFound, Deleted: see ``named``.
            NotTopicBased: its criteria are a search.
        """
        found = self.named(release, id, caller=caller)
        if found.subscription.is_classic:
            raise NotTopicBased(
                f"the criteria of Subscription/{id} are a search: it has no event numbers, no "
                "$status and no $events; GET it to see its status and error"
            )
        return found

    def put(self, subscriber: Subscriber) -> None:
        """Take over a Subscription as it was just committed."""
        before = self.get(subscriber.sid)
        if (
            before is not None
            and before.subscription is subscriber.subscription
            and before.segments is subscriber.segments
            and before.owner == subscriber.owner
        ):
            # Only its delivery went on.
            self._by_sid[subscriber.sid] = subscriber
            return
        left: int | None = None
        if before is not None and before.segments and before.segments[-1].is_open:
            left = before.segments[-1].stream
            self._leave(left, subscriber.sid)
        self._by_sid[subscriber.sid] = subscriber
        subscription = subscriber.subscription
        key = subscription.release, subscription.id
        self._belongings[key] = subscriber.belonging
        self._by_id[key] = subscriber.sid
        if subscriber.segments and subscriber.segments[-1].is_open:
            self._join(subscriber.segments[-1].stream, subscriber.sid)
        if left is not None and left not in self._on_stream:
            self._rest(left)

    def _join(self, stream: int, sid: int) -> None:
        """Let a Subscription count events of a stream; most streams have one alone."""
        there = self._on_stream.setdefault(stream, sid)
        if isinstance(there, set):
            there.add(sid)
        elif there != sid:
            self._on_stream[stream] = {there, sid}

    def _leave(self, stream: int, sid: int) -> None:
        there = self._on_stream[stream]
        if isinstance(there, set):
            there.discard(sid)
        if there == sid or not there:
            del self._on_stream[stream]

    def on(self, streams: Iterable[int]) -> set[int]:
        """Return who counts events of any of ``streams``."""
        found: set[int] = set()
        for stream in streams:
            there = self._on_stream.get(stream)
            if isinstance(there, set):
                found |= there
            elif there is not None:
                found.add(there)
        return found

    def n(self, stream: int) -> int:
        """Return how many events a stream has had."""
        live = self._registry.stream(stream)
        return live.n if live is not None else self._streams[stream].n

    def stream(self, key: str) -> StoredStream | None:
        """Return the stream of a key at its present n, also one that nobody is on now."""
        id = self._by_key.get(key)
        return None if id is None else self._present(id)

    def matched(self, stream: int) -> bool:
        """Tell whether changes are matched against a stream: somebody is on it."""
        return self._registry.stream(stream) is not None

    def stream_opened(self, stored: StoredStream) -> None:
        """Let a stream be matched from now on.

        Raises:
            HubError: its topic or filters can no longer be evaluated.
        """
        self._streams[stored.id] = stored
        self._by_key[stored.key] = stored.id
        topic, filters = self._registry.accept(
            stored.release,
            stored.topic,
            stored.filters,
            self._parameters[stored.release],
            for_new=False,
        )
        self._registry.add_stream(_matched(stored, topic, filters))

    def load(
        self, streams: Iterable[StoredStream], subscribers: Iterable[StoredSubscriber]
    ) -> dict[int, HubError]:
        """Take over what a store held when it was opened.

        Returns:
            Why a stream can't be matched any more, by its id: whoever is on it must be told.
        """
        for each in subscribers:
            self._by_sid[each.sid] = each
            self._by_id[each.release, each.id] = each.sid
            if each.segments and each.segments[-1].last is None:
                self._join(each.segments[-1].stream, each.sid)
        refused: dict[int, HubError] = {}
        alike: dict[object, list[StoredStream]] = {}
        for stream in streams:
            self._streams[stream.id] = stream
            self._by_key[stream.key] = stream.id
            if stream.floor:
                self._floors[stream.id] = stream.floor
            if stream.id in self._on_stream:
                key = stream.release, stream.topic, shape_key(stream.filters)
                some = alike.get(key)
                if some is None:
                    alike[key] = [stream]
                else:
                    some.append(stream)
        for some in alike.values():
            self._open(some, refused)
        return refused

    def _open(self, alike: Sequence[StoredStream], refused: dict[int, HubError]) -> None:
        """Let streams be matched whose filters have one shape, as ``stream_opened`` does.

        Args:
            alike: the streams.
            refused: gets why one of them can't be matched, by its id.
        """
        try:
            shape = self._shape(alike[0])
        except HubError as error:
            refused.update((stored.id, error) for stored in alike)
            return
        topic = shape.topic
        streams: list[Stream] = []
        plain: list[PlainFilters] = []
        for stored in alike:
            found = shape.plain(stored.id, stored.filters)
            if found is not None:
                plain.append(found)
                streams.append(_matched(stored, topic, found.filters))
                continue
            try:
                self._registry.add_stream(_matched(stored, topic, shape.accept(stored.filters)))
            except HubError as error:
                refused[stored.id] = error
        try:
            self._registry.add_streams(shape, streams, plain)
        except HubError as error:
            refused.update((stream.id, error) for stream in streams)

    def _shape(self, stored: StoredStream) -> FilterShape:
        release, topic, parameters = stored.release, stored.topic, self._parameters[stored.release]
        if not is_absolute(topic):
            return FilterShape.of_criteria(topic, stored.filters, parameters)
        compiled = self._registry.topic(release, topic, for_new=False)
        return FilterShape.of_topic(compiled, stored.filters, parameters)

    def _rest(self, stream: int) -> None:
        """Match a stream no longer: nobody is on it.  Its events stay while numbers need them."""
        self._streams[stream] = replace(self._streams[stream], n=self.n(stream))
        self._registry.remove_stream(stream)

    def streams(self) -> list[StoredStream]:
        """Return every stream at its present n, also those that nobody is on now."""
        return [self._present(id) for id in self._streams]

    def kept(self) -> list[tuple[int, int, int]]:
        """Return (id, n up to which events were removed, present n) of every stream."""
        return [(id, self._floors.get(id, 0), self.n(id)) for id in self._streams]

    def _present(self, id: int) -> StoredStream:
        return replace(self._streams[id], n=self.n(id), floor=self._floors.get(id, 0))

    def in_use(self) -> set[int]:
        """Return the streams to which a segment of any Subscription refers."""
        return {segment.stream for each in self for segment in each.segments}

    def rows_removed(self, floors: Mapping[int, int], dropped: Iterable[int]) -> None:
        """Follow what retention removed."""
        self._floors |= floors
        for id in dropped:
            stored = self._streams.pop(id)
            del self._by_key[stored.key]
            self._floors.pop(id, None)

    def top(self, subscriber: Subscriber) -> int:
        """Return how many events a Subscription has had."""
        return top(subscriber.segments, self.n)

    def lowest(self, subscriber: Subscriber) -> int:
        """Return the lowest number from which on all events are still kept."""
        return lowest(subscriber.segments, self._floor, self.top(subscriber))

    def _floor(self, stream: int) -> int:
        return 2**62 if stream == GONE else self._floors.get(stream, 0)


def _matched(stored: StoredStream, topic: str, filters: Filters) -> Stream:
    return Stream(
        id=stored.id,
        release=stored.release,
        topic=topic,
        filters=filters,
        visibility=stored.visibility,
        muted=stored.muted,
        n=stored.n,
    )
