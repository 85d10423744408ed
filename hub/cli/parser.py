"""What the commands' arguments have in common."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from hub.cli.exits import Exit

DEFAULT_URL = "http://127.0.0.1:8080"
RELEASES = ("r4", "r4b", "r5")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, on stderr, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Write ``message`` and exit."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


Commands = argparse._SubParsersAction  # argparse has no public name for it


def add_command(
    commands: Commands[Parser], name: str, line: str, description: str = "", epilog: str = ""
) -> Parser:
    """Add a command: its name, its line in the list, its description and what follows."""
    return commands.add_parser(
        name,
        help=line,
        description=description or line,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_url(command: Parser, words: str = "the hub") -> None:
    """Take the hub's URL."""
    command.add_argument(
        "--url",
        default=os.environ.get("HUB_URL") or DEFAULT_URL,
        metavar="URL",
        help=f"{words} ({DEFAULT_URL}; HUB_URL)",
    )
    add_token(command)


def add_token(command: Parser) -> None:
    """Take where the bearer token is, for a hub that asks who calls; see ``client.read_bearer``."""
    command.add_argument(
        "--token-file",
        default=os.environ.get("HUB_TOKEN_FILE") or None,
        metavar="FILE",
        help="file (0600) with your token, where the hub asks (HUB_TOKEN_FILE, HUB_TOKEN)",
    )


def add_hub(command: Parser, *, by_content: bool = False) -> None:
    """Take the hub's URL and one of its releases; ``by_content`` leaves that to what is sent."""
    add_url(command)
    command.add_argument(
        "--release",
        choices=RELEASES,
        default=None if by_content else "r4",
        help=f"which of its bases ({'as the elements say' if by_content else 'r4'})",
    )


def add_format(command: Parser) -> None:
    """Take how the answer is written, and whether in colours."""
    command.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: for programs (text)"
    )
    add_plain(command)


def add_plain(command: Parser) -> None:
    """Take whether colours are left out."""
    command.add_argument(
        "--no-color", dest="plain", action="store_true", help="no colours; as NO_COLOR"
    )
