"""The hub's settings: one table of options, read once from flags and ``HUB_*`` variables.

A flag wins over its variable.  A ``HUB_`` variable that no option has is an error, so that a
misspelt one can't be ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from importlib import resources
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub.client_settings import CLIENT_OPTIONS, check_token
from hub.coding_settings import read_authorization_hint, read_message_event
from hub.core.message import DEFAULT_MESSAGE_EVENT, MessageEvent
from hub.core.registered_client import RegisteredClient
from hub.core.related_query import Coding
from hub.core.subscription import PayloadContent
from hub.core.task_guard import TaskGuard
from hub.core.timing import DEFAULT_GIVE_UP_AFTER, DEFAULT_RETRY_SCHEDULE
from hub.guard_settings import GUARD_OPTIONS
from hub.mail_settings import MAIL_OPTIONS, SmtpServer, StartTls, check_mail, read_private
from hub.process_settings import PROCESS_OPTIONS, usable_cores, usual_processes

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
PREFIX = "HUB_"
LOOPBACK_ORIGINS = "loopback"
"""The value of ``cors_origins`` that stands for every origin on this machine, whatever its port."""

OTHER_VARIABLES = frozenset({"HUB_REFERENCE_DATA", "HUB_TOKEN", "HUB_TOKEN_FILE", "HUB_URL"})
"""``HUB_`` variables that are no settings: where the tests find reference data, and which hub
commands ask, and who they are."""

_LOG_LEVELS = ("debug", "info", "warning", "error")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_SIZES = {"": 1, "k": 1024, "m": 1024**2}
_ORIGIN = re.compile(r"https?://[^/?#@\s]+")


class SettingsError(ValueError):
    """A setting that the hub can't start with; its text is one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set when a hub starts.

    ``public_url`` has no slash at its end; ``topics`` are directories and packages, the hub's own
    first; ``cors_origins`` are origins, or ``loopback`` for all on this machine;
    ``admin_token_file`` holds the bearer token of the administrator, nobody is one where None;
    ``clients`` are who may call, None where nobody is asked who they are;
    ``retry_schedule`` holds the waits after the first, second, ... failure, and the last repeats
    until ``give_up_after``; ``max_body`` is in bytes; ``authorization_hint`` is the type of
    authorization that notifications name; ``message_event`` is what messages that carry them are
    about; ``smtp`` is where mails go, no emails where None, and what follows it is explained in
    ``hub.mail_settings``; ``email_opt_in`` asks a person before events are sent;
    with two ``processes`` one takes requests in, with three another one posts notifications;
    ``require_if_match`` are resource types that nobody may change without If-Match;
    ``task_guard`` says which status a Task may move to, any where None.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    db: Path = Path("fhir-hub.db")
    topics: tuple[Path, ...] = ()
    public_url: str = f"http://{DEFAULT_HOST}:{DEFAULT_PORT}"
    egress_allow: tuple[IPv4Network | IPv6Network, ...] = ()
    allow_http: bool = False
    cors_origins: tuple[str, ...] = ()
    retry_schedule: tuple[timedelta, ...] = DEFAULT_RETRY_SCHEDULE
    give_up_after: timedelta = DEFAULT_GIVE_UP_AFTER
    retain_events: timedelta = timedelta(days=30)
    max_body: int = 2 * 1024**2
    log_level: str = "info"
    insecure: bool = False
    admin_token_file: Path | None = None
    clients: tuple[RegisteredClient, ...] | None = None
    authorization_hint: Coding | None = None
    message_event: MessageEvent = DEFAULT_MESSAGE_EVENT
    smtp: SmtpServer | None = None
    smtp_from: str = ""
    smtp_starttls: StartTls = StartTls.AUTO
    smtp_ca_file: Path | None = None
    smtp_user: str | None = None
    smtp_password_file: Path | None = None
    email_domains: tuple[str, ...] = ()
    email_content: PayloadContent = PayloadContent.ID_ONLY
    email_opt_in: bool = False
    processes: int = 1
    require_if_match: frozenset[str] = frozenset()
    task_guard: TaskGuard | None = None


def parse_duration(text: str) -> timedelta:
    """Read ``500ms``, ``5s``, ``2m``, ``1h``, ``3d``, also with a fraction: ``0.5s``.

    Raises:
        SettingsError: it is none of these, or not above zero.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", text.strip())
    try:
        duration = float(found[1]) * _UNITS[found[2]] if found else timedelta(0)
    except OverflowError:
        duration = timedelta(0)
    if duration <= timedelta(0):
        raise SettingsError(f"{text!r} is no duration; write 500ms, 5s, 2m, 1h or 3d")
    return duration


def _schedule(texts: Iterable[str]) -> tuple[timedelta, ...]:
    return tuple(parse_duration(text) for text in texts)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingsError(f"{text!r} is no port; write a number from 1 to 65535")
    return int(text)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([km]?)i?b?", text.strip().lower())
    size = int(found[1]) * _SIZES[found[2]] if found else 0
    if size < 1024:
        raise SettingsError(f"{text!r} is no size; write bytes, or 512k or 2m, at least 1k")
    return size


def _switch(text: str) -> bool:
    word = text.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise SettingsError(f"{text!r} is no switch; write true or false")


def _host(text: str) -> str:
    host = text.strip().removeprefix("[").removesuffix("]")
    if not host or re.search(r"[\s/]", host):
        raise SettingsError(f"{text!r} is no host; write a name or an address")
    return host


def _public_url(text: str) -> str:
    try:
        url = urlsplit(text.strip())
        sound = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound or url.query or url.fragment or url.username is not None:
        raise SettingsError(f"{text!r} is no public URL; write http(s)://host[:port][/path]")
    return text.strip().rstrip("/")


def _networks(texts: Iterable[str]) -> tuple[IPv4Network | IPv6Network, ...]:
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError as error:
            raise SettingsError(f"{text!r} is no CIDR such as 10.0.0.0/8: {error}") from None
    return tuple(networks)


def _origins(texts: Iterable[str]) -> tuple[str, ...]:
    origins = tuple(text.rstrip("/").lower() for text in texts)
    for origin in origins:
        if origin != LOOPBACK_ORIGINS and not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"{origin!r} is no origin; write https://host[:port], or {LOOPBACK_ORIGINS}"
            )
    return origins


def _definitions(texts: Iterable[str]) -> tuple[Path, ...]:
    paths = tuple(Path(text) for text in texts)
    for path in paths:
        if not path.is_dir() and not (path.suffix == ".tgz" and path.is_file()):
            raise SettingsError(f"{str(path)!r} is no directory, and no package (.tgz)")
    return paths


def read_token(path: Path) -> str:
    """Return the bearer token in a file; space around it does not count.

    Raises:
        SettingsError: the file can't be read, others than its owner may read or write it, or it
            holds no token; the text does not show what it holds.
    """
    try:
        return check_token(read_private(path).strip(), repr(str(path)))
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _token_file(text: str) -> Path:
    path = Path(text)
    read_token(path)
    return path


def _log_level(text: str) -> str:
    if text.lower() not in _LOG_LEVELS:
        raise SettingsError(f"{text!r} is no log level; write {', '.join(_LOG_LEVELS)}")
    return text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting as people write it: ``--flag`` and ``HUB_VARIABLE``.

    ``read`` makes the value of the field of ``Settings`` named ``name``.  A ``repeatable`` option
    is given several times, or once with commas; a ``switch`` flag takes no value.
    """

    name: str
    flag: str
    help: str
    read: Callable[[Any], Any] = field(repr=False)
    metavar: str | None = None
    repeatable: bool = False

    @property
    def variable(self) -> str:
        """The environment variable, ``HUB_EGRESS_ALLOW`` for ``--egress-allow``."""
        return PREFIX + self.flag.removeprefix("--").replace("-", "_").upper()

    @property
    def switch(self) -> bool:
        """Whether the flag takes no value."""
        return self.metavar is None

    def value(self, given: str | bool | Iterable[str], source: str) -> Any:
        """Return the field's value for what was ``given`` by ``source``.

        Raises:
            SettingsError: it can't be read; the text names ``source``.
        """
        try:
            if isinstance(given, bool):
                return given
            if self.repeatable:
                texts = [given] if isinstance(given, str) else given
                return self.read([part for text in texts for part in _split(text)])
            return self.read(given)
        except ValueError as error:
            raise SettingsError(f"{source}: {error}") from None


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


OPTIONS = (
    Option(name="host", flag="--host", metavar="HOST", read=_host,
           help="address to listen on (127.0.0.1)"),
    Option(name="port", flag="--port", metavar="PORT", read=_port,
           help="port to listen on (8080)"),
    Option(name="db", flag="--db", metavar="FILE", read=Path,
           help="the database file (./fhir-hub.db)"),
    Option(name="topics", flag="--topics", metavar="DIR|TGZ", read=_definitions, repeatable=True,
           help="more topics, beside the packaged ones: folder or FHIR package; repeatable"),
    Option(name="public_url", flag="--public-url", metavar="URL", read=_public_url,
           help="how others reach this hub; in every reference it writes (http://HOST:PORT)"),
    Option(name="egress_allow", flag="--egress-allow", metavar="CIDR", read=_networks,
           repeatable=True,
           help="private or loopback network that the hub may send to; repeatable (none)"),
    Option(name="allow_http", flag="--allow-http", read=_switch,
           help="let endpoints be http:// too, not only https://"),
    Option(name="cors_origins", flag="--cors-origin", metavar="ORIGIN", read=_origins,
           repeatable=True,
           help="web origin whose pages may use the hub, or 'loopback'; repeatable (none)"),
    Option(name="retry_schedule", flag="--retry-schedule", metavar="WAITS", read=_schedule,
           repeatable=True,
           help="waits between tries, the last one repeats (5s,30s,2m,10m,30m,1h,2h,...)"),
    Option(name="give_up_after", flag="--give-up-after", metavar="TIME", read=parse_duration,
           help="a Subscription that fails for so long becomes 'error' (3d)"),
    Option(name="retain_events", flag="--retain-events", metavar="TIME", read=parse_duration,
           help="how long events can be asked for with $events (30d)"),
    Option(name="max_body", flag="--max-body", metavar="SIZE", read=_size,
           help="largest request body that is read (2m)"),
    Option(name="log_level", flag="--log-level", metavar="LEVEL", read=_log_level,
           help=f"{', '.join(_LOG_LEVELS)} (info)"),
    Option(name="insecure", flag="--insecure", read=_switch,
           help="listen on the network although the hub asks nobody who they are"),
    Option(name="admin_token_file", flag="--admin-token-file", metavar="FILE", read=_token_file,
           help="file (0600) with the bearer token of the administrator (nobody is one)"),
    Option(name="authorization_hint", flag="--authorization-hint", metavar="SYSTEM|CODE",
           read=read_authorization_hint,
           help="type of authorization that events name, over https or loopback only (none)"),
    Option(name="message_event", flag="--message-event", metavar="SYSTEM#CODE",
           read=read_message_event,
           help="event of the messages of channel 'message' (...#subscription-notification)"),
    *(Option(**each) for each in (*CLIENT_OPTIONS, *MAIL_OPTIONS)),
    Option(name="email_opt_in", flag="--email-opt-in", read=_switch,
           help="ask by mail, and send events only once the person agreed"),
    *(Option(**each) for each in (*PROCESS_OPTIONS, *GUARD_OPTIONS)),
)  # fmt: skip


def read_settings(
    flags: Mapping[str, str | bool | list[str] | None], environ: Mapping[str, str]
) -> Settings:
    """Return the settings that command line and environment make together.

    Args:
        flags: what the command line gave, by the field's name; None where it gave nothing.
        environ: all environment variables; an empty ``HUB_`` variable counts as not set.

    Raises:
        SettingsError: an unknown variable, an unreadable value, or a bind address that would
            open a hub without authentication to the network.
    """
    refuse_unknown(environ)
    values: dict[str, Any] = {}
    for option in OPTIONS:
        if (given := flags.get(option.name)) is not None and given is not False:
            values[option.name] = option.value(given, option.flag)
        elif given := environ.get(option.variable):
            values[option.name] = option.value(given, option.variable)
    values["topics"] = (packaged_topics(), *values.get("topics", ()))
    host, port = values.get("host", DEFAULT_HOST), values.get("port", DEFAULT_PORT)
    values.setdefault("public_url", default_public_url(host, port))
    values.setdefault("processes", usual_processes(usable_cores()))
    try:
        check_mail(values)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    settings = Settings(**values)
    if not is_loopback(settings.host) and not settings.insecure and settings.clients is None:
        raise SettingsError(
            f"--host {settings.host} is open to the network, and this hub asks nobody who they "
            "are; let it ask with --clients, stay on 127.0.0.1 behind a proxy that does, or say "
            "--insecure"
        )
    return settings


def refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raise ``SettingsError`` for a ``HUB_`` variable that no option has, naming near misses."""
    known = {option.variable for option in OPTIONS}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known | OTHER_VARIABLES:
            near = get_close_matches(name, sorted(known), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see fhir-hub serve --help"
            raise SettingsError(f"{name} is no setting; {hint}")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def default_public_url(host: str, port: int) -> str:
    """Return how this machine reaches a hub that listens on ``host`` and ``port``.

    A wildcard address is no place to go to, so the loopback address stands for it.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return default_public_url("127.0.0.1" if address.version == 4 else "::1", port)
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"


def packaged_topics() -> Path:
    """Return the directory of the topics that come with the hub.

    In an installed package it is ``hub/topics``, in the repository ``topics`` beside ``hub``.
    """
    package = Path(str(resources.files("hub")))
    inside = package / "topics"
    return inside if inside.is_dir() else package.parent / "topics"
