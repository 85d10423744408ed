"""Taking messages: what they carry is kept, each message and each event once.

A message is known by its sender and the id of its MessageHeader, which is kept under an id derived
from the two: where that is there already, the message is answered as before and nothing happens.
An event that another server notifies is known by sender, Subscription and number in the same way;
the record of it is an AuditEvent.

Which resource an entry is: the one of this base that it comes from, else the one with the same
business identifier, else the copy of what is at its address elsewhere, else a new one.
Source: http://hl7.org/fhir/R5/messaging.html; http://hl7.org/fhir/uv/cow ("Messaging").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.excluded import is_topic_basic
from hub.core.json_text import dumps, parse
from hub.core.notification import stable_uuid
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search import parse_query
from hub.core.search_parameter import SearchParameters
from hub.core.version import ResourceKey
from hub.engine.intake import Intake
from hub.engine.message_entry import Address, MessageEntry, References, copy_key
from hub.engine.plan import Plan
from hub.engine.write import Write
from hub.errors import InvalidResource, MultipleMatches, Unprocessable

MESSAGE_ID_SYSTEM: Final = "urn:fhir-hub:message-id"
"""The system of the tag by which a kept MessageHeader says which id it had."""

_MOST_IDENTIFIERS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A validated message.

    ``entries`` are what follows the MessageHeader; ``known`` the places among them of what must be
    here already; ``author`` who sends it, None where nobody was asked.
    """

    release: FhirRelease
    id: str
    source: str
    header: MessageEntry
    entries: Sequence[MessageEntry]
    known: frozenset[int] = frozenset()
    author: Client | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifiedEvent:
    """One event of a notification: the places of its entries, and the record of its arrival."""

    number: int
    entries: tuple[int, ...]
    receipt: Resource = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationMessage:
    """A validated event-notification of another server; ``author`` sends it."""

    release: FhirRelease
    source: str
    subscription: str
    events: Sequence[NotifiedEvent]
    entries: Sequence[MessageEntry]
    author: Client | None = None


class Messages:
    """Takes messages; each is one unit: all of it is kept, or nothing."""

    def __init__(
        self,
        intake: Intake,
        parameters: Mapping[FhirRelease, SearchParameters],
        base_url: Callable[[FhirRelease], str],
    ) -> None:
        self._intake = intake
        self._parameters = parameters
        self._base_url = base_url

    async def take(self, message: Message) -> datetime:
        """Keep the MessageHeader and everything else that a message carries.

        Returns when the message was first taken.

        Raises:
            Unprocessable: something that must be known is not, or may not be written.
            UnresolvedReference, MultipleMatches, InvalidResource: it can't be kept as it is.
        """
        return await self._intake.apply(lambda plan: self._take(plan, message))

    async def take_notification(self, message: NotificationMessage) -> datetime:
        """Make the changes that new events tell of, as far as the payload shows them.

        What this base is itself the origin of stays as it is.  Returns when the first of the
        events was taken.

        Raises:
            Unprocessable, UnresolvedReference, MultipleMatches, InvalidResource: as ``take``.
        """
        return await self._intake.apply(lambda plan: self._take_notification(plan, message))

    def _take(self, plan: Plan, message: Message) -> datetime:
        release = message.release
        header_key = ResourceKey(
            release, "MessageHeader", stable_uuid("message", message.source, message.id)
        )
        head = plan.head(header_key)
        if head is not None:
            return head.timestamp
        scope = (message.source, message.id)
        entries = [(entry, self._key(plan, release, entry, scope)) for entry in message.entries]
        _refuse_shared(entries)
        for place in sorted(message.known):
            _refuse_unknown(plan, *entries[place])
        references = self._references(plan, release, [*entries, (message.header, header_key)])
        header = references.in_terms_of_this_base(message.header)
        found = [self._write(plan, entry, key, references) for entry, key in entries]
        writes = [write for write in found if write is not None]
        writes.append(_put(header_key, _tagged(header, message.id)))
        plan.submit(release, _by(message.author, writes))
        return plan.now

    def _take_notification(self, plan: Plan, message: NotificationMessage) -> datetime:
        release, base_url = message.release, self._base_url(message.release)
        scope = (message.source, message.subscription)
        entries = [(entry, self._key(plan, release, entry, scope)) for entry in message.entries]
        references = self._references(plan, release, entries)
        first: datetime | None = None
        for event in message.events:
            receipt = ResourceKey(
                release,
                "AuditEvent",
                stable_uuid("notified", message.source, message.subscription, event.number),
            )
            head = plan.head(receipt)
            first = first or (plan.now if head is None else head.timestamp)
            if head is not None:
                continue
            writes: dict[ResourceKey, Write | None] = {}
            for place in event.entries:
                entry, key = entries[place]
                if key not in writes and entry.own_key(release, base_url) is None:
                    writes[key] = self._write(plan, entry, key, references)
            made = [write for write in writes.values() if write is not None]
            plan.submit(release, _by(message.author, [*made, _put(receipt, event.receipt)]))
        return first or plan.now

    def _key(
        self, plan: Plan, release: FhirRelease, entry: MessageEntry, scope: tuple[str, str]
    ) -> ResourceKey:
        """Return which resource of this base an entry is; there may be none of it yet.

        Args:
            scope: where a fullUrl that is no address is the name of something.
        """
        name = (*scope, entry.full_url) if entry.origin is None else (entry.origin,)
        return (
            entry.own_key(release, self._base_url(release))
            or self._identified(plan, release, entry)
            or copy_key(release, entry.resource_type, *name)
        )

    def _identified(
        self, plan: Plan, release: FhirRelease, entry: MessageEntry
    ) -> ResourceKey | None:
        """Return the resource that has one of the entry's identifiers."""
        parameters, kind = self._parameters[release], entry.resource_type
        tokens = _tokens(entry.resource or {})
        if not tokens or parameters.get(kind, "identifier") is None:
            return None
        if len(tokens) > _MOST_IDENTIFIERS:
            raise Unprocessable(
                f"a {kind} has {len(tokens)} identifiers; allowed: {_MOST_IDENTIFIERS}"
            )
        query = parse_query(parameters, kind, [("identifier", ",".join(tokens))])
        found = plan.resolver(release).matching(query, 2)
        if len(found) > 1:
            raise MultipleMatches(f"the identifiers of a {kind} are those of more than one here")
        return found[0][0].key if found else None

    def _references(
        self,
        plan: Plan,
        release: FhirRelease,
        entries: Sequence[tuple[MessageEntry, ResourceKey]],
    ) -> References:
        def copied(address: Address) -> ResourceKey | None:
            key = copy_key(release, address.resource_type, str(address))
            head = plan.head(key)
            return None if head is None or head.deleted else key

        return References(self._base_url(release), entries, copied)

    def _write(
        self, plan: Plan, entry: MessageEntry, key: ResourceKey, references: References
    ) -> Write | None:
        """Return what an entry changes, None if what is here is newer."""
        if entry.resource is None:
            return Write(
                interaction=Interaction.DELETE,
                resource_type=key.resource_type,
                id=key.id,
                unconditional=True,
            )
        head = plan.head(key)
        stored = None if head is None else plan.body(head)
        if stored is not None and is_topic_basic(stored):
            raise Unprocessable(f"{key.reference} is a topic; a message can't change it")
        if stored is not None and _is_older(entry.resource, stored):
            return None
        resource = dict(references.in_terms_of_this_base(entry))
        meta = dict(resource.get("meta") or {})
        source: Json = None
        if stored is not None:
            source = (stored.get("meta") or {}).get("source")
        elif entry.own_key(key.release, self._base_url(key.release)) is None:
            source = entry.origin
        meta.pop("source", None)
        if source is not None:
            meta["source"] = source
        resource["meta"] = meta
        return _put(key, resource)


def _by(author: Client | None, writes: Iterable[Write]) -> list[Write]:
    return [write._replace(author=author) for write in writes]


def _put(key: ResourceKey, resource: Resource) -> Write:
    return Write(
        interaction=Interaction.UPDATE,
        resource_type=key.resource_type,
        id=key.id,
        document=parse(dumps(resource)),
        unconditional=True,
    )


def _tagged(header: Resource, id: str) -> Resource:
    meta = dict(header.get("meta") or {})
    tags: list[Json] = meta.get("tag", [])
    return {**header, "meta": {**meta, "tag": [*tags, {"system": MESSAGE_ID_SYSTEM, "code": id}]}}


def _refuse_shared(entries: Sequence[tuple[MessageEntry, ResourceKey]]) -> None:
    """Refuse a message in which two resources have one identifier: later it would mean neither."""
    seen: dict[tuple[str, str], ResourceKey] = {}
    for entry, key in entries:
        for token in _tokens(entry.resource or {}):
            if seen.setdefault((entry.resource_type, token), key) != key:
                raise InvalidResource(
                    f"two entries of type {entry.resource_type} have the identifier {token[:100]}",
                    expression="Bundle.entry",
                )


def _refuse_unknown(plan: Plan, entry: MessageEntry, key: ResourceKey) -> None:
    head = plan.head(key)
    if head is None or head.deleted:
        kind, tokens = entry.resource_type, _tokens(entry.resource or {})
        called = f" with the identifier {' or '.join(tokens)}" if tokens else ""
        raise Unprocessable(
            f"the message is an update, but there is no {kind}{called} at this base"
        )


def _tokens(resource: Resource) -> list[str]:
    """Return the identifiers that say whose they are, as values of a search."""
    found = resource.get("identifier", [])
    identifiers = found if isinstance(found, list) else [found]
    return [
        f"{_escaped(each['system'])}|{_escaped(each['value'])}"
        for each in identifiers
        if each.get("system") and each.get("value") and each.get("use") != "old"
    ]


def _escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


def _is_older(sent: Resource, stored: Resource) -> bool:
    """Tell whether a Task was sent as it was before it became what is stored."""
    if sent.get("resourceType") != "Task":
        return False
    try:
        before, after = (
            datetime.fromisoformat(str(each.get("lastModified"))) for each in (sent, stored)
        )
        return before < after
    except (ValueError, TypeError):
        return False
