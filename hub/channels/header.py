"""Which headers a subscriber may ask for, and how they are written.

A client library trusts the headers that it is given, so that a ``Content-Length`` would cut the
body and a ``Transfer-Encoding`` would split the request.  Framing, routing and the hub's own
headers are therefore refused when the Subscription is created, with one grammar for R5 pairs and
the ``"Name: value"`` strings of R4.
Source: RFC 9110, sections 5 and 7.6; http://hl7.org/fhir/R5/subscription.html (parameter).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from hub.errors import HeaderNotAllowed

MAX_HEADERS = 20
MAX_NAME = 64
MAX_VALUE = 2 * 1024
MAX_TOTAL = 8 * 1024

_BLANK = " \t"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
_DENIED = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-length", "content-encoding", "content-type", "content-range", "expect"),
        *("host", "via", "forwarded", "http2-settings", "x-real-ip"),
        *("cookie", "set-cookie", "date", "user-agent"),
    }
)
_DENIED_PREFIXES = ("proxy-", "x-forwarded-", "webhook-", "sec-", ":")


def parse_header(text: str, *, expression: str = "Subscription.parameter") -> tuple[str, str]:
    """Split ``"Name: value"`` at its first colon and trim blanks around the value.

    Raises:
        HeaderNotAllowed: there is no colon, or ``check_headers`` refuses the pair.
    """
    name, colon, value = text.partition(":")
    if not colon:
        raise HeaderNotAllowed('a header is written "Name: value"', expression=expression)
    pair = (name, value.strip(_BLANK))
    check_headers([pair], expression=expression)
    return pair


def check_headers(
    pairs: Iterable[tuple[str, str]], *, expression: str = "Subscription.parameter"
) -> None:
    """Refuse headers that can't be sent as they are.

    A name may come more than once.  Values are checked without the blanks around them, which are
    not part of a value (RFC 9110, section 5.5).  The value is never part of the message.

    Raises:
        HeaderNotAllowed: the name is no token or not the subscriber's to set, the value has other
            characters than visible ASCII, blanks and tabs, or there is too much of it.
    """

    def refuse(words: str) -> HeaderNotAllowed:
        return HeaderNotAllowed(words, expression=expression)

    total = count = 0
    for name, value in pairs:
        value = value.strip(_BLANK)
        count += 1
        total += len(name) + len(value)
        if len(name) > MAX_NAME or not _TOKEN.fullmatch(name):
            raise refuse(f"a header name is a token of at most {MAX_NAME} characters (RFC 9110)")
        if name.lower() in _DENIED or name.lower().startswith(_DENIED_PREFIXES):
            raise refuse(f"the header {name} is not the subscriber's to set")
        if len(value) > MAX_VALUE:
            raise refuse(f"the value of the header {name} is longer than {MAX_VALUE} characters")
        if not _VALUE.fullmatch(value):
            raise refuse(
                f"the value of the header {name} may only hold visible ASCII, blanks and tabs"
            )
    if count > MAX_HEADERS:
        raise refuse(f"at most {MAX_HEADERS} headers are sent, not {count}")
    if total > MAX_TOTAL:
        raise refuse(f"the headers together are longer than {MAX_TOTAL} characters")
