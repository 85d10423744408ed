"""What a request says before its body.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html#http-connection-scope.
"""

from __future__ import annotations

from starlette.types import Scope

WEBSOCKET = "websocket"
"""The method of what asks for a websocket."""


class Head:
    """Method, address and headers of a request, or of what asks for a websocket.

    ``query`` is as it was sent.  Names of headers are asked for in lower case, as servers give
    them.
    """

    __slots__ = ("_sent", "_values", "method", "path", "query")

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"] if scope["type"] == "http" else WEBSOCKET
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self._sent: list[tuple[bytes, bytes]] = scope["headers"]
        # Of a header that was sent more than once, the first counts.
        self._values = dict(reversed(self._sent))

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    def names_any(self, names: frozenset[bytes]) -> bool:
        """Tell whether one of these headers was sent."""
        return not names.isdisjoint(self._values)

    def get(self, name: bytes) -> str | None:
        """Return the value of a header that is sent once, None where it was not sent."""
        value = self._values.get(name)
        return None if value is None else value.decode("latin-1")

    def all(self, name: bytes) -> list[str]:
        """Return the values of a header, one for each time that it was sent."""
        if name not in self._values:
            return []
        return [value.decode("latin-1") for sent, value in self._sent if sent == name]
