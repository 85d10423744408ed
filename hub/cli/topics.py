"""``fhir-hub topics``: what can be subscribed to, and by what it can be filtered."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from hub.cli.client import read_bearer
from hub.cli.exits import CommandError, Exit
from hub.cli.request import bare_name, canonical
from hub.cli.terminal import Terminal, printable
from hub.cli.topic_file import definitions_of, is_path, tables_of
from hub.cli.topic_lint import lint, would_load
from hub.cli.topic_load import load
from hub.cli.topic_new import new
from hub.cli.topic_publish import publish
from hub.cli.topic_test import test
from hub.codecs.definitions import Definitions, LoadedTopic
from hub.core.topic import SubscriptionTopic
from hub.core.topic_description import (
    Compiled,
    OfferedFilter,
    compile_all,
    criteria_lines,
    described,
    interactions_of,
    offered_filters,
    reasons_in,
    releases_of,
)
from hub.settings import packaged_topics


def run(arguments: argparse.Namespace) -> int:
    """List the topics that come with the hub and those of ``--topics``, or work on some."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    as_json = arguments.format == "json"
    names: list[str] = arguments.names
    more = [Path(each) for each in arguments.topics]
    match arguments.action:
        case "new":
            return new(terminal, _only(names, "new NAME --resource TYPE"), arguments.resource)
        case "lint":
            return lint(terminal, *_chosen(names, more), as_json=as_json)
        case "test":
            return test(terminal, *_chosen(names, more), as_json=as_json)
        case "publish":
            chosen, _ = _chosen(names, more)
            return publish(terminal, chosen, arguments.base, arguments.into, arguments.publisher)
        case "load":
            if not names:
                raise CommandError(Exit.USAGE, "write `topics load PATH`, or PATH --dry-run")
            if arguments.dry_run:
                return would_load(terminal, *_chosen(names, more), as_json=as_json)
            return load(
                terminal,
                *_chosen(names, more),
                url=arguments.url,
                token=read_bearer(arguments),
                as_json=as_json,
            )
    return _show_all(terminal, arguments.action, names, more, as_json=as_json)


def _show_all(
    terminal: Terminal, action: str, names: Sequence[str], more: Sequence[Path], *, as_json: bool
) -> int:
    if bool(names) == (action == "list"):
        raise CommandError(Exit.USAGE, "write `topics list` or `topics show NAME`")
    topics, definitions = _chosen(names, more)
    tables = tables_of(definitions)
    found = [(each.topic, compile_all(each.topic, tables)) for each in topics]
    if as_json:
        for topic, compiled in found:
            told = described(bare_name(topic.url), topic, compiled)
            terminal.line(json.dumps(told, ensure_ascii=False))
    elif not names:
        rows = [
            [
                bare_name(topic.url),
                topic.version or "",
                " ".join(releases_of(compiled)),
                topic.title or "",
            ]
            for topic, compiled in found
        ]
        terminal.table(("NAME", "VERSION", "RELEASES", "TITLE"), rows)
        terminal.talk("fhir-hub topics show NAME lists triggers and filters", "dim")
    else:
        for topic, compiled in found:
            _show(terminal, topic, compiled)
    return Exit.OK


def _only(names: Sequence[str], usage: str) -> str:
    if len(names) != 1:
        raise CommandError(Exit.USAGE, f"write `topics {usage}`")
    return names[0]


def _chosen(names: Sequence[str], more: Sequence[Path]) -> tuple[list[LoadedTopic], Definitions]:
    """Return the topics that are named, all where none is, and everything that is loaded."""
    paths = [Path(name) for name in names if is_path(name)]
    around = list(dict.fromkeys([packaged_topics(), *more]))
    chosen = list(definitions_of(paths).topics)
    known = definitions_of(around).topics if len(paths) < len(names) or not names else ()
    if not names:
        chosen += known
    for name in names:
        if not is_path(name):
            found = [each for each in known if each.topic.url == canonical(name)]
            if not found:
                raise CommandError(Exit.USAGE, f"there is no topic {name!r}; see `fhir-hub topics`")
            chosen += found
    return chosen, definitions_of(dict.fromkeys([*around, *paths]))


def _show(terminal: Terminal, topic: SubscriptionTopic, compiled: Compiled) -> None:
    name = terminal.paint(bare_name(topic.url), "bold")
    terminal.line(f"{name}  {printable(topic.version or '')}  {topic.status}")
    terminal.line(f"  {terminal.paint(topic.canonical, 'cyan')}")
    if topic.description:
        terminal.line(f"  {printable(topic.description)}")
    terminal.line()
    terminal.line(terminal.paint("fires", "bold"))
    for trigger in topic.resource_triggers:
        terminal.line(f"  {trigger.resource} {', '.join(interactions_of(trigger))}")
        for line in criteria_lines(trigger):
            terminal.line(f"    {terminal.paint(printable(line), 'dim')}")
    terminal.line()
    terminal.line(terminal.paint("filters", "bold"))
    rows = [
        [each.name, " ".join(each.releases), _allowed(each), each.description or ""]
        for each in offered_filters(compiled)
    ]
    if rows:
        terminal.table(("FILTER", "RELEASES", "MODIFIERS", "MEANING"), rows)
    else:
        terminal.line("  none")
    refused = {reason for found in compiled.values() for reason in reasons_in(found)}
    if refused:
        terminal.line()
        terminal.line(terminal.paint("not in every release", "bold"))
        for reason in sorted(refused):
            terminal.line(f"  {printable(reason)}")


def _allowed(offered: OfferedFilter) -> str:
    return " ".join([*(f":{modifier}" for modifier in offered.modifiers), *offered.comparators])
