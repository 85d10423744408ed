"""The hub's end of a web process: it writes what that has read and checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import orjson

from hub.core.change import Interaction
from hub.core.json_text import Document, parse
from hub.core.release import FhirRelease
from hub.core.search_index import IndexEntry
from hub.engine.intake import Intake
from hub.engine.plain_value import plain_version
from hub.engine.process_line import ProcessLine
from hub.engine.write import Write, Written
from hub.engine.write_talk import Applied, HandedOver, Refused, Serving, Stop, Submit
from hub.errors import HubError


class WriteDesk:
    """Serves one web process, until its line is lost.

    Args:
        intake: writes.
        serving: is called once the process accepts connections.
        handed_over: is called with number and first bytes of a connection that comes.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        serving: Callable[[], None],
        handed_over: Callable[[int, bytes], None],
    ) -> None:
        self.line = ProcessLine(self._take)
        self._intake = intake
        self._serving = serving
        self._handed_over = handed_over

    def stop(self) -> None:
        """Let what is under way be answered, and the process end then."""
        self.line.say(Stop())

    def _take(self, said: Submit | HandedOver | Serving) -> None:
        if isinstance(said, Submit):
            self._submit(said)
        elif isinstance(said, HandedOver):
            self._handed_over(said.number, said.data)
        else:
            self._serving()

    def _submit(self, said: Submit) -> None:
        (
            number,
            release,
            interaction,
            kind,
            id,
            source,
            has_fractions,
            if_match,
            author,
            terms,
            ranges,
        ) = said
        document: Document | None = None
        content: IndexEntry | None = None
        if source is not None:
            document = parse(source.encode()) if has_fractions else _reread(source)
            content = IndexEntry(terms, ranges)
        write = Write(
            interaction=Interaction(interaction),
            resource_type=kind,
            id=id,
            document=document,
            if_match=if_match,
            author=author,
            content=content,
        )
        try:
            self._intake.submit_then(FhirRelease(release), write, partial(self._answer, number))
        except HubError as error:
            self._answer(number, error)

    def _answer(self, number: int, came: list[Written] | Exception) -> None:
        if isinstance(came, Exception):
            self.line.say(Refused(number, came if isinstance(came, HubError) else None))
            return
        (written,) = came
        current = None if written.version is None else plain_version(written.version)
        self.line.say(Applied(number, written.outcome.value, current))


def _reread(source: str) -> Document:
    """Return the document of a text that the other process has read, and that has no fractions."""
    return Document(orjson.loads(source), source)
