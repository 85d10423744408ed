"""``fhir-hub subs check``: would the hub take this Subscription?  Nothing is stored."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Final

from hub.cli.client import FHIR_JSON, Answer, HubClient, issue_text, read_bearer
from hub.cli.exits import CommandError, Exit
from hub.cli.terminal import Terminal, printable
from hub.core.release import FhirRelease, Json, Resource
from hub.ports import Clock

MOST_BYTES: Final = 2 * 1024**2
_FHIR_XML: Final = "application/fhir+xml"
_REFUSED_AS_SUCH: Final = frozenset((400, 413, 415, 422))
_OF_R5: Final = re.compile(rb"<(?:topic|channelType|filterBy|contentType)[\s/>]")
_SIGNS: Final = {"information": ("·", "dim"), "warning": ("!", "yellow")}


async def check(arguments: argparse.Namespace, terminal: Terminal, clock: Clock) -> int:
    """Ask a hub what it would say to a Subscription, and tell it line by line.

    Raises:
        CommandError: the file can't be read, or the hub can't be asked.
    """
    text = _content(arguments.file)
    release = (
        release_of(text) if arguments.release is None else FhirRelease(arguments.release.upper())
    )
    async with HubClient(arguments.url, release, clock, token=read_bearer(arguments)) as client:
        is_xml = text.lstrip().startswith(b"<")
        answer = await client.ask(
            "POST",
            "Subscription/$validate",
            content=text,
            headers={"Content-Type": _FHIR_XML if is_xml else FHIR_JSON},
        )
    issues = _issues(answer, client.base)
    refused = any(issue.get("severity") in {"error", "fatal"} for issue in issues)
    if arguments.format == "json":
        for issue in issues:
            terminal.line(json.dumps(issue, ensure_ascii=False))
    else:
        for issue in issues:
            sign, colour = _SIGNS.get(str(issue.get("severity")), ("✗", "red"))
            terminal.line(f"{terminal.paint(sign, colour)} {printable(issue_text(issue))}")
        verdict = "would be refused" if refused else "would be accepted"
        terminal.talk(f"{verdict} at {client.base}", "red" if refused else "green")
    return Exit.FAILED if refused else Exit.OK


def release_of(text: bytes) -> FhirRelease:
    """Tell of which release a Subscription is, by its elements; R4 where nothing speaks for more.

    R4 and R4B have the same elements; only a ``fhirVersion`` of 4.3 tells them apart.
    """
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        if _OF_R5.search(text):
            return FhirRelease.R5
    else:
        resource = _inside(value)
        if not resource.keys().isdisjoint(("topic", "channelType", "filterBy", "contentType")):
            return FhirRelease.R5
    return FhirRelease.R4B if b"fhirVersion=4.3" in text else FhirRelease.R4


def _inside(value: Json) -> Resource:
    """Return the Subscription, which may stand in Parameters."""
    if not isinstance(value, dict):
        return {}
    parameters = value.get("parameter")
    for each in parameters if isinstance(parameters, list) else []:
        if isinstance(each, dict) and isinstance(each.get("resource"), dict):
            found: Resource = each["resource"]
            return found
    return value


def _content(name: str) -> bytes:
    try:
        text = sys.stdin.buffer.read(MOST_BYTES + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{name}: {error.strerror or error}") from None
    if len(text) > MOST_BYTES:
        raise CommandError(Exit.USAGE, f"{name}: larger than {MOST_BYTES // 1024**2} MiB")
    if not text.strip():
        raise CommandError(Exit.USAGE, f"{name}: there is nothing in it")
    return text


def _issues(answer: Answer, base: str) -> list[Resource]:
    """Return what the hub said.

    Raises:
        CommandError: it does not offer the check, or failed.
    """
    resource = answer.resource or {}
    is_outcome = resource.get("resourceType") == "OperationOutcome"
    if is_outcome and (answer.ok or answer.status in _REFUSED_AS_SUCH):
        issues: list[Resource] = resource.get("issue", [])
        return issues
    code = Exit.SERVER_ERROR if answer.ok or answer.status >= 500 else Exit.REFUSED
    raise CommandError(
        code, f"{answer.status} from POST {base}/Subscription/$validate: {answer.diagnostics}"
    )
