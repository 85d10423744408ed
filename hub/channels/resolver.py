"""What a name stands for, and whether the hub may send there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from hub.channels.addresses import EgressPolicy

NOT_ALLOWED: Final = (
    "the hub's settings do not let it send to this address; `--egress-allow CIDR` would allow it"
)
_REMEMBERED: Final = 1_000
_SECONDS: Final = 10.0


class NotAllowedError(OSError):
    """Nothing is sent there.  An OSError, as a socket that can't be made is one to the dialler."""


class LookUpError(OSError):
    """The name could not be looked up."""


class NameService(Protocol):
    """Knows what names stand for."""

    async def resolve(self, host: str) -> Sequence[str]:
        """Return the addresses of a name, of both families.

        Raises:
            OSError: there are none, or nobody could be asked.
        """


class SystemNames:
    """The machine's own name service, asked on a thread."""

    async def resolve(self, host: str) -> Sequence[str]:
        """Return the addresses of a name that the machine can reach; see ``NameService``."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        return [_written(address) for _, _, _, _, address in found]


@dataclass(slots=True)
class _Known:
    """A look-up, done or under way, and until when it holds; ``turn`` counts who used it."""

    task: asyncio.Task[list[str]]
    until: float
    turn: int = 0


class GuardedResolver:
    """Looks names up; refuses one as a whole when one of its addresses is denied.

    What was found holds for ten seconds.  Whoever asks meanwhile gets the addresses in turn, and
    shares a look-up that is still under way.

    Args:
        names: is asked.
        policy: where the hub may send.
        seconds: how long a look-up may take.
    """

    def __init__(self, names: NameService, policy: EgressPolicy, seconds: float) -> None:
        self._names = names
        self._policy = policy
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._known: dict[tuple[str, int], _Known] = {}

    def remembered(self, host: str, port: int) -> list[str] | None:
        """Return the addresses of ``host``, unless it has to be looked up."""
        known = self._known.get((host, port))
        if known is None or not known.task.done() or known.until < self._loop.time():
            return None
        return _in_turn(known)

    async def look_up(self, host: str, port: int) -> list[str]:
        """Return the addresses of ``host``, all of which are admitted at ``port``.

        Raises:
            NotAllowedError: one is denied.
            LookUpError: there are none, or the name service did not tell in time.
        """
        key = (host, port)
        known = self._known.get(key)
        if known is None or known.until < self._loop.time():
            task = self._loop.create_task(self._resolve(host, port))
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            self._known.pop(key, None)
            self._known[key] = known = _Known(task, self._loop.time() + _SECONDS)
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        # Whoever gives up does not take the answer from the others that wait for it.
        try:
            await asyncio.shield(known.task)
        except asyncio.CancelledError:
            if known.task.cancelled():
                raise LookUpError("the client was closed") from None
            raise
        return _in_turn(known)

    def close(self) -> None:
        """Give up what is under way."""
        for known in self._known.values():
            known.task.cancel()
        self._known.clear()

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._names.resolve(host)
        except OSError as error:
            raise LookUpError("the name was not found, or not in time") from error
        if any(self._policy.deny_reason(each, port) for each in found):
            raise NotAllowedError(NOT_ALLOWED)
        if not found:
            raise LookUpError("the name has no address")
        return list(found)

    def _forget_failed(self, key: tuple[str, int], task: asyncio.Task[list[str]]) -> None:
        known = self._known.get(key)
        failed = task.cancelled() or task.exception() is not None
        if failed and known is not None and known.task is task:
            del self._known[key]


def _written(address: tuple[object, ...]) -> str:
    """Return an address of a socket as text: one of a single link names its interface."""
    host, _, *rest = map(str, address)
    scope = rest[1] if len(rest) > 1 else "0"
    return host if scope == "0" or "%" in host else f"{host}%{scope}"


def _in_turn(known: _Known) -> list[str]:
    addresses = known.task.result()
    first = known.turn % len(addresses)
    known.turn += 1
    return [*addresses[first:], *addresses[:first]]
