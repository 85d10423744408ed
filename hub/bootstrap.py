"""The composition root: from settings to a running hub.

The only place that draws luck (ids, tokens, nonces, the spread of retries) and that names stores,
codecs and channels.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import random
import secrets
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import uvicorn

from hub.channels.addresses import EgressPolicy
from hub.channels.egress import GuardedClient
from hub.channels.rest_hook import RestHookChannel
from hub.channels.websocket import WebSocketChannel
from hub.clock import SystemClock
from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.r5 import R5Codec
from hub.codecs.tables.search import search_parameters
from hub.codecs.topic import from_json
from hub.codecs.validation import Validator
from hub.core.json_text import dumps, parse
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, Signal, counts
from hub.core.timing import RetryPolicy
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.engine.binding_token import BindingTokens
from hub.engine.delivery import Delivery
from hub.engine.hub import Hub, base_url
from hub.engine.intake import Intake
from hub.engine.retention import Retention
from hub.engine.sockets import Sockets
from hub.engine.subscribers import Subscribers
from hub.engine.subscription_status import SubscriptionStatuses
from hub.engine.subscriptions import Subscriptions
from hub.engine.topic_publication import publish_topics
from hub.engine.verification import Verification
from hub.engine.wakeups import LocalWakeups
from hub.errors import HubError
from hub.ports import Channel, Codec, Opened, StoreBroken
from hub.settings import Settings, SettingsError
from hub.stores.secrets import HeaderCipher, load_key
from hub.stores.sqlite import SqliteStore
from hub.web.app import create_app
from hub.web.protocol import InboundLimits, guarded_protocol

DRAIN = timedelta(seconds=5)
"""How long attempts in flight may go on after the hub was told to stop."""

EXIT_STORE_BROKEN = 74

log = logging.getLogger(__name__)


class Hosting:
    """A hub that serves, from ``start`` to ``stop``."""

    def __init__(self, settings: Settings, *, listening: socket.socket | None = None) -> None:
        """Prepare a hub.

        Args:
            settings: everything that can be set.
            listening: a bound socket to serve on; one is made from host and port where None.
        """
        self.settings = settings
        self._listening = listening
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping: list[Callable[[], Awaitable[None]]] = []
        self.hub: Hub | None = None

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
        clock = SystemClock()
        listening = self._listening or _listen(settings)
        self._on_stop(_closing(listening.close))
        if not settings.db.absolute().parent.is_dir():
            raise SettingsError(f"the folder of the database {settings.db} does not exist")
        key = load_key(Path(f"{settings.db}.key"), os.urandom)
        store = SqliteStore(settings.db, HeaderCipher(key, os.urandom), identity=_new_id())
        opened = store.open()
        self._on_stop(_closing(store.close))
        parameters = {
            release: search_parameters(release, base_url(settings.public_url, release))
            for release in FhirRelease
        }
        codecs: dict[FhirRelease, Codec] = {
            FhirRelease.R4: R4Codec(),
            FhirRelease.R4B: R4BCodec(),
            FhirRelease.R5: R5Codec(),
        }
        registry = Registry()
        topics = _topics(settings, opened)
        for topic in topics:
            try:
                registry.add_topic(topic, parameters)
            except HubError as error:
                raise SettingsError(f"topic {topic.canonical}: {error.diagnostics}") from None
        subscribers = Subscribers(registry, parameters)
        unmatched = subscribers.load(opened.streams, opened.subscribers)
        wakeups = LocalWakeups(clock)
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._on_stop(_closing(writer.shutdown))
        intake = Intake(
            store,
            registry,
            subscribers,
            parameters,
            clock=clock,
            wakeups=wakeups,
            executor=writer,
            new_id=_new_id,
            stop=_stop_broken,
            opened=opened,
        )
        self._run(intake.run(), before_end=intake.close)
        policy = EgressPolicy(
            allow=settings.egress_allow,
            allow_http=settings.allow_http,
            own_ports=frozenset({listening.getsockname()[1]}),
        )
        client = GuardedClient(policy, clock.monotonic)
        await client.start()
        self._on_stop(client.close)
        channels: dict[ChannelType, Channel] = {
            ChannelType.REST_HOOK: RestHookChannel(client, clock.now),
            ChannelType.WEBSOCKET: WebSocketChannel(),
        }

        def base(release: FhirRelease) -> str:
            return base_url(settings.public_url, release)

        subscriptions = Subscriptions(
            intake=intake,
            subscribers=subscribers,
            registry=registry,
            codecs=codecs,
            parameters=parameters,
            channels=channels,
        )
        tokens = BindingTokens(subscribers, clock, _new_token)
        sockets = Sockets(
            store,
            intake,
            subscribers,
            codecs,
            tokens,
            clock=clock,
            listener=wakeups.listener(),
            base_url=base,
        )
        delivery = Delivery(
            store=store,
            intake=intake,
            subscribers=subscribers,
            subscriptions=subscriptions,
            codecs=codecs,
            channels=channels,
            clock=clock,
            listener=wakeups.listener(),
            luck=random.random,
            policy=RetryPolicy(
                schedule=settings.retry_schedule, give_up_after=settings.give_up_after
            ),
            base_url=base,
        )
        hub = Hub(
            store=store,
            clock=clock,
            registry=registry,
            intake=intake,
            subscribers=subscribers,
            subscriptions=subscriptions,
            statuses=SubscriptionStatuses(store, subscribers, clock),
            tokens=tokens,
            sockets=sockets,
            verification=Verification(subscribers, codecs, channels, clock=clock, base_url=base),
            codecs=codecs,
            parameters=parameters,
            public_url=settings.public_url,
        )
        await publish_topics(hub, topics)
        for subscriber in list(subscribers):
            on = subscriber.segments[-1].stream if subscriber.segments else 0
            if on in unmatched and counts(subscriber.subscription.status):
                await subscriptions.signal(
                    subscriber.sid,
                    subscriber.generation,
                    Signal.BLOCKED,
                    error=f"its topic or filters no longer compute: {unmatched[on].diagnostics}",
                )
        retention = Retention(
            store,
            intake,
            subscribers,
            clock=clock,
            retain=max(settings.retain_events, settings.give_up_after),
        )
        self._run(retention.run())
        self._run(sockets.run())
        self._on_stop(sockets.remember)
        self._on_stop(lambda: delivery.drain(clock.now() + DRAIN))
        self._run(delivery.run())
        validators = {release: Validator(release) for release in FhirRelease}
        app = create_app(hub, validators=validators, settings=settings)
        server = _Server(
            uvicorn.Config(
                app,
                http=guarded_protocol(InboundLimits()),
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                ws_max_size=4 * 1024,
                lifespan="off",
                interface="asgi3",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=int(DRAIN.total_seconds()),
            )
        )
        gc.collect()
        gc.freeze()
        serving = asyncio.create_task(server.serve(sockets=[listening]))

        async def end_serving() -> None:
            hub.draining = True
            server.should_exit = True
            await serving

        self._on_stop(end_serving)
        await server.ready.wait()
        self.hub = hub
        return hub

    def _on_stop(self, step: Callable[[], Awaitable[None]]) -> None:
        self._stopping.append(step)

    def _run(self, work: Awaitable[None], *, before_end: Callable[[], None] | None = None) -> None:
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


def serve(settings: Settings, *, started: Callable[[Hub], None] | None = None) -> int:
    """Run a hub until SIGTERM or SIGINT; return the exit code.

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
        hub = await hosting.start()
        if started is not None:
            started(hub)
        await told.wait()
        await hosting.stop()

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run())
    return 0


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the fast event loop where it exists."""
    try:
        import uvloop  # noqa: PLC0415  # not made for every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: who hosts the hub decides when it stops."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise SettingsError(
            f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}; "
            "choose another port with --port"
        ) from None


def _topics(settings: Settings, opened: Opened) -> list[SubscriptionTopic]:
    """Return the topics of the settings' directories, and older ones that the store has."""
    found: dict[str, SubscriptionTopic] = {}
    for directory in settings.topics:
        for path in sorted(directory.glob("*/topic.json")) + sorted(directory.glob("*.json")):
            try:
                topic = parse_topic(from_json(parse(path.read_bytes()).value))
            except (OSError, HubError, json.JSONDecodeError) as error:
                raise SettingsError(f"topic {path}: {error}") from None
            if topic.canonical in found:
                raise SettingsError(f"topic {path}: {topic.canonical} is there already")
            found[topic.canonical] = topic
    for topic in opened.topics:
        there = found.setdefault(topic.canonical, topic)
        if dumps(there.source) != dumps(topic.source):
            raise SettingsError(
                f"topic {topic.canonical} was changed; give it another version, "
                "so that running Subscriptions keep the one they were made for"
            )
    return list(found.values())


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
