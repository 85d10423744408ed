"""The HTTP server, as far as whoever hosts the hub decides when it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp

from hub.ports import Clock
from hub.settings import Settings, SettingsError
from hub.web.protocol import GuardedProtocol
from hub.web.socket_protocol import SocketProtocol

_RELEASE: Final = timedelta(seconds=10)

log = logging.getLogger(__name__)


def server_of(app: ASGIApp, protocol: type[GuardedProtocol], *, drain: int) -> Server:
    """Return a server of ``app`` that speaks ``protocol``.

    Args:
        app: what answers.
        protocol: what reads requests.
        drain: how many seconds what is under way may take when the server stops.
    """
    return Server(
        uvicorn.Config(
            app,
            http=protocol,
            proxy_headers=False,
            ws=SocketProtocol,
            ws_per_message_deflate=False,
            ws_max_size=4 * 1024,
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=drain,
        )
    )


class Server(uvicorn.Server):
    """uvicorn without its signal handlers; ``ready`` is set once requests are served."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Make a server that is started by ``serve``."""
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to whoever hosts the hub."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets=sockets)
        self.ready.set()

    async def accept(self, listening: socket.socket) -> None:
        """Accept connections; several processes may do so on one socket."""
        if not self.servers and not self.should_exit:
            self.servers.append(
                await asyncio.get_running_loop().create_server(
                    self._protocol, sock=listening.dup(), backlog=self.config.backlog
                )
            )

    def leave_accepting(self) -> None:
        """Leave it to others; connections that are there stay."""
        while self.servers:
            self.servers.pop().close()

    async def go_on(self, connection: socket.socket, data: bytes) -> None:
        """Serve a connection that another process has accepted.

        Args:
            connection: is closed with it.
            data: what has been read of it already.
        """
        protocol = self._protocol()
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                partial(_Continued, protocol, data), connection
            )
        except OSError:
            connection.close()
            return
        if self.should_exit:
            protocol.shutdown()

    def _protocol(self) -> GuardedProtocol:
        kind = cast("type[GuardedProtocol]", self.config.http_protocol_class)
        return kind(self.config, self.server_state, self.lifespan.state)


class _Continued(asyncio.Protocol):
    """Gives a connection over to ``protocol``, with what has come before."""

    def __init__(self, protocol: GuardedProtocol, data: bytes) -> None:
        self._protocol = protocol
        self._data = data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let ``protocol`` go on."""
        transport = cast("asyncio.Transport", transport)
        transport.set_protocol(self._protocol)
        self._protocol.connection_made(transport)
        self._protocol.data_received(self._data)


async def listen(settings: Settings, clock: Clock, was_killed: bool) -> socket.socket:
    """Return a socket that listens where the settings say.

    Args:
        settings: where.
        clock: tells how long a taken port is waited for.
        was_killed: whether the hub before this one was; its web process may have the port until
            it has started and seen that.

    Raises:
        SettingsError: the port is taken, or the address is none of this machine.
    """
    deadline = clock.now() + (_RELEASE if was_killed else timedelta(0))
    waits = False
    while True:
        try:
            return _listening(settings)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or clock.now() >= deadline:
                raise SettingsError(
                    f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; "
                    "choose another port with --port"
                ) from None
        if not waits:
            log.warning("port %d is taken; waiting until it is free", settings.port)
            waits = True
        await clock.sleep_until(clock.now() + _RELEASE / 100)


def _listening(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
