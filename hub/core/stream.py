"""What Subscriptions share that ask for the same: its events are numbered once.

They have the same release, topic, filters and visibility, and the same owner where its changes are
no events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from hub.core.change import Change
from hub.core.filters import Filters
from hub.core.release import FhirRelease


@dataclass(slots=True, kw_only=True, eq=False)
class Stream:
    """One numbered sequence of events; ``n`` is the last number committed.

    ``muted`` is the client whose own changes are no events of it, empty where everybody's are.
    """

    id: int
    release: FhirRelease
    topic: str
    filters: Filters = field(repr=False)
    visibility: str
    muted: str = ""
    n: int = 0

    @property
    def key(self) -> str:
        """What makes two Subscriptions share the stream."""
        return stream_key(
            self.release, self.topic, self.filters.canonical, self.visibility, self.muted
        )

    def echoes(self, change: Change) -> bool:
        """Tell whether the change is no event of the stream because of who wrote it."""
        return bool(self.muted) and self.muted == change.author


def stream_key(
    release: FhirRelease, topic: str, filters: str, visibility: str, muted: str = ""
) -> str:
    """Return the key of a stream: 32 hex digits, the same for the same meaning at every start.

    ``topic`` is a canonical with version, or the type of classic criteria; ``filters`` is
    ``Filters.canonical``; ``muted`` as in ``Stream``.  Filters may name patients, so the key does
    not show them.
    """
    parts = (release.value, topic, filters, visibility, muted)
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(text.encode(), digest_size=16).hexdigest()
