"""Email as the settings of a hub make it: the channel, and the signatures of its links."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

from hub.channels.email import EmailChannel, MailPolicy, NoEmailChannel
from hub.channels.mail_payload import JSON_TYPES, XML_TYPES
from hub.channels.smtp import SmtpAccess, SmtpClient
from hub.core.registry import Registry
from hub.engine.hub import base_url
from hub.mail_settings import read_password
from hub.settings import Settings, SettingsError
from hub.stores.secrets import load_key, signer


def email_channel(
    settings: Settings,
    registry: Registry,
    monotonic: Callable[[], float],
    *,
    has_xml: bool = False,
) -> EmailChannel | NoEmailChannel:
    """Return the channel ``email``, one that refuses everything where there is no mail server.

    Args:
        registry: knows the titles of topics.
        monotonic: seconds on a clock that never goes back.
        has_xml: whether notifications can be written in XML.

    Raises:
        SettingsError: the password or the authorities can't be read.
    """
    if settings.smtp is None:
        return NoEmailChannel()
    file = settings.smtp_password_file
    try:
        access = SmtpAccess(
            server=settings.smtp,
            sender=settings.smtp_from,
            starttls=settings.smtp_starttls,
            ca_file=None if settings.smtp_ca_file is None else str(settings.smtp_ca_file),
            user=settings.smtp_user,
            password=None if file is None else read_password(file),
        )
        client = SmtpClient(access, monotonic)
    except ssl.SSLError:
        raise SettingsError(f"--smtp-ca-file: {str(settings.smtp_ca_file)!r} is no PEM") from None
    except ValueError as error:
        raise SettingsError(f"--smtp-password-file: {error}") from None
    return EmailChannel(
        client,
        MailPolicy(settings.email_domains, settings.email_content),
        title=registry.title,
        base_url=lambda release: base_url(settings.public_url, release),
        attachments=(*JSON_TYPES, *XML_TYPES) if has_xml else JSON_TYPES,
    )


def opt_in_signer(settings: Settings) -> Callable[[str], str] | None:
    """Return what signs the links by which people agree to get mails, None if nobody is asked."""
    if not settings.email_opt_in:
        return None
    return signer(load_key(Path(f"{settings.db}.key"), os.urandom), "email opt-in")
