"""The head of a request: what of it is the same each time is written once.

Source: RFC 9112, 3 and 5.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from hub.channels.endpoint import parse

_REMEMBERED: Final = 4096
_TARGETS: Final = 16_384
"""Reading a URL takes a hundred times as long as finding it read, and each Subscription has one."""
_BREAKING: Final = frozenset("\r\n\0")


class Origin(NamedTuple):
    """Whom a connection leads to; requests of one origin share their connections.

    ``address`` is True when ``host`` is an IP address and not a name.
    """

    tls: bool
    host: str
    port: int
    address: bool


class Target(NamedTuple):
    """Where a request goes: ``opening`` is its first line and the header Host."""

    origin: Origin
    opening: bytes


@lru_cache(_TARGETS)
def target_of(method: str, url: str) -> Target:
    """Return where ``method`` at ``url`` goes.

    Raises:
        EndpointInvalid: as ``hub.channels.endpoint.parse`` does.
    """
    endpoint = parse(url)
    target = f"{endpoint.path}?{endpoint.query}" if endpoint.query else endpoint.path
    host = endpoint.url.host_port_subcomponent
    return Target(
        Origin(endpoint.scheme == "https", endpoint.host, endpoint.port, endpoint.address),
        f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n".encode("ascii"),
    )


@lru_cache(_REMEMBERED)
def header_lines(headers: tuple[tuple[str, str], ...]) -> bytes:
    """Return ``headers`` as they are written.

    Raises:
        ValueError: one would not stay a line of its own; whoever calls has checked them.
    """
    if any(_BREAKING & {*name, *value} for name, value in headers):
        raise ValueError("a header holds the end of a line")
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("utf-8")
