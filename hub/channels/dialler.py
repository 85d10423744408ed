"""Makes connections, and checks the address where it can't change any more: at the socket."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from collections.abc import Callable
from typing import Final

import aiohappyeyeballs

from hub.channels.addresses import EgressPolicy
from hub.channels.attempt import Attempt
from hub.channels.connection import Connection
from hub.channels.limits import EgressLimits
from hub.channels.request import Origin
from hub.channels.resolver import NOT_ALLOWED, GuardedResolver, NotAllowedError
from hub.channels.tls import system_tls

_HEAD_START: Final = 0.25
"""Seconds after which the next address is tried as well (RFC 8305, 5)."""

_Info = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]


class Dialler:
    """Connects to origins.

    Args:
        resolver: what names stand for.
        policy: where it may connect to.
        tls: the context of TLS; None for one that trusts whom the system trusts.
        limits: how long a connection may take.
    """

    def __init__(
        self,
        resolver: GuardedResolver,
        policy: EgressPolicy,
        tls: ssl.SSLContext | None,
        limits: EgressLimits,
    ) -> None:
        self._resolver = resolver
        self._policy = policy
        self._tls = tls
        self._limits = limits
        self._loop = asyncio.get_running_loop()

    async def dial(
        self, origin: Origin, attempt: Attempt, protocol: Callable[[], Connection]
    ) -> Connection:
        """Return a new connection; of several addresses the first that works is used.

        Raises:
            NotAllowedError: the policy does not admit an address.
            LookUpError: there is no address.
            TimeoutError: no address answered within ``limits.connect``; its ``errno`` is None.
            OSError: what the last address that was tried said; ``ssl.SSLError`` among them.
        """
        infos = [_info(address, origin.port) for address in await self._addresses(origin, attempt)]
        if origin.tls and self._tls is None:
            self._tls = await asyncio.to_thread(system_tls)
        while True:
            try:
                async with asyncio.timeout(self._limits.connect):
                    return await self._connect(infos, origin, attempt, protocol)
            except OSError as error:
                # A frame below keeps the error that keeps it, and with it all that is to be sent.
                traceback.clear_frames(error.__traceback__)
                aiohappyeyeballs.pop_addr_infos_interleave(infos, 1)
                if not infos:
                    raise

    def close(self) -> None:
        """Give up the look-ups."""
        self._resolver.close()

    async def _addresses(self, origin: Origin, attempt: Attempt) -> list[str]:
        if origin.address:
            return [origin.host]
        known = self._resolver.remembered(origin.host, origin.port)
        if known is None:
            attempt.enter("dns")
            known = await self._resolver.look_up(origin.host, origin.port)
            attempt.enter(None)
        return known

    async def _connect(
        self,
        infos: list[_Info],
        origin: Origin,
        attempt: Attempt,
        protocol: Callable[[], Connection],
    ) -> Connection:
        dialled: list[tuple[socket.socket, str]] = []
        made = await aiohappyeyeballs.start_connection(
            infos,
            happy_eyeballs_delay=_HEAD_START,
            loop=self._loop,
            socket_factory=lambda info: self._socket(info, attempt, dialled),
        )
        # Several may have raced; this is the one that won.
        attempt.address = next(address for each, address in dialled if each is made)
        attempt.enter("tls" if origin.tls else None)
        _, connection = await self._loop.create_connection(
            protocol,
            sock=made,
            ssl=self._tls if origin.tls else None,
            server_hostname=origin.host.rstrip(".") if origin.tls else None,
        )
        attempt.enter(None)
        return connection

    def _socket(
        self, info: _Info, attempt: Attempt, dialled: list[tuple[socket.socket, str]]
    ) -> socket.socket:
        """Make the socket for one address, if the policy admits exactly this address."""
        family, kind, proto, _, (address, port, *_rest) = info
        if self._policy.deny_reason(address, port) is not None:
            attempt.blocked = True
            raise NotAllowedError(NOT_ALLOWED)
        made = socket.socket(family, kind, proto)
        if attempt.phase != "connect":
            attempt.enter("connect")
        attempt.address = address
        dialled.append((made, address))
        return made


def _info(address: str, port: int) -> _Info:
    if ":" in address:
        where: tuple[str, int] | tuple[str, int, int, int] = (address, port, 0, 0)
        return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
