"""The real engine on virtual time, with a memory store and endpoints that behave as told."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hub.channels.websocket import WebSocketChannel
from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.r5 import R5Codec
from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.delivery import Delivered, DeliveryResult, Envelope
from hub.core.json_text import dumps, parse
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Resource
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, Subscription
from hub.core.timing import RetryPolicy
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.version import ResourceVersion
from hub.engine.binding_token import BindingTokens
from hub.engine.delivery import Delivery
from hub.engine.hub import Hub, base_url
from hub.engine.intake import Intake
from hub.engine.plan import Write, Written
from hub.engine.retention import Retention
from hub.engine.sockets import Sockets
from hub.engine.subscribers import Subscribers
from hub.engine.subscription_status import SubscriptionStatuses
from hub.engine.subscriptions import Stored, Subscriptions
from hub.engine.topic_publication import publish_topics
from hub.engine.verification import Verification
from hub.engine.wakeups import LocalWakeups
from hub.ports import Channel, Codec, Store
from hub.stores.memory import MemoryStore
from tests.support.virtual_time import InlineExecutor, VirtualClock

PUBLIC_URL = "http://hub.example.org"
TASK_TOPIC = "http://example.org/topics/task"
OTHER_TOPIC = "http://example.org/topics/patient"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def a_topic(url: str = TASK_TOPIC, resource: str = "Task", **more: Any) -> SubscriptionTopic:
    """Return a topic that fires on every write of a type, with filters."""
    names = {"Task": ("owner", "status", "_id"), "Patient": ("_id", "gender")}[resource]
    source: Resource = {
        "resourceType": "SubscriptionTopic",
        "id": url.rpartition("/")[2],
        "url": url,
        "version": "1.0.0",
        "status": "active",
        "resourceTrigger": [{"resource": resource}],
        "canFilterBy": [
            {"resource": resource, "filterParameter": name, "modifier": ["not", "missing"]}
            for name in names
        ],
        "notificationShape": [{"resource": "Task", "include": ["Task:patient"]}],
    }
    return parse_topic(source | more)


def a_subscription(**changes: Any) -> Resource:
    """Return an R4 backport Subscription: Tasks of Organization/lab to a rest-hook, id-only."""
    backport = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
    channel: Resource = {
        "type": changes.get("type", "rest-hook"),
        "payload": "application/fhir+json",
        "_payload": {
            "extension": [
                {
                    "url": f"{backport}/backport-payload-content",
                    "valueCode": changes.get("content", "id-only"),
                }
            ]
        },
    }
    if channel["type"] == "rest-hook":
        channel["endpoint"] = changes.get("endpoint", "https://lab.example.org/hook")
    if "header" in changes:
        channel["header"] = changes["header"]
    extension = [
        {"url": f"{backport}/{name}", value: changes[key]}
        for key, name, value in (
            ("heartbeat", "backport-heartbeat-period", "valueUnsignedInt"),
            ("timeout", "backport-timeout", "valueUnsignedInt"),
            ("max_count", "backport-max-count", "valuePositiveInt"),
        )
        if key in changes
    ]
    if extension:
        channel["extension"] = extension
    resource: Resource = {
        "resourceType": "Subscription",
        "status": changes.get("status", "requested"),
        "reason": "test",
        "criteria": changes.get("topic", TASK_TOPIC),
        "channel": channel,
    }
    filters = changes.get("filters", ("Task?owner=Organization/lab",))
    if filters:
        resource["_criteria"] = {
            "extension": [
                {"url": f"{backport}/backport-filter-criteria", "valueString": each}
                for each in filters
            ]
        }
    if "id" in changes:
        resource["id"] = changes["id"]
    if "end" in changes:
        resource["end"] = changes["end"]
    return resource


def a_task(
    owner: str | None = "Organization/lab", status: str = "requested", **more: Any
) -> Resource:
    """Return a Task."""
    task: Resource = {"resourceType": "Task", "status": status, "intent": "order"}
    if owner:
        task["owner"] = {"reference": owner}
    return task | more


@dataclass
class Endpoints:
    """The rest-hook channel and what is at its far end, by endpoint URL.

    ``answers`` decides each attempt; what is accepted is kept in ``received``.
    """

    answers: Callable[[Envelope, int], DeliveryResult] = lambda envelope, attempt: Delivered(
        status=200
    )
    attempts: list[tuple[datetime, Envelope]] = field(default_factory=list)
    received: list[tuple[datetime, Envelope]] = field(default_factory=list)
    now: Callable[[], datetime] | None = None
    channel_type: ChannelType = ChannelType.REST_HOOK

    def check(self, subscription: Subscription) -> None:
        """Accept every Subscription."""

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Answer as told."""
        assert self.now is not None
        self.attempts.append((self.now(), envelope))
        result = self.answers(envelope, len(self.attempts))
        if isinstance(result, Delivered):
            self.received.append((self.now(), envelope))
        return result

    def of(self, kind: str, endpoint: str | None = None) -> list[Resource]:
        """Return the status parts of what was received, of one notification type, flattened."""
        found = [
            flat_status(json.loads(envelope.body))
            for _, envelope in self.received
            if endpoint in (None, envelope.endpoint)
        ]
        return [each for each in found if each["type"] == kind]

    def numbers(self, endpoint: str | None = None) -> list[int]:
        """Return the event numbers received, in order of arrival, repeats included."""
        return [
            number for each in self.of("event-notification", endpoint) for number in each["numbers"]
        ]


def flat_status(bundle: Resource) -> Resource:
    """Return the status of a notification Bundle of any release as plain names and values."""
    status = bundle["entry"][0]["resource"]
    if status["resourceType"] == "Parameters":
        values: Resource = {"numbers": [], "focus": [], "errors": []}
        for parameter in status["parameter"]:
            name = parameter["name"]
            if name == "notification-event":
                parts = {
                    part["name"]: next(value for key, value in part.items() if key != "name")
                    for part in parameter["part"]
                }
                values["numbers"].append(int(parts["event-number"]))
                if "focus" in parts:
                    values["focus"].append(parts["focus"]["reference"])
            elif name == "error":
                values["errors"].append(parameter["valueCodeableConcept"])
            else:
                values[name] = next(v for k, v in parameter.items() if k != "name")
        return values
    return {
        "type": status["type"],
        "status": status.get("status"),
        "topic": status.get("topic"),
        "events-since-subscription-start": status.get("eventsSinceSubscriptionStart"),
        "numbers": [int(each["eventNumber"]) for each in status.get("notificationEvent", ())],
        "focus": [
            each["focus"]["reference"]
            for each in status.get("notificationEvent", ())
            if "focus" in each
        ],
        "errors": status.get("error", []),
    }


@dataclass
class Rig:
    """A running engine."""

    hub: Hub
    delivery: Delivery
    retention: Retention
    endpoints: Endpoints
    clock: VirtualClock
    tasks: list[asyncio.Task[None]]

    async def subscribe(self, release: FhirRelease = FhirRelease.R4, **changes: Any) -> Stored:
        """Create a Subscription."""
        return await self.hub.subscriptions.create(release, document(a_subscription(**changes)))

    async def update(
        self, id: str, release: FhirRelease = FhirRelease.R4, **changes: Any
    ) -> Stored:
        """Put a Subscription."""
        resource = a_subscription(id=id, **changes)
        return await self.hub.subscriptions.update(release, id, document(resource))

    async def write(
        self, *resources: Resource, release: FhirRelease = FhirRelease.R4
    ) -> list[Written]:
        """Create resources, or put those that have an id, as one unit."""
        return await self.hub.intake.submit(
            release,
            [
                Write(
                    interaction=Interaction.UPDATE if "id" in each else Interaction.CREATE,
                    resource_type=each["resourceType"],
                    id=each.get("id"),
                    document=document(each),
                )
                for each in resources
            ],
        )

    async def delete(self, reference: str, release: FhirRelease = FhirRelease.R4) -> Written:
        """Delete a resource."""
        kind, _, id = reference.partition("/")
        write = Write(interaction=Interaction.DELETE, resource_type=kind, id=id)
        return (await self.hub.intake.submit(release, [write]))[0]

    def subscriber(self, id: str, release: FhirRelease = FhirRelease.R4) -> Subscriber:
        """Return what the hub knows of a Subscription."""
        return self.hub.subscribers.named(release, id)

    def status(self, id: str, release: FhirRelease = FhirRelease.R4) -> str:
        """Return the status of a Subscription."""
        return self.subscriber(id, release).subscription.status

    async def events(self, id: str, release: FhirRelease = FhirRelease.R4, **more: Any) -> Resource:
        """Return the answer of ``$events`` as a resource."""
        answer = await self.hub.statuses.events(release, id, **more)
        text = self.hub.codecs[release].encode_notification(
            answer.notification, self.hub.base_url(release)
        )
        bundle: Resource = json.loads(text)
        return bundle

    async def after(self, duration: timedelta) -> None:
        """Let time pass."""
        await self.clock.sleep_until(self.clock.now() + duration)


def document(resource: Resource) -> Any:
    """Return a resource as a document."""
    return parse(dumps(resource))


def id_of(stored: Stored | Written) -> str:
    """Return the id of what was stored."""
    version: ResourceVersion | None = stored.version
    assert version is not None
    return version.key.id


@asynccontextmanager
async def a_rig(
    *,
    store: Store | None = None,
    endpoints: Endpoints | None = None,
    topics: Sequence[SubscriptionTopic] | None = None,
    policy: RetryPolicy | None = None,
    luck: Callable[[], float] = lambda: 0.5,
    retain: timedelta = timedelta(days=30),
) -> AsyncIterator[Rig]:
    """Run an engine on the loop of the caller until the end of the block."""
    clock = VirtualClock(asyncio.get_running_loop())
    held = store or MemoryStore()
    opened = held.open()
    parameters = {
        release: search_parameters(release, base_url(PUBLIC_URL, release))
        for release in FhirRelease
    }
    codecs: dict[FhirRelease, Codec] = {
        FhirRelease.R4: R4Codec(),
        FhirRelease.R4B: R4BCodec(),
        FhirRelease.R5: R5Codec(),
    }
    known = topics if topics is not None else (a_topic(), a_topic(OTHER_TOPIC, "Patient"))
    registry = Registry()
    for topic in known:
        registry.add_topic(topic, parameters)
    subscribers = Subscribers(registry, parameters)
    assert not subscribers.load(opened.streams, opened.subscribers)
    wakeups = LocalWakeups(clock)
    ids = (f"id-{opened.last_seq}-{n}" for n in itertools.count(1))

    def broken(error: BaseException) -> None:
        raise error

    intake = Intake(
        held,
        registry,
        subscribers,
        parameters,
        clock=clock,
        wakeups=wakeups,
        executor=InlineExecutor(),
        new_id=lambda: next(ids),
        stop=broken,
        opened=opened,
    )
    hooks = endpoints or Endpoints()
    hooks.now = clock.now
    channels: dict[ChannelType, Channel] = {
        ChannelType.REST_HOOK: hooks,
        ChannelType.WEBSOCKET: WebSocketChannel(),
    }

    def base(release: FhirRelease) -> str:
        return base_url(PUBLIC_URL, release)

    subscriptions = Subscriptions(
        intake=intake,
        subscribers=subscribers,
        registry=registry,
        codecs=codecs,
        parameters=parameters,
        channels=channels,
    )
    token_numbers = itertools.count(1)
    tokens = BindingTokens(subscribers, clock, lambda: f"token-{next(token_numbers)}")
    sockets = Sockets(
        held,
        intake,
        subscribers,
        codecs,
        tokens,
        clock=clock,
        listener=wakeups.listener(),
        base_url=base,
    )
    delivery = Delivery(
        store=held,
        intake=intake,
        subscribers=subscribers,
        subscriptions=subscriptions,
        codecs=codecs,
        channels=channels,
        clock=clock,
        listener=wakeups.listener(),
        luck=luck,
        policy=policy or RetryPolicy(),
        base_url=base,
    )
    hub = Hub(
        store=held,
        clock=clock,
        registry=registry,
        intake=intake,
        subscribers=subscribers,
        subscriptions=subscriptions,
        statuses=SubscriptionStatuses(held, subscribers, clock),
        tokens=tokens,
        sockets=sockets,
        verification=Verification(subscribers, codecs, channels, clock=clock, base_url=base),
        codecs=codecs,
        parameters=parameters,
        public_url=PUBLIC_URL,
    )
    retention = Retention(held, intake, subscribers, clock=clock, retain=retain)
    tasks = [asyncio.create_task(intake.run())]
    await publish_topics(hub, known)
    tasks += [asyncio.create_task(sockets.run()), asyncio.create_task(delivery.run())]
    try:
        yield Rig(hub, delivery, retention, hooks, clock, tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await delivery.drain(clock.now())
        held.close()
