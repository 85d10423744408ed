"""Notifications about one change each: what they have in common is written once.

A first one is written with marks where another change, or another Subscription, has something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from hub.codecs.bundle import instant
from hub.codecs.notification_text import NUMBER, Hole
from hub.core.notification import Called, Form, Notification, NumberedEvent, status_id

_AT, _FOCUS, _VERSION, _BODY = range(NUMBER + 1, NUMBER + 5)
"""What is of one change alone, by its place after what is told to one Subscription alone."""

_MARK_AT: Final = datetime(1, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
_MARK_FOCUS: Final = "\x7fid\x7f"
_MARK_VERSION: Final = 7_071_067_811_865_475_244
_MARK_BODY: Final = b"\x7fbody\x7f"

_PLACES: Final = {
    instant(_MARK_AT): _AT,
    _MARK_FOCUS.encode(): _FOCUS,
    b"%d" % _MARK_VERSION: _VERSION,
    _MARK_BODY: _BODY,
}
_MARKS: Final = re.compile(b"(%b)" % b"|".join(map(re.escape, _PLACES)))


def marked(notification: Notification) -> Notification:
    """Return a notification about one change, with a focus and no more, with marks in it."""
    (event,) = notification.events
    focus = event.focus and f"{event.focus.partition('/')[0]}/{_MARK_FOCUS}"
    return replace(
        notification,
        timestamp=_MARK_AT,
        events=(replace(event, timestamp=_MARK_AT, focus=focus),),
        entries=tuple(
            replace(each, id=_MARK_FOCUS, version=_MARK_VERSION, body=each.body and _MARK_BODY)
            for each in notification.entries
        ),
    )


def form_of(pieces: Sequence[bytes]) -> Form:
    """Return what writes the text that ``pieces``, with marks and holes, give."""
    template: list[bytes] = []
    places: list[int] = []
    for piece in pieces:
        parts = [piece] if isinstance(piece, Hole) else _MARKS.split(piece)
        for part in parts:
            place = int(part) if isinstance(part, Hole) else _PLACES.get(part)
            if place is None:
                template.append(part.replace(b"%", b"%%"))
            else:
                template.append(b"%b")
                places.append(place)
    text = b"".join(template)
    chosen = itemgetter(*places)

    def write(id: str, called: Called, event: NumberedEvent) -> bytes:
        focus = event.focus
        assert focus is not None
        number = b"%d" % event.number
        filled: bytes = text % chosen(
            (
                *(id.encode(), status_id(id).encode(), *called, number, number),
                *(instant(event.timestamp), focus.key.id.encode(), b"%d" % focus.version),
                focus.body,
            )
        )
        return filled

    return write
