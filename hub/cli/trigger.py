"""``fhir-hub trigger``: makes something happen on a hub, with all that it needs to be real.

Each story writes its organisations, patient, order and Task, and leads them to the named point.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from hub.cli import story_resource as resources
from hub.cli.arrival import short_reference
from hub.cli.client import Answer, HubClient, read_bearer
from hub.cli.exits import CommandError, Exit
from hub.cli.publish import tell
from hub.cli.running import run_async
from hub.cli.terminal import Terminal
from hub.clock import SystemClock
from hub.core.release import FhirRelease, Json, Resource

FLOOD = 100
"""How many orders a flood is where ``--count`` says nothing."""


def run(arguments: argparse.Namespace) -> int:
    """Play the story as often as asked; exit 0 only if every write was taken."""
    changes = dict(map(_override, arguments.override))
    count = arguments.count or (FLOOD if arguments.story == "flood" else 1)
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    if arguments.dry_run:
        for resource in _shown(changes):
            terminal.line(json.dumps(resource, indent=2, ensure_ascii=False))
        terminal.talk(f"nothing was sent; `{arguments.story}` would start with this", "dim")
        return Exit.OK
    return run_async(act(arguments, terminal, changes, count))


async def act(
    arguments: argparse.Namespace, terminal: Terminal, changes: dict[str, Json], count: int
) -> int:
    """Do what ``run`` says and return the exit code."""
    clock = SystemClock()
    as_json = arguments.format == "json"
    async with HubClient(
        arguments.url, FhirRelease.R4, clock, token=read_bearer(arguments)
    ) as client:
        stage = _Stage(client, changes)
        async for answer, name in stage.set_up():
            tell(terminal, answer, name, as_json=as_json)
        began = clock.now()
        for number in range(count):
            if arguments.rate:
                await clock.sleep_until(began + timedelta(seconds=number / arguments.rate))
            async for answer, name in stage.play(arguments.story):
                tell(terminal, answer, name, as_json=as_json)
    return Exit.OK


def _override(text: str) -> tuple[str, Json]:
    """Read ``Task.priority=stat``; a value that is JSON is read as such."""
    path, equals, value = text.partition("=")
    kind, _, element = path.partition(".")
    if not equals or kind not in ("Task", "ServiceRequest") or not element.isidentifier():
        raise CommandError(
            Exit.USAGE,
            f"--override {text!r}: write Task.element=value or ServiceRequest.element=value",
        )
    try:
        return path, json.loads(value)
    except ValueError:
        return path, value


def _overridden(resource: Resource, changes: dict[str, Json]) -> Resource:
    kind = f"{resource['resourceType']}."
    more = {
        path.removeprefix(kind): value for path, value in changes.items() if path.startswith(kind)
    }
    return resource | more


def _shown(changes: dict[str, Json]) -> list[Resource]:
    bundle = resources.order_and_task("Patient/new", "Organization/ward", "Organization/lab")
    return [resources.patient(), _with(bundle, changes)]


def _with(bundle: Resource, changes: dict[str, Json]) -> Resource:
    entries = [
        entry | {"resource": _overridden(entry["resource"], changes)} for entry in bundle["entry"]
    ]
    return bundle | {"entry": entries}


@dataclass(slots=True)
class _Stage:
    """Who takes part, and what has been written for them."""

    client: HubClient
    changes: dict[str, Json]
    patient: str = ""
    placer: str = ""
    fulfiller: str = ""
    order: str = ""
    task: str = ""

    async def set_up(self) -> AsyncIterator[tuple[Answer, str]]:
        """Write patient, placer and fulfiller."""
        for attribute, resource in (
            ("patient", resources.patient()),
            ("placer", resources.organization("Ward 3")),
            ("fulfiller", resources.organization("Central laboratory")),
        ):
            kind = resource["resourceType"]
            answer = await self.client.expect("POST", kind, resource)
            setattr(self, attribute, f"{kind}/{answer.created_id}")
            yield answer, f"{kind}/{answer.created_id}"

    async def play(self, story: str) -> AsyncIterator[tuple[Answer, str]]:
        """Play one story to its end."""
        for step in _STEPS[story]:
            answer, name = await step(self)
            yield answer, name

    async def place(self) -> tuple[Answer, str]:
        """Place an order with its Task, in one transaction."""
        bundle = resources.order_and_task(self.patient, self.placer, self.fulfiller)
        answer = await self.client.expect(
            "POST", "", _with(bundle, self.changes), headers={"Prefer": "return=minimal"}
        )
        entries = (answer.resource or {}).get("entry", [])
        self.order, self.task = (
            short_reference(entry["response"]["location"]) for entry in entries
        )
        return answer, f"{self.order} and {self.task}"

    async def accept(self) -> tuple[Answer, str]:
        """Let the fulfiller accept the Task."""
        return await self._changed(self.task, status="accepted")

    async def complete(self) -> tuple[Answer, str]:
        """Let the fulfiller report and complete the Task."""
        written = resources.report(self.order, self.patient, self.fulfiller)
        report = await self.client.expect("POST", "DiagnosticReport", written)
        reference = f"DiagnosticReport/{report.created_id}"
        task = await self.client.resource(self.task)
        done = resources.completed(task, reference)
        return await self._put(self.task, done)

    async def revoke(self) -> tuple[Answer, str]:
        """Let the placer revoke the order."""
        return await self._changed(self.order, status="revoked")

    async def cancel(self) -> tuple[Answer, str]:
        """Let the placer cancel the Task."""
        return await self._changed(self.task, status="cancelled")

    async def _changed(self, reference: str, **more: Json) -> tuple[Answer, str]:
        return await self._put(reference, await self.client.resource(reference) | more)

    async def _put(self, reference: str, resource: Resource) -> tuple[Answer, str]:
        answer = await self.client.expect("PUT", reference, resource)
        return answer, f"{reference} {resource.get('status', '')}".rstrip()


_Step = Callable[[_Stage], Awaitable[tuple[Answer, str]]]
_STEPS: dict[str, tuple[_Step, ...]] = {
    "task-requested": (_Stage.place,),
    "task-accepted": (_Stage.place, _Stage.accept),
    "task-completed": (_Stage.place, _Stage.accept, _Stage.complete),
    "order-cancelled": (_Stage.place, _Stage.cancel, _Stage.revoke),
    "flood": (_Stage.place,),
}
