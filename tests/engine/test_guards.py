"""Writes that a guard speaks against: refused whole, and nobody hears of them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.json_text import Document, parse
from hub.core.release import FhirRelease, Resource
from hub.core.task_table import TASK_STATUSES, parse_task_guard
from hub.core.version import ResourceKey
from hub.engine.guards import Guards
from hub.engine.write import Outcome, Write
from hub.errors import (
    Deleted,
    HubError,
    NotFound,
    TaskReserved,
    TransitionNotAllowed,
    VersionConflict,
    VersionRequired,
)
from hub.guard_settings import read_task_guard
from tests.support.rig import SECOND, Rig, on_rig
from tests.support.rig_resources import a_task, document, id_of
from tests.support.rig_writes import delete, post, put, query, submit

R4 = FhirRelease.R4
VERSIONED = Guards(if_match=frozenset({"Task"}))
TABLE = {
    "requested": ("accepted", "rejected"),
    "accepted": ("in-progress",),
    "in-progress": ("on-hold", "completed"),
    "on-hold": ("in-progress",),
}
GUARDED = Guards(
    tasks=parse_task_guard(
        {
            "rules": [
                {
                    "start": ["requested"],
                    "transitions": {status: list(to) for status, to in TABLE.items()},
                }
            ]
        }
    )
)


def patched(status: str) -> Write:
    """Return a patch of ``Task/t``."""

    def patch(current: Resource) -> Document:
        changed: Document = document(current | {"status": status})
        return changed

    return Write(interaction=Interaction.UPDATE, resource_type="Task", id="t", patch=patch)


async def refused(rig: Rig, kind: type[HubError], *writes: Write) -> HubError:
    """Return why a unit was refused; nothing of it was kept."""
    before = rig.hub.store.writer.history(R4, "Task", None, count=100)
    with pytest.raises(kind) as told:
        await submit(rig, *writes)
    assert rig.hub.store.writer.history(R4, "Task", None, count=100) == before
    return told.value


def test_nobody_changes_blindly_what_needs_if_match() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await submit(rig, put(a_task(id="t")), post(a_task()))
        assert rig.top(id) == 2
        for blind in (put(a_task(id="t", status="ready")), put(a_task(id="t")), delete("Task/t")):
            error = await refused(rig, VersionRequired, blind)
            assert "Task/t is there" in error.diagnostics
        await refused(rig, VersionRequired, patched("ready"))
        await refused(
            rig, VersionRequired, put({"resourceType": "Patient", "id": "p"}), patched("")
        )
        await refused(rig, VersionConflict, put(a_task(id="t", status="ready"), if_match=2))
        assert rig.hub.store.writer.head(ResourceKey(R4, "Patient", "p")) is None
        assert rig.top(id) == 2

        (written,) = await submit(rig, put(a_task(id="t", status="ready"), if_match=1))
        assert written.outcome is Outcome.UPDATED
        (written,) = await submit(rig, delete("Task/t", if_match=2))
        assert written.outcome is Outcome.DELETED
        assert rig.top(id) == 4

    on_rig(scenario, guards=VERSIONED)


def test_a_create_is_not_concerned_nor_is_another_type() -> None:
    async def scenario(rig: Rig) -> None:
        (absent,) = await submit(rig, delete("Task/t"))
        assert absent.outcome is Outcome.ABSENT
        await refused(rig, NotFound, patched("ready"))
        tagged = a_task(id="t", identifier=[{"system": "http://x", "value": "1"}])
        await submit(rig, put(tagged))
        (matched,) = await submit(rig, post(a_task(), if_none_exist=query(identifier="http://x|1")))
        assert matched.outcome is Outcome.MATCHED
        await submit(rig, delete("Task/t", if_match=1))
        (again,) = await submit(rig, put(a_task(id="t")))
        assert again.outcome is Outcome.CREATED
        for _ in range(2):
            await submit(rig, put({"resourceType": "Patient", "id": "p"}))

    on_rig(scenario, guards=VERSIONED)


def test_a_subscription_is_versioned_for_clients_and_not_for_the_hub() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        assert rig.status(id) == "active"  # the hub itself has changed it
        for change in (
            rig.update(id, end="2030-01-01T00:00:00Z"),
            rig.hub.subscriptions.patch(R4, id, document),
            rig.hub.subscriptions.delete(R4, id),
        ):
            with pytest.raises(VersionRequired, match=f"Subscription/{id} is there"):
                await change
        head = rig.hub.store.writer.head(ResourceKey(R4, "Subscription", id))
        assert head is not None
        await rig.update(id, if_match=head.version, end="2030-01-01T00:00:00Z")

    on_rig(scenario, guards=Guards(if_match=frozenset({"Subscription"})))


def test_a_way_that_has_no_if_match_is_not_asked_for_it() -> None:
    async def scenario(rig: Rig) -> None:
        for status in ("requested", "accepted"):
            await submit(rig, put(a_task(id="t", status=status), unconditional=True))
        await submit(rig, delete("Task/t", unconditional=True))

    on_rig(scenario, guards=VERSIONED)


def test_a_forbidden_step_falls_with_all_that_was_sent_with_it() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await submit(rig, put(a_task(id="t")), put(a_task(id="u")))
        assert rig.top(id) == 2
        error = await refused(
            rig,
            TransitionNotAllowed,
            put(a_task(id="u", status="accepted")),
            post(a_task()),
            patched("completed"),
        )
        assert error.diagnostics == (
            "Task/t is requested and may not become completed; it may become accepted or rejected"
        )
        await refused(rig, TransitionNotAllowed, put(a_task(id="t", status="completed")))
        await refused(rig, TransitionNotAllowed, post(a_task(status="completed")))
        assert rig.top(id) == 2
        await submit(rig, patched("accepted"))
        assert rig.top(id) == 3
        await submit(rig, delete("Task/t"))
        await refused(rig, TransitionNotAllowed, put(a_task(id="t", status="in-progress")))
        assert rig.top(id) == 4

    on_rig(scenario, guards=GUARDED)


def test_who_writes_is_asked_of_every_write_of_a_unit() -> None:
    ward, lab = (
        Client(name=name, parties=frozenset({f"Organization/{name}"})) for name in ("ward", "lab")
    )

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        asked = a_task(id="t", requester={"reference": "Organization/ward"})
        await refused(rig, TaskReserved, put(asked))
        await refused(rig, TaskReserved, put(asked, author=lab))
        await submit(rig, put(asked, author=ward))
        error = await refused(
            rig,
            TaskReserved,
            post(asked | {"id": "u"}, author=ward),
            put(asked | {"status": "accepted"}, author=ward),
        )
        assert (
            error.diagnostics == "Task/t is requested; that it becomes accepted is up to its owner"
        )
        mine = asked | {"owner": {"reference": "Organization/ward"}}
        await refused(rig, TaskReserved, put(mine, author=ward))
        await refused(rig, TaskReserved, put(mine | {"status": "accepted"}, author=ward))
        assert rig.top(id) == 1
        # An absolute reference below the hub's own base names the same.
        base = rig.hub.base_url(R4)
        absolute = asked | {"owner": {"reference": f"{base}/Organization/lab"}}
        await submit(rig, put(absolute | {"status": "received"}, author=lab))
        await submit(rig, put(absolute | {"status": "accepted"}, author=lab))
        assert rig.top(id) == 3

    on_rig(scenario, guards=Guards(tasks=read_task_guard("order")))


STEP = st.tuples(
    st.sampled_from(("put", "patch", "delete")),
    st.sampled_from(TASK_STATUSES),
    st.booleans(),
)


@given(steps=st.lists(STEP, max_size=12))
def test_whatever_is_tried_the_log_has_allowed_steps_and_each_has_one_event(
    steps: list[tuple[str, str, bool]],
) -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        for how, status, with_another in steps:
            write = {
                "put": put(a_task(id="t", status=status)),
                "patch": patched(status),
                "delete": delete("Task/t"),
            }[how]
            more = [post(a_task())] if with_another else []
            with suppress(TransitionNotAllowed, NotFound, Deleted):
                await submit(rig, write, *more)
        log = rig.hub.store.writer.history(R4, "Task", None, count=100)
        assert rig.top(id) == len(log)
        now: str | None = None
        for version in reversed([each for each in log if each.key.id == "t"]):
            if version.body is None:
                now = None
                continue
            status = parse(version.body).value["status"]
            if now is None:
                assert status == "requested"
            else:
                assert status == now or status in TABLE.get(now, ())
            now = status

    on_rig(scenario, guards=GUARDED)
