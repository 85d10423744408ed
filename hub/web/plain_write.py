"""Which requests a web process answers itself: plain writes, told by their first bytes.

Everything about them that needs more than the hub's writer is left to the hub: reads, searches,
operations, Subscriptions, topics, conditional creates, and whatever is not written in the most
usual way.
Source: RFC 9112, 2 to 6.
"""

from __future__ import annotations

import re
from typing import Final

MOST_HEADER: Final = 16 * 1024

_HEADER: Final = re.compile(
    rb"(?:PUT|POST|DELETE) /fhir/r(?:4|4b|5)/"
    rb"(?!(?:Basic|OperationDefinition|Subscription|SubscriptionTopic)[/? ])"
    rb"[A-Z][A-Za-z]*(?:/[A-Za-z0-9.-]{1,64})?(?:\?[!-~]*)? HTTP/1\.1\r\n"
    rb"(?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)*\r\n"
)
_TELLING: Final = re.compile(
    rb"\n(content-length|if-none-exist|transfer-encoding|upgrade):[ \t]*([^\r]*)"
)
_LENGTH: Final = re.compile(rb"[0-9]{1,15}[ \t]*")


def plain_write(data: bytes, start: int) -> int | None:
    """Return how many bytes a plain write has that begins at ``start``, its body included.

    Returns:
        None if what begins there is no plain write; 0 if that is not known yet.
    """
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        return 0 if len(data) - start <= MOST_HEADER else None
    match = _HEADER.match(data, start)
    if match is None or match.end() != end + 4:
        return None
    size, length = end + 4 - start, None
    for name, value in _TELLING.findall(data[start : end + 2].lower()):
        if name != b"content-length" or length is not None or not _LENGTH.fullmatch(value):
            return None
        length = int(value)
    return size + (length or 0)
