"""Requests taken in by a process of its own: ``fhir-hub serve --processes 2``.

It accepts connections, reads and checks plain writes, and answers them once the hub has made
them; every other request it leaves to the hub, with its connection.  The hub starts it, accepts
connections itself while it is not there, and starts it again if it dies; it ends when the hub is
gone.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from dataclasses import dataclass
from datetime import datetime

from hub.clock import SystemClock
from hub.codecs import xml
from hub.codecs.definitions import Definitions
from hub.codecs.releases import codecs_of_releases
from hub.codecs.validation import Validator
from hub.core.release import FhirRelease
from hub.engine.hub import Hub
from hub.engine.remote_intake import RemoteIntake
from hub.engine.write_desk import WriteDesk
from hub.event_loop import COLLECT, loop_factory
from hub.loading import parameters_of
from hub.logs import log_to_stderr
from hub.second_process import SecondProcess, read_beginning
from hub.settings import Settings
from hub.web.app import WritingHub, create_writing_app
from hub.web.callers import Callers
from hub.web.front_protocol import front_protocol
from hub.web.limits import Limits
from hub.web.passing import Arriving, Leaving, passage
from hub.web.protocol import InboundLimits
from hub.web.server import Server, server_of


@dataclass(frozen=True, slots=True)
class WebBeginning:
    """What the process is told before all else.

    ``definitions`` are those that the hub started with, without topics.  ``drain`` is how many
    seconds what is under way may take when it is told to stop.
    """

    settings: Settings
    definitions: Definitions
    inbound: InboundLimits
    limits: Limits
    callers: Callers
    drain: int


class WebProcess(SecondProcess):
    """The process, as the hub sees it.

    Args:
        hub: makes the writes.
        server: goes on with connections, and accepts them while the process does not.
        listening: where both accept.
        beginning: what the process is told.
    """

    name = "web"
    module = __name__

    def __init__(
        self, hub: Hub, server: Server, listening: socket.socket, beginning: WebBeginning
    ) -> None:
        super().__init__(hub.clock, beginning)
        self._hub = hub
        self._server = server
        self._listening = listening
        self._desk: WriteDesk | None = None
        self.accepting = asyncio.Event()
        """Set once connections are accepted, by whichever process."""

    async def _run_one(self) -> int:
        ours, its = socket.socketpair()
        arrivals, departures = passage()
        arriving = Arriving(arrivals, self._server.go_on)
        try:
            with its, departures:
                given = (its.fileno(), departures.fileno(), self._listening.fileno())
                child = await self._start(given)
            self._desk = desk = WriteDesk(
                self._hub.intake, serving=self._leave_accepting, handed_over=arriving.told
            )
            await asyncio.get_running_loop().create_connection(lambda: desk.line, sock=ours)
            await desk.line.lost
            await self._accept()
            return await child.wait()
        finally:
            self._desk = None
            arriving.close()
            self._end()
            await self._accept()

    def _drain(self, deadline: datetime) -> None:
        if self._desk is not None:
            self._desk.stop()

    def _leave_accepting(self) -> None:
        self._server.leave_accepting()
        self.accepting.set()

    async def _accept(self) -> None:
        await self._server.accept(self._listening)
        self.accepting.set()


async def take_in(
    beginning: WebBeginning,
    line: socket.socket,
    departures: socket.socket,
    listening: socket.socket,
) -> None:
    """Serve until the hub says to stop, or is gone."""
    settings, has_xml = beginning.settings, xml.is_installed()
    parameters = parameters_of(beginning.definitions, settings.public_url)
    hub = RemoteIntake(parameters)
    hub.line.lost.add_done_callback(_end)
    await asyncio.get_running_loop().create_connection(lambda: hub.line, sock=line)
    app = create_writing_app(
        WritingHub(
            hub,
            SystemClock(),
            codecs_of_releases(settings.message_event, has_xml=has_xml),
            settings.public_url,
        ),
        validators={release: Validator(release) for release in FhirRelease},
        settings=settings,
        limits=beginning.limits,
        callers=beginning.callers,
        has_xml=has_xml,
    )
    leaving = Leaving(departures, hub.handed_over)
    server = server_of(
        app, front_protocol(beginning.inbound, leaving.hand_over), drain=beginning.drain
    )
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    await server.ready.wait()
    gc.collect()
    gc.freeze()
    hub.serving()
    await asyncio.wait((serving, hub.stopping), return_when=asyncio.FIRST_COMPLETED)
    # uvicorn has a page to say of each request that it cuts off; the client sees it anyway.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    server.should_exit = True
    await serving
    hub.line.close()


def _end(_: asyncio.Future[None]) -> None:
    """End at once: with the hub gone nobody can say what became of a request, so no answer may."""
    os._exit(0)


def main() -> None:
    """Begin as the hub says on standard input; the descriptors in the arguments lead to it."""
    beginning: WebBeginning = read_beginning()
    log_to_stderr(beginning.settings.log_level)
    gc.set_threshold(*COLLECT)
    line, departures, listening = (socket.socket(fileno=int(each)) for each in sys.argv[1:])
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(take_in(beginning, line, departures, listening))


if __name__ == "__main__":
    main()
