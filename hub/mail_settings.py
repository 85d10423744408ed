"""How the hub sends mail, as an administrator sets it: the values, how they are read, the flags.

Readers raise ``ValueError`` with one line for people.
Source: RFC 5321, 4.1.2 (addresses); RFC 6409 (port 587); RFC 8314 (port 465); RFC 3207 (STARTTLS).
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hub.core.subscription import PayloadContent

SUBMISSION_PORT = 587
TLS_PORT = 465
LONGEST_ADDRESS = 254
_LONGEST_LOCAL = 64

_SERVER = re.compile(
    r"(?P<scheme>smtps?://)?(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
_DOMAIN = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+(?!-)(?![0-9]+$)[a-z0-9-]{2,63}(?<!-)")
_ATOM = r"[A-Za-z0-9_+='~-]+"
_ADDRESS = re.compile(rf"(?P<local>(?!-){_ATOM}(?:\.{_ATOM})*)@(?P<domain>[A-Za-z0-9.-]+)")


class StartTls(StrEnum):
    """Whether the connection to the mail server is encrypted by STARTTLS."""

    AUTO = "auto"
    REQUIRED = "required"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The mail server; ``tls`` is whether it speaks TLS from the first byte (``smtps://``)."""

    host: str
    port: int
    tls: bool = False

    @property
    def on_this_machine(self) -> bool:
        """Whether what is sent there leaves this machine only in the hands of that server."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def is_domain(name: str) -> bool:
    """Tell whether ``name`` is a mail domain of the Internet, in ASCII and lower case.

    It has at least two labels, so that no name of a local machine is one.
    """
    local = name.rpartition(".")[2] in {"localhost", "localdomain"}
    return len(name) <= 253 and not local and _DOMAIN.fullmatch(name) is not None


def split_address(text: str) -> tuple[str, str] | None:
    """Return local part and domain (in lower case) of a plain address, None if it is none.

    Plain is narrower than RFC 5321: an unquoted local part of letters, digits and . _ + = ' ~ and
    hyphen, which no mail server takes for a pipe, a file, a route or an option.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or len(text) > LONGEST_ADDRESS or len(found["local"]) > _LONGEST_LOCAL:
        return None
    domain = found["domain"].lower()
    return (found["local"], domain) if is_domain(domain) else None


def read_server(text: str) -> SmtpServer:
    """Read ``HOST``, ``HOST:PORT``, also as ``smtp://`` or ``smtps://`` URL."""
    found = _SERVER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no mail server; write HOST[:PORT] or smtps://HOST[:PORT]")
    tls = found["scheme"] == "smtps://"
    host = found["address"] or found["name"]
    if found["address"] is not None:
        try:
            host = str(ip_address(host))
        except ValueError:
            raise ValueError(f"{text!r} has no IPv6 address in its brackets") from None
    port = int(found["port"] or (TLS_PORT if tls else SUBMISSION_PORT))
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r} has a port that is not in 1 to 65535")
    return SmtpServer(host, port, tls)


def read_sender(text: str) -> str:
    """Read the address that mails come from."""
    if split_address(text) is None:
        raise ValueError(f"{text!r} is no address such as hub@example.org")
    return text


def read_starttls(text: str) -> StartTls:
    """Read ``auto``, ``required`` or ``off``."""
    try:
        return StartTls(text.strip().lower())
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(StartTls)}") from None


def read_content(text: str) -> PayloadContent:
    """Read a content level."""
    try:
        return PayloadContent(text.strip().lower())
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(PayloadContent)}") from None


def read_domains(texts: Iterable[str]) -> tuple[str, ...]:
    """Read mail domains; each stands for itself alone, not for what is below it."""
    domains = tuple(text.lower() for text in texts)
    for domain in domains:
        if not is_domain(domain):
            raise ValueError(f"{domain!r} is no mail domain such as example.org")
    return domains


def read_file(text: str) -> Path:
    """Read the name of a file that must be there."""
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"{text!r} is no file")
    return path


def read_user(text: str) -> str:
    """Read the name with which the hub signs in at the mail server."""
    if not text or not text.isprintable():
        raise ValueError(f"{text!r} is no user name")
    return text


def read_password_file(text: str) -> Path:
    """Read the name of a file with a password, and try whether it holds one."""
    path = Path(text)
    read_password(path)
    return path


def read_password(path: Path) -> str:
    """Return the password in a file, without the end of its line.

    Raises:
        ValueError: ``read_private`` refuses it, or it does not hold one line; the text does not
            show what it holds.
    """
    password = read_private(path).rstrip("\r\n")
    if not password or not password.isprintable():
        raise ValueError(f"{str(path)!r} must hold one line, the password")
    return password


def read_private(path: Path) -> str:
    """Return the text of a file, an empty one if it is none in UTF-8.

    Raises:
        ValueError: it can't be read, or others than its owner may read or write it.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ValueError(f"others may read {str(path)!r}: chmod 600 it")
        return path.read_text("utf-8")
    except OSError as error:
        raise ValueError(f"{str(path)!r} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        return ""


def check_mail(values: Mapping[str, Any]) -> None:
    """Refuse settings that only together make no sense, or send more in clear than they say.

    Args:
        values: of the fields of ``hub.settings.Settings`` that were set.

    Raises:
        ValueError
    """
    server: SmtpServer | None = values.get("smtp")
    given = [name for name in _NAMES if values.get(name) and name != "smtp"]
    if server is None:
        if given:
            raise ValueError(f"{_NAMES[given[0]]} is of no use without --smtp HOST[:PORT]")
        return
    if "smtp_from" not in values:
        raise ValueError("--smtp needs --smtp-from ADDRESS, which mails come from")
    if ("smtp_user" in values) != ("smtp_password_file" in values):
        raise ValueError("--smtp-user and --smtp-password-file belong together")
    starttls = values.get("smtp_starttls", StartTls.AUTO)
    if server.tls and "smtp_starttls" in values:
        raise ValueError("--smtp smtps://... is encrypted already; leave --smtp-starttls away")
    encrypted = server.tls or server.on_this_machine or starttls is StartTls.REQUIRED
    if values.get("email_content") is PayloadContent.FULL_RESOURCE and not encrypted:
        raise ValueError(
            "--email-content full-resource would let resources go unencrypted to "
            f"{server.host}; say --smtp-starttls required"
        )
    if "smtp_user" in values and not encrypted:
        raise ValueError(
            f"--smtp-user would let the password go unencrypted to {server.host}; "
            "say --smtp-starttls required"
        )


MAIL_OPTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "smtp",
        "flag": "--smtp",
        "metavar": "HOST:PORT",
        "read": read_server,
        "help": "mail server for email Subscriptions; smtps://HOST for TLS at once (no emails)",
    },
    {
        "name": "smtp_from",
        "flag": "--smtp-from",
        "metavar": "ADDRESS",
        "read": read_sender,
        "help": "the address that mails come from; needed with --smtp",
    },
    {
        "name": "smtp_starttls",
        "flag": "--smtp-starttls",
        "metavar": "WHEN",
        "read": read_starttls,
        "help": "auto: where the server offers it; required: else nothing is sent; off (auto)",
    },
    {
        "name": "smtp_ca_file",
        "flag": "--smtp-ca-file",
        "metavar": "FILE",
        "read": read_file,
        "help": "PEM file of the authorities to trust for the mail server (the system's)",
    },
    {
        "name": "smtp_user",
        "flag": "--smtp-user",
        "metavar": "NAME",
        "read": read_user,
        "help": "user to sign in as at the mail server; with --smtp-password-file",
    },
    {
        "name": "smtp_password_file",
        "flag": "--smtp-password-file",
        "metavar": "FILE",
        "read": read_password_file,
        "help": "file (0600) with the password of --smtp-user",
    },
    {
        "name": "email_domains",
        "flag": "--email-domain",
        "metavar": "DOMAIN",
        "read": read_domains,
        "repeatable": True,
        "help": "write to addresses of this domain only; repeatable (any)",
    },
    {
        "name": "email_content",
        "flag": "--email-content",
        "metavar": "LEVEL",
        "read": read_content,
        "help": "most that a mail may hold: empty, id-only, full-resource (id-only)",
    },
)
_NAMES = {option["name"]: option["flag"] for option in MAIL_OPTIONS} | {
    "email_opt_in": "--email-opt-in"
}
