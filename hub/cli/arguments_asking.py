"""Arguments of the commands that write topics and changes, and that ask what became of them."""

from __future__ import annotations

import os

from hub.cli.argument_type import positive, rate
from hub.cli.exits import EXIT_TEXT
from hub.cli.help_text import EXPLAIN, GUIDE, PUBLISH, SCENARIO, TOPICS, TRIGGER
from hub.cli.parser import (
    Commands,
    Parser,
    add_command,
    add_format,
    add_hub,
    add_token,
    add_url,
)

STORIES = ("task-requested", "task-accepted", "task-completed", "order-cancelled", "flood")


def add_topics(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub topics``."""
    group = add_command(commands, "topics", "the topics and their filters", epilog=TOPICS)
    group.add_argument(
        "action",
        nargs="?",
        choices=("list", "show", "lint", "test", "new", "load", "publish"),
        default="list",
        help="what to do (list)",
    )
    group.add_argument(
        "names", nargs="*", metavar="NAME|PATH", help="topic name or canonical; folder, file, .tgz"
    )
    group.add_argument(
        "--topics",
        action="append",
        default=[],
        metavar="DIR|TGZ",
        help="more topics and ValueSets, beside the packaged ones; repeatable",
    )
    group.add_argument("--resource", metavar="TYPE", help="what the new topic is about (new)")
    group.add_argument("--base", metavar="URL", help="below which topics get urls (publish)")
    group.add_argument("--into", metavar="DIR", help="where they are written (publish)")
    group.add_argument("--publisher", metavar="NAME", help="who they are from (publish)")
    group.add_argument(
        "--dry-run", action="store_true", help="say what a hub would, and send nothing (load)"
    )
    add_url(group, "the hub to load into")
    group.add_argument(
        "--admin-token-file",
        dest="token_file",
        metavar="FILE",
        help="the same: as the hub was started with it (load; HUB_ADMIN_TOKEN_FILE)",
    )
    group.set_defaults(
        token_file=os.environ.get("HUB_ADMIN_TOKEN_FILE") or group.get_default("token_file")
    )
    add_format(group)


def add_explain(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub explain``."""
    command = add_command(
        commands,
        "explain",
        "why a change is, or would be, told to whom",
        "For a stored version, or a change that is made up: topic, trigger, filters,\n"
        "Subscription; what failed on which value, and where delivery stands.",
        EXPLAIN,
    )
    command.add_argument("resource", nargs="?", metavar="TYPE/ID", help="a stored resource")
    command.add_argument("--version", type=positive, metavar="N", help="its version (the newest)")
    command.add_argument("--before", metavar="FILE|-", help="the state before a made-up change")
    command.add_argument("--after", metavar="FILE|-", help="the state after it")
    command.add_argument("--author", metavar="NAME", help="the client that would make it (nobody)")
    command.add_argument(
        "--subscription", metavar="ID", help="ask about this one alone: why not me"
    )
    command.add_argument("--topic", metavar="NAME", help="ask about this topic alone")
    add_hub(command)
    add_format(command)


def add_trace(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub trace``."""
    command = add_command(
        commands,
        "trace",
        "what became of an order: who was told, did it arrive",
        "Each change of a resource, and of what points to it (the Tasks and results of an\n"
        "order): who was told, with which number, and whether it arrived.",
        "exit code 1: something has not arrived\n\n" + EXIT_TEXT,
    )
    command.add_argument("resource", metavar="TYPE/ID", help="such as ServiceRequest/17")
    add_hub(command)
    add_format(command)


def add_publish(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub publish``."""
    command = add_command(
        commands,
        "publish",
        "write resources from files or standard input",
        "Writes each resource: one with an id is put, another one posted; a transaction goes\n"
        "whole, of any other Bundle each resource.  A file may have one resource per line.",
        PUBLISH,
    )
    command.add_argument("paths", nargs="+", metavar="FILE|-", help="JSON; - is standard input")
    command.add_argument("--rate", type=rate, metavar="N", help="so many a second at most")
    add_hub(command)
    add_format(command)


def add_trigger(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub trigger``."""
    command = add_command(
        commands,
        "trigger",
        "make something happen, with all that it needs",
        "Writes a patient, a placer, a fulfiller, an order with its Task, and leads it to the\n"
        "named point.  R4.",
        TRIGGER,
    )
    command.add_argument("story", choices=STORIES, metavar="STORY", help=", ".join(STORIES))
    command.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="TYPE.ELEMENT=VALUE",
        help="another value in the Task or ServiceRequest; JSON or text; repeatable",
    )
    command.add_argument("--count", type=positive, metavar="N", help="how often (1; flood 100)")
    command.add_argument("--rate", type=rate, metavar="N", help="so many a second at most")
    command.add_argument("--dry-run", action="store_true", help="show it, and send nothing")
    add_url(command)
    add_format(command)


def add_scenario(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub scenario``."""
    command = add_command(
        commands,
        "scenario",
        "play an order workflow, and check it",
        "Plays a workflow pattern with its actors over real sockets, on a hub of its own or on\n"
        "one that you name, and checks what must be.",
        SCENARIO,
    )
    command.add_argument("action", choices=("list", "run", "show"), help="what to do")
    command.add_argument("id", nargs="?", metavar="P13", help="a pattern, or all")
    command.add_argument("--base", metavar="URL", help="a hub that may send to this machine")
    add_token(command)
    command.add_argument("--verbose", action="store_true", help="tell every step, also of all")
    add_format(command)


def add_errors(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub errors``."""
    command = add_command(commands, "errors", "explain a refusal of the hub", epilog=EXIT_TEXT)
    command.add_argument(
        "code", nargs="?", metavar="CODE", help="what stands in (brackets) after a refusal"
    )
    add_format(command)


def add_guide(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub guide``."""
    command = add_command(
        commands, "guide", "how to do everyday things, step by step", epilog=GUIDE
    )
    command.add_argument("name", nargs="?", metavar="NAME", help="a guide, or its beginning")
    add_format(command)
