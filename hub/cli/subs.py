"""``fhir-hub subs``: what Subscriptions ask for, how they fare, and mending them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from hub.cli.arrival import Arrival
from hub.cli.client import HubClient, parameter_values, read_bearer
from hub.cli.event_line import Tape
from hub.cli.exits import CommandError, Exit
from hub.cli.request import CODECS, bare_name
from hub.cli.running import run_async
from hub.cli.subs_check import check
from hub.cli.terminal import Terminal, clock_time, milliseconds, printable
from hub.clock import SystemClock
from hub.codecs.classic import is_search
from hub.codecs.filter_criteria import write_filter
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import HubError
from hub.ports import Clock

HANDSHAKE_PATIENCE = timedelta(seconds=20)
"""How long ``reactivate`` looks for the outcome of the handshake."""

_POLL = timedelta(milliseconds=250)
_PHASES = ("dns", "connect", "tls", "wait")
_STATUS_COLOUR = {"active": "green", "requested": "yellow", "error": "red", "off": "dim"}


def run(arguments: argparse.Namespace) -> int:
    """Do what ``arguments.action`` says."""
    return run_async(act(arguments, Terminal.standard(os.environ, plain=arguments.plain)))


async def act(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Do what ``arguments.action`` says and return the exit code."""
    clock = SystemClock()
    if arguments.action == "check":
        return await check(arguments, terminal, clock)
    async with HubClient(
        arguments.url, FhirRelease(arguments.release.upper()), clock, token=read_bearer(arguments)
    ) as client:
        desk = Desk(client, terminal, clock, arguments)
        return await _ACTIONS[arguments.action](desk)


class Desk:
    """The actions; each returns an exit code."""

    def __init__(
        self, client: HubClient, terminal: Terminal, clock: Clock, arguments: argparse.Namespace
    ) -> None:
        self._client = client
        self._terminal = terminal
        self._clock = clock
        self._arguments = arguments
        self._json = arguments.format == "json"
        id = getattr(arguments, "id", "").rpartition("/")[2]
        self._path = f"Subscription/{id}"

    async def list(self) -> int:
        """All Subscriptions, a row each."""
        statuses = await self._client.statuses("Subscription/$status")
        rows = []
        async for page in self._client.pages("Subscription", params={"_count": "100"}):
            for entry in page.get("entry", []):
                resource = entry["resource"]
                rows.append(self._view(resource, statuses.get(resource["id"])))
        if self._json:
            for row in rows:
                self._terminal.line(json.dumps(row, ensure_ascii=False))
        elif rows:
            names = ("id", "status", "events", "topic", "channel", "endpoint", "filters")
            self._terminal.table(
                [name.upper() for name in names],
                [[_cell(row[name]) for name in names] for row in rows],
            )
        else:
            self._terminal.talk(f"no Subscriptions at {self._client.base}")
        return Exit.OK

    async def show(self) -> int:
        """One Subscription, a line for each element."""
        resource = await self._client.resource(self._path)
        view = self._view(resource, await self._status(resource))
        if self._json:
            self._terminal.line(json.dumps(view, ensure_ascii=False))
            return Exit.OK
        for name, value in view.items():
            if value not in (None, [], ""):
                text = _cell(value)
                if name == "status":
                    text = self._terminal.paint(text, _STATUS_COLOUR.get(text, "bold"))
                self._terminal.line(f"{self._terminal.paint(name.ljust(9), 'dim')}  {text}")
        return Exit.OK

    async def attempts(self) -> int:
        """The newest attempts, newest first."""
        answer = await self._client.resource(f"{self._path}/$attempts")
        attempts = [
            {part["name"]: _value(part) for part in parameter.get("part", [])}
            for parameter in answer.get("parameter", [])
            if parameter["name"] == "attempt"
        ]
        if self._json:
            for attempt in attempts:
                self._terminal.line(json.dumps(attempt, ensure_ascii=False))
        elif attempts:
            head = ("AT", "KIND", "NUMBERS", "OUTCOME", "STATUS", "TOOK", "OF WHICH", "REASON")
            self._terminal.table(head, [_attempt_row(attempt) for attempt in attempts])
        else:
            self._terminal.talk(f"no attempts to deliver to {self._path} yet")
        return Exit.OK

    async def events(self) -> int:
        """The events A..B as ``$events`` gives them."""
        first, last = self._arguments.numbers or (None, None)
        tape = Tape(self._terminal, self._json, None)
        for arrival in await self._client.events(self._path, first, last):
            for event in arrival.events:
                tape.write(arrival, event, event.timestamp or self._clock.now(), recovered=False)
        if not tape.shown:
            self._terminal.talk("no events with these numbers")
        return Exit.OK

    async def resend(self) -> int:
        """Let the events A..B be sent once more, and tell which will be."""
        first, last = self._arguments.numbers or (None, None)
        asked = {"eventsSinceNumber": first, "eventsUntilNumber": last}
        params = {name: str(number) for name, number in asked.items() if number is not None}
        answer = await self._client.expect("POST", f"{self._path}/$resend", params=params)
        issues = (answer.resource or {}).get("issue", [])
        if self._json:
            told = [
                {name: issue.get(name) for name in ("severity", "diagnostics")} for issue in issues
            ]
            self._terminal.line(json.dumps(told, ensure_ascii=False))
            return Exit.OK
        for issue in issues:
            words = printable(str(issue.get("diagnostics", "")))
            if issue.get("severity") == "information":
                self._terminal.line(words)
            else:
                self._terminal.talk(f"! {words}", "yellow")
        return Exit.OK

    async def reactivate(self) -> int:
        """Ask for a handshake, and tell how it went; a classic Subscription needs none."""
        resource = await self._set_status("requested")
        give_up = self._clock.now() + HANDSHAKE_PATIENCE
        status = await self._status(resource)
        while status.status == "requested" and self._clock.now() < give_up:
            await self._clock.sleep_until(self._clock.now() + _POLL)
            status = await self._status(resource)
        self._tell(status)
        return Exit.OK if status.status == "active" else Exit.FAILED

    async def off(self) -> int:
        """Switch it off."""
        self._tell(await self._status(await self._set_status("off")))
        return Exit.OK

    async def verify(self) -> int:
        """Have the hub send a handshake now (a classic one a call without body), and tell how."""
        answer = await self._client.expect("POST", f"{self._path}/$verify")
        found = parameter_values(answer.resource or {})
        delivered = found.get("outcome") == "delivered"
        if self._json:
            self._terminal.line(json.dumps(found, ensure_ascii=False))
            return Exit.OK if delivered else Exit.FAILED
        terminal = self._terminal
        verdict = "✓ the endpoint took it" if delivered else f"✗ {found.get('outcome', 'failed')}"
        terminal.line(terminal.paint(verdict, "green" if delivered else "red", "bold"))
        for name in ("address", "dns", "connect", "tls", "wait", "total", "status"):
            if name in found:
                value = found[name]
                text = value if name in {"address", "status"} else milliseconds(float(value))
                terminal.line(f"  {terminal.paint(name.ljust(8), 'dim')} {printable(text)}")
        for name in ("reason", "cause"):
            if name in found:
                terminal.line(f"  {terminal.paint(name.ljust(8), 'dim')} {printable(found[name])}")
        return Exit.OK if delivered else Exit.FAILED

    async def _status(self, resource: Resource) -> Arrival:
        if is_search(resource.get("criteria")):
            return _standing(resource)
        found = await self._client.statuses(f"{self._path}/$status")
        if not found:
            raise CommandError(Exit.SERVER_ERROR, f"{self._path}/$status tells nothing")
        return next(iter(found.values()))

    async def _set_status(self, status: str) -> Resource:
        patch = [{"op": "replace", "path": "/status", "value": status}]
        headers = {"Content-Type": "application/json-patch+json"}
        answer = await self._client.expect("PATCH", self._path, patch, headers=headers)
        return answer.resource or {}

    def _tell(self, status: Arrival) -> None:
        if self._json:
            told = {"id": status.subscription_id, "status": status.status, "events": status.total}
            self._terminal.line(json.dumps({**told, "errors": list(status.errors)}))
            return
        colour = _STATUS_COLOUR.get(status.status, "bold")
        shown = self._terminal.paint(printable(status.status), colour)
        events = "" if status.total is None else f"  {status.total} events"
        self._terminal.line(f"{self._path}  {shown}{events}")
        for error in status.errors:
            self._terminal.talk(f"! {printable(error)}", "yellow")

    def _view(self, resource: Resource, status: Arrival | None) -> dict[str, Json]:
        try:
            found = CODECS[self._client.release].decode_subscription(resource)
        except HubError as error:
            return _unreadable(resource, error.diagnostics)
        if found.is_classic:
            status = _standing(resource)
        return {
            "id": resource.get("id", ""),
            "status": found.status.value if status is None else status.status,
            "events": None if status is None else status.total,
            "topic": resource["criteria"] if found.is_classic else bare_name(found.topic),
            "filters": []
            if found.is_classic
            else [write_filter(filter_by) for filter_by in found.filter_by],
            "channel": found.channel_type.value,
            "endpoint": found.endpoint,
            "content": found.content.value,
            "payload": found.content_type,
            "headers": [f"{name}: {value}" for name, value in found.parameter],
            "heartbeat": _seconds(found.heartbeat_period),
            "timeout": _seconds(found.timeout),
            "max count": found.max_count,
            "end": None if found.end is None else found.end.isoformat(),
            "errors": [] if status is None else list(status.errors),
        }


def _standing(resource: Resource) -> Arrival:
    """Return what a classic Subscription says of itself: it has no ``$status`` and no numbers."""
    return Arrival(
        type="query-status",
        subscription=f"Subscription/{resource.get('id', '')}",
        status=resource.get("status", ""),
        topic=None,
        total=None,
        events=(),
        errors=(resource["error"],) if "error" in resource else (),
    )


def _unreadable(resource: Resource, reason: str) -> dict[str, Json]:
    """Return the view of a Subscription of an unknown kind."""
    known: dict[str, Json] = dict.fromkeys(("events", "channel", "endpoint"))
    return {
        "id": resource.get("id", ""),
        "status": resource.get("status", ""),
        "topic": resource.get("criteria") or resource.get("topic", ""),
        "filters": [],
        **known,
        "errors": [f"can't be read: {reason}"],
    }


_ACTIONS: dict[str, Callable[[Desk], Awaitable[int]]] = {
    "list": Desk.list,
    "show": Desk.show,
    "attempts": Desk.attempts,
    "events": Desk.events,
    "resend": Desk.resend,
    "reactivate": Desk.reactivate,
    "off": Desk.off,
    "verify": Desk.verify,
}


def _cell(value: Json) -> str:
    if isinstance(value, list):
        return printable(", ".join(map(str, value)))
    return "" if value is None else printable(str(value))


def _seconds(duration: timedelta | None) -> str | None:
    return None if duration is None else f"{duration.total_seconds():g} s"


def _value(part: Resource) -> Json:
    return next((value for name, value in part.items() if name.startswith("value")), None)


def _attempt_row(attempt: dict[str, Json]) -> list[str]:
    first, last = str(attempt.get("first", "0")), str(attempt.get("last", "0"))
    numbers = "" if last == "0" else f"#{first}" if first == last else f"#{first}..{last}"
    return [
        clock_time(datetime.fromisoformat(attempt["at"])),
        str(attempt.get("kind", "")),
        numbers,
        str(attempt.get("outcome", "")),
        str(attempt.get("status", "")),
        milliseconds(float(attempt.get("milliseconds", 0))),
        ", ".join(
            f"{phase} {milliseconds(float(attempt[phase]))}"
            for phase in _PHASES
            if phase in attempt
        ),
        str(attempt.get("reason", "")),
    ]
