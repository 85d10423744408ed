"""Any sequence of what clients, endpoints, time and crashes can do, against a small model."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import counts
from hub.core.timing import RetryPolicy
from hub.errors import HubError
from tests.support.fallible_store import FallibleStore
from tests.support.life_cycle import illegal_moves
from tests.support.rig import HOUR, MILLISECOND, SECOND, Rig, a_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task, id_of
from tests.support.virtual_time import VirtualLoop

T = TypeVar("T")
R4 = FhirRelease.R4
POLICY = RetryPolicy(schedule=(SECOND, 5 * SECOND), give_up_after=60 * SECOND, floor=SECOND)
SECRET = "secret-value"
OWNERS = ("Organization/a", "Organization/b")
IDS = ("s0", "s1")

ANSWERS: dict[str, DeliveryResult] = {
    "ok": Delivered(status=200),
    "busy": Failed(failure=FailureClass.BUSY, reason="busy", status=503),
    "absent": Failed(failure=FailureClass.CONNECTION, reason="nobody"),
    "wrong": Failed(failure=FailureClass.REFUSED, reason="no", status=404),
    "gone": Failed(failure=FailureClass.GONE, reason="gone", status=410),
    "blocked": Failed(failure=FailureClass.BLOCKED, reason="not allowed"),
}


@dataclass
class Model:
    """What a Subscription should have had: a focus per number; those of past lives are lost."""

    owner: str = OWNERS[0]
    mode: str = "ok"
    events: list[str] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)


class LifeCycle(RuleBasedStateMachine):
    """Two Subscriptions, their endpoints, and a hub that restarts now and then."""

    def __init__(self) -> None:
        super().__init__()
        loop = VirtualLoop()
        self.runner = asyncio.Runner(loop_factory=lambda: loop)
        self.store = FallibleStore()
        self.models = {id: Model() for id in IDS}
        self.endpoints = Endpoints(answers=self._answer)
        self.last_known: dict[int, Subscriber] = {}
        self.read = 0
        self.checked = 0
        self._start()

    def _answer(self, envelope: Envelope, attempt: int) -> DeliveryResult:
        id = envelope.endpoint.removeprefix("https://").partition(".")[0]
        return ANSWERS[self.models[id].mode]

    def _start(self) -> None:
        self.hosting = a_rig(store=self.store, endpoints=self.endpoints, policy=POLICY)
        self.rig: Rig = self.runner.run(self.hosting.__aenter__())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something when everything that can happen now has happened, and let it sink in."""

        async def settled() -> T:
            await self.rig.after(MILLISECOND)
            try:
                return await work
            finally:
                await self.rig.after(MILLISECOND)

        return self.runner.run(settled())

    def _alive(self, id: str) -> Subscriber | None:
        found = self.rig.hub.subscribers.find(R4, id)
        return None if found is None or found.deleted else found

    @rule(
        id=st.sampled_from(IDS),
        status=st.sampled_from(["requested", "active", "off"]),
        owner=st.sampled_from(OWNERS),
        path=st.sampled_from(["hook", "hook", "other"]),
        heartbeat=st.sampled_from([None, 30]),
    )
    def put(self, id: str, status: str, owner: str, path: str, heartbeat: int | None) -> None:
        """A client creates, changes or switches its Subscription."""
        more: dict[str, Any] = {} if heartbeat is None else {"heartbeat": heartbeat}
        try:
            self._do(
                self.rig.update(
                    id,
                    status=status,
                    endpoint=f"https://{id}.example.org/{path}",
                    filters=(f"Task?owner={owner}",),
                    header=[f"Authorization: {SECRET}"],
                    max_count=2,
                    **more,
                )
            )
        except HubError:
            return
        self.models[id].owner = owner

    @rule(id=st.sampled_from(IDS))
    def delete(self, id: str) -> None:
        """A client deletes its Subscription: what was not delivered yet is lost."""
        self._do(self.rig.hub.subscriptions.delete(R4, id))
        model = self.models[id]
        model.lost |= set(range(1, len(model.events) + 1))

    @rule(id=st.sampled_from(IDS), mode=st.sampled_from(sorted(ANSWERS)))
    def endpoint(self, id: str, mode: str) -> None:
        """An endpoint falls ill, or recovers."""
        self.models[id].mode = mode

    @rule(seconds=st.sampled_from([0.3, 2, 30, 3600]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self._do(self.rig.after(timedelta(seconds=seconds)))

    @rule(owner=st.sampled_from(OWNERS), count=st.integers(1, 3))
    def write(self, owner: str, count: int) -> None:
        """Tasks are written."""
        self._do(self.rig.after(MILLISECOND))
        counted = [
            model
            for id, model in self.models.items()
            if (found := self._alive(id)) is not None
            and counts(found.subscription.status)
            and model.owner == owner
        ]
        for written in self._do(self.rig.write(*(a_task(owner) for _ in range(count)))):
            for model in counted:
                model.events.append(f"Task/{id_of(written)}")

    @rule()
    def restart(self) -> None:
        """The hub goes down and comes back."""
        self.runner.run(self.hosting.__aexit__(None, None, None))
        self._start()

    @invariant()
    def status_moves_only_as_the_table_says(self) -> None:
        commits = self.store.commits[self.read :]
        assert list(illegal_moves(commits, self.last_known)) == []
        self.read = len(self.store.commits)

    @invariant()
    def no_header_value_is_in_a_resource(self) -> None:
        for batch in self.store.commits[self.checked :]:
            assert all(SECRET.encode() not in (each.body or b"") for each in batch.versions)
        self.checked = len(self.store.commits)

    @invariant()
    def every_event_has_its_number(self) -> None:
        for id, model in self.models.items():
            found = self.rig.hub.subscribers.find(R4, id)
            if found is None:
                continue
            top = self.rig.hub.subscribers.top(found)
            assert top == len(model.events)
            assert found.delivery.cursor <= top

    @invariant()
    def what_arrives_is_what_happened_in_order(self) -> None:
        for id, model in self.models.items():
            for path in ("hook", "other"):
                pairs = [
                    pair
                    for status in self.endpoints.of(
                        "event-notification", f"https://{id}.example.org/{path}"
                    )
                    for pair in zip(status["numbers"], status["focus"], strict=True)
                ]
                firsts = list(dict.fromkeys(number for number, _ in pairs))
                assert firsts == sorted(firsts)
                for number, focus in pairs:
                    assert focus.endswith(model.events[number - 1])

    def teardown(self) -> None:
        """Heal everything: whatever was counted and not lost has arrived."""
        for id, model in self.models.items():
            model.mode = "ok"
            if self._alive(id) is not None:
                self._do(
                    self.rig.update(
                        id,
                        endpoint=f"https://{id}.example.org/hook",
                        filters=(f"Task?owner={model.owner}",),
                    )
                )
        self._do(self.rig.after(HOUR))
        for id, model in self.models.items():
            alive = self._alive(id)
            if alive is None:
                continue
            assert alive.subscription.status == "active"
            assert alive.error is None
            numbers = {
                number
                for path in ("hook", "other")
                for number in self.endpoints.numbers(f"https://{id}.example.org/{path}")
            }
            assert numbers | model.lost == set(range(1, len(model.events) + 1))
        self.runner.run(self.hosting.__aexit__(None, None, None))
        self.runner.close()


LifeCycle.TestCase.settings = settings(stateful_step_count=25)
TestLifeCycle = LifeCycle.TestCase
