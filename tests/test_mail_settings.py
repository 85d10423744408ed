"""How the mail server and the rules for mails are set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.core.registry import Registry
from hub.core.subscription import ChannelType, PayloadContent
from hub.mail import email_channel, opt_in_signer
from hub.mail_settings import SmtpServer, StartTls, is_domain, read_password, split_address
from hub.settings import Settings, SettingsError, read_settings

FROM = {"smtp_from": "hub@example.org"}
Flags = dict[str, str | bool | list[str] | None]


def refused(flags: Flags, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        read_settings(flags, {})


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("mail.example.org", SmtpServer("mail.example.org", 587)),
        ("mail.example.org:25", SmtpServer("mail.example.org", 25)),
        ("smtp://mail.example.org:2525/", SmtpServer("mail.example.org", 2525)),
        ("smtps://mail.example.org", SmtpServer("mail.example.org", 465, tls=True)),
        ("smtps://[::1]:1465", SmtpServer("::1", 1465, tls=True)),
        ("[fd00::1]", SmtpServer("fd00::1", 587)),
        ("127.0.0.1:1025", SmtpServer("127.0.0.1", 1025)),
    ],
)
def test_a_mail_server_is_host_and_port_or_a_url(text: str, server: SmtpServer) -> None:
    assert read_settings({"smtp": text, **FROM}, {}).smtp == server
    environ = {"HUB_SMTP": text, "HUB_SMTP_FROM": FROM["smtp_from"]}
    assert read_settings({}, environ).smtp == server


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smtp", "mail example"),
        ("smtp", "http://mail.example.org"),
        ("smtp", "mail.example.org:0"),
        ("smtp", "mail.example.org:65536"),
        ("smtp", "user:pass@mail.example.org"),
        ("smtp", "[::1:25"),
        ("smtp", "[:::]"),
        ("smtp", "mail.example.org\r\nQUIT"),
        ("smtp_from", "hub"),
        ("smtp_from", "Hub <hub@example.org>"),
        ("smtp_from", "hub@localhost"),
        ("smtp_from", "a@example.org,b@example.org"),
        ("smtp_starttls", "sometimes"),
        ("smtp_ca_file", "/no/such/file"),
        ("smtp_user", "a\nb"),
        ("smtp_password_file", "/no/such/file"),
        ("email_domains", "@example.org"),
        ("email_domains", "example.org,localhost"),
        ("email_content", "everything"),
    ],
)
def test_what_cannot_be_read_is_refused_naming_the_flag(name: str, value: str) -> None:
    flag = {"email_domains": "--email-domain"}.get(name, f"--{name.replace('_', '-')}")
    refused({"smtp": "mail.example.org", **FROM, name: value}, f"^{flag}: ")


def test_what_belongs_together_is_given_together(tmp_path: Path) -> None:
    refused({"smtp": "mail.example.org"}, "--smtp needs --smtp-from")
    refused(dict(FROM), "--smtp-from is of no use without --smtp")
    refused({"email_opt_in": True}, "--email-opt-in is of no use without --smtp")
    server: Flags = {"smtp": "mail.example.org", **FROM}
    refused(server | {"smtp_user": "hub"}, "--smtp-user and --smtp-password-file")
    secure: Flags = {"smtp": "smtps://mail.example.org", **FROM}
    refused(secure | {"smtp_starttls": "off"}, "encrypted already")
    assert read_settings({}, {"HUB_EMAIL_OPT_IN": "no"}).email_opt_in is False


def test_neither_resources_nor_the_password_go_unencrypted_through_the_network(
    tmp_path: Path,
) -> None:
    server: Flags = {"smtp": "mail.example.org", **FROM}
    full: Flags = {"email_content": "full-resource"}
    refused(server | full, "--smtp-starttls required")
    password = tmp_path / "password"
    password.write_text("secret\n")
    password.chmod(0o600)
    user: Flags = {"smtp_user": "hub", "smtp_password_file": str(password)}
    refused(server | user, "password go unencrypted to mail.example.org")
    for safe in ({"smtp_starttls": "required"}, {"smtp": "smtps://mail.example.org"},
                 {"smtp": "127.0.0.1:1025"}, {"smtp": "localhost"}):  # fmt: skip
        settings = read_settings(server | full | user | safe, {})
        assert settings.email_content is PayloadContent.FULL_RESOURCE
        assert settings.smtp_user == "hub"
        assert "secret" not in repr(settings)


def test_the_password_is_one_line_of_a_file_of_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(" päss word \n", "utf-8")
    path.chmod(0o600)
    assert read_password(path) == " päss word "
    for mode in (0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(ValueError, match="chmod 600"):
            read_password(path)
    path.chmod(0o600)
    for content in (b"", b"\n", b"a\nb", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="must hold one line"):
            read_password(path)


def test_domains_and_levels_are_read() -> None:
    flags: Flags = {
        "smtp": "mail.example.org",
        **FROM,
        "email_domains": ["Example.org", "b.example.org, c.example.org"],
        "email_content": "Empty",
        "smtp_starttls": "Required",
        "email_opt_in": True,
    }
    settings = read_settings(flags, {})
    assert settings.email_domains == ("example.org", "b.example.org", "c.example.org")
    assert settings.email_content is PayloadContent.EMPTY
    assert settings.smtp_starttls is StartTls.REQUIRED
    assert settings.email_opt_in
    plain = read_settings({"smtp": "mail.example.org", **FROM}, {})
    assert plain.email_content is PayloadContent.ID_ONLY
    assert plain.smtp_starttls is StartTls.AUTO


def test_domains_and_addresses_of_the_internet() -> None:
    assert is_domain("example.org") and not is_domain("example") and not is_domain("1.2.3.4")
    assert split_address("A.b@Example.ORG") == ("A.b", "example.org")
    assert split_address("a b@example.org") is None


def channel_of(**changes: Any) -> Any:
    return email_channel(Settings(**changes), Registry(), lambda: 0.0)


def test_the_channel_is_as_the_settings_say(tmp_path: Path) -> None:
    assert channel_of().channel_type is ChannelType.EMAIL
    sound = {"smtp": SmtpServer("127.0.0.1", 25), "smtp_from": "hub@example.org"}
    assert channel_of(**sound).channel_type is ChannelType.EMAIL
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match=r"--smtp-ca-file.*no PEM"):
        channel_of(**sound, smtp_ca_file=tmp_path / "ca.pem")
    with pytest.raises(SettingsError, match="--smtp-password-file"):
        channel_of(**sound, smtp_password_file=tmp_path / "none")


def test_links_are_signed_where_people_are_asked(tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    assert opt_in_signer(Settings(db=db)) is None
    sign = opt_in_signer(Settings(db=db, email_opt_in=True))
    again = opt_in_signer(Settings(db=db, email_opt_in=True))
    assert sign is not None and again is not None
    assert sign("a") == again("a") != sign("b")
