"""A Subscription that asks not to be told of what its owner wrote: everything else it is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.client import ADMINISTRATOR, Client
from hub.core.release import FhirRelease
from hub.core.topic import PARTY_FILTER
from hub.core.version import ResourceKey
from hub.engine.numbered_events import read_events
from hub.errors import SubscriptionRefused
from hub.stores.memory import MemoryStore
from tests.support.rig import Rig, a_rig, on_rig
from tests.support.rig_resources import (
    a_task,
    a_topic,
    body_of,
    document,
    echo_of,
    id_of,
    subscription_of,
)
from tests.support.rig_writes import delete, focuses, put, submit
from tests.support.virtual_time import run_virtually

R4 = FhirRelease.R4
LAB = Client(name="lab", parties=frozenset({"Organization/lab"}))
WARD = Client(name="ward", parties=frozenset({"Organization/ward"}))
MINE, OTHERS = "Organization/lab", "Organization/other"
PARTY_TOPIC = a_topic(
    canFilterBy=[
        {
            "extension": [{"url": PARTY_FILTER, "valueBoolean": True}],
            "resource": "Task",
            "filterParameter": "owner",
        }
    ]
)

WRITE = st.tuples(
    st.just("write"),
    st.sampled_from(["a", "b"]),
    st.sampled_from([MINE, OTHERS]),
    st.sampled_from([None, LAB, WARD, ADMINISTRATOR]),
)
DELETION = st.tuples(st.just("delete"), st.sampled_from(["a", "b"]), st.sampled_from([LAB, WARD]))
TOGETHER = st.tuples(st.just("together"), st.sampled_from([None, LAB, WARD]))
RULE = st.tuples(st.just("rule"), st.booleans())
FILTER = st.tuples(st.just("filter"), st.sampled_from([MINE, OTHERS]))
SWITCH = st.tuples(st.just("switch"), st.booleans())


async def quiet_and_loud(rig: Rig) -> tuple[str, str]:
    """Return the ids of two Subscriptions of the lab, the first of which suppresses its echo."""
    quiet = await rig.subscribe(caller=LAB, suppress_echo=True)
    return id_of(quiet), id_of(await rig.subscribe(caller=LAB))


@given(steps=st.lists(WRITE | DELETION | TOGETHER | RULE | FILTER | SWITCH, max_size=20))
def test_whatever_happens_it_is_told_what_another_is_but_for_its_owners_changes(
    steps: list[tuple[object, ...]],
) -> None:
    async def scenario(rig: Rig) -> None:
        state: dict[str, Any] = {
            "suppress_echo": True,
            "filters": (f"Task?owner={MINE}",),
            "status": "requested",
        }
        ruled: dict[int, bool] = {}

        quiet, loud = await quiet_and_loud(rig)

        async def put_both() -> None:
            await rig.update(quiet, caller=LAB, **state)
            await rig.update(loud, caller=LAB, **state | {"suppress_echo": False})

        for turn, (what, *told) in enumerate(steps):
            match what, told:
                case "rule", [bool() as on]:
                    state["suppress_echo"] = on
                    await put_both()
                case "filter", [str() as owner]:
                    state["filters"] = (f"Task?owner={owner}",)
                    await put_both()
                case "switch", [bool() as on]:
                    state["status"] = "requested" if on else "off"
                    await put_both()
                case "write", [str() as id, str() as owner, (Client() | None) as by]:
                    task = a_task(owner, id=id, description=str(turn))
                    for written in await submit(rig, put(task, author=by)):
                        assert written.version is not None
                        ruled.setdefault(written.version.seq, bool(state["suppress_echo"]))
                case "together", [(Client() | None) as by]:
                    tasks = [a_task(MINE, id=id, description=str(turn)) for id in ("a", "b")]
                    for written in await submit(rig, *(put(each, author=by) for each in tasks)):
                        assert written.version is not None
                        ruled.setdefault(written.version.seq, bool(state["suppress_echo"]))
                case "delete", [str() as id, Client() as by]:
                    (written,) = await submit(rig, delete(f"Task/{id}", author=by))
                    if written.version is not None:
                        ruled.setdefault(written.version.seq, bool(state["suppress_echo"]))
        heard = {
            id: read_events(rig.hub.store.writer, rig.subscriber(id), 1, rig.top(id))
            for id in (quiet, loud)
        }
        for id, events in heard.items():
            assert [event.number for event in events] == list(range(1, rig.top(id) + 1))
        expected = [
            event.focus
            for event in heard[loud]
            if event.focus and not (event.focus.author == "lab" and ruled[event.focus.seq])
        ]
        assert [event.focus for event in heard[quiet]] == expected

    on_rig(scenario)


def test_a_change_of_the_rule_moves_to_another_stream_and_numbers_go_on() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(caller=LAB))
        for number, asks in enumerate((False, True, False)):
            await rig.update(id, caller=LAB, suppress_echo=asks)
            await submit(rig, put(a_task(id=f"lab{number}"), author=LAB))
            await submit(rig, put(a_task(id=f"ward{number}"), author=WARD))
        heard = ["Task/lab0", "Task/ward0", "Task/ward1", "Task/lab2", "Task/ward2"]
        assert await focuses(rig, id) == heard
        streams = [segment.stream for segment in rig.subscriber(id).segments]
        assert len(streams) == 3 and streams[0] == streams[2] != streams[1]

    on_rig(scenario)


def test_equal_wishes_of_one_owner_share_a_stream_and_those_of_two_do_not() -> None:
    async def scenario(rig: Rig) -> None:
        on = []
        for client, asks in ((LAB, True), (LAB, True), (WARD, True), (LAB, False), (WARD, False)):
            id = id_of(await rig.subscribe(caller=client, suppress_echo=asks))
            on.append(rig.subscriber(id).segments[-1].stream)
        assert on[0] == on[1] and on[3] == on[4]
        assert len(set(on)) == 3

    on_rig(scenario)


@pytest.mark.parametrize("release", list(FhirRelease))
def test_it_is_kept_and_another_ones_put_leaves_it_its_owners(release: FhirRelease) -> None:
    async def scenario() -> None:
        store = MemoryStore()
        async with a_rig(store=store) as rig:
            stored = await rig.subscribe(release, caller=LAB, suppress_echo=True)
            assert body_of(stored)["extension"] == echo_of({"suppress_echo": True})["extension"]
            id = id_of(stored)
            await rig.update(
                id, release, caller=ADMINISTRATOR, suppress_echo=True, end="2030-01-01T00:00:00Z"
            )
            assert rig.subscriber(id, release).owner == "lab"
        async with a_rig(store=store) as rig:
            assert rig.subscriber(id, release).subscription.suppress_echo
            for by in (LAB, ADMINISTRATOR):
                await rig.hub.intake.submit(release, [put(a_task(id=by.name), author=by)])
            assert await rig_focuses(rig, id, release) == ["Task/administrator"]

    run_virtually(scenario())


async def rig_focuses(rig: Rig, id: str, release: FhirRelease) -> list[str | None]:
    answer = await rig.hub.statuses.events(release, id)
    return [event.focus for event in answer.notification.events]


def test_whoever_gives_a_task_away_itself_is_not_told_that_it_lost_it() -> None:
    async def scenario(rig: Rig) -> None:
        quiet, loud = await quiet_and_loud(rig)
        await submit(rig, put(a_task(id="t"), author=WARD))
        await submit(rig, put(a_task(OTHERS, id="t"), author=LAB))
        assert (rig.top(quiet), rig.top(loud)) == (1, 2)

    on_rig(scenario, topics=[PARTY_TOPIC])


def test_where_nobody_knows_whose_changes_they_are_it_is_refused() -> None:
    async def refused(rig: Rig, caller: Client | None, words: str) -> None:
        with pytest.raises(SubscriptionRefused, match=words) as told:
            await rig.subscribe(caller=caller, suppress_echo=True)
        assert told.value.expression == "Subscription.extension"

    async def known(rig: Rig) -> None:
        await refused(rig, None, "nobody owns this one")
        resource = subscription_of(R4, suppress_echo=True)
        url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier"
        named = {"url": url, "valueIdentifier": {"system": "http://x", "value": "1"}}
        resource["extension"] = [*resource["extension"], named]
        with pytest.raises(SubscriptionRefused, match="created this one for somebody else"):
            await rig.hub.subscriptions.create(R4, document(resource), caller=ADMINISTRATOR)

    async def unknown(rig: Rig) -> None:
        await refused(rig, LAB, "this one asks nobody")
        await rig.subscribe(caller=LAB, suppress_echo=False)

    on_rig(known)
    on_rig(unknown, knows_callers=False)


def test_a_hub_that_no_longer_knows_callers_says_so_to_those_who_count_on_it() -> None:
    async def scenario() -> None:
        store = MemoryStore()
        async with a_rig(store=store) as rig:
            quiet, loud = await quiet_and_loud(rig)
        async with a_rig(store=store, knows_callers=False) as rig:
            await rig.refuse_unmatched()
            assert (rig.status(quiet), rig.status(loud)) == ("error", "requested")
            assert "no longer asks who calls it" in (rig.subscriber(quiet).error or "")

    run_virtually(scenario())


def test_an_explanation_says_that_it_was_an_echo() -> None:
    async def scenario(rig: Rig) -> None:
        quiet, loud = await quiet_and_loud(rig)
        await submit(rig, put(a_task(id="t"), author=LAB))
        await submit(rig, put(a_task(id="t", status="accepted"), author=WARD))
        key = ResourceKey(R4, "Task", "t")

        async def told(version: int) -> dict[str, tuple[bool, bool, bool | None]]:
            found = await rig.hub.explain.version(key, version)
            assert found.told == sum(
                stream.is_event for topic in found.topics for stream in topic.streams
            )
            return {
                each.subscriber.subscription.id: (stream.accepts, stream.echo, stream.counted)
                for topic in found.topics
                for stream in topic.streams
                for each in stream.subscriptions
            }

        assert await told(1) == {quiet: (True, True, False), loud: (True, False, True)}
        assert await told(2) == {quiet: (True, False, True), loud: (True, False, True)}
        for author, count in (("", 2), ("ward", 2), ("lab", 1)):
            found = await rig.hub.explain.change(R4, None, a_task(id="n"), author=author)
            assert found.told == count

    on_rig(scenario)
