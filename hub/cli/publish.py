"""``fhir-hub publish``: writes resources to a hub, from files or standard input."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from hub.cli.client import Answer, HubClient, read_bearer
from hub.cli.exits import CommandError, Exit
from hub.cli.running import run_async
from hub.cli.terminal import Terminal, milliseconds, printable
from hub.clock import SystemClock
from hub.core.release import FhirRelease, Json, Resource
from hub.ports import Clock

_TOGETHER = ("transaction", "batch")


def run(arguments: argparse.Namespace) -> int:
    """Write every resource of every file, and a line for each."""
    resources = [each for path in arguments.paths for each in read_resources(path)]
    if not resources:
        raise CommandError(Exit.USAGE, "there is nothing to publish in what was given")
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    return run_async(act(arguments, terminal, resources))


async def act(
    arguments: argparse.Namespace, terminal: Terminal, resources: Iterable[Resource]
) -> int:
    """Do what ``run`` says and return the exit code: that of the worst answer."""
    clock = SystemClock()
    code = Exit.OK
    as_json = arguments.format == "json"
    async with HubClient(
        arguments.url, FhirRelease(arguments.release.upper()), clock, token=read_bearer(arguments)
    ) as client:
        async for answer, name in published(client, resources, clock, arguments.rate):
            tell(terminal, answer, name, as_json=as_json)
            if not answer.ok:
                failed = Exit.SERVER_ERROR if answer.status >= 500 else Exit.REFUSED
                code = max(code, failed)
    return code


async def published(
    client: HubClient, resources: Iterable[Resource], clock: Clock, rate: float | None
) -> AsyncIterator[tuple[Answer, str]]:
    """Write resources one after the other; yield each answer and what was written.

    A resource with an id is put, another one posted.  A transaction or batch is sent whole, of any
    other Bundle each resource.

    Args:
        rate: how many a second at most, None for as fast as answers come.
    """
    began = clock.now()
    for number, resource in enumerate(resources):
        if rate:
            await clock.sleep_until(began + timedelta(seconds=number / rate))
        kind, id = str(resource["resourceType"]), resource.get("id")
        if kind == "Bundle" and resource.get("type") in _TOGETHER:
            yield await client.ask("POST", "", resource), f"Bundle ({resource['type']})"
        elif id:
            yield await client.ask("PUT", f"{kind}/{id}", resource), f"{kind}/{id}"
        else:
            answer = await client.ask("POST", kind, resource)
            yield answer, f"{kind}/{answer.created_id}" if answer.ok else kind


def tell(terminal: Terminal, answer: Answer, name: str, *, as_json: bool) -> None:
    """Write one line: the status, what was written, how long it took, or why not."""
    if as_json:
        row = {
            "status": answer.status,
            "resource": name,
            "milliseconds": round(answer.milliseconds, 3),
            "etag": answer.etag,
            "refused": None if answer.ok else answer.diagnostics,
        }
        terminal.line(json.dumps(row, ensure_ascii=False))
        return
    status = terminal.paint(str(answer.status), "green" if answer.ok else "red")
    took = terminal.paint(milliseconds(answer.milliseconds).rjust(8), "dim")
    why = "" if answer.ok else f"  {answer.diagnostics}"
    terminal.line(f"{status}  {took}  {printable(name + why)}")


def read_resources(path: str) -> Iterator[Resource]:
    """Yield the resources of a file, or of ``-``: one, a list, a Bundle, or one per line.

    Raises:
        CommandError: it can't be read, or holds something else; the line is named.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.USAGE, f"{path}: {error}") from None
    try:
        values = [(path, json.loads(text))]
    except ValueError as whole:
        values = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                values.append((f"{path}, line {number}", _line(path, number, line, whole)))
    for place, value in values:
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict) or not isinstance(each.get("resourceType"), str):
                raise CommandError(Exit.USAGE, f"{place}: no FHIR resource: no resourceType")
            yield from _single(each)


def _line(path: str, number: int, line: str, whole: ValueError) -> Json:
    try:
        return json.loads(line)
    except ValueError as error:
        # Of a document over several lines the first complaint is the one that helps.
        reason = f"line {number}: {error}" if number > 1 else str(whole)
        raise CommandError(Exit.USAGE, f"{path} is no JSON: {reason}") from None


def _single(resource: Resource) -> Iterator[Resource]:
    if resource["resourceType"] != "Bundle" or resource.get("type") in _TOGETHER:
        yield resource
        return
    for entry in resource.get("entry", []):
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            yield entry["resource"]
