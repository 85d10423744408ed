"""Who calls, told by the bearer token that a request shows.

Source: RFC 6750 (bearer tokens).
"""

from __future__ import annotations

import hmac
from collections.abc import Container, Sequence
from typing import Final

from hub.core.client import ADMINISTRATOR, Client
from hub.core.registered_client import RegisteredClient, digest_of
from hub.errors import AuthenticationRequired, TokenInQuery, Unauthorized
from hub.settings import SettingsError

_IN_QUERY: Final = "access_token"


class Callers:
    """Knows tokens by their digests only, so that nothing can show one."""

    def __init__(
        self, clients: Sequence[RegisteredClient] | None, administrator: str | None = None
    ) -> None:
        """Take who may call.

        Args:
            clients: None where nobody is asked.
            administrator: the token of whoever is an administrator beside them, None for nobody.

        Raises:
            SettingsError: a client has the administrator's token.
        """
        self.asked = clients is not None
        self._known = list(clients or ())
        if administrator is None:
            return
        known = RegisteredClient(ADMINISTRATOR, digest_of(administrator))
        for each in self._known:
            if each.digest == known.digest:
                raise SettingsError(
                    f"the token in --admin-token-file is the one of the client "
                    f"{each.client.name!r} in --clients, too; make another one"
                )
        self._known.append(known)

    def caller(self, authorization: Sequence[str]) -> Client | None:
        """Return who shows these Authorization headers, None where they say nothing of that.

        Where the hub knows no token, and for other schemes than Bearer, they say nothing.

        Raises:
            Unauthorized: it is a bearer token, but none that the hub knows.
        """
        if not self._known or not authorization:
            return None
        scheme, _, shown = ",".join(authorization).strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        digest, found = digest_of(shown.strip()), None
        # All of them, so that the time it takes tells nothing about any.
        for each in self._known:
            if hmac.compare_digest(each.digest, digest):
                found = each.client
        if found is None:
            raise Unauthorized("the bearer token is none that this hub knows")
        return found

    def require(self, client: Client | None) -> None:
        """Return if a call by ``client`` may be answered.

        Raises:
            AuthenticationRequired: the hub asks who calls, and nobody said so.
        """
        if self.asked and client is None:
            raise AuthenticationRequired("this hub asks who calls, and the request does not say so")

    def refuse_in_query(self, names: Container[str]) -> None:
        """Return if no token stands among the parameters of a query or form.

        Raises:
            TokenInQuery: one does, while the hub asks who calls.
        """
        if self.asked and _IN_QUERY in names:
            raise TokenInQuery(f"{_IN_QUERY} in a query or form is not taken")
