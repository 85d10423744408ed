"""What the order story tells: one step for each thing that happened, with a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.cli.client import Answer
from hub.cli.endpoint import Received, Reply
from hub.cli.story_actor import FULFILLER, HUB, PHYSICIAN, Heard, Mail
from hub.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened: who did what to whom, and whether it was as it should be.

    ``number`` is the event number of a notification, ``status`` what was answered, and
    ``milliseconds`` how long it took: a request until its answer, a notification since the commit;
    ``alarm`` marks what went wrong on purpose.
    """

    at: datetime
    who: str
    whom: str
    what: str
    held: bool
    number: str = ""
    status: str = ""
    milliseconds: float | None = None
    alarm: bool = False


class Narrator:
    """Keeps the steps, and tells each as it happens.

    Args:
        clock: tells the time of a step.
        tell: called with each step.
        announce: called with the title of each scene.
    """

    def __init__(
        self, clock: Clock, tell: Callable[[Step], None], announce: Callable[[str], None]
    ) -> None:
        self.announce = announce
        self.steps: list[Step] = []
        self._clock = clock
        self._tell = tell

    @property
    def held(self) -> bool:
        """Whether something happened, and every step was as it should be."""
        return bool(self.steps) and all(step.held for step in self.steps)

    def say(
        self,
        who: str,
        whom: str,
        what: str,
        *,
        held: bool = True,
        number: str = "",
        status: str = "",
        milliseconds: float | None = None,
        alarm: bool = False,
    ) -> None:
        """Tell one step that happened now."""
        step = Step(
            at=self._clock.now(),
            who=who,
            whom=whom,
            what=what,
            held=held,
            number=number,
            status=status,
            milliseconds=milliseconds,
            alarm=alarm,
        )
        self.steps.append(step)
        self._tell(step)

    def answered(self, who: str, what: str, answer: Answer, *, held: bool = True) -> None:
        """Tell that the hub answered a request of ``who``."""
        took = answer.milliseconds
        self.say(who, HUB, what, held=held, status=str(answer.status), milliseconds=took)

    def notified(
        self,
        received: Received,
        what: str,
        reply: Reply,
        *,
        held: bool = True,
        alarm: bool = False,
    ) -> None:
        """Tell that the fulfiller got a notification of one event and should reply so."""
        arrival = received.arrival
        took = received.at - (arrival.events[0].timestamp or received.at)
        self.say(
            HUB,
            FULFILLER,
            what,
            held=held and received.reply is reply and len(arrival.events) == 1,
            number=arrival.numbers,
            status=received.reply.value[:3],
            milliseconds=took.total_seconds() * 1000,
            alarm=alarm,
        )

    def heard(self, whom: str, heard: Heard, *, held: bool) -> None:
        """Tell that somebody heard of an event over a websocket."""
        event = heard.event
        self.say(
            HUB,
            whom,
            f"{event.focus} {event.state}",
            held=held,
            number=f"#{event.number}",
            status="ws",
            milliseconds=heard.milliseconds,
        )

    def mailed(self, mail: Mail, *, held: bool) -> None:
        """Tell that the physician got a mail about one event."""
        self.say(
            HUB,
            PHYSICIAN,
            f"mail “{mail.subject}”: {mail.event.focus}",
            held=held,
            number=f"#{mail.event.number}",
            status="250",
            milliseconds=mail.milliseconds,
        )
