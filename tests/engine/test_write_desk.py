"""Writes that another process has read and checked: the same as if the hub had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.json_text import Document, parse
from hub.core.release import FhirRelease
from hub.core.search_index import IndexEntry
from hub.engine.hub import base_url
from hub.engine.remote_intake import RemoteIntake
from hub.engine.write import Outcome, Write, Written
from hub.engine.write_desk import WriteDesk
from hub.errors import HubError, InvalidResource, Issue, Unavailable
from hub.ports import StoreBroken, WriteBatch
from tests.support.deadline import DEADLINE
from tests.support.rig import PUBLIC_URL, Rig, on_rig
from tests.support.rig_resources import a_task
from tests.support.rig_writes import R4, delete, post, put

PARAMETERS = {
    release: search_parameters(release, base_url(PUBLIC_URL, release)) for release in FhirRelease
}
LAB = Client(name="lab", parties=frozenset({"Organization/lab"}))
Answer: TypeAlias = Callable[[list[Written] | Exception], None]
IDS = st.sampled_from(["one", "two"])
MATCH = st.sampled_from([None, None, 1, 2, 7])
AUTHORS = st.sampled_from([None, LAB])
WRITES = st.one_of(
    st.builds(
        lambda id, owner, match, author: put(a_task(owner, id=id), if_match=match, author=author),
        IDS,
        st.sampled_from(["Organization/lab", "Organization/other"]),
        MATCH,
        AUTHORS,
    ),
    st.builds(
        lambda id, match, author: delete(f"Task/{id}", if_match=match, author=author),
        IDS,
        MATCH,
        AUTHORS,
    ),
    st.builds(
        lambda id, tag, author: post(a_task(id=id, meta={"tag": [{"code": tag}]}), author=author),
        IDS,
        IDS,
        AUTHORS,
    ),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(float)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@dataclass(slots=True)
class Ends:
    """A hub's desk and the other process, with what was said to the desk."""

    remote: RemoteIntake
    desk: WriteDesk
    handed_over: list[tuple[int, bytes]]
    serving: list[bool]


class _Wire(asyncio.Transport):
    """A transport to another protocol on the same loop."""

    def __init__(self, other: asyncio.Protocol) -> None:
        super().__init__()
        self._other = other
        self._loop = asyncio.get_running_loop()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take any."""

    def write(self, data: Any) -> None:
        """Let the other have it soon."""
        self._loop.call_soon(self._other.data_received, bytes(data))


def both_ends(intake: Any) -> Ends:
    """Connect a desk that writes to ``intake``."""
    handed_over: list[tuple[int, bytes]] = []
    serving: list[bool] = []
    desk = WriteDesk(
        intake,
        serving=lambda: serving.append(True),
        handed_over=lambda number, data: handed_over.append((number, data)),
    )
    remote = RemoteIntake(PARAMETERS)
    desk.line.connection_made(_Wire(remote.line))
    remote.line.connection_made(_Wire(desk.line))
    return Ends(remote, desk, handed_over, serving)


class Local:
    """An intake that refuses all, or leaves it waiting."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.full = False
        self.taken: asyncio.Queue[Answer] = asyncio.Queue()

    def submit_then(self, release: object, write: Write, answer: Answer) -> None:
        """Take a write."""
        if self.full:
            raise Unavailable("no more", retry_after=3)
        if self.errors:
            answer(self.errors.pop(0))
        else:
            self.taken.put_nowait(answer)


async def _come_to(submitting: Any) -> Any:
    """Return what a write came to: outcome and version, or the refusal."""
    try:
        (written,) = await submitting
    except HubError as error:
        return type(error), error.diagnostics, error.expression, error.issues, error.retry_after
    version = written.version
    return (
        written.outcome,
        version
        and (version.version, version.interaction, version.seq, version.author, version.previous),
    )


class Indexed:
    """What commits add to the index, and take from it."""

    def __init__(self) -> None:
        self.entries: list[tuple[dict[int, IndexEntry | None], list[int]]] = []

    def committed(self, written: WriteBatch, woken: object) -> None:
        """Keep what is searched for."""
        self.entries.append((dict(written.index), list(written.unindex)))


@given(writes=st.lists(WRITES, max_size=12))
def test_writes_come_to_the_same_over_a_line(writes: list[Write]) -> None:
    found: list[list[Any]] = []
    indexed: list[Indexed] = []

    async def come_to(rig: Rig, intake: Any) -> None:
        indexed.append(Indexed())
        rig.hub.intake.follow(indexed[-1])
        found.append([await _come_to(intake.submit(R4, [each])) for each in writes])

    async def direct(rig: Rig) -> None:
        await come_to(rig, rig.hub.intake)

    async def over_a_line(rig: Rig) -> None:
        await come_to(rig, both_ends(rig.hub.intake).remote)

    on_rig(direct)
    on_rig(over_a_line)
    assert found[0] == found[1]
    assert indexed[0].entries == indexed[1].entries


def test_writes_of_one_turn_are_written_in_their_order() -> None:
    async def scenario(rig: Rig) -> None:
        remote = both_ends(rig.hub.intake).remote
        tasks = [put(a_task(f"Organization/o{number}", id="one")) for number in range(20)]
        writing = [asyncio.ensure_future(remote.submit(R4, [each])) for each in tasks]
        versions = [written.version for each in writing for written in await each]
        assert [each and each.version for each in versions] == [*range(1, 21)]
        assert all(each and each.body for each in versions)

    on_rig(scenario)


@given(value=st.dictionaries(st.text("abc", min_size=1), JSON, max_size=4))
def test_a_document_is_read_again_as_it_was(value: dict[str, Any]) -> None:
    document = parse(json.dumps(value).encode())
    found: list[Write] = []

    class Taking:
        def submit_then(self, release: object, write: Write, answer: Answer) -> None:
            found.append(write)
            answer(Unavailable("enough"))

    async def scenario() -> None:
        write = Write(
            interaction=Interaction.UPDATE, resource_type="Task", id="x", document=document
        )
        with pytest.raises(Unavailable):
            await both_ends(Taking()).remote.submit(R4, [write])

    asyncio.run(scenario())
    (write,) = found
    assert isinstance(write.document, Document)
    assert write.document.source == document.source
    assert _spelled(write.document.value) == _spelled(document.value)


def _spelled(value: Any) -> Any:
    """Return a value in which numbers of different type or spelling differ."""
    if isinstance(value, dict):
        return {key: _spelled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    return (type(value).__name__, str(value)) if isinstance(value, int | Decimal) else value


def test_a_refusal_says_over_a_line_what_it_says_without_one() -> None:
    error = InvalidResource(
        "wrong", expression="Task.status", issues=[Issue("value", "no", "Task.status", hint="h")]
    )

    async def scenario() -> None:
        intake = Local(error, StoreBroken("disk"), Unavailable("later", retry_after=9))
        remote = both_ends(intake).remote
        with pytest.raises(InvalidResource) as refused:
            await remote.submit(R4, [put(a_task(id="x"))])
        assert vars(refused.value) == vars(error)
        with pytest.raises(RuntimeError, match="log"):
            await remote.submit(R4, [put(a_task(id="x"))])
        with pytest.raises(Unavailable) as later:
            await remote.submit(R4, [put(a_task(id="x"))])
        assert later.value.retry_after == 9
        intake.full = True
        with pytest.raises(Unavailable, match="no more") as full:
            await remote.submit(R4, [put(a_task(id="x"))])
        assert full.value.retry_after == 3

    asyncio.run(scenario())


def test_nobody_minds_an_answer_that_is_not_waited_for_any_more() -> None:
    async def scenario() -> None:
        intake = Local()
        remote = both_ends(intake).remote
        late: list[list[Written] | Exception] = [
            Unavailable("late"),
            [Written(Outcome.ABSENT, None)],
        ]
        for came in late:
            leaving = asyncio.ensure_future(remote.submit(R4, [delete("Task/x")]))
            answer = await intake.taken.get()
            leaving.cancel()
            answer(came)
        intake.errors = [Unavailable("the line is well")]
        with pytest.raises(Unavailable, match="well"):
            await remote.submit(R4, [delete("Task/x")])

    asyncio.run(scenario())


def test_both_say_when_connections_are_accepted_come_and_shall_end() -> None:
    async def scenario() -> None:
        ends = both_ends(Local())
        ends.remote.serving()
        ends.remote.handed_over(7, b"GET / HTTP/1.1\r\n")
        ends.desk.stop()
        async with asyncio.timeout(DEADLINE):
            await ends.remote.stopping
        assert (ends.serving, ends.handed_over) == ([True], [(7, b"GET / HTTP/1.1\r\n")])

    asyncio.run(scenario())
