"""The composition root: from settings to a running hub.

The only place that draws luck (ids, tokens, nonces, the spread of retries) and that names stores,
codecs and channels.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import secrets
import signal
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hub.channels.addresses import EgressPolicy
from hub.channels.egress import GuardedClient
from hub.channels.websocket import WebSocketChannel
from hub.clock import SystemClock
from hub.codecs import xml
from hub.codecs.definitions import Definitions
from hub.codecs.releases import codecs_of_releases
from hub.codecs.validation import Validator
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType
from hub.delivery_process import (
    POSTING,
    Beginning,
    DeliveryProcess,
    posting_channels,
    retry_policy,
)
from hub.engine.assembly import Engine, Luck, Surroundings, assemble
from hub.engine.hub import Hub
from hub.engine.reindexing import Reindexing
from hub.engine.topic_publication import publish_topics
from hub.event_loop import COLLECT, loop_factory
from hub.loading import (
    all_topics,
    computable_topics,
    guards_of,
    loaded_definitions,
    parameters_of,
    registry_of,
)
from hub.mail import email_channel, opt_in_signer
from hub.ports import Channel, StoreBroken
from hub.settings import Settings, SettingsError
from hub.stores.process_lock import was_killed
from hub.stores.secrets import HeaderCipher, load_key
from hub.stores.sqlite import SqliteStore
from hub.web.app import callers_of, create_app
from hub.web.demo import Demo
from hub.web.door import Door
from hub.web.limits import Limits
from hub.web.operation_publication import publish_operations
from hub.web.protocol import InboundLimits, guarded_protocol
from hub.web.server import Server, listen, server_of
from hub.web_process import WebBeginning, WebProcess

DRAIN = timedelta(seconds=5)
"""How long attempts in flight may go on after the hub was told to stop."""

ANSWERS_FIRST = timedelta(milliseconds=20)
"""How long a hub that was started answers who waited for it before lanes run: with a backlog
hundreds of them dial at once."""

EXIT_STORE_BROKEN = 74

_TURN = 0.001
"""Seconds that the event loop or the writer's thread may keep the other waiting: with Python's 5 ms
a change waited for several turns, with a tenth of a millisecond the turns took half of the time."""

log = logging.getLogger(__name__)


class Hosting:
    """A hub that serves, from ``start`` to ``stop``."""

    def __init__(
        self,
        settings: Settings,
        *,
        listening: socket.socket | None = None,
        inbound: InboundLimits | None = None,
        limits: Limits | None = None,
        demo: Demo | None = None,
    ) -> None:
        """Prepare a hub.

        Args:
            settings: everything that can be set.
            listening: a bound socket to serve on; one is made from host and port where None.
            inbound, limits: how requests may arrive and what they may ask for, None for the usual.
            demo: what a demo has to show; None elsewhere.
        """
        self.settings = settings
        self._listening = listening
        self._inbound = inbound or InboundLimits()
        self._limits = limits or Limits(body_bytes=settings.max_body)
        self._demo = demo
        self._definitions = Definitions()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: list[Callable[[], Awaitable[None]]] = []
        self._serving: tuple[Server, Callable[[], Awaitable[None]]] | None = None
        self.engine: Engine | None = None
        self.delivery_process: DeliveryProcess | None = None
        self.web_process: WebProcess | None = None

    async def start(self) -> Hub:
        """Open the store, build the hub, listen; return when requests are served.

        Raises:
            SettingsError: the port is taken, or a topic can't be read.
            Unavailable: another process has the database.
        """
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop: no new work, attempts in flight end or are dropped, what is queued is written."""
        while self._stopping:
            await self._stopping.pop()()

    async def _start(self) -> Hub:
        settings = self.settings
        knows_callers = settings.clients is not None
        guards = guards_of(settings, knows_callers=knows_callers)
        clock = SystemClock()
        listening = self._listening or await listen(settings, clock, was_killed(settings.db))
        # Inherited by what is accepted: without it the standard event loop answers 40 ms late.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._on_stop(_closing(listening.close))
        store = self._store()
        opened = store.open()
        self._on_stop(_closing(store.close))
        definitions = self._definitions = loaded_definitions(settings)
        parameters = parameters_of(definitions, settings.public_url)
        from_files = computable_topics(definitions, parameters, opened)
        topics = all_topics(from_files, opened)
        registry = registry_of(topics, parameters)
        policy = EgressPolicy(
            allow=settings.egress_allow,
            allow_http=settings.allow_http,
            own_ports=frozenset({listening.getsockname()[1]}),
        )
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._on_stop(_closing(writer.shutdown))
        indexing = Reindexing(store, parameters, opened, clock=clock, executor=writer)
        door = Door(indexing)
        if await indexing.count():
            gc.enable()  # It may take hours.
            server, _ = await self._served(door, listening)
            await server.accept(listening)
        await indexing.run()
        email = email_channel(settings, registry, clock.monotonic, has_xml=xml.is_installed())
        engine = assemble(
            Surroundings(
                store=store,
                clock=clock,
                # The system's own, so that several hubs, or tests, in one process share no state.
                luck=Luck(
                    new_id=_new_id, new_token=_new_token, number=random.SystemRandom().random
                ),
                codecs=codecs_of_releases(settings.message_event, has_xml=xml.is_installed()),
                parameters=parameters,
                channels={
                    **await self._posting(policy, clock, keep=True),
                    ChannelType.WEBSOCKET: WebSocketChannel(),
                    ChannelType.EMAIL: email,
                },
                trials={
                    **await self._posting(policy, clock, keep=False),
                    ChannelType.EMAIL: email,
                },
                writer=writer,
                stop=_stop_broken,
                public_url=settings.public_url,
                policy=retry_policy(settings),
                retain=max(settings.retain_events, settings.give_up_after),
                authorization_hint=settings.authorization_hint,
                sign=opt_in_signer(settings),
                guards=guards,
                knows_callers=knows_callers,
                away=POSTING if settings.processes > 2 else frozenset(),
            ),
            registry,
            opened,
            from_files=frozenset(from_files),
        )
        hub = engine.hub
        self._run(hub.intake.run(), before_end=hub.intake.close)
        await publish_topics(hub, topics)
        await publish_operations(hub)
        await engine.refuse_unmatched()
        self._run(engine.retention.run())
        self._run(hub.sockets.run())
        self._on_stop(hub.sockets.remember)
        if settings.processes > 2:
            beginning = Beginning(settings, policy)
            self.delivery_process = DeliveryProcess(hub, engine.delivery, beginning)
            hub.processes.append(self.delivery_process)
        await self._serve(engine, door, listening, clock)
        self.engine = engine
        return hub

    def _store(self) -> SqliteStore:
        db = self.settings.db
        if not db.absolute().parent.is_dir():
            raise SettingsError(f"the folder of the database {db} does not exist")
        cipher = HeaderCipher(load_key(Path(f"{db}.key"), os.urandom), os.urandom)
        return SqliteStore(db, cipher, identity=_new_id())

    async def _posting(
        self, policy: EgressPolicy, clock: SystemClock, *, keep: bool
    ) -> Mapping[ChannelType, Channel]:
        """Return the channels that post, over one client."""
        client = GuardedClient(policy, clock.monotonic, keep=keep)
        await client.start()
        self._on_stop(client.close)
        return posting_channels(client, clock)

    async def _serve(
        self, engine: Engine, door: Door, listening: socket.socket, clock: SystemClock
    ) -> None:
        """Open the door and let lanes run; return when the first request would be answered."""
        hub = engine.hub
        if self.delivery_process is not None:
            self._run(self.delivery_process.run())
        validators = {release: Validator(release) for release in FhirRelease}
        door.open(
            create_app(
                hub,
                validators=validators,
                settings=self.settings,
                limits=self._limits,
                has_xml=xml.is_installed(),
                demo=self._demo,
            )
        )
        server, end_serving = await self._served(door, listening)
        if self.settings.processes > 1:
            self.web_process = WebProcess(hub, server, listening, self._web_beginning())
            hub.processes.append(self.web_process)
            self._run(self.web_process.run())
        else:
            await server.accept(listening)
        lanes = self._run(_lanes(engine, clock))
        if self.web_process is not None:
            await self.web_process.accepting.wait()

        async def drain() -> None:
            hub.draining = True
            lanes.cancel()
            deadline = clock.now() + DRAIN
            draining = [end_serving(), engine.delivery.drain(deadline)]
            if self.delivery_process is not None:
                draining.append(self.delivery_process.stop(deadline))
            if self.web_process is not None:
                draining.append(self.web_process.stop(deadline))
            await asyncio.gather(*draining)

        self._on_stop(drain)

    def _web_beginning(self) -> WebBeginning:
        return WebBeginning(
            self.settings,
            replace(self._definitions, topics=()),
            self._inbound,
            self._limits,
            callers_of(self.settings),
            drain=int(DRAIN.total_seconds()),
        )

    async def _served(
        self, door: Door, listening: socket.socket
    ) -> tuple[Server, Callable[[], Awaitable[None]]]:
        """Return the server of what ``door`` answers, which can accept, and what ends it."""
        if self._serving is not None:
            return self._serving
        server = server_of(door, guarded_protocol(self._inbound), drain=int(DRAIN.total_seconds()))
        serving = asyncio.create_task(server.serve(sockets=[]))

        async def end_serving() -> None:
            # uvicorn has a page to say of each request that it cuts off; the client sees it anyway.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            server.should_exit = True
            listening.close()
            await serving

        self._serving = server, end_serving
        self._on_stop(end_serving)
        await server.ready.wait()
        return self._serving

    def _on_stop(self, step: Callable[[], Awaitable[None]]) -> None:
        self._stopping.append(step)

    def _run(
        self, work: Awaitable[None], *, before_end: Callable[[], None] | None = None
    ) -> asyncio.Future[None]:
        """Run something until the hub stops: cancelled, or told to end and awaited."""
        task = asyncio.ensure_future(work)

        async def end() -> None:
            if before_end is None:
                task.cancel()
            else:
                before_end()
            await asyncio.gather(task, return_exceptions=True)

        task.add_done_callback(_complain)
        self._on_stop(end)
        return task


def serve(settings: Settings, *, started: Callable[[Hub], None] | None = None) -> int:
    """Run a hub until SIGTERM or SIGINT; return the exit code.

    The garbage collector may be off until it serves: nothing that it loads becomes garbage.

    Args:
        started: called once requests are served.

    Raises:
        SettingsError, HubError: it can't start.
    """

    async def run() -> None:
        hosting = Hosting(settings)
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        starting = asyncio.ensure_future(hosting.start())
        stopping = asyncio.ensure_future(told.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        hub = await starting
        # What was loaded stays: the collector need not look at it again and again, nor once for
        # the two megabytes of garbage among it.
        gc.freeze()
        gc.enable()
        if started is not None:
            started(hub)
        await stopping
        await hosting.stop()

    gc.set_threshold(*COLLECT)
    sys.setswitchinterval(_TURN)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
    return 0


async def _lanes(engine: Engine, clock: SystemClock) -> None:
    await clock.sleep_until(clock.now() + ANSWERS_FIRST)
    await engine.delivery.run()


def _closing(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def step() -> None:
        close()

    return step


def _complain(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a part of the hub ended", exc_info=error)


def _stop_broken(error: BaseException) -> None:
    """End the process: it is unknown what was written, and only a restart finds out."""
    log.critical("the store is broken: %s", error)
    logging.shutdown()
    os._exit(EXIT_STORE_BROKEN if isinstance(error, StoreBroken) else 70)


def _new_id() -> str:
    return str(uuid.uuid4())


def _new_token() -> str:
    return secrets.token_urlsafe(32)
