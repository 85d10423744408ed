"""One event as one line, for people or for programs, and the tape that they are written on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.cli.arrival import Arrival, ArrivedEvent
from hub.cli.terminal import Terminal, clock_time, milliseconds, printable

SCHEMA = 1


def _delay(event: ArrivedEvent, now: datetime) -> float | None:
    if event.timestamp is None:
        return None
    return (now - event.timestamp).total_seconds() * 1000


def event_line(
    terminal: Terminal, arrival: Arrival, event: ArrivedEvent, now: datetime, recovered: bool
) -> str:
    """Return ``12:01:02.123  →    #3  4.0 ms  v2 accepted  Task/81``.

    The state is the resource's own where the payload holds it, else the Subscription's status.
    """
    arrow = terminal.paint("↺", "yellow") if recovered else terminal.paint("→", "green")
    number = terminal.paint((f"#{event.number}" if event.number else "").rjust(6), "bold")
    delay = _delay(event, now)
    took = terminal.paint(("" if delay is None else milliseconds(delay)).rjust(8), "dim")
    state = printable(event.state or arrival.status).ljust(16)
    focus = terminal.paint(printable(event.focus or "(empty)"), "cyan")
    note = terminal.paint("  recovered", "yellow") if recovered else ""
    shown = terminal.paint(clock_time(now), "dim")
    return f"{shown}  {arrow} {number}  {took}  {state}  {focus}{note}"


def event_json(arrival: Arrival, event: ArrivedEvent, now: datetime, *, recovered: bool) -> str:
    """Return one JSON object; its fields are told by ``fhir-hub watch --help``."""
    delay = _delay(event, now)
    return json.dumps(
        {
            "schema": SCHEMA,
            "number": event.number or None,
            "focus": event.focus,
            "context": list(event.context),
            "timestamp": None if event.timestamp is None else event.timestamp.isoformat(),
            "arrived": now.isoformat(),
            "milliseconds": None if delay is None else round(delay, 3),
            "recovered": recovered,
            "state": event.state,
            "subscription": arrival.subscription_name if event.number else None,
            "status": arrival.status,
            "topic": arrival.topic,
        },
        ensure_ascii=False,
    )


@dataclass(slots=True)
class Tape:
    """Where events are written, one line each, until it is full.

    ``count`` is how many events it takes, None for any number; ``on_line`` is called with each.
    """

    terminal: Terminal
    as_json: bool
    count: int | None
    on_line: Callable[[], None] = lambda: None
    shown: int = 0

    @property
    def full(self) -> bool:
        """Whether ``count`` events have been written."""
        return self.count is not None and self.shown >= self.count

    def write(
        self, arrival: Arrival, event: ArrivedEvent, at: datetime, *, recovered: bool
    ) -> None:
        """Write one event that arrived ``at``; what comes after the tape is full is dropped."""
        if self.full:
            return
        if self.as_json:
            self.terminal.line(event_json(arrival, event, at, recovered=recovered))
        else:
            self.terminal.line(event_line(self.terminal, arrival, event, at, recovered))
        self.shown += 1
        self.on_line()
