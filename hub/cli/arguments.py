"""What people can type: every command, its flags and its help.

Only argparse and the table of settings are needed here, so that help is quick.
"""

from __future__ import annotations

import argparse
import os
from datetime import timedelta
from typing import NoReturn

from hub.cli.argument_type import (
    duration,
    fraction,
    number_range,
    numbers,
    port,
    port_or_any,
    positive,
    rate,
)
from hub.cli.exits import EXIT_TEXT, Exit
from hub.cli.help_text import (
    ABOUT,
    EXPLAIN,
    GUIDE,
    PUBLISH,
    RECEIVER,
    SCENARIO,
    SERVE,
    TOPICS,
    TRIGGER,
    WATCH,
)
from hub.settings import OPTIONS

DEFAULT_URL = "http://127.0.0.1:8080"
COMMANDS = (
    "serve",
    "demo",
    "watch",
    "subs",
    "receiver",
    "topics",
    "explain",
    "trace",
    "publish",
    "trigger",
    "scenario",
    "errors",
    "guide",
)
STORIES = ("task-requested", "task-accepted", "task-completed", "order-cancelled", "flood")
RELEASES = ("r4", "r4b", "r5")


_CHECK = """\
examples:
  fhir-hub subs check subscription.json
  jq .resource answer.json | fhir-hub subs check - --url https://hub.example.org

Each line is one thing: · what the hub would do or change, ! a warning, ✗ why it would refuse.

exit codes: 0 it would be accepted, 1 it would be refused, 2 wrong usage,
  3 the hub has no such check, 4 the hub failed (5xx), 5 not reachable, 130 interrupted"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, on stderr, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Write ``message`` and exit."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than all help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # as said

        try:
            print(f"fhir-hub {version('fhir-hub')}")
        except PackageNotFoundError:
            print("fhir-hub (not installed)")
        parser.exit()


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="fhir-hub", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", parser_class=Parser, required=True
    )
    for add in (
        _serve,
        _demo,
        _watch,
        _subs,
        _receiver,
        _topics,
        _explain,
        _trace,
        _publish,
        _trigger,
        _scenario,
        _errors,
        _guide,
    ):
        add(commands)
    return parser


_Commands = argparse._SubParsersAction  # argparse has no public name for it


def _command(
    commands: _Commands[Parser], name: str, line: str, description: str = "", epilog: str = ""
) -> Parser:
    return commands.add_parser(
        name,
        help=line,
        description=description or line,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _serve(commands: _Commands[Parser]) -> None:
    command = _command(commands, "serve", "run a hub", "Run a hub until ^C or SIGTERM.", SERVE)
    for option in OPTIONS:
        if option.switch:
            command.add_argument(
                option.flag, dest=option.name, action="store_true", help=option.help
            )
        else:
            command.add_argument(
                option.flag,
                dest=option.name,
                metavar=option.metavar,
                action="append" if option.repeatable else "store",
                help=option.help,
            )


def _demo(commands: _Commands[Parser]) -> None:
    command = _command(
        commands,
        "demo",
        "run a hub with made-up orders, to look at",
        "Run a hub on this machine with a temporary database and play the order story on it:\n"
        "a placer orders, a fulfiller is notified, claims, works and reports.  Then one order\n"
        "every 5 seconds until ^C.",
        EXIT_TEXT,
    )
    command.add_argument(
        "--port", type=port, metavar="PORT", help="port of the hub (the next free from 8080)"
    )
    command.add_argument(
        "--once", action="store_true", help="play the story once; exit 0 only if every step held"
    )
    _plain(command)


def _watch(commands: _Commands[Parser]) -> None:
    command = _command(
        commands,
        "watch",
        "show notifications live, and close gaps",
        "Show notifications as they come, over the hub's websocket, one line each.\n"
        "What is missing is fetched with $events; when the hub restarts, watch goes on\n"
        "after the last number it saw.",
        WATCH,
    )
    _hub(command)
    command.add_argument(
        "--topic", default="any-change", metavar="NAME", help="topic name or canonical (any-change)"
    )
    command.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="TEXT",
        help="[Type?]parameter[:modifier]=value; repeatable, all must hold",
    )
    command.add_argument(
        "--content",
        choices=("empty", "id-only", "full-resource"),
        default="full-resource",
        help="how much a notification holds (full-resource, to show version and status)",
    )
    command.add_argument(
        "--subscription", metavar="ID", help="follow this websocket Subscription; it stays"
    )
    command.add_argument(
        "--from",
        dest="first",
        type=positive,
        metavar="N",
        help="begin at event number N (with --subscription)",
    )
    command.add_argument("--count", type=positive, metavar="N", help="stop after N events")
    command.add_argument(
        "--wait", type=duration, metavar="TIME", help="stop, exit code 6, after so long a silence"
    )
    _format(command)


def _subs(commands: _Commands[Parser]) -> None:
    group = _command(commands, "subs", "look at and mend Subscriptions", epilog=EXIT_TEXT)
    actions = group.add_subparsers(
        title="actions", dest="action", metavar="ACTION", parser_class=Parser, required=True
    )
    for name, line in (
        ("list", "all Subscriptions with status and event count"),
        ("show", "one Subscription: what it asks for and how it fares"),
        ("attempts", "the newest attempts to deliver to it"),
        ("events", "its events A..B, from $events"),
        ("resend", "send its events A..B once more, with $resend"),
        ("reactivate", "ask for a new handshake after an error"),
        ("off", "switch it off; its numbers go on later"),
        ("verify", "send a handshake now and tell what happened on the way"),
        ("check", "would the hub take this Subscription? nothing is stored"),
    ):
        action = _command(actions, name, line, epilog=_CHECK if name == "check" else EXIT_TEXT)
        if name == "check":
            action.add_argument(
                "file", metavar="FILE|-", help="a Subscription, in JSON or XML; - reads stdin"
            )
        elif name != "list":
            action.add_argument("id", metavar="ID", help="Subscription id, or Subscription/id")
        if name in {"events", "resend"}:
            action.add_argument(
                "numbers", metavar="A..B", nargs="?", type=number_range, help="3, 3..7 or 3.. (all)"
            )
        _hub(action, by_content=name == "check")
        _format(action)


def _receiver(commands: _Commands[Parser]) -> None:
    command = _command(
        commands,
        "receiver",
        "a local rest-hook endpoint that prints what arrives",
        "Listen on this machine, print each notification, show gaps; fail on demand.",
        RECEIVER,
    )
    command.add_argument(
        "--port", type=port_or_any, default=0, metavar="PORT", help="0 takes any free port (0)"
    )
    command.add_argument(
        "--fail", type=fraction, metavar="PART", help="answer this part (0.1) with 503, evenly"
    )
    command.add_argument(
        "--fail-first", type=positive, metavar="N", help="answer the first N with 503"
    )
    command.add_argument(
        "--delay",
        type=duration,
        default=timedelta(0),
        metavar="TIME",
        help="answer so much later",
    )
    command.add_argument("--hang", action="store_true", help="never answer")
    command.add_argument(
        "--lose",
        type=numbers,
        default=frozenset(),
        metavar="N[,M]",
        help="answer these event numbers with 200 and forget them",
    )
    command.add_argument(
        "--recover", action="store_true", help="fetch what is missing with $events from --url"
    )
    command.add_argument("--count", type=positive, metavar="N", help="stop after N events")
    _hub(command)
    _format(command)


def _topics(commands: _Commands[Parser]) -> None:
    group = _command(commands, "topics", "the topics and their filters", epilog=TOPICS)
    group.add_argument(
        "action",
        nargs="?",
        choices=("list", "show", "lint", "test", "new", "load"),
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
    group.add_argument(
        "--dry-run", action="store_true", help="say what a hub would, and send nothing (load)"
    )
    _url(group, "the hub to load into")
    group.add_argument(
        "--admin-token-file",
        default=os.environ.get("HUB_ADMIN_TOKEN_FILE"),
        metavar="FILE",
        help="the token that the hub was started with (load; HUB_ADMIN_TOKEN_FILE)",
    )
    _format(group)


def _explain(commands: _Commands[Parser]) -> None:
    command = _command(
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
    command.add_argument(
        "--subscription", metavar="ID", help="ask about this one alone: why not me"
    )
    command.add_argument("--topic", metavar="NAME", help="ask about this topic alone")
    _hub(command)
    _format(command)


def _trace(commands: _Commands[Parser]) -> None:
    command = _command(
        commands,
        "trace",
        "what became of an order: who was told, did it arrive",
        "Each change of a resource, and of what points to it (the Tasks and results of an\n"
        "order): who was told, with which number, and whether it arrived.",
        "exit code 1: something has not arrived\n\n" + EXIT_TEXT,
    )
    command.add_argument("resource", metavar="TYPE/ID", help="such as ServiceRequest/17")
    _hub(command)
    _format(command)


def _publish(commands: _Commands[Parser]) -> None:
    command = _command(
        commands,
        "publish",
        "write resources from files or standard input",
        "Writes each resource: one with an id is put, another one posted; a transaction goes\n"
        "whole, of any other Bundle each resource.  A file may have one resource per line.",
        PUBLISH,
    )
    command.add_argument("paths", nargs="+", metavar="FILE|-", help="JSON; - is standard input")
    command.add_argument("--rate", type=rate, metavar="N", help="so many a second at most")
    _hub(command)
    _format(command)


def _trigger(commands: _Commands[Parser]) -> None:
    command = _command(
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
    _url(command)
    _format(command)


def _scenario(commands: _Commands[Parser]) -> None:
    command = _command(
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
    command.add_argument("--verbose", action="store_true", help="tell every step, also of all")
    _format(command)


def _errors(commands: _Commands[Parser]) -> None:
    command = _command(commands, "errors", "explain a refusal of the hub", epilog=EXIT_TEXT)
    command.add_argument(
        "code", nargs="?", metavar="CODE", help="what stands in (brackets) after a refusal"
    )
    _format(command)


def _guide(commands: _Commands[Parser]) -> None:
    command = _command(commands, "guide", "how to do everyday things, step by step", epilog=GUIDE)
    command.add_argument("name", nargs="?", metavar="NAME", help="a guide, or its beginning")
    _format(command)


def _url(command: Parser, words: str = "the hub") -> None:
    command.add_argument(
        "--url",
        default=os.environ.get("HUB_URL") or DEFAULT_URL,
        metavar="URL",
        help=f"{words} ({DEFAULT_URL}; HUB_URL)",
    )


def _hub(command: Parser, *, by_content: bool = False) -> None:
    _url(command)
    command.add_argument(
        "--release",
        choices=RELEASES,
        default=None if by_content else "r4",
        help=f"which of its bases ({'as the elements say' if by_content else 'r4'})",
    )


def _format(command: Parser) -> None:
    command.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: for programs (text)"
    )
    _plain(command)


def _plain(command: Parser) -> None:
    command.add_argument(
        "--no-color", dest="plain", action="store_true", help="no colours; as NO_COLOR"
    )
