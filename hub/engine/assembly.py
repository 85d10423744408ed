"""How the parts of the engine are put together; used by the hub and by its simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta

from hub.core.registry import Registry
from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.subscription import ChannelType, Signal, counts
from hub.core.timing import RetryPolicy
from hub.engine.acceptance import Acceptance
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.binding_token import BindingTokens
from hub.engine.condition import Fares
from hub.engine.delivery import Delivery
from hub.engine.dry_run import DryRun
from hub.engine.envelope import Envelopes
from hub.engine.explain import Explain
from hub.engine.guards import NO_GUARDS, Guards
from hub.engine.hub import Hub, base_url
from hub.engine.intake import Intake
from hub.engine.messages import Messages
from hub.engine.opt_in import OptIn
from hub.engine.recent_events import RecentEvents
from hub.engine.resend import Resends
from hub.engine.retention import Retention
from hub.engine.sockets import Sockets
from hub.engine.subscribers import Subscribers
from hub.engine.subscription_status import SubscriptionStatuses
from hub.engine.subscriptions import Subscriptions
from hub.engine.topics import Topics
from hub.engine.trace import Tracing
from hub.engine.verification import Verification
from hub.engine.wakeups import LocalWakeups
from hub.errors import HubError
from hub.ports import Channel, Clock, Codec, Opened, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """What is drawn: ids of resources, tokens of sockets, and numbers from 0 up to 1."""

    new_id: Callable[[], str]
    new_token: Callable[[], str]
    number: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the engine stands on.

    ``trials`` are the channels that try an endpoint out; ``writer`` runs one thing at a time, and
    nothing else writes; ``stop`` ends the process when the store is broken; ``sign`` signs the
    links by which people agree to get mails, None where nobody is asked; ``guards`` is what is
    asked of writes; ``knows_callers`` whether those who call the hub are asked who they are;
    ``away`` are the channels whose Subscriptions another process serves.
    """

    store: Store
    clock: Clock
    luck: Luck
    codecs: Mapping[FhirRelease, Codec]
    parameters: Mapping[FhirRelease, SearchParameters]
    channels: Mapping[ChannelType, Channel]
    trials: Mapping[ChannelType, Channel]
    writer: Executor
    stop: Callable[[BaseException], None]
    public_url: str
    policy: RetryPolicy
    retain: timedelta
    authorization_hint: Coding | None = None
    sign: Callable[[str], str] | None = None
    guards: Guards = NO_GUARDS
    knows_callers: bool = False
    away: frozenset[ChannelType] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A hub and what runs beside it: ``hub.intake`` and ``hub.sockets`` have to run, too.

    ``unmatched`` says why a stream can't be matched any more; ``knows_callers`` is whether the hub
    asks who calls it; ``doubtful`` whether a Subscription may be one that it can't serve any more.
    """

    hub: Hub
    delivery: Delivery
    retention: Retention
    unmatched: Mapping[int, HubError]
    knows_callers: bool
    doubtful: bool

    async def refuse_unmatched(self) -> None:
        """Put those in error that the hub can no longer compute, or write payloads for."""
        if not self.doubtful:
            return
        for each in list(self.hub.subscribers):
            on = each.segments[-1].stream if each.segments else 0
            codec = self.hub.codecs[each.subscription.release]
            error = None
            if on in self.unmatched:
                error = f"its topic, filters or criteria no longer compute: {self.unmatched[on]}"
            elif not codec.writes(each.subscription.content_type):
                error = "its payload can no longer be written: the hub lacks the extra xml"
            elif each.subscription.suppress_echo and not self.knows_callers:
                error = "it asks for suppress-echo, and the hub no longer asks who calls it"
            if error is not None and counts(each.subscription.status):
                await self.hub.subscriptions.signal(
                    each.sid, each.generation, Signal.BLOCKED, error=error
                )


def assemble(
    around: Surroundings,
    registry: Registry,
    opened: Opened,
    *,
    from_files: frozenset[str] = frozenset(),
) -> Engine:
    """Put the engine together on an opened store.

    Args:
        around: what it stands on.
        registry: has the topics.
        opened: what the store held.
        from_files: the canonicals of the topics that are there again at the next start.
    """

    def base(release: FhirRelease) -> str:
        return base_url(around.public_url, release)

    subscribers = Subscribers(registry, around.parameters)
    unmatched = subscribers.load(opened.streams, opened.subscribers)
    wakeups = LocalWakeups(around.clock)
    recent = RecentEvents(around.store)
    intake = Intake(
        around.store,
        registry,
        subscribers,
        around.parameters,
        clock=around.clock,
        wakeups=wakeups,
        recent=recent,
        executor=around.writer,
        new_id=around.luck.new_id,
        stop=around.stop,
        opened=opened,
        guards=around.guards,
    )
    acceptance = Acceptance(
        registry,
        around.codecs,
        around.parameters,
        around.channels,
        email_opt_in=around.sign is not None,
        knows_callers=around.knows_callers,
    )
    subscriptions = Subscriptions(
        intake=intake,
        subscribers=subscribers,
        acceptance=acceptance,
        codecs=around.codecs,
    )
    hints = AuthorizationHints(around.authorization_hint, around.public_url)
    opt_in = None
    if around.sign is not None:
        opt_in = OptIn(
            subscribers,
            subscriptions,
            clock=around.clock,
            sign=around.sign,
            public_url=around.public_url,
        )
    envelopes = Envelopes(around.codecs, base, confirm_url=opt_in.url if opt_in else None)
    tokens = BindingTokens(subscribers, around.clock, around.luck.new_token)
    sockets = Sockets(
        recent,
        intake,
        subscribers,
        around.codecs,
        tokens,
        clock=around.clock,
        listener=wakeups.listener(),
        base_url=base,
        hints=hints,
    )
    delivery = Delivery(
        events=recent,
        intake=intake,
        subscribers=subscribers,
        subscriptions=subscriptions,
        envelopes=envelopes,
        channels={
            kind: channel for kind, channel in around.channels.items() if kind not in around.away
        },
        clock=around.clock,
        listener=wakeups.listener(),
        luck=around.luck.number,
        policy=around.policy,
        hints=hints,
    )
    hub = Hub(
        store=around.store,
        clock=around.clock,
        registry=registry,
        intake=intake,
        subscribers=subscribers,
        subscriptions=subscriptions,
        dry_run=DryRun(acceptance, around.codecs, around.clock),
        topics=Topics(
            intake=intake,
            subscribers=subscribers,
            registry=registry,
            codecs=around.codecs,
            parameters=around.parameters,
            from_files=from_files,
        ),
        messages=Messages(intake, around.parameters, base),
        statuses=SubscriptionStatuses(around.store, subscribers, around.clock, hints),
        fares=Fares(subscribers, sockets, delivery.last_beat),
        resends=Resends(around.store, intake, subscribers, sockets),
        tokens=tokens,
        sockets=sockets,
        verification=Verification(subscribers, envelopes, around.trials, clock=around.clock),
        explain=Explain(around.store, registry, subscribers, around.parameters, clock=around.clock),
        tracing=Tracing(around.store, registry, subscribers, around.parameters),
        opt_in=opt_in,
        codecs=around.codecs,
        parameters=around.parameters,
        public_url=around.public_url,
        lanes_busy=lambda: delivery.busy,
    )
    retention = Retention(
        around.store, intake, subscribers, clock=around.clock, retain=around.retain
    )
    return Engine(
        hub=hub,
        delivery=delivery,
        retention=retention,
        unmatched=unmatched,
        knows_callers=around.knows_callers,
        doubtful=bool(unmatched)
        or (opened.suppress_echo and not around.knows_callers)
        or not all(
            codec.writes(each) for codec in around.codecs.values() for each in opened.content_types
        ),
    )
