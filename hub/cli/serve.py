"""``fhir-hub serve``: a hub until ^C or SIGTERM."""

from __future__ import annotations

import argparse
import gc
import os
from typing import Final

from hub.cli.exits import CommandError, Exit
from hub.cli.program import program
from hub.cli.terminal import Terminal
from hub.logs import log_to_stderr
from hub.settings import OPTIONS, Settings, SettingsError, is_loopback, read_settings


def run(arguments: argparse.Namespace) -> int:
    """Serve with the settings of flags and environment."""
    flags = {option.name: getattr(arguments, option.name) for option in OPTIONS}
    try:
        settings = read_settings(flags, os.environ)
    except SettingsError as error:
        raise CommandError(Exit.USAGE, str(error)) from None
    # What is imported and loaded does not become garbage; ``bootstrap.serve`` collects again.
    gc.disable()
    # The hub itself is dear to import; a wrong setting is told before.
    from hub import bootstrap  # noqa: PLC0415  # as said above
    from hub.errors import HubError  # noqa: PLC0415  # as said above

    log_to_stderr(settings.log_level)
    terminal = Terminal.standard(os.environ)
    try:
        return bootstrap.serve(settings, started=lambda _: _banner(terminal, settings))
    except SettingsError as error:
        raise CommandError(Exit.USAGE, str(error)) from None
    except HubError as error:
        raise CommandError(Exit.FAILED, f"can't start: {error.diagnostics}") from None


_SHARES: Final = {
    1: "one does it all",
    2: "two: one takes requests in",
    3: "three: one takes requests in, one posts notifications",
}


def _banner(terminal: Terminal, settings: Settings) -> None:
    url = settings.public_url
    terminal.talk(f"● ready  {url}  (^C to quit)", "green")
    terminal.talk(f"  FHIR      {url}/fhir/r4   {url}/fhir/r4b   {url}/fhir/r5")
    terminal.talk(f"  page      {url}/")
    terminal.talk(f"  database  {settings.db}")
    terminal.talk(f"  processes {_SHARES[settings.processes]}")
    if settings.smtp is not None:
        server = f"{settings.smtp.host}:{settings.smtp.port}"
        terminal.talk(f"  mail      from {settings.smtp_from} through {server}")
    terminal.talk(f"  watch     {program()} watch --url {url}")
    if settings.clients is not None:
        count = len(settings.clients)
        terminal.talk(f"  asks      who calls, and knows {count} client{'s' * (count != 1)}")
    if not is_loopback(settings.host):
        if settings.clients is None:
            terminal.talk("! open to the network, and nobody is asked who they are", "yellow")
        elif url.startswith("http://"):
            terminal.talk(
                "! tokens go over plain HTTP; put a proxy that speaks TLS before the hub, and tell "
                "its address with --public-url",
                "yellow",
            )
    if not settings.egress_allow:
        terminal.talk("  sends to public https endpoints only; see --egress-allow, --allow-http")
