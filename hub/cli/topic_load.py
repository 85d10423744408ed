"""``fhir-hub topics load``: publish topics on a running hub, as its administrator.

A topic goes to one base; the hub publishes it in every release where it computes.  What a package
has beside topics (search parameters, ValueSets, profiles) is read when a hub starts, and a topic
that needs it is refused by a hub that was not started with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hub.cli.client import Answer, HubClient
from hub.cli.exits import CommandError, Exit
from hub.cli.running import run_async
from hub.cli.terminal import Terminal, printable
from hub.cli.topic_file import reasons_of, tables_of
from hub.clock import SystemClock
from hub.codecs.definitions import Definitions, LoadedTopic
from hub.codecs.topic import to_release
from hub.core.release import FhirRelease
from hub.core.topic import SubscriptionTopic
from hub.core.topic_description import Compiled, compile_all, releases_of

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NOT_OF_ID = re.compile(r"[^A-Za-z0-9\-.]+")
_PREFERRED = (FhirRelease.R5, FhirRelease.R4B, FhirRelease.R4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a hub said of one topic: ``verdict`` is created, unchanged, changed or refused."""

    verdict: str
    reason: str = ""


def load(
    terminal: Terminal,
    topics: Sequence[LoadedTopic],
    definitions: Definitions,
    *,
    url: str,
    token: str | None,
    as_json: bool,
) -> int:
    """Publish each topic on the hub at ``url``; say of each what came of it.

    Raises:
        CommandError: there is no token to show, or nothing answers.
    """
    if token is None:
        raise CommandError(
            Exit.USAGE,
            "topics are written by an administrator: give --token-file FILE with the token of one, "
            "or --dry-run",
        )

    async def run() -> int:
        refused = 0
        for loaded in topics:
            compiled = compile_all(loaded.topic, tables)
            told = await _published(url, token, loaded, compiled)
            refused += told.verdict == "refused"
            _tell(terminal, loaded, told, as_json=as_json)
        if not as_json:
            count = f"{len(topics) - refused} of {len(topics)} topics are at {url}"
            terminal.talk(count, "red" if refused else "green")
        return Exit.REFUSED if refused or not topics else Exit.OK

    tables = tables_of(definitions)
    return run_async(run())


async def _published(url: str, token: str, loaded: LoadedTopic, compiled: Compiled) -> Told:
    computes = releases_of(compiled)
    if not computes:
        return Told(verdict="refused", reason="; ".join(reasons_of(compiled)))
    release = next(each for each in _PREFERRED if each in computes)
    source = loaded.topic.source
    stated = str(source.get("id", ""))
    id = stated if _ID.fullmatch(stated) else _id_of(loaded.topic)
    resource = to_release({**source, "id": id}, release)
    path = f"{resource['resourceType']}/{id}"
    async with HubClient(url, release, SystemClock(), token=token) as client:
        before = await client.ask("GET", path)
        answer = await client.ask("PUT", path, resource)
    return _verdict(before, answer)


def _verdict(before: Answer, answer: Answer) -> Told:
    if answer.status >= 500:
        raise CommandError(Exit.SERVER_ERROR, f"{answer.status}: {answer.diagnostics}")
    if answer.status == 405:
        words = "the token is of no administrator of the hub, so it takes no topics"
        return Told(verdict="refused", reason=words)
    if not answer.ok:
        return Told(verdict="refused", reason=answer.diagnostics)
    if answer.status == 201:
        return Told(verdict="created")
    return Told(verdict="unchanged" if before.etag == answer.etag else "changed")


def _id_of(topic: SubscriptionTopic) -> str:
    """Return an id for a topic that has none: the end of its url, and its version."""
    name = "-".join(filter(None, (topic.url.rstrip("/").rpartition("/")[2], topic.version)))
    return _NOT_OF_ID.sub("-", name)[-64:].strip("-") or "topic"


def _tell(terminal: Terminal, loaded: LoadedTopic, told: Told, *, as_json: bool) -> None:
    topic = loaded.topic
    if as_json:
        row = {"canonical": topic.canonical, "verdict": told.verdict, "reason": told.reason or None}
        terminal.line(json.dumps(row, ensure_ascii=False))
        return
    colour = {"refused": "red", "unchanged": "dim"}.get(told.verdict, "green")
    terminal.line(f"{terminal.paint(told.verdict, colour)}  {printable(topic.canonical)}")
    if told.reason:
        terminal.line(f"  {printable(told.reason)}")
    if told.verdict != "refused" and topic.status != "active":
        terminal.line(f"  it is {topic.status}: no Subscription can name it yet")
