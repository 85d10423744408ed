"""Arguments of the commands that run a hub, listen to one and mend its Subscriptions."""

from __future__ import annotations

import os
from datetime import timedelta

from hub.cli.argument_type import (
    duration,
    fraction,
    number_range,
    numbers,
    port,
    port_or_any,
    positive,
)
from hub.cli.exits import EXIT_TEXT
from hub.cli.help_text import CLIENT, RECEIVER, SERVE, WATCH
from hub.cli.parser import Commands, Parser, add_command, add_format, add_hub, add_plain
from hub.settings import OPTIONS

_CHECK = """\
examples:
  fhir-hub subs check subscription.json
  jq .resource answer.json | fhir-hub subs check - --url https://hub.example.org

Each line is one thing: · what the hub would do or change, ! a warning, ✗ why it would refuse.

exit codes: 0 it would be accepted, 1 it would be refused, 2 wrong usage,
  3 the hub has no such check, 4 the hub failed (5xx), 5 not reachable, 130 interrupted"""


def add_serve(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub serve``."""
    command = add_command(commands, "serve", "run a hub", "Run a hub until ^C or SIGTERM.", SERVE)
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


def add_demo(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub demo``."""
    command = add_command(
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
    add_plain(command)


def add_watch(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub watch``."""
    command = add_command(
        commands,
        "watch",
        "show notifications live, and close gaps",
        "Show notifications as they come, over the hub's websocket, one line each.\n"
        "What is missing is fetched with $events; when the hub restarts, watch goes on\n"
        "after the last number it saw.",
        WATCH,
    )
    add_hub(command)
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
    add_format(command)


def add_subs(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub subs``."""
    group = add_command(commands, "subs", "look at and mend Subscriptions", epilog=EXIT_TEXT)
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
        action = add_command(actions, name, line, epilog=_CHECK if name == "check" else EXIT_TEXT)
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
        add_hub(action, by_content=name == "check")
        add_format(action)


def add_receiver(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub receiver``."""
    command = add_command(
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
    add_hub(command)
    add_format(command)


def add_client(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub client``."""
    command = add_command(
        commands, "client", "who may call a hub that asks", "Who may call a hub that asks.", CLIENT
    )
    # The module of this name is the HTTP half of all commands.
    command.set_defaults(command="clients")
    command.add_argument("action", choices=("new", "list"), help="what to do")
    command.add_argument("name", nargs="?", metavar="NAME", help="what it is called (new)")
    command.add_argument(
        "--party",
        action="append",
        default=[],
        metavar="REFERENCE|SYSTEM|VALUE",
        help="whom it acts for, as Organization/lab; repeatable (new)",
    )
    command.add_argument(
        "--administrator", action="store_true", help="it sees and may do everything (new)"
    )
    command.add_argument(
        "--file",
        default=os.environ.get("HUB_CLIENTS") or "clients.json",
        metavar="FILE",
        help="the list of clients (clients.json; HUB_CLIENTS)",
    )
    command.add_argument(
        "--token-file", metavar="FILE", help="write the token there (0600), show it not (new)"
    )
    add_format(command)
