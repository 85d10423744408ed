"""The text of notifications that say the same, each to its own Subscription.

Text is put together from pieces.  What is said to one Subscription alone is a piece of its own, or,
where many are told, a hole for it, so that all else is written once.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from hub.codecs.subscription import write_identifier
from hub.core.notification import Addressee, stable_uuid
from hub.core.release import Resource

ID, STATUS_ID, REFERENCE, STATUS_URL, COUNT, NUMBER = range(6)
"""What is told to one Subscription alone, by its place in ``told`` and ``holes``: the Bundle's id,
the bare id of its status, the reference to the Subscription, the URL of its ``$status``, the bare
counter, and the bare number of the first event, which those of further events follow; what is not
bare is JSON."""


class Hole(bytes):
    """A piece that stands for what is told to each Subscription alone: its place, in digits."""

    __slots__ = ()


def holes(events: int) -> list[bytes]:
    """Return what stands for what is told of so many events."""
    return [Hole(b"%d" % place) for place in range(NUMBER + events)]


def told(addressee: Addressee, base_url: str) -> list[bytes]:
    """Return what is told to one Subscription alone, at a base URL."""
    return [
        orjson.dumps(addressee.id),
        stable_uuid(addressee.id, "status").encode(),
        orjson.dumps(_reference(addressee, base_url)),
        orjson.dumps(_status_url(addressee, base_url)),
        b"%d" % addressee.events_since_start,
        *[b"%d" % number for number in addressee.numbers],
    ]


class TextForMany:
    """The text that ``pieces`` with ``holes`` give for each addressee, at one base URL."""

    __slots__ = ("_base_url", "_places", "_texts")

    def __init__(self, pieces: Sequence[bytes], base_url: str) -> None:
        self._base_url = base_url
        self._texts: list[bytes] = []
        self._places: list[tuple[int, int]] = []
        begin = 0
        for end, piece in enumerate(pieces):
            if isinstance(piece, Hole):
                self._texts += (b"".join(pieces[begin:end]), piece)
                self._places.append((len(self._texts) - 1, int(piece)))
                begin = end + 1
        self._texts.append(b"".join(pieces[begin:]))

    def to(self, addressee: Addressee) -> bytes:
        """Return the text for one Subscription."""
        pieces = self._texts.copy()
        own = told(addressee, self._base_url)
        for index, place in self._places:
            pieces[index] = own[place]
        return b"".join(pieces)


def _reference(addressee: Addressee, base_url: str) -> Resource:
    """Write the reference to the Subscription, absolute, with its first identifier if it has one.

    An administrative one, which the subscriber can't read, goes by the identifier alone.
    """
    written: Resource = {}
    if not addressee.administrative:
        written["reference"] = f"{base_url}/Subscription/{addressee.subscription_id}"
    if addressee.subscription_identifier is not None:
        written["identifier"] = write_identifier(addressee.subscription_identifier)
    return written


def _status_url(addressee: Addressee, base_url: str) -> str:
    """Return the ``$status`` that tells the same: of the type where the id is not told."""
    if addressee.administrative:
        return f"{base_url}/Subscription/$status"
    return f"{base_url}/Subscription/{addressee.subscription_id}/$status"
