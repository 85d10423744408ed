"""The life cycle of Subscriptions as clients lead it: accepted, changed, switched, deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from hub.core.client import ADMINISTRATOR, Client
from hub.core.delivery import Failed, FailureClass
from hub.core.json_text import Document, dumps, parse
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import Signal
from hub.engine.write import Outcome
from hub.errors import (
    ChannelNotSupported,
    Deleted,
    FilterNotAllowed,
    NotFound,
    TopicUnknown,
    Unprocessable,
    VersionConflict,
)
from tests.support.rig import SECOND, Rig, on_rig
from tests.support.rig_resources import (
    OTHER_OWNER,
    SECRET,
    a_subscription,
    a_task,
    body_of,
    document,
    id_of,
)

R4, R5 = FhirRelease.R4, FhirRelease.R5


@pytest.mark.parametrize("status", ["requested", "active"])
def test_a_rest_hook_begins_as_requested_and_a_websocket_as_active(status: str) -> None:
    async def scenario(rig: Rig) -> None:
        hook = await rig.subscribe(status=status)
        socket = await rig.subscribe(status=status, type="websocket")
        assert hook.outcome is Outcome.CREATED
        assert hook.resource["status"] == body_of(hook)["status"] == "requested"
        assert socket.resource["status"] == "active"

    on_rig(scenario)


def test_only_the_hub_sets_the_status_error() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(Unprocessable, match="error"):
            await rig.subscribe(status="error")
        await rig.update("sub")
        with pytest.raises(Unprocessable, match="error"):
            await rig.update("sub", status="error")

    on_rig(scenario)


def test_what_the_hub_cannot_honour_is_refused_in_the_words_of_the_release() -> None:
    cases: list[tuple[dict[str, Any], type[Exception], str, str]] = [
        ({"topic": "http://nowhere.example.org"}, TopicUnknown, "criteria", "topic"),
        ({"filters": ("Task?colour=red",)}, FilterNotAllowed, "criteria.extension", "filterBy[0]"),
        ({"type": "email"}, ChannelNotSupported, "channel.type", "channelType"),
    ]

    async def scenario(rig: Rig) -> None:
        for changes, error, r4, r5 in cases:
            for release, expression in ((R4, r4), (R5, r5)):
                with pytest.raises(error) as refused:
                    await rig.subscribe(release, **changes)
                assert expression in str(getattr(refused.value, "expression", None))
        assert list(rig.hub.subscribers) == []

    on_rig(scenario)


def test_an_end_in_the_past_is_left_out_at_create_and_means_off_later() -> None:
    past = "2025-01-01T00:00:00Z"

    async def scenario(rig: Rig) -> None:
        stored = await rig.update("sub", end=past)
        assert "end" not in stored.resource
        assert rig.status("sub") == "requested"
        stored = await rig.update("sub", end=past)
        assert stored.resource["status"] == "off"
        again = await rig.update("sub", status="off", end=past)
        assert again.outcome is Outcome.UNCHANGED

    on_rig(scenario)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "active"),
        ({"filters": OTHER_OWNER}, "active"),
        ({"max_count": 3}, "active"),
        ({"content": "empty"}, "active"),
        ({"endpoint": "https://lab.example.org/elsewhere"}, "requested"),
        ({"header": ["X-Key: 1"]}, "requested"),
        ({"type": "websocket"}, "active"),
    ],
)
def test_active_on_an_active_one_stays_active_unless_its_target_changed(
    change: dict[str, Any], status: str
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        await rig.update("sub", status="active", **change)
        assert rig.status("sub") == status
        await rig.after(SECOND)
        assert rig.status("sub") == "active"
        assert len(rig.endpoints.attempts) == (2 if status == "requested" else 1)

    on_rig(scenario)


def test_requested_on_an_active_one_asks_for_a_new_handshake() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.update("sub", status="requested")
        assert rig.status("sub") == "requested"
        await rig.after(SECOND)
        assert [each["events-since-subscription-start"] for each in rig.endpoints.of("handshake")][
            -1
        ] == "1"
        assert rig.endpoints.numbers() == [1]

    on_rig(scenario)


@pytest.mark.parametrize("status", ["requested", "active"])
@pytest.mark.parametrize("before", ["error", "off"])
def test_both_reactivate_what_is_in_error_or_off(before: str, status: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        subscriber = rig.subscriber("sub")
        signal = Signal.EXHAUSTED if before == "error" else Signal.GONE
        await rig.hub.subscriptions.signal(
            subscriber.sid, subscriber.generation, signal, error="why", error_code="no-response"
        )
        assert rig.status("sub") == before
        assert rig.subscriber("sub").error == "why"
        stored = await rig.update("sub", status=status)
        assert stored.resource["status"] == "requested"
        assert "error" not in stored.resource
        assert rig.subscriber("sub").error is None
        await rig.after(SECOND)
        assert rig.status("sub") == "active"

    on_rig(scenario)


def test_a_new_endpoint_while_requested_starts_the_handshake_anew() -> None:
    async def scenario(rig: Rig) -> None:
        rig.endpoints.answers = lambda envelope, attempt: Failed(
            failure=FailureClass.CONNECTION, reason="nobody"
        )
        await rig.update("sub")
        await rig.after(5 * SECOND)
        assert rig.subscriber("sub").delivery.failures == 3
        await rig.update("sub", status="active", endpoint="https://new.example.org/")
        assert rig.subscriber("sub").delivery.failures == 0
        assert rig.subscriber("sub").error is None

    on_rig(scenario)


def test_the_error_text_is_shown_in_r4_and_a_clients_one_is_ignored() -> None:
    async def scenario(rig: Rig) -> None:
        resource = a_subscription() | {"error": "from the client"}
        stored = await rig.hub.subscriptions.create(R4, document(resource))
        assert "error" not in stored.resource
        subscriber = rig.subscriber(id_of(stored))
        await rig.hub.subscriptions.signal(
            subscriber.sid, subscriber.generation, Signal.HANDSHAKE_FAILED, error="nobody"
        )
        head = rig.hub.store.writer.head(stored.version.key)
        assert head is not None and head.body is not None
        assert json.loads(head.body)["error"] == "nobody"
        assert head.version == 2

    on_rig(scenario)


def test_a_put_that_changes_nothing_is_no_new_version_and_no_handshake() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", header=SECRET)
        await rig.after(SECOND)
        stored = await rig.update("sub", status="active", header=SECRET)
        assert stored.outcome is Outcome.UNCHANGED
        assert stored.version.version == 2
        assert stored.resource["channel"]["header"] == SECRET
        await rig.after(SECOND)
        assert len(rig.endpoints.attempts) == 1
        tagged = a_subscription(status="active", header=SECRET, id="sub")
        tagged["meta"] = {"tag": [{"code": "mine"}]}
        changed = await rig.hub.subscriptions.update(R4, "sub", document(tagged))
        assert changed.outcome is Outcome.UPDATED
        assert body_of(changed)["meta"]["tag"] == [{"code": "mine"}]

    on_rig(scenario)


def test_if_match_is_checked_first() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        with pytest.raises(VersionConflict):
            await rig.update("sub", if_match=2)
        with pytest.raises(VersionConflict):
            await rig.hub.subscriptions.delete(R4, "sub", if_match=2)
        await rig.update("sub", if_match=1, status="off")
        assert await rig.hub.subscriptions.delete(R4, "sub", if_match=2) is Outcome.DELETED

    on_rig(scenario)


def _patched(**changes: Any) -> Callable[[Resource], Document]:
    return lambda resource: parse(dumps(resource | changes))


def test_a_patch_gets_what_is_read_and_keeps_the_hidden_header_values() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(NotFound):
            await rig.hub.subscriptions.patch(R4, "sub", _patched(reason="x"))
        await rig.update("sub", header=SECRET)
        await rig.after(SECOND)
        seen: list[Resource] = []

        def patch(resource: Resource) -> Document:
            seen.append(resource)
            return parse(dumps(resource | {"reason": "because"}))

        stored = await rig.hub.subscriptions.patch(R4, "sub", patch)
        assert seen[0]["channel"]["header"] == ["Authorization: ***", "X-Key: ***"]
        assert body_of(stored)["reason"] == "because"
        assert rig.status("sub") == "active"
        assert rig.subscriber("sub").subscription.parameter == (
            ("Authorization", "Bearer abc"),
            ("X-Key", "k1"),
        )
        with pytest.raises(VersionConflict):
            await rig.hub.subscriptions.patch(R4, "sub", _patched(reason="y"), if_match=1)
        await rig.hub.subscriptions.delete(R4, "sub")
        with pytest.raises(Deleted):
            await rig.hub.subscriptions.patch(R4, "sub", _patched(reason="x"))

    on_rig(scenario)


def test_the_owner_stays_who_created_it() -> None:
    async def scenario(rig: Rig) -> None:
        alice = Client(name="alice")
        resource = document(a_subscription())
        stored = await rig.hub.subscriptions.create(R4, resource, caller=alice)
        id = stored.version.key.id
        assert rig.subscriber(id).owner == "alice"
        changed = document({**a_subscription(max_count=2), "id": id})
        for caller in (alice, ADMINISTRATOR):
            await rig.hub.subscriptions.update(R4, id, changed, caller=caller)
            assert rig.subscriber(id).owner == "alice"
        await rig.hub.subscriptions.delete(R4, id, caller=alice)
        await rig.hub.subscriptions.update(R4, id, changed, caller=ADMINISTRATOR)
        assert rig.subscriber(id).owner == "alice"

    on_rig(scenario)


def test_a_signal_for_nobody_or_for_the_past_changes_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        signal = rig.hub.subscriptions.signal
        assert not await signal(99, 1, Signal.GONE)
        await rig.update("sub")
        subscriber = rig.subscriber("sub")
        assert not await signal(subscriber.sid, subscriber.generation + 1, Signal.GONE)
        with pytest.raises(Unprocessable):
            await signal(subscriber.sid, subscriber.generation, Signal.EXHAUSTED)
        await rig.hub.subscriptions.delete(R4, "sub")
        found = rig.hub.subscribers.get(subscriber.sid)
        assert found is not None
        assert not await signal(found.sid, found.generation, Signal.GONE)

    on_rig(scenario)


def test_what_is_put_during_an_attempt_is_not_undone_by_it() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        before = rig.subscriber("sub")
        followed, _ = await asyncio.gather(
            rig.hub.subscriptions.signal(before.sid, before.generation, Signal.HANDSHAKE_DONE),
            rig.update("sub", status="off"),
        )
        assert followed
        assert rig.status("sub") == "off"
        before = rig.subscriber("sub")
        _, followed = await asyncio.gather(
            rig.update("sub", status="active"),
            rig.hub.subscriptions.signal(before.sid, before.generation, Signal.GONE),
        )
        assert not followed
        assert rig.status("sub") == "requested"

    on_rig(scenario)


def test_entered_in_error_is_for_r5_and_the_end() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", R5)
        stored = await rig.update("sub", R5, status="entered-in-error")
        assert stored.resource["status"] == "entered-in-error"
        with pytest.raises(Unprocessable):
            await rig.update("sub", R5, status="active")

    on_rig(scenario)
