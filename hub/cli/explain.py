"""``fhir-hub explain``: why a change was, or would be, told to whom, and what failed elsewhere."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from hub.cli.client import HubClient, read_bearer
from hub.cli.exits import CommandError, Exit
from hub.cli.request import bare_name, canonical
from hub.cli.running import run_async
from hub.cli.terminal import Terminal, printable
from hub.clock import SystemClock
from hub.codecs.parameter_parts import EXPLAINED, Values, read_parts
from hub.core.release import FhirRelease, Json, Resource

_YES, _NO, _SILENT = "✓", "✗", "·"


def run(arguments: argparse.Namespace) -> int:
    """Ask the hub, and write a tree: topic, triggers, filters, Subscriptions."""
    made_up = arguments.before is not None or arguments.after is not None
    if made_up is (arguments.resource is not None):
        raise CommandError(
            Exit.USAGE, "write `explain Task/17`, or `explain --before FILE --after FILE`"
        )
    if arguments.author is not None and not made_up:
        raise CommandError(
            Exit.USAGE, "--author is for a change that is made up; a stored one has one"
        )
    return run_async(act(arguments, Terminal.standard(os.environ, plain=arguments.plain)))


async def act(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Do what ``run`` says and return the exit code: 0 if somebody is told, 1 if nobody is."""
    release = FhirRelease(arguments.release.upper())
    async with HubClient(
        arguments.url, release, SystemClock(), token=read_bearer(arguments)
    ) as client:
        only = {"topic": arguments.topic and canonical(arguments.topic)}
        only["subscription"] = (arguments.subscription or "").rpartition("/")[2]
        if arguments.resource is not None:
            only["version"] = arguments.version and str(arguments.version)
            params = {name: value for name, value in only.items() if value}
            answer = await client.expect("GET", f"{arguments.resource}/$explain", params=params)
        else:
            only["author"] = arguments.author
            answer = await client.expect("POST", "$explain", _question(arguments, only))
    found = read_parts((answer.resource or {}).get("parameter", []), EXPLAINED)
    if arguments.format == "json":
        terminal.line(json.dumps(found, ensure_ascii=False))
    else:
        for line in _tree(found, terminal, arguments.resource or "the change"):
            terminal.line(line)
    return Exit.OK if found.get("told") else Exit.FAILED


def _question(arguments: argparse.Namespace, only: dict[str, str | None]) -> Resource:
    parameters: list[Json] = []
    for name in ("before", "after"):
        path = getattr(arguments, name)
        if path is not None:
            parameters.append({"name": name, "resource": _read(path)})
    parameters += [{"name": name, "valueString": value} for name, value in only.items() if value]
    return {"resourceType": "Parameters", "parameter": parameters}


def _read(path: str) -> Json:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        return json.loads(text)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"{path} is no JSON: {error}") from None


def _tree(found: Values, terminal: Terminal, what: str) -> Iterator[str]:
    version = f" v{found['version']}" if "version" in found else ""
    told = found.get("told", 0)
    who = "nobody" if not told else f"{told} Subscription{'s' * (told != 1)}"
    verb = ("is" if told < 2 else "are") if version else "would be"
    verdict = terminal.paint(f"{who} {verb} told", "green" if told else "yellow")
    yield f"{printable(what)}{version}  {found.get('interaction')}  {verdict}"
    for topic in found.get("topic", []):
        yield ""
        yield from _topic(topic, terminal)


def _topic(topic: Values, terminal: Terminal) -> Iterator[str]:
    name = bare_name(str(topic["canonical"]))
    yield f"{_sign(topic['fires'], terminal)} {terminal.paint(printable(name), 'bold')}"
    if "why-not" in topic:
        yield f"    {printable(topic['why-not'])}"
    for trigger in topic.get("trigger", []):
        note = trigger.get("why-not") or trigger.get("error") or ""
        sign = _sign(trigger["fires"], terminal)
        yield f"  {sign} trigger {trigger['index']}  {printable(note)}".rstrip()
        yield from _clauses(trigger, terminal, "    ")
    for stream in topic.get("filters", []):
        would = stream["accept"] and not stream.get("echo", False)
        holds = stream.get("counted", would)
        for each in stream.get("subscription", []):
            yield f"  {_sign(holds, terminal)} {_subscription(each)}"
        if stream.get("echo"):
            yield "      not told: own echo; its owner wrote the change and asked for suppress-echo"
        if would is not holds:
            yield "      decided otherwise then: other resources changed since, or it came later"
        if stream.get("lost"):
            yield "      its party had it before and has it no more: told by reference only"
        yield from _clauses(stream, terminal, "    ")
    if topic["fires"] and not topic.get("filters"):
        yield "    nobody is subscribed"
    if "left-out" in topic:
        yield f"    and {topic['left-out']} more sets of filters that let it not through"


def _clauses(owner: Values, terminal: Terminal, indent: str) -> Iterator[str]:
    for clause in owner.get("clause", []):
        there = ", ".join(clause.get("found", [])) or "nothing there"
        if "error" in clause:
            there = clause["error"]
        elif clause["name"].partition(".")[2].startswith("result") or "fhirPath" in clause["name"]:
            there = ""
        sign = _sign(clause.get("holds"), terminal)
        text = f"{printable(clause['name'])}  {printable(clause['text'])}"
        yield f"{indent}{sign} {text}  {terminal.paint(printable(there), 'dim')}".rstrip()


def _subscription(each: Values) -> str:
    words = str(each.get("words", each["status"]))
    if "event-number" in each:
        words = f"#{each['event-number']} {words}"
    return f"{printable(each['reference'])}  {each['channel']}  {printable(words)}"


def _sign(holds: bool | None, terminal: Terminal) -> str:
    if holds is None:
        return terminal.paint(_SILENT, "yellow")
    return terminal.paint(_YES, "green") if holds else terminal.paint(_NO, "red")
