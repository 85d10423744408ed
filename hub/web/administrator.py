"""Who has the administrator's scope: whoever shows the one token that the settings name.

Source: RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import hashlib
import hmac

from hub.errors import Unauthorized


class Administrator:
    """Knows the token by its digest only, so that nothing can show it."""

    def __init__(self, token: str | None) -> None:
        """Take the token; None where nobody is an administrator."""
        self._digest = None if token is None else _digest(token.encode())

    def is_shown_by(self, authorization: str | None) -> bool:
        """Tell whether a request with this Authorization header has the administrator's scope.

        Without a token in the settings, and for other schemes, the header is of no meaning.

        Raises:
            Unauthorized: it is a bearer token, but not the administrator's.
        """
        scheme, _, shown = (authorization or "").strip().partition(" ")
        if self._digest is None or scheme.lower() != "bearer":
            return False
        if not hmac.compare_digest(_digest(shown.strip().encode()), self._digest):
            raise Unauthorized("the bearer token is none that this hub knows")
        return True


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
