"""What must hold after a hub was killed again and again: nothing lost, no gap, no number twice.

Pure: it is given what clients were answered, what endpoints received and what the hub has, and
finds what contradicts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One numbered event: what it is about (``Task/1``) and when it was committed."""

    number: int
    focus: str | None
    timestamp: str


@dataclass(frozen=True, slots=True)
class Version:
    """One version in a history; ``marker`` is what its writer put in, None for a deletion."""

    reference: str
    number: int
    marker: str | None
    timestamp: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A change that a client was told to be stored; ``number`` is None if no ETag told it."""

    reference: str
    number: int | None
    marker: str | None


@dataclass(slots=True)
class Findings:
    """What was found wrong, counted, and each in words."""

    lost: int = 0
    gaps: int = 0
    reused: int = 0
    out_of_order: int = 0
    duplicates: int = 0
    words: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every promise was kept; duplicates are allowed."""
        return not (self.lost or self.gaps or self.reused or self.out_of_order)

    def add(self, kind: str, text: str) -> None:
        """Count one fault."""
        setattr(self, kind, getattr(self, kind) + 1)
        self.words.append(f"{kind.replace('_', ' ')}: {text}")


def check_store(
    findings: Findings,
    versions: Sequence[Version],
    acknowledged: Iterable[Acknowledged],
    units: Iterable[frozenset[str]],
    refused: Iterable[str],
) -> None:
    """Compare what clients were answered with what is stored.

    Args:
        findings: takes the faults.
        versions: every stored version of every resource.
        acknowledged: what clients were told to be stored.
        units: the markers of each transaction, whether its answer came or not.
        refused: the markers of changes that the hub refused.
    """
    stored = {(each.reference, each.number): each.marker for each in versions}
    deleted = Counter(each.reference for each in versions if each.marker is None)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for each in versions:
        numbers[each.reference].append(each.number)
    for reference, found in numbers.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            findings.add("gaps", f"{reference} has the versions {sorted(found)}")
    deletions: Counter[str] = Counter()
    for told in acknowledged:
        name = f"{told.reference} version {told.number}"
        if told.number is None:
            deletions[told.reference] += 1
            if deletions[told.reference] > deleted[told.reference]:
                findings.add("lost", f"{told.reference} was told to be deleted, and is not")
        elif (told.reference, told.number) not in stored:
            findings.add("lost", f"{name} was acknowledged and is not stored")
        elif stored[told.reference, told.number] != told.marker:
            findings.add("lost", f"{name} was acknowledged and says something else")
    markers = {marker for marker in stored.values() if marker is not None}
    for unit in units:
        if 0 < len(unit & markers) < len(unit):
            findings.add("lost", f"a part of a transaction: {sorted(unit - markers)}")
    for marker in refused:
        if marker in markers:
            findings.add("lost", f"{marker} was refused and is stored")


def check_numbers(
    findings: Findings,
    name: str,
    events: Sequence[Event],
    received: Sequence[Event],
    declined: Sequence[Event] = (),
) -> None:
    """Compare what an endpoint received, in order, with what the hub says it sent.

    Args:
        findings: takes the faults and the duplicates.
        name: of the Subscription.
        events: what ``$events`` answers, in its order.
        received: every event of every notification that was taken, in the order of arrival.
        declined: those of notifications that the endpoint did not take.
    """
    if [each.number for each in events] != list(range(1, len(events) + 1)):
        findings.add("gaps", f"{name}: $events is not 1..{len(events)}")
    kept = {each.number: each for each in events}
    seen: set[int] = set()
    highest = 0
    for each in (*received, *declined):
        if kept.get(each.number) != each:
            findings.add("reused", f"{name}: {each} was received, {kept.get(each.number)} is kept")
    for each in received:
        if each.number in seen:
            findings.duplicates += 1
        elif each.number != highest + 1:
            findings.add("out_of_order", f"{name}: {each.number} came after {highest}")
        seen.add(each.number)
        highest = max(highest, each.number)
    for number in sorted(kept.keys() - seen):
        findings.add("lost", f"{name}: number {number} never arrived")


def check_events(
    findings: Findings, name: str, events: Sequence[Event], expected: Sequence[Version]
) -> None:
    """Compare a Subscription's events with the stored versions that it is about, one for one."""
    wanted: defaultdict[str | None, list[str]] = defaultdict(list)
    for version in sorted(expected, key=lambda each: (each.reference, each.number)):
        wanted[version.reference].append(version.timestamp)
    had: defaultdict[str | None, list[str]] = defaultdict(list)
    for event in events:
        had[event.focus].append(event.timestamp)
    for focus in wanted.keys() | had.keys():
        if wanted[focus] == had[focus]:
            continue
        missing = Counter(wanted[focus]) - Counter(had[focus])
        beyond = Counter(had[focus]) - Counter(wanted[focus])
        for timestamp in missing.elements():
            findings.add("lost", f"{name}: the change of {focus} at {timestamp} has no event")
        for timestamp in beyond.elements():
            findings.add("lost", f"{name}: the event of {focus} at {timestamp} has no change")
        if not missing and not beyond:
            findings.add("out_of_order", f"{name}: the events of {focus} are not in its order")


def events_of(bundle: dict[str, Any]) -> list[Event]:
    """Return the events of a notification, or of an answer of ``$events``, in any release."""
    status = bundle["entry"][0]["resource"]
    if status["resourceType"] == "Parameters":
        parts = [
            {part["name"]: part for part in parameter["part"]}
            for parameter in status["parameter"]
            if parameter["name"] == "notification-event"
        ]
        return [
            Event(
                int(part["event-number"]["valueString"]),
                _relative(part.get("focus", {}).get("valueReference")),
                part["timestamp"]["valueInstant"],
            )
            for part in parts
        ]
    return [
        Event(int(event["eventNumber"]), _relative(event.get("focus")), event["timestamp"])
        for event in status.get("notificationEvent", [])
    ]


def _relative(reference: dict[str, str] | None) -> str | None:
    return None if reference is None else "/".join(reference["reference"].split("/")[-2:])
