"""What the engine needs from the outside, in the words of the domain.

Each protocol has a contract suite in ``tests``; every implementation passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from hub.core.delivery import DeliveryResult, Envelope
from hub.core.notification import Alike, Called, Form, Notification
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Resource
from hub.core.search_index import Expression, IndexEntry
from hub.core.subscriber import Attempt, StoredSubscriber, Subscriber
from hub.core.subscription import ChannelType, FilterBy, Subscription
from hub.core.topic import SubscriptionTopic
from hub.core.value import value
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return when ``instant`` has come."""


class Wakeups(Protocol):
    """Hints that a Subscription may have something to do.  Losing one delays, it loses nothing."""

    def signal(self, sids: Iterable[int]) -> None:
        """Say that these Subscriptions should be looked at."""


class Listener(Protocol):
    """The other end of ``Wakeups``: one who is told."""

    def signal(self, sids: Iterable[int]) -> None:
        """Wake this one alone."""

    async def wait(self, until: datetime | None) -> frozenset[int]:
        """Return the Subscriptions signalled since the last call; empty when ``until`` came."""


class Channel(Protocol):
    """One way to reach subscribers."""

    @property
    def channel_type(self) -> ChannelType:
        """Which channel of the standard this is."""

    def check(self, subscription: Subscription) -> None:
        """Refuse, when it is created, a Subscription that this channel can't serve.

        Raises:
            SubscriptionRefused: with the R5 element as expression.
        """

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Try once, within ``envelope.timeout``.

        A remote failure is expected and comes back as ``Failed``; an exception is a bug.
        """


class Codec(Protocol):
    """How one release writes what the hub says and reads what subscribers say."""

    @property
    def release(self) -> FhirRelease:
        """The release that it speaks."""

    def decode_subscription(self, resource: Resource) -> Subscription:
        """Read a validated Subscription resource; its id may be empty.

        Raises:
            SubscriptionRefused: what can't be honoured, all of it, with the release's elements.
        """

    def read_subscription(self, resource: Resource, refusals: Refusals) -> Subscription:
        """Read a validated Subscription resource as far as it can be honoured.

        What is refused is gathered, and a default stands in its place: no topic, filters or
        headers, where one of them can't be read.
        """

    def encode_subscription(self, subscription: Subscription) -> Resource:
        """Write a Subscription; ``decode_subscription`` reads the same back."""

    def amend_subscription(
        self, resource: Resource, subscription: Subscription, *, masked: bool, error: str | None
    ) -> Resource:
        """Return ``resource`` with the elements that the hub governs as in ``subscription``.

        These are status, end, channel parameters that were adjusted, header values (``***`` where
        ``masked``), and in R4 and R4B the ``error`` text.  All else stays as it was sent.
        """

    def element(self, r5_expression: str) -> str:
        """Return the release's name of an R5 element such as ``Subscription.filterBy``."""

    def writes(self, content_type: str) -> bool:
        """Tell whether payloads of a MIME type that was accepted once can be written now."""

    def encode_payload(self, notification: Notification, base_url: str) -> bytes:
        """Write the notification Bundle in the MIME type that its Subscription asks for.

        The bytes are the same each time.
        """

    def called(self, subscription: Subscription, base_url: str) -> Called:
        """Return how payloads call a Subscription, for those that ``encode_alike`` writes."""

    def encode_alike(self, notification: Notification, base_url: str) -> Alike:
        """Return what writes payloads that say the same to other Subscriptions.

        Each is as ``encode_payload`` would write it; what they have in common is written once.
        """

    def encode_form(self, notification: Notification, base_url: str) -> Form:
        """Return what writes payloads that say of other single changes what is said of one.

        Each is as ``encode_payload`` would write it, unless the text has something in it that looks
        like a mark where changes differ: then the first one is written otherwise already.

        Args:
            notification: about one change, with its focus, without further context, queries or
                errors.
        """

    def encode_notification(self, notification: Notification, base_url: str) -> bytes:
        """Write the notification Bundle (also of ``$events``) as JSON, always the same bytes."""

    def encode_resource(self, body: bytes, content_type: str) -> bytes:
        """Write a stored resource, given as JSON text, in a MIME type that was asked for."""

    def encode_message(self, notification: Notification, base_url: str, destination: str) -> bytes:
        """Write the message Bundle with the notification inside, the same bytes each time.

        Args:
            destination: the endpoint that it is for.
        """

    def encode_statuses(
        self, statuses: Sequence[Notification], base_url: str, self_url: str
    ) -> bytes:
        """Write the searchset Bundle that answers ``$status``."""

    def encode_parameters(self, values: Sequence[tuple[str, str, str]]) -> Resource:
        """Write a Parameters resource of (name, value type such as ``valueString``, value)."""

    def decode_parameters(self, resource: Resource) -> list[tuple[str, str]]:
        """Read the primitive parameters of a Parameters resource as (name, text)."""

    def encode_topic(self, topic: SubscriptionTopic) -> Resource:
        """Write a topic as the release's resource (R4: ``Basic``)."""


@value(frozen=True, slots=True, kw_only=True)
class StoredStream:
    """A stream as it is stored.

    ``topic`` is ``url|version``, or the type of classic criteria; ``key`` everything that decides
    whether an event exists; ``filters`` those of the one who asked first; ``muted`` whose own
    changes are no events of it; ``floor`` the n up to which retention removed events.
    """

    id: int
    release: FhirRelease
    topic: str
    key: str
    filters: tuple[FilterBy, ...]
    visibility: str
    muted: str = ""
    n: int
    floor: int = 0


@dataclass(slots=True, kw_only=True)
class WriteBatch:
    """Everything that one commit writes; all of it or nothing.

    ``index`` maps the seq of a new current version to its entry (None for a deletion), and
    ``unindex`` lists the seqs whose versions are no longer current.  ``counters`` are the new n of
    each stream touched, where it has events the n of the last; ``floors`` the n up to which events
    are removed.  ``subscribers`` are written whole, with segments and delivery state;
    ``deliveries`` only the delivery state and error of each.  ``indexed`` are, for each release
    that it names, the fingerprints of all types (``SearchParameters.fingerprint``) under which
    their current versions are indexed.
    """

    versions: list[ResourceVersion] = field(default_factory=list)
    index: dict[int, IndexEntry | None] = field(default_factory=dict)
    unindex: list[int] = field(default_factory=list)
    streams: list[StoredStream] = field(default_factory=list)
    dropped_streams: list[int] = field(default_factory=list)
    counters: dict[int, int] = field(default_factory=dict)
    floors: dict[int, int] = field(default_factory=dict)
    events: list[StreamEvent] = field(default_factory=list)
    subscribers: list[Subscriber] = field(default_factory=list)
    deliveries: list[Subscriber] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    topics: list[SubscriptionTopic] = field(default_factory=list)
    dropped_topics: list[SubscriptionTopic] = field(default_factory=list)
    indexed: dict[FhirRelease, Mapping[str, str]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not any(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a store holds when it is opened, as far as the hub keeps it in memory.

    ``indexed`` is what ``WriteBatch.indexed`` last said of each release.  ``content_types`` and
    ``suppress_echo`` are what any of the Subscriptions asks for.
    """

    last_seq: int
    last_stream: int
    last_sid: int
    topics: tuple[SubscriptionTopic, ...]
    streams: tuple[StoredStream, ...]
    subscribers: tuple[StoredSubscriber, ...]
    content_types: frozenset[str] = frozenset()
    suppress_echo: bool = False
    indexed: Mapping[FhirRelease, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a store says of itself: its kind, how it keeps search terms, its size in bytes."""

    kind: str
    layout: str | None
    size: int


class Reader(Protocol):
    """A consistent view of what is committed."""

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version, which may be a deletion; None if there never was one."""

    def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
        """Return the newest versions of these resources, of those that have any, at once."""

    def version(self, key: ResourceKey, version: int) -> ResourceVersion | None:
        """Return one version, None if it does not exist or is no longer kept."""

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""

    def history(
        self,
        release: FhirRelease,
        resource_type: str,
        id: str | None,
        *,
        count: int,
        before: int | None = None,
        since: datetime | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` versions of a resource, or of a type, newest first.

        Args:
            before: only those with a lower seq: the cursor of a page.
            since: only those at or after this instant.
        """

    def search(
        self,
        release: FhirRelease,
        resource_type: str,
        expression: Expression,
        *,
        count: int,
        before: int | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` current versions that the index selects, highest seq first.

        The type ``Resource`` means any type of the release.  The index may select too many, never
        too few; the caller checks hits with the query.
        """

    def count(self, release: FhirRelease, resource_type: str, expression: Expression) -> int:
        """Return how many current versions the index selects."""

    def events(self, stream: int, low: int, high: int) -> list[StreamEvent]:
        """Return the events of a stream with n from ``low`` to ``high``, in order."""

    def attempts(self, sid: int, count: int) -> list[Attempt]:
        """Return the newest attempts of a Subscription, newest first."""

    def seq_at(self, instant: datetime) -> int:
        """Return the highest seq committed before ``instant``, 0 if none.

        Instants never go back along the log.
        """


class ReadableStore(Protocol):
    """What reading needs of a store: all that delivery knows of it."""

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` on a view of what is committed, away from the event loop.

        Raises:
            Unavailable: it can't be read now, for example while its index is being repaired.
        """


class Store(ReadableStore, Protocol):
    """Where everything is kept.  One thread writes; ``commit`` is all or nothing and durable."""

    def open(self) -> Opened:
        """Take the store for this process and return what it holds.

        Raises:
            Unavailable: another process has it.
        """

    @property
    def writer(self) -> Reader:
        """The view of the one thread that writes: sees each commit at once."""

    def facts(self) -> StoreFacts:
        """Return what it says of itself; quick, and may be asked on any thread."""

    def commit(self, batch: WriteBatch) -> None:
        """Write all of ``batch`` durably, or nothing.

        Raises:
            StoreFull: no space; nothing was written.
            Unavailable: another program has it locked; nothing was written.
            StoreBroken: it is unknown whether it was written; the process must stop.
        """

    def reindex(
        self,
        release: FhirRelease,
        resource_type: str,
        entry_of: Callable[[ResourceVersion], IndexEntry],
        *,
        after: int,
        count: int,
    ) -> int | None:
        """Index the next ``count`` current versions of a type anew, in one commit.

        Args:
            entry_of: tells what to keep of a version.
            after: the seq after which to begin.

        Returns the seq to go on after, None when these were the last.

        Raises: as ``commit``.
        """

    def close(self) -> None:
        """Give the store back; what was committed stays."""


class StoreBroken(Exception):
    """An I/O error at commit: a failed commit is not an absent one, so the process must stop."""
