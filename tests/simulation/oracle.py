"""What must be true of a world, worked out from what was committed and nothing else.

The model knows no streams, segments or counters: a Subscription that counts has had every change
of a Task of its owner, in the order of the log; one whose criteria are a search, no deletion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import counts
from hub.core.version import ResourceKey, ResourceVersion
from hub.ports import WriteBatch
from tests.support.life_cycle import illegal_moves

Name = tuple[FhirRelease, str]


@dataclass
class Expected:
    """What a Subscription must have had: a focus and its text per number.

    ``lost`` is how many were deleted with it.
    """

    focus: list[str] = field(default_factory=list)
    bodies: list[bytes | None] = field(default_factory=list)
    lost: int = 0


def expected_events(commits: Iterable[WriteBatch]) -> dict[Name, Expected]:
    """Return what each Subscription must have had after ``commits``."""
    found: dict[Name, Expected] = {}
    now: dict[Name, Subscriber] = {}
    owners: dict[ResourceKey, str] = {}
    for batch in commits:
        for subscriber in batch.subscribers:
            name = subscriber.subscription.release, subscriber.subscription.id
            now[name] = subscriber
            expected = found.setdefault(name, Expected())
            if subscriber.deleted:
                expected.lost = len(expected.focus)
        for version in batch.versions:
            if version.key.resource_type != "Task":
                continue
            before = owners.get(version.key)
            after = owners[version.key] = _owner(version) or before or ""
            for name, subscriber in now.items():
                if _counts(subscriber, version, after):
                    found[name].focus.append(version.key.reference)
                    found[name].bodies.append(version.body)
    return found


def broken_laws(commits: Iterable[WriteBatch]) -> list[str]:
    """Return what was committed and should never have been."""
    everything = list(commits)
    complaints = list(illegal_moves(everything, {}))
    times = [version.timestamp for batch in everything for version in batch.versions]
    if times != sorted(times):
        complaints.append("time goes back along the log")
    return complaints


def _owner(version: ResourceVersion) -> str | None:
    if version.body is None:
        return None
    owner: str = json.loads(version.body)["owner"]["reference"]
    return owner


def _counts(subscriber: Subscriber, version: ResourceVersion, owner: str) -> bool:
    subscription = subscriber.subscription
    (wanted,) = subscription.filter_by
    return (
        not subscriber.deleted
        and counts(subscription.status)
        and subscription.release is version.key.release
        and wanted.value == owner
        and (version.body is not None or not subscription.is_classic)
    )
