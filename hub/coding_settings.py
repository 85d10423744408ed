"""Codes, as an administrator writes them.

Readers raise ``ValueError`` with one line for people.
"""

from __future__ import annotations

import re

from hub.core.message import MessageEvent
from hub.core.related_query import Coding

_CODING = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*:[^\s#|]+)#([^\s#|]+)")


def read_authorization_hint(text: str) -> Coding:
    """Read ``SYSTEM|CODE``, a type of authorization."""
    system, bar, code = text.strip().partition("|")
    if not bar or ":" not in system or not code or re.search(r"[\s|]", system + code):
        raise ValueError(f"{text!r} is no type of authorization; write SYSTEM|CODE")
    return Coding(system, code)


def read_message_event(text: str) -> MessageEvent:
    """Read ``SYSTEM#CODE``, what messages are about."""
    found = _CODING.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no code; write SYSTEM#CODE, the system an absolute URI")
    return MessageEvent(found[1], found[2])
