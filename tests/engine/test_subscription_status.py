"""``$status`` and ``$events``: what is said of Subscriptions, and which events come back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.delivery import Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from hub.engine.subscription_status import EVENTS_PAGE
from hub.errors import Deleted, Expired, InvalidValue, NotFound
from tests.support.rig import HOUR, SECOND, Rig, on_rig
from tests.support.rig_endpoints import flat_status
from tests.support.rig_resources import a_task, id_of

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
WINDOW = 2 * HOUR


async def numbers(rig: Rig, id: str, **limits: Any) -> list[int]:
    """Return the event numbers that ``$events`` answers with."""
    answer = await rig.hub.statuses.events(R4, id, **limits)
    return [event.event_number for event in answer.notification.events]


def test_status_tells_of_all_or_of_those_named_in_one_release() -> None:
    async def scenario(rig: Rig) -> None:
        for id in ("a", "b", "c", "gone"):
            await rig.update(id, status="off" if id == "b" else "requested")
        await rig.update("a", R5)
        await rig.hub.subscriptions.delete(R4, "gone")
        await rig.write(a_task())

        def told(ids: list[str] | None, *statuses: str) -> list[tuple[str, int]]:
            found = rig.hub.statuses.statuses(R4, ids, statuses)
            return [(each.subscription_id, each.events_since_start) for each in found]

        assert told(None) == [("a", 1), ("b", 0), ("c", 1)]
        assert told(["c", "gone", "unknown"]) == [("c", 1)]
        assert told(None, "off", "error") == [("b", 0)]
        assert told(["a"], "off") == []
        (only,) = rig.hub.statuses.statuses(R5, None, ())
        assert only.release is R5

    on_rig(scenario)


@pytest.mark.parametrize(
    ("failure", "status", "code", "text"),
    [
        (FailureClass.DNS, None, "dns-resolution-error", "why"),
        (FailureClass.CONNECTION, None, "no-response", "why"),
        (FailureClass.BUSY, 503, "error-response", "HTTP 503: why"),
    ],
)
def test_status_shows_what_is_wrong_from_the_first_failed_attempt_on(
    failure: FailureClass, status: int | None, code: str, text: str
) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await rig.after(SECOND)
        rig.endpoints.answers = lambda envelope, attempt: Failed(
            failure=failure, reason="why", status=status
        )
        await rig.write(a_task())
        await rig.after(SECOND / 10)
        (told,) = rig.hub.statuses.statuses(R4, ["sub"], ())
        assert told.status == "active"
        assert [(error.code, error.text) for error in told.errors] == [(code, text)]
        answer = await rig.hub.statuses.events(R4, "sub")
        assert answer.notification.errors == told.errors

    on_rig(scenario)


def test_events_is_for_subscriptions_that_exist() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(NotFound):
            await rig.hub.statuses.events(R4, "sub")
        await rig.update("sub")
        await rig.hub.subscriptions.delete(R4, "sub")
        with pytest.raises(Deleted):
            await rig.hub.statuses.events(R4, "sub")
        with pytest.raises(Deleted):
            await rig.hub.statuses.attempts(R4, "sub")

    on_rig(scenario)


STEP = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 4)),
    st.tuples(st.just("filter"), st.integers(0, 2)),
    st.tuples(st.just("expire"), st.just(0)),
)
LIMIT = st.none() | st.integers(0, 15)


@given(st.lists(STEP, max_size=8), st.lists(st.tuples(LIMIT, LIMIT), min_size=1, max_size=8))
def test_any_range_of_events_is_what_a_model_says(
    steps: list[tuple[str, int]], ranges: list[tuple[int | None, int | None]]
) -> None:
    filters = ("Task?status=requested", "Task?owner=Organization/lab", "Task?owner:missing=false")

    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket", filters=filters[:1])
        focus: list[str] = []
        lowest = 1
        for step, value in steps:
            if step == "write":
                for _ in range(value):
                    (written,) = await rig.write(a_task())
                    focus.append(f"Task/{id_of(written)}")
            elif step == "filter":
                await rig.update("sub", type="websocket", filters=(filters[value],))
            else:
                await rig.after(WINDOW + SECOND)
                await rig.retention.sweep()
                lowest = len(focus) + 1
        for since, until in ranges:
            low = lowest if since is None else max(since, 1)
            high = len(focus) if until is None else min(until, len(focus))
            if since is not None and until is not None and since > until:
                with pytest.raises(InvalidValue):
                    await rig.hub.statuses.events(R4, "sub", since=since, until=until)
            elif low < lowest:
                with pytest.raises(Expired, match=f"the lowest is {lowest}"):
                    await rig.hub.statuses.events(R4, "sub", since=since, until=until)
            else:
                answer = await rig.hub.statuses.events(R4, "sub", since=since, until=until)
                found = [(each.event_number, each.focus) for each in answer.notification.events]
                assert found == list(enumerate(focus, 1))[low - 1 : max(high, low - 1)]
                assert answer.notification.events_since_start == len(focus)
                assert answer.next_since is None

    on_rig(scenario, retain=WINDOW)


def test_long_answers_come_in_pages_lowest_first() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", type="websocket")
        for _ in range(5):
            await rig.write(*(a_task() for _ in range(500)))
        found: list[int] = []
        since: int | None = 2
        sizes = []
        while since is not None:
            answer = await rig.hub.statuses.events(R4, "sub", since=since, until=2300)
            sizes.append(len(answer.notification.events))
            found += [event.event_number for event in answer.notification.events]
            since = answer.next_since
        assert sizes == [EVENTS_PAGE, EVENTS_PAGE, 299]
        assert found == list(range(2, 2301))

    on_rig(scenario)


_LEVELS = ("empty", "id-only", "full-resource")


@pytest.mark.parametrize("asked", _LEVELS)
@pytest.mark.parametrize("own", _LEVELS)
def test_an_operation_never_shows_more_than_the_subscription_may_see(own: str, asked: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", content=own)
        await rig.write(a_task(id="t"))
        answer = await rig.hub.statuses.events(R4, "sub", content=PayloadContent(asked))
        level = min(own, asked, key=_LEVELS.index)
        (event,) = answer.notification.events
        assert event.focus == (None if level == "empty" else "Task/t")
        assert len(answer.notification.entries) == (1 if level == "full-resource" else 0)

    on_rig(scenario)


@pytest.mark.parametrize(
    ("release", "kind"), [(R4, "query-event"), (R4B, "query-status"), (R5, "query-status")]
)
def test_an_empty_range_is_a_status_without_events(release: FhirRelease, kind: str) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", release, type="websocket")
        status = flat_status(await rig.events("sub", release, since=5))
        assert status["type"] == kind
        assert status["numbers"] == []
        await rig.write(a_task(), release=release)
        assert flat_status(await rig.events("sub", release))["type"] == "query-event"

    on_rig(scenario)


def test_asking_moves_neither_cursor_nor_counter() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub")
        await asyncio.gather(*(rig.write(a_task()) for _ in range(3)))
        before = rig.subscriber("sub")
        assert await numbers(rig, "sub", since=2) == [2, 3]
        assert await numbers(rig, "sub", until=1) == [1]
        assert await numbers(rig, "sub", since=9) == []
        assert rig.subscriber("sub") is before

    on_rig(scenario)
