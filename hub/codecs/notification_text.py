"""The text of notifications that say the same, each to its own Subscription.

Text is put together from pieces.  A piece is text, or a hole: what is said to one Subscription
alone goes there, so that all else is written once, however many are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import orjson

from hub.codecs.subscription import write_identifier
from hub.core.notification import Addressee, stable_uuid
from hub.core.release import Resource

Piece: TypeAlias = bytes | int
"""Text as it is, or a hole by its number."""

ID, STATUS_ID, REFERENCE, STATUS_URL, COUNT, NUMBER = range(6)
"""The holes: the Bundle's id, the bare id of its status, the reference to the Subscription, the
URL of its ``$status``, the bare counter, and the bare number of the first event, which those of
further events follow; what is not bare is JSON."""


class NotificationText:
    """The text that ``pieces`` give for each addressee, at the base URL ``base_url``."""

    __slots__ = ("_base_url", "_pieces")

    def __init__(self, pieces: Sequence[Piece], base_url: str) -> None:
        self._pieces = pieces
        self._base_url = base_url

    def to(self, addressee: Addressee) -> bytes:
        """Return the text for one Subscription."""
        texts = self._told(addressee)
        return b"".join(
            [texts[piece] if isinstance(piece, int) else piece for piece in self._pieces]
        )

    def for_many(self) -> NotificationText:
        """Return what gives the same texts sooner: pieces without a hole between them are one."""
        pieces: list[Piece] = []
        text: list[bytes] = []
        for piece in self._pieces:
            if isinstance(piece, int):
                pieces += (b"".join(text), piece)
                text = []
            else:
                text.append(piece)
        return NotificationText([*pieces, b"".join(text)], self._base_url)

    def _told(self, addressee: Addressee) -> list[bytes]:
        """Return what goes into the holes, in their order."""
        return [
            orjson.dumps(addressee.id),
            stable_uuid(addressee.id, "status").encode(),
            orjson.dumps(_reference(addressee, self._base_url)),
            orjson.dumps(_status_url(addressee, self._base_url)),
            b"%d" % addressee.events_since_start,
            *[b"%d" % number for number in addressee.numbers],
        ]


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
