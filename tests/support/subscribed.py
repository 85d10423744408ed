"""Subscriptions to Tasks with real endpoints behind them, in R4 and R5, for whole-hub tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.backport import BP
from tests.support.endpoints import Answer, Drop, Endpoint, Exchange, Reply
from tests.support.kill_check import Event, events_of
from tests.support.processes import pause

TASK_ACTIVITY = "http://example.org/fhir-hub/SubscriptionTopic/task-activity"


def a_subscription(
    release: str, endpoint: str | None, owner: str, *, status: str = "requested", **more: Any
) -> dict[str, Any]:
    """Return a Subscription to the Tasks of an owner; a websocket one without ``endpoint``.

    Args:
        release: ``r4`` or ``r5``.
        owner: such as ``Organization/lab``.
        more: ``content``, and ``id``.
    """
    content = more.get("content", "id-only")
    kind = "websocket" if endpoint is None else "rest-hook"
    resource: dict[str, Any] = {"resourceType": "Subscription", "status": status}
    if "id" in more:
        resource["id"] = more["id"]
    if release == "r5":
        resource |= {
            "topic": TASK_ACTIVITY,
            "channelType": {
                "system": "http://terminology.hl7.org/CodeSystem/subscription-channel-type",
                "code": kind,
            },
            "content": content,
            "contentType": "application/fhir+json",
            "filterBy": [{"resourceType": "Task", "filterParameter": "owner", "value": owner}],
        }
        return resource | ({} if endpoint is None else {"endpoint": endpoint})
    channel: dict[str, Any] = {
        "type": kind,
        "payload": "application/fhir+json",
        "_payload": {
            "extension": [{"url": f"{BP}/backport-payload-content", "valueCode": content}]
        },
    }
    if endpoint is not None:
        channel["endpoint"] = endpoint
    return resource | {
        "reason": "to see every Task of an owner",
        "criteria": TASK_ACTIVITY,
        "_criteria": {
            "extension": [
                {"url": f"{BP}/backport-filter-criteria", "valueString": f"Task?owner={owner}"}
            ]
        },
        "channel": channel,
    }


def owner_of(subscription: dict[str, Any]) -> str:
    """Return the owner whose Tasks a Subscription is about."""
    if "filterBy" in subscription:
        value: str = subscription["filterBy"][0]["value"]
        return value
    criteria: str = subscription["_criteria"]["extension"][0]["valueString"]
    return criteria.partition("=")[2]


@dataclass(frozen=True, slots=True)
class Slow:
    """An answer that takes its time."""

    seconds: float
    then: Answer = field(default_factory=Reply)

    async def play(self, exchange: Exchange) -> bool:
        await pause(self.seconds)
        return await self.then.play(exchange)


Behaviour = Callable[[], Answer]
"""How an endpoint answers the next event notification; see ``takes``."""


def takes(answer: Answer) -> bool:
    """Tell whether an endpoint that answers so has taken the notification.

    One that closes the connection in order has, but could not say so; one that resets it crashed
    before.
    """
    return answer != Drop(reset=True) and not (isinstance(answer, Reply) and answer.status >= 300)


def healthy() -> Answer:
    """Accept at once."""
    return Reply()


def slow(seconds: float = 0.05) -> Behaviour:
    """Accept after a while."""
    return lambda: Slow(seconds)


def flaky(luck: Callable[[], float], *, rate: float = 0.3) -> Behaviour:
    """Answer 503 now and then, at most twice in a row: a third has to wait for a minute."""
    row = 0

    def answer() -> Answer:
        nonlocal row
        row = row + 1 if row < 2 and luck() < rate else 0
        return Reply(503) if row else Reply()

    return answer


def dropping(luck: Callable[[], float], *, rate: float = 0.15) -> Behaviour:
    """Now and then close the connection without an answer, the notification taken or not."""
    return lambda: Drop(reset=luck() < 0.5) if luck() < rate else Reply()


@dataclass(slots=True)
class Subscribed:
    """One Subscription and its endpoint, which accepts handshakes and answers events as told.

    ``received`` are the events of all notifications that it took, in the order of arrival, and
    ``declined`` of those that it did not take.
    """

    release: str
    id: str
    owner: str
    behaviour: Behaviour = healthy
    content: str = "id-only"
    received: list[Event] = field(default_factory=list)
    declined: list[Event] = field(default_factory=list)
    endpoint: Endpoint = field(init=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.endpoint = Endpoint(self._answers())

    @property
    def name(self) -> str:
        """What it is called in words."""
        return f"{self.release}/Subscription/{self.id}"

    def resource(self, *, status: str = "requested") -> dict[str, Any]:
        """Return the Subscription as it is to be PUT."""
        return a_subscription(
            self.release,
            self.endpoint.url,
            self.owner,
            status=status,
            id=self.id,
            content=self.content,
        )

    def missing(self, top: int) -> int:
        """Return how many of the numbers 1..``top`` have not arrived."""
        return top - len({event.number for event in self.received if event.number <= top})

    async def complete(self, top: int) -> None:
        """Return when all of 1..``top`` have arrived."""
        while self.missing(top):
            self._news.clear()
            await self._news.wait()

    def _answers(self) -> Iterator[Answer]:
        while True:
            events = events_of(json.loads(self.endpoint.received.pop().body))
            answer = self.behaviour() if events else Reply()
            (self.received if takes(answer) else self.declined).extend(events)
            self._news.set()
            yield answer
