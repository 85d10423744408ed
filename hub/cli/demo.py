"""``fhir-hub demo``: a hub on this machine with made-up orders, to look at."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from hub.bootstrap import Hosting
from hub.cli.endpoint import Endpoint, Received, Reply
from hub.cli.exits import CommandError, Exit
from hub.cli.mail_catcher import HOST, SENDER, MailCatcher, is_available
from hub.cli.program import program
from hub.cli.running import run_async
from hub.cli.story import Story
from hub.cli.story_actor import (
    DEVELOPER,
    FULFILLER,
    PHYSICIAN,
    PLACER,
    SECOND_DESK,
    Inbox,
)
from hub.cli.story_step import Step
from hub.cli.terminal import Terminal, clock_time, milliseconds, printable
from hub.clock import SystemClock
from hub.core.subscription import PayloadContent
from hub.errors import HubError
from hub.event_loop import loop_factory
from hub.logs import log_to_stderr
from hub.mail_settings import SmtpServer
from hub.settings import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    LOOPBACK_ORIGINS,
    Settings,
    SettingsError,
    default_public_url,
    packaged_topics,
)
from hub.web.demo import Demo
from hub.web.mailbox import CaughtMail, Mailbox
from hub.web.receptions import Reception, Receptions

PAUSE = timedelta(seconds=5)
"""Between orders, after the story."""

RETRY_SCHEDULE = (timedelta(seconds=0.5), timedelta(seconds=1), timedelta(seconds=2))
_PORTS_TRIED = 100
_UUID = re.compile(r"\b([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_SHORT = r"\1…"
_COLOURS = {
    PLACER: "magenta",
    FULFILLER: "cyan",
    DEVELOPER: "blue",
    SECOND_DESK: "yellow",
    PHYSICIAN: "green",
}


def run(arguments: argparse.Namespace) -> int:
    """Serve and play; see ``--help``."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    listening = free_port(arguments.port)
    log_to_stderr("warning")
    with contextlib.closing(listening), tempfile.TemporaryDirectory(prefix="fhir-hub-") as folder:
        settings = demo_settings(Path(folder) / "demo.db", listening.getsockname()[1])
        playing = demo(settings, listening, terminal, once=arguments.once)
        return run_async(playing, loop_factory())


def free_port(asked: int | None) -> socket.socket:
    """Return a socket bound to the port that was asked for, or to the next free one from 8080.

    Raises:
        CommandError: there is none.
    """
    ports = [asked] if asked else range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED)
    for port in ports:
        with contextlib.suppress(OSError):
            return socket.create_server((DEFAULT_HOST, port), backlog=1024)
    wanted = f"port {asked}" if asked else f"every port from {DEFAULT_PORT} on"
    raise CommandError(Exit.USAGE, f"{wanted} is taken; choose another with --port")


def demo_settings(db: Path, port: int) -> Settings:
    """Return the settings of a hub that only this machine reaches, and that only sends to it."""
    return Settings(
        host=DEFAULT_HOST,
        port=port,
        db=db,
        topics=(packaged_topics(),),
        public_url=default_public_url(DEFAULT_HOST, port),
        egress_allow=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
        allow_http=True,
        cors_origins=(LOOPBACK_ORIGINS,),
        retry_schedule=RETRY_SCHEDULE,
        log_level="warning",
    )


async def demo(
    settings: Settings, listening: socket.socket, terminal: Terminal, *, once: bool
) -> int:
    """Serve on ``listening``, play, and return the exit code.

    Notifications are received and shown; mails, too, where a mail server is installed.
    """
    clock, receptions = SystemClock(), Receptions()
    async with Endpoint(
        clock, lambda ordinal, arrival: Reply.ACCEPT, heard=keeping(receptions, "your endpoint")
    ) as endpoint:
        await endpoint.start()
        shown = Demo(mails=None, received=receptions, endpoint=endpoint.url)
        if not is_available():
            return await _host(settings, listening, terminal, shown, None, once=once)
        mails = Mails(terminal)
        async with MailCatcher(clock, mails.caught) as catcher:
            settings = replace(
                settings,
                smtp=SmtpServer(HOST, catcher.port),
                smtp_from=SENDER,
                email_content=PayloadContent.FULL_RESOURCE,
            )
            shown = replace(shown, mails=mails.mailbox)
            return await _host(settings, listening, terminal, shown, mails.inbox, once=once)


def keeping(receptions: Receptions, receiver: str) -> Callable[[Received], None]:
    """Return what keeps each request that ``receiver`` gets, to be looked at."""

    def keep(received: Received) -> None:
        arrival = received.arrival
        receptions.put(
            Reception(
                at=received.at,
                receiver=receiver,
                type=arrival.type,
                subscription=arrival.subscription_name,
                numbers=arrival.numbers,
                focus=[each.focus for each in arrival.events if each.focus is not None],
                answered=received.reply.value,
                body=received.body,
            )
        )

    return keep


class Mails:
    """Where caught mails go: all to be looked at, those of the story to its actor.

    Of any other a line is told on ``terminal``.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.mailbox = Mailbox()
        self.inbox = Inbox()
        self._terminal = terminal

    def caught(self, mail: CaughtMail) -> None:
        """Take a mail."""
        self.mailbox.put(mail)
        if mail.recipient == Inbox.address:
            self.inbox.put(mail)
            return
        at = self._terminal.paint(clock_time(mail.at), "dim")
        told = printable(f"mail to {mail.recipient}: {mail.subject}")
        self._terminal.line(f"{at}  {self._terminal.paint(told, 'bold')}")


async def _host(
    settings: Settings,
    listening: socket.socket,
    terminal: Terminal,
    shown: Demo,
    inbox: Inbox | None,
    *,
    once: bool,
) -> int:
    hosting = Hosting(settings, listening=listening, demo=shown)
    try:
        await hosting.start()
    except SettingsError as error:
        raise CommandError(Exit.USAGE, str(error)) from None
    except HubError as error:
        raise CommandError(Exit.FAILED, f"can't start: {error.diagnostics}") from None
    try:
        _banner(terminal, settings.public_url, shown)
        heard = keeping(shown.received, FULFILLER)
        return await _play(settings.public_url, terminal, inbox, heard, once=once)
    finally:
        await hosting.stop()


async def _play(
    url: str,
    terminal: Terminal,
    inbox: Inbox | None,
    heard: Callable[[Received], None],
    *,
    once: bool,
) -> int:
    clock = SystemClock()

    def tell(step: Step) -> None:
        terminal.line(step_line(terminal, step))

    def announce(scene: str) -> None:
        terminal.line()
        terminal.line(terminal.paint(scene, "bold"))

    async with Story(url, clock, tell, announce, inbox, heard=heard) as story:
        held = await story.play()
        while held and not once:
            await clock.sleep_until(clock.now() + PAUSE)
            held = await story.play_order()
    failed = sum(not step.held for step in story.steps)
    terminal.line()
    if failed:
        terminal.line(terminal.paint(f"✗ {failed} of {len(story.steps)} steps failed", "red"))
        return Exit.FAILED
    terminal.line(terminal.paint(f"✓ all {len(story.steps)} steps held", "green", "bold"))
    return Exit.OK


def step_line(terminal: Terminal, step: Step) -> str:
    """Return one step as a line: when, who -> whom, what, number, status, how long."""
    sign = terminal.paint("→", "green") if step.held else terminal.paint("✗", "red", "bold")
    who, whom = _actor(terminal, step.who, 11), _actor(terminal, step.whom, 9)
    number = terminal.paint(step.number.rjust(8), "bold")
    took = "" if step.milliseconds is None else milliseconds(step.milliseconds)
    status = step.status.rjust(3)
    if step.status in {"412", "503"}:
        status = terminal.paint(status, "yellow")
    what = short_ids(step.what)
    if step.alarm or not step.held:
        what = terminal.paint(what, "red")
    at = terminal.paint(clock_time(step.at), "dim")
    tail = f"{status} {terminal.paint(took.rjust(8), 'dim')}"
    return f"{at}  {who} {sign} {whom} {number}  {tail}  {what}"


def short_ids(text: str) -> str:
    """Return ``text`` with the ids that the hub gave cut to their beginnings."""
    return _UUID.sub(_SHORT, text)


def _actor(terminal: Terminal, name: str, width: int) -> str:
    colour = _COLOURS.get(name)
    return terminal.paint(name.ljust(width), colour) if colour else name.ljust(width)


def _banner(terminal: Terminal, url: str, shown: Demo) -> None:
    terminal.line(
        terminal.paint("fhir-hub demo", "bold")
        + "  this machine only, nobody is asked who they are, nothing is kept"
    )
    terminal.line(f"  FHIR   {url}/fhir/r4   {url}/fhir/r4b   {url}/fhir/r5")
    terminal.line(f"  page   {terminal.paint(f'{url}/', 'bold')}")
    terminal.line(f"  hook   {shown.endpoint}  (takes anything; {url}/demo/receiver shows it)")
    if shown.mails is not None:
        terminal.line(f"  mail   {url}/demo/mail  (all that the hub sends is caught there)")
    else:
        terminal.line("  mail   pip install 'fhir-hub[demo]' adds a mail server that catches all")
    terminal.line("  try, in another terminal:")
    for command in (
        f"{program()} watch --url {url}",
        f"{program()} subs list --url {url}",
        f"curl -s '{url}/fhir/r4/Task?_count=1'",
    ):
        terminal.line(f"         {terminal.paint(command, 'cyan')}")
    terminal.line("  (^C to quit)")
