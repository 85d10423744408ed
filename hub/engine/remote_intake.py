"""The hub's intake as a web process of its own knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import orjson

from hub.core.json_text import Document
from hub.core.release import FhirRelease
from hub.core.search_index import NOTHING, content_entry
from hub.core.search_parameter import SearchParameters
from hub.engine.plain_value import version_of
from hub.engine.process_line import ProcessLine
from hub.engine.write import Outcome, Write, Written
from hub.engine.write_talk import Applied, HandedOver, Refused, Serving, Stop, Submit


class RemoteIntake:
    """``hub.engine.intake.Intake``, as far as single writes go, over a line.

    Args:
        parameters: the same as the hub's.
    """

    def __init__(self, parameters: Mapping[FhirRelease, SearchParameters]) -> None:
        self._parameters = parameters
        self.line = ProcessLine(self._take)
        self.stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the hub stops."""
        self._asked: dict[int, asyncio.Future[Written]] = {}
        self._last = 0

    async def submit(self, release: FhirRelease, writes: Sequence[Write]) -> list[Written]:
        """Apply one write; return when it is durable, with its events.

        Raises:
            HubError: it was refused, nothing of it was kept.
        """
        (write,) = writes
        self._last = number = self._last + 1
        done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self._asked[number] = done
        document = write.document
        text, ranges = NOTHING
        if document is not None:
            text, ranges = content_entry(self._parameters[release], document.value)
        self.line.say(
            Submit(
                number,
                release.value,
                write.interaction.value,
                write.resource_type,
                write.id,
                None if document is None else document.source,
                document is not None and _has_fractions(document),
                write.if_match,
                write.author,
                text,
                ranges,
            )
        )
        return [await done]

    def serving(self) -> None:
        """Say that connections are accepted."""
        self.line.say(Serving())

    def handed_over(self, number: int, data: bytes) -> None:
        """Say what was read of a connection that comes beside the line."""
        self.line.say(HandedOver(number, data))

    def _take(self, said: Applied | Refused | Stop) -> None:
        match said:
            case Applied(number, outcome, version):
                done = self._asked.pop(number)
                if not done.cancelled():
                    current = None if version is None else version_of(version)
                    done.set_result(Written(Outcome(outcome), current))
            case Refused(number, error):
                done = self._asked.pop(number)
                if not done.cancelled():
                    done.set_exception(error or RuntimeError("the hub's log tells why it failed"))
            case Stop():
                self.stopping.set_result(None)


def _has_fractions(document: Document) -> bool:
    """Tell whether there are numbers whose spelling only ``hub.core.json_text`` keeps."""
    try:
        orjson.dumps(document.value)
    except TypeError:
        return True
    return False
