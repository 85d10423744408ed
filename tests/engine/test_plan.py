"""What one unit of changes comes to: order, preconditions, references, events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.core.change import Interaction
from hub.core.json_text import Document, dumps, parse
from hub.core.release import FhirRelease, Resource
from hub.core.version import ResourceKey
from hub.engine.write import Outcome, Write, Written
from hub.errors import Deleted, InvalidResource, MultipleMatches, NotFound, VersionConflict
from tests.support.rig import SECOND, Rig, on_rig
from tests.support.rig_resources import a_task, a_topic, body_of, id_of
from tests.support.rig_writes import delete, focuses, post, put, query, submit

R4 = FhirRelease.R4


def a_patient(id: str, **more: Any) -> Resource:
    """Return a Patient."""
    return {"resourceType": "Patient", "id": id} | more


def test_a_unit_is_processed_deletions_first_then_creations_then_updates() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.write(a_task(id="old"))
        answers = await submit(
            rig,
            put(a_task(id="one")),
            post(a_task()),
            put(a_task(id="two")),
            delete("Task/old"),
        )
        outcomes = [answer.outcome for answer in answers]
        assert outcomes == ["created", "created", "created", "deleted"]
        created = answers[1].version
        assert created is not None
        assert (await focuses(rig, id))[1:] == [
            "Task/old",
            created.key.reference,
            "Task/one",
            "Task/two",
        ]
        stored = rig.hub.store.writer.history(R4, "Task", None, count=4)
        assert {version.transaction for version in stored} == {stored[0].seq}

    on_rig(scenario)


def test_a_trigger_compares_with_the_request_before_even_within_one_commit() -> None:
    completing = a_topic(
        resourceTrigger=[
            {
                "resource": "Task",
                "queryCriteria": {
                    "previous": "status:not=completed",
                    "current": "status=completed",
                    "requireBoth": True,
                },
            }
        ]
    )

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(filters=()))
        await asyncio.gather(
            rig.write(a_task(id="t")),
            rig.write(a_task(id="t", status="completed")),
            rig.write(a_task(id="t", status="completed", description="again")),
        )
        assert await focuses(rig, id) == ["Task/t"]
        await rig.write(a_task(id="t", status="ready"))
        await rig.write(a_task(id="t", status="completed"))
        assert await focuses(rig, id) == ["Task/t", "Task/t"]

    on_rig(scenario, topics=[completing])


def test_chains_and_reverse_chains_see_the_state_after_the_whole_unit() -> None:
    chained = a_topic(
        canFilterBy=[
            {"resource": "Task", "filterParameter": "patient.gender"},
            {"resource": "Task", "filterParameter": "_has:Task:part-of:status"},
        ]
    )

    async def scenario(rig: Rig) -> None:
        chain = id_of(await rig.subscribe(filters=("Task?patient.gender=female",)))
        has = id_of(await rig.subscribe(filters=("Task?_has:Task:part-of:status=ready",)))
        await rig.write(a_patient("p", gender="male"))
        await submit(
            rig,
            put(a_task(id="parent") | {"for": {"reference": "Patient/p"}}),
            put(a_task(id="part", status="ready") | {"partOf": [{"reference": "Task/parent"}]}),
            put(a_patient("p", gender="female")),
        )
        assert await focuses(rig, chain) == ["Task/parent"]
        assert await focuses(rig, has) == ["Task/parent"]

    on_rig(scenario, topics=[chained])


def test_includes_are_taken_at_the_versions_that_the_unit_leaves() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(content="full-resource"))
        await rig.write(a_patient("p", gender="male"))
        await submit(
            rig,
            put(a_task(id="t") | {"for": {"reference": "Patient/p"}}),
            put(a_task(id="u") | {"for": {"reference": "Patient/nobody"}}),
            put(a_patient("p", gender="female")),
        )
        await rig.write(a_patient("p", gender="other"))
        bundle = await rig.events(id)
        shown = [entry["resource"] for entry in bundle["entry"][1:]]
        assert [(each["resourceType"], each["meta"]["versionId"]) for each in shown] == [
            ("Task", "1"),
            ("Patient", "2"),
            ("Task", "1"),
        ]
        assert shown[1]["gender"] == "female"

    on_rig(scenario)


def test_one_change_is_one_event_of_a_stream_however_many_triggers_fire() -> None:
    twice = a_topic(resourceTrigger=[{"resource": "Task"}, {"resource": "Task"}])

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.write(a_task(id="t"))
        (segment,) = rig.subscriber(id).segments
        (event,) = rig.hub.store.writer.events(segment.stream, 1, 10)
        assert event.context.triggers == (0, 1)
        assert await focuses(rig, id) == ["Task/t"]

    on_rig(scenario, topics=[twice])


@pytest.mark.parametrize("written", [False, True])
def test_if_match_refuses_what_is_not_current(written: bool) -> None:
    async def scenario(rig: Rig) -> None:
        if written:
            await rig.write(a_task(id="t"))
        with pytest.raises(VersionConflict, match=r'W/"1"' if written else "there is no Task/t"):
            await submit(rig, put(a_task(id="t", status="ready"), if_match=2))
        if written:
            (answer,) = await submit(rig, put(a_task(id="t", status="ready"), if_match=1))
            assert answer.outcome is Outcome.UPDATED
            await rig.delete("Task/t")
            with pytest.raises(VersionConflict):
                await submit(rig, delete("Task/t", if_match=3))

    on_rig(scenario)


def test_a_unit_that_is_refused_leaves_nothing_of_itself() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        with pytest.raises(VersionConflict):
            await submit(rig, post(a_task()), put(a_task(id="t"), if_match=1))
        await rig.write(a_task(id="u"))
        assert await focuses(rig, id) == ["Task/u"]
        found = rig.hub.store.writer.history(R4, "Task", None, count=10)
        assert [version.key.id for version in found] == ["u"]

    on_rig(scenario)


def test_if_none_exist_sees_what_was_planned_a_moment_before_in_the_same_commit() -> None:
    task = a_task(identifier=[{"system": "urn:x", "value": "7"}])
    once = post(task, if_none_exist=query(identifier="urn:x|7"))

    async def scenario(rig: Rig) -> None:
        answers = await asyncio.gather(*(submit(rig, once) for _ in range(3)))
        assert [answer.outcome for (answer,) in answers] == ["created", "matched", "matched"]
        assert len({answer.version for (answer,) in answers}) == 1
        (later,) = await submit(rig, once)
        assert later == answers[1][0]
        await rig.write(task)
        with pytest.raises(MultipleMatches):
            await submit(rig, once)

    on_rig(scenario)


def _text(text: str) -> Write:
    return Write(
        interaction=Interaction.UPDATE,
        resource_type="Task",
        id="t",
        document=parse(text.encode()),
    )


_SPELLED = (
    '{"resourceType":"Task","id":"t","status":"ready","intent":"order",'
    '"input":[{"type":{"text":"x"},"valueDecimal":%s}]%s}'
)


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (_SPELLED % ("1.10", ""), Outcome.UNCHANGED),
        (_SPELLED.replace(",", " ,  ") % ("1.10", ""), Outcome.UNCHANGED),
        (_SPELLED % ("1.10", ',"meta":{"versionId":"9"}'), Outcome.UNCHANGED),
        (_SPELLED % ("1.1", ""), Outcome.UPDATED),
        (_SPELLED % ("1.10", ',"meta":{"tag":[{"code":"a"}]}'), Outcome.UPDATED),
    ],
)
def test_what_says_the_same_is_no_new_version_and_no_event(second: str, outcome: str) -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(filters=()))
        await submit(rig, _text(_SPELLED % ("1.10", "")))
        (answer,) = await submit(rig, _text(second))
        assert answer.outcome == outcome
        assert answer.version is not None
        changed = outcome == "updated"
        assert answer.version.version == (2 if changed else 1)
        assert len(await focuses(rig, id)) == (2 if changed else 1)

    on_rig(scenario)


def test_a_put_after_a_delete_creates_and_version_numbers_go_on() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.write(a_task(id="t"))
        deleted = await rig.delete("Task/t")
        assert deleted.outcome is Outcome.DELETED
        (again,) = await rig.write(a_task(id="t"))
        assert again.outcome is Outcome.CREATED
        assert again.version is not None
        assert again.version.version == 3
        assert again.version.interaction is Interaction.CREATE

    on_rig(scenario)


def test_deleting_nothing_is_no_event() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(filters=()))
        assert await rig.delete("Task/t") == Written(Outcome.ABSENT, None)
        await rig.write(a_task(id="t"))
        await rig.delete("Task/t")
        again = await rig.delete("Task/t")
        assert again.outcome is Outcome.ABSENT
        assert again.version is not None and again.version.deleted
        assert await focuses(rig, id) == ["Task/t", "Task/t"]

    on_rig(scenario)


def test_a_unit_that_changes_a_resource_twice_is_refused() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(InvalidResource, match="Task/t twice"):
            await submit(rig, put(a_task(id="t")), delete("Task/t"))

    on_rig(scenario)


def _completed(resource: Resource) -> Document:
    return parse(dumps(resource | {"status": "completed"}))


def test_a_patch_changes_what_is_there_and_nothing_else() -> None:
    patch = Write(interaction=Interaction.UPDATE, resource_type="Task", id="t", patch=_completed)

    async def scenario(rig: Rig) -> None:
        with pytest.raises(NotFound):
            await submit(rig, patch)
        await rig.write(a_task(id="t"))
        (answer,) = await submit(rig, patch)
        assert body_of(answer)["status"] == "completed"
        await rig.delete("Task/t")
        with pytest.raises(Deleted):
            await submit(rig, patch)

    on_rig(scenario)


def test_a_write_without_content_is_a_bug_of_the_caller() -> None:
    empty = Write(interaction=Interaction.CREATE, resource_type="Task")

    async def scenario(rig: Rig) -> None:
        with pytest.raises(ValueError, match="without a document"):
            await submit(rig, empty)

    on_rig(scenario)


def test_an_event_about_a_deletion_looks_at_the_state_before_it() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        other = id_of(await rig.subscribe(filters=("Task?owner=Organization/other",)))
        await rig.write(a_task(id="t"))
        await rig.write(a_task("Organization/other", id="t"))
        await rig.delete("Task/t")
        assert await focuses(rig, id) == ["Task/t"]
        assert await focuses(rig, other) == ["Task/t", "Task/t"]

    on_rig(scenario)


def test_only_the_newest_version_is_found_by_search() -> None:
    async def scenario(rig: Rig) -> None:
        await asyncio.gather(
            rig.write(a_task(id="t")),
            rig.write(a_task(id="t", status="ready")),
            rig.write(a_task(id="u")),
            rig.delete("Task/u"),
        )
        await rig.after(SECOND)
        reader = rig.hub.store.writer
        for key, version in ((ResourceKey(R4, "Task", "t"), 2), (ResourceKey(R4, "Task", "u"), 2)):
            head = reader.head(key)
            assert head is not None and head.version == version
        hidden = post(a_task(), if_none_exist=query(status="requested"))
        (answer,) = await submit(rig, hidden)
        assert answer.outcome is Outcome.CREATED

    on_rig(scenario)
