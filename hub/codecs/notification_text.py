"""The text of notifications that say the same, each to its own Subscription.

Text is put together from pieces.  What is said to one Subscription alone is a piece of its own, or,
where many are told, a hole for it, so that all else is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from operator import itemgetter

import orjson

from hub.codecs.subscription import write_identifier
from hub.core.notification import Addressee, Alike, Called, status_id
from hub.core.subscription import Identifier

ID, STATUS_ID, REFERENCE, STATUS_URL, COUNT, NUMBER = range(6)
"""What is told to one Subscription alone, by its place in ``told`` and ``holes``: the bare id of
the Bundle and that of its status, the reference to the Subscription and the URL of its ``$status``
as JSON, the bare counter, and the bare number of the first event, which those of further events
follow."""


class Hole(bytes):
    """A piece that stands for what is told to each Subscription alone: its place, in digits."""

    __slots__ = ()


def holes(events: int) -> list[bytes]:
    """Return what stands for what is told of so many events."""
    return [Hole(b"%d" % place) for place in range(NUMBER + events)]


def told(addressee: Addressee, base_url: str) -> list[bytes]:
    """Return what is told to one Subscription alone, at a base URL."""
    id, subscription_id, identifier, administrative, count, numbers = addressee
    return _told(id, called(subscription_id, identifier, administrative, base_url), count, numbers)


def _told(id: str, called: Called, count: int, numbers: Iterable[int]) -> list[bytes]:
    return [
        id.encode(),
        status_id(id).encode(),
        *called,
        b"%d" % count,
        *[b"%d" % number for number in numbers],
    ]


def for_many(pieces: Sequence[bytes]) -> Alike:
    """Return what writes the text that ``pieces`` with ``holes`` give, for each Subscription."""
    runs = [(is_hole, list(run)) for is_hole, run in groupby(pieces, _is_hole)]
    same = [b"".join(run) for is_hole, run in runs if not is_hole]
    # What is the same for all stands behind what each is told, so it is counted from the end.
    places = iter(range(-len(same), 0))
    chosen = itemgetter(
        *chain.from_iterable(map(int, run) if is_hole else [next(places)] for is_hole, run in runs)
    )

    def to(id: str, called: Called, count: int, numbers: Iterable[int]) -> bytes:
        return b"".join(chosen(_told(id, called, count, numbers) + same))

    return to


def _is_hole(piece: bytes) -> bool:
    return isinstance(piece, Hole)


def called(id: str, identifier: Identifier | None, administrative: bool, base_url: str) -> Called:
    """Write the reference to a Subscription and the URL of its ``$status``, as JSON.

    The reference is absolute, with its first identifier if it has one.  An administrative one,
    which the subscriber can't read, goes by the identifier alone, and by the ``$status`` of the
    type.
    """
    url = f"{base_url}/Subscription"
    reference = []
    if not administrative:
        url = f"{url}/{id}"
        reference.append(b'"reference":%b' % orjson.dumps(url))
    if identifier is not None:
        reference.append(b'"identifier":%b' % orjson.dumps(write_identifier(identifier)))
    return b"{%b}" % b",".join(reference), orjson.dumps(f"{url}/$status")
