"""How much one request or socket may ask of the hub."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what clients send and ask for.

    ``page`` entries are on a page where ``_count`` is absent, ``longest_page`` at most; a page
    ends early, with a link to the next, after ``scanned`` candidates; at most ``sorted`` are
    brought into another order than the log's, and at most ``included`` stand on a page beside its
    matches.  ``socket_text`` is in bytes.  A socket must be
    bound within ``bind_seconds``; a text that a socket does not take within ``send_seconds`` ends
    it.  From ``xml_apart`` bytes on, XML is read and written beside the event loop: it takes some
    milliseconds, in which others are to be served.
    """

    body_bytes: int = 2 * 1024**2
    bundle_entries: int = 1000
    query_parameters: int = 200
    patch_operations: int = 1000
    page: int = 50
    longest_page: int = 1000
    scanned: int = 20_000
    sorted: int = 20_000
    included: int = 1000
    socket_text: int = 4096
    bind_seconds: float = 10.0
    send_seconds: float = 10.0
    binds: int = 100
    texts_per_second: int = 20
    xml_apart: int = 64 * 1024
