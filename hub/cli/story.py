"""The order story: a placer orders, a fulfiller is told, claims, works and reports.

After "Subscriptions with Task at Placer" of the Clinical Order Workflows guide, in R4 over the
public interface, against any hub that has the topics.  Each step is a function; each check is told
and kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from hub.cli import story_resource as resources
from hub.cli.arrival import ArrivedEvent, short_reference
from hub.cli.client import HubClient
from hub.cli.endpoint import Received, Reply
from hub.cli.exits import CommandError
from hub.cli.request import subscription_resource
from hub.cli.sequence import numbers_text
from hub.cli.story_actor import (
    DEVELOPER,
    FULFILLER,
    HUB,
    PHYSICIAN,
    PLACER,
    SECOND_DESK,
    Gateway,
    Inbox,
    Listener,
    Missing,
)
from hub.cli.story_step import Narrator, Step
from hub.codecs.subscription import DEFAULT_CONTENT_TYPE
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import ChannelType, PayloadContent
from hub.ports import Clock

_AS_MAIL = "text/html;attach=application/fhir+json"


@dataclass(slots=True)
class Order:
    """One order: references to its ServiceRequest and Task, and what the fulfiller last read."""

    request: str
    task: str
    known: Resource
    etag: str


class Story:
    """The stage: actors with their Subscriptions, for as long as the context is open.

    Args:
        url: the hub.
        clock: tells the time of steps.
        tell: called with each step as it happens.
        announce: called with the title of each scene.
        inbox: the physician's mails; nobody is told by mail where None.
        heard: called with each request that the fulfiller's endpoint gets.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        tell: Callable[[Step], None] = lambda _: None,
        announce: Callable[[str], None] = lambda _: None,
        inbox: Inbox | None = None,
        *,
        heard: Callable[[Received], None] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._narrator = Narrator(clock, tell, announce)
        self._client = HubClient(url, FhirRelease.R4, clock)
        self._gateway = Gateway(clock, heard)
        self._inbox = inbox
        self._placer = Listener(self._client, clock, PLACER)
        self._developer = Listener(self._client, clock, DEVELOPER)
        self._stack = AsyncExitStack()
        self._subscriptions: dict[str, str] = {}
        self._written: list[str] = []
        self._patient = self._ward = self._lab = ""

    @property
    def steps(self) -> list[Step]:
        """What happened so far."""
        return self._narrator.steps

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._client)
        await self._stack.enter_async_context(self._gateway.endpoint)
        self._stack.push_async_callback(self._placer.close)
        self._stack.push_async_callback(self._developer.close)
        self._stack.push_async_callback(self._tidy_up)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def play(self) -> bool:
        """Play the whole story: four orders, one notification lost, one refused.

        Returns:
            whether every step held.
        """
        return await self._guarded(self._whole_story)

    async def play_order(self) -> bool:
        """Play one plain order; only after ``play``."""
        return await self._guarded(self._one_more_order)

    async def _guarded(self, scene: Callable[[], Awaitable[None]]) -> bool:
        try:
            await scene()
        except (CommandError, Missing) as error:
            self._narrator.say(HUB, "", f"the story can't go on: {error}", held=False)
        return self._narrator.held

    async def _whole_story(self) -> None:
        await self._gateway.endpoint.start()
        announce = self._narrator.announce
        announce("Who takes part")
        await self._register()
        await self._subscribe()
        announce("An order, from placing to result; who claims it second is too late")
        await self._plain_order()
        announce("The gateway answers 200 and loses a notification; the next number shows it")
        await self._order_after_a_lost_one()
        announce("The endpoint answers 503 once; the hub tries again")
        await self._order_that_is_refused_once()
        announce("The developer's view")
        await self._developer_saw_all()

    async def _plain_order(self) -> None:
        order = await self._place()
        self._told(await self._gateway.notification(), order)
        await self._fulfil(order)

    async def _one_more_order(self) -> None:
        self._narrator.announce("One more order")
        await self._plain_order()
        await self._developer_saw_all()

    async def _order_after_a_lost_one(self) -> None:
        self._gateway.next_replies.append(Reply.LOSE)
        forgotten = await self._place()
        lost = await self._gateway.notification()
        self._narrator.notified(
            lost, f"{forgotten.task}, but the gateway loses it", Reply.LOSE, alarm=True
        )
        order = await self._place()
        await self._recover(await self._gateway.notification(), forgotten)
        await self._fulfil(forgotten)
        await self._fulfil(order)

    async def _order_that_is_refused_once(self) -> None:
        self._gateway.next_replies.append(Reply.FAIL)
        order = await self._place()
        first = await self._gateway.notification()
        self._narrator.notified(
            first, f"{order.task}, but the endpoint is ill", Reply.FAIL, alarm=True
        )
        again = await self._gateway.notification()
        same = again.body == first.body and again.arrival.numbers == first.arrival.numbers
        self._told(again, order, note=": tried again, same number, same bytes", also=same)
        await self._fulfil(order)

    async def _register(self) -> None:
        self._patient = await self._create(PLACER, resources.patient(), "registers a patient")
        ward = resources.organization("Example ward")
        self._ward = await self._create(PLACER, ward, "registers itself")
        laboratory = resources.organization("Example laboratory")
        self._lab = await self._create(FULFILLER, laboratory, "registers itself")

    async def _subscribe(self) -> None:
        await self._ask_for(DEVELOPER, "any-change", "", ChannelType.WEBSOCKET)
        await self._developer.bind(self._subscriptions[DEVELOPER])
        self._narrator.say(HUB, DEVELOPER, "greets the websocket: handshake")
        await self._ask_for(
            PLACER,
            "task-progress",
            f"requester={self._ward}",
            ChannelType.WEBSOCKET,
            PayloadContent.FULL_RESOURCE,
        )
        await self._placer.bind(self._subscriptions[PLACER])
        self._narrator.say(HUB, PLACER, "greets the websocket: handshake")
        await self._ask_for(
            FULFILLER, "task-requested", f"owner={self._lab}", ChannelType.REST_HOOK
        )
        greeted = (await self._gateway.handshake()).arrival
        self._narrator.say(
            HUB,
            FULFILLER,
            "greets the endpoint: handshake",
            held=greeted.type == "handshake",
            status="200",
        )
        if self._inbox is not None:
            await self._ask_for(
                PHYSICIAN,
                "result-available",
                f"based-on:ServiceRequest.requester={self._ward}",
                ChannelType.EMAIL,
            )

    async def _ask_for(
        self,
        who: str,
        topic: str,
        filter_: str,
        channel: ChannelType,
        content: PayloadContent = PayloadContent.ID_ONLY,
    ) -> None:
        endpoint = {
            ChannelType.REST_HOOK: self._gateway.endpoint.url,
            ChannelType.EMAIL: f"mailto:{Inbox.address}",
        }
        resource = subscription_resource(
            FhirRelease.R4,
            reason=f"{who}: {topic}",
            topic=topic,
            channel=channel,
            content=content,
            filters=[filter_] if filter_ else [],
            endpoint=endpoint.get(channel),
            content_type=_AS_MAIL if channel is ChannelType.EMAIL else DEFAULT_CONTENT_TYPE,
        )
        answer = await self._client.expect("POST", "Subscription", resource)
        self._subscriptions[who] = answer.created_id
        wanted = f"subscribes by {channel.value} to {topic}{'?' + filter_ if filter_ else ''}"
        self._narrator.answered(who, wanted, answer)

    async def _place(self) -> Order:
        bundle = resources.order_and_task(self._patient, self._ward, self._lab)
        answer = await self._client.expect("POST", "", bundle)
        entries = (answer.resource or {}).get("entry", [])
        request, task = (short_reference(entry["response"]["location"]) for entry in entries)
        self._written += [request, task]
        self._narrator.answered(PLACER, f"orders: {request} and {task}, in one transaction", answer)
        await self._placer_hears(task, "requested")
        return Order(request, task, {}, "")

    async def _fulfil(self, order: Order) -> None:
        await self._read(order)
        await self._claim(order)
        await self._step(order, "starts", {**order.known, "status": "in-progress"})
        report = await self._create(
            FULFILLER, resources.report(order.request, self._patient, self._lab), "reports"
        )
        self._written.append(report)
        await self._step(order, "completes", resources.completed(order.known, report))
        await self._close(order, report)

    async def _read(self, order: Order) -> None:
        answer = await self._client.expect("GET", order.task)
        order.known, order.etag = answer.resource or {}, answer.etag or ""
        requested = order.known.get("focus", {}).get("reference", "").endswith(order.request)
        self._narrator.answered(FULFILLER, f"reads {order.task}", answer, held=requested)
        self._narrator.answered(
            FULFILLER, f"reads {order.request}", await self._client.expect("GET", order.request)
        )

    async def _claim(self, order: Order) -> None:
        etag, claimed = order.etag, {**order.known, "status": "accepted"}
        await self._step(order, "claims", claimed)
        late = await self._client.ask("PUT", order.task, claimed, headers={"If-Match": etag})
        self._narrator.answered(
            SECOND_DESK,
            f"claims {order.task} with {etag} too: too late",
            late,
            held=late.status == 412,
        )

    async def _step(self, order: Order, verb: str, task: Resource) -> None:
        """Update the Task if nobody else did, and see the placer hear of it."""
        headers = {"If-Match": order.etag}
        answer = await self._client.expect("PUT", order.task, task, headers=headers)
        self._narrator.answered(FULFILLER, f"{verb} {order.task}, If-Match {order.etag}", answer)
        self._written.append(order.task)
        order.known, order.etag = answer.resource or task, answer.etag or ""
        await self._placer_hears(order.task, task["status"])

    async def _close(self, order: Order, report: str) -> None:
        answer = await self._client.expect("GET", report)
        final = (answer.resource or {}).get("status") == "final"
        self._narrator.answered(PLACER, f"reads {report}", answer, held=final)
        if self._inbox is not None:
            mail = await self._inbox.mail()
            in_order = self._inbox.sequence.take(mail.event.number)
            self._narrator.mailed(mail, held=in_order and mail.event.focus == report)
        request = await self._client.resource(order.request)
        closed = {**request, "status": "completed"}
        answer = await self._client.expect("PUT", order.request, closed)
        self._written.append(order.request)
        self._narrator.answered(PLACER, f"closes {order.request}", answer)

    async def _placer_hears(self, task: str, status: str) -> None:
        heard = await self._placer.hear()
        found = heard.event.resource or {}
        held = heard.event.focus == task and found.get("status") == status
        self._narrator.heard(PLACER, heard, held=held)

    def _told(self, received: Received, order: Order, *, note: str = "", also: bool = True) -> None:
        """Check that a notification is the next one, and about the order."""
        event = received.arrival.events[0]
        in_order = not self._gateway.sequence.gap(event.number)
        expected = self._gateway.sequence.take(event.number) and event.focus == order.task
        self._narrator.notified(
            received, f"{order.task}{note}", Reply.ACCEPT, held=also and in_order and expected
        )

    async def _recover(self, received: Received, forgotten: Order) -> None:
        sequence, event = self._gateway.sequence, received.arrival.events[0]
        gap = sequence.gap(event.number)
        if not gap:
            raise Missing(f"a gap before {received.arrival.numbers}")
        missing = numbers_text(gap)
        told = f"{event.focus}, and {missing} never came"
        self._narrator.notified(received, told, Reply.ACCEPT, alarm=True)
        start = self._clock.monotonic()
        subscription = f"Subscription/{self._subscriptions[FULFILLER]}"
        answers = await self._client.events(subscription, gap.start, gap.stop - 1)
        found = [event for answer in answers for event in answer.events]
        for recovered in found:
            sequence.take(recovered.number)
        closed = not sequence.gap(event.number) and sequence.take(event.number)
        self._narrator.say(
            FULFILLER,
            HUB,
            f"asks $events for {missing}: {', '.join(event.focus or '?' for event in found)}",
            held=closed and [event.focus for event in found] == [forgotten.task],
            number=missing,
            status="200",
            milliseconds=(self._clock.monotonic() - start) * 1000,
        )

    async def _developer_saw_all(self) -> None:
        """Check that the developer heard of every write, in order, between those of others."""
        numbers: list[int] = []
        slowest = 0.0
        for reference in self._written:
            event: ArrivedEvent | None = None
            while event is None or event.focus != reference:
                heard = await self._developer.hear()
                event = heard.event
                slowest = max(slowest, heard.milliseconds)
            numbers.append(event.number)
        self._narrator.say(
            HUB,
            DEVELOPER,
            f"all {len(numbers)} changes, in order, without a gap",
            number=f"#{numbers[0]}..{numbers[-1]}",
            status="ws",
            milliseconds=slowest,
        )
        self._written.clear()

    async def _create(self, who: str, resource: Resource, verb: str) -> str:
        answer = await self._client.expect("POST", resource["resourceType"], resource)
        reference = f"{resource['resourceType']}/{answer.created_id}"
        self._narrator.answered(who, f"{verb}: {reference}", answer)
        return reference

    async def _tidy_up(self) -> None:
        with contextlib.suppress(CommandError):
            for id in self._subscriptions.values():
                await self._client.ask("DELETE", f"Subscription/{id}")
