"""Which MIME types a subscriber may ask for in a mail: a text for people, and an attachment.

Source: http://hl7.org/fhir/R5/subscriptions.html#channels (email: ``attach``); backport IG,
"Channels" (email); RFC 2045, 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.release import FhirRelease
from hub.errors import PayloadNotSupported

JSON_TYPES = ("application/fhir+json", "application/json")
XML_TYPES = ("application/fhir+xml", "application/xml")
"""What may be attached; the codecs write it, XML where it is installed."""

_INSTALL_XML = "for XML the hub lacks an extra: install it with pip install 'fhir-hub[xml]'"
_LONGEST = 256
_TEXT_TYPES = {"text/plain": False, "text/html": True}
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_WORD})=(?:({_WORD}(?:/{_WORD})?)|"([ !#-\[\]-~]*)")')


@dataclass(frozen=True, slots=True)
class MailPayload:
    """The text in HTML, or plain; ``attachment`` is the MIME type of the Bundle, None without."""

    html: bool
    attachment: str | None


def parse_mail_payload(
    content_type: str,
    release: FhirRelease,
    attachments: Sequence[str] = JSON_TYPES,
    *,
    expression: str = "Subscription.contentType",
) -> MailPayload:
    """Read what a mail is to consist of; ``attachments`` are the types that can be written.

    Raises:
        PayloadNotSupported: it is another type, or of another release or charset.
    """

    def refuse(words: str) -> PayloadNotSupported:
        return PayloadNotSupported(words, expression=expression)

    forms = ", ".join(
        [*_TEXT_TYPES, *(f"{text};attach={kind}" for kind in attachments for text in _TEXT_TYPES)]
    )
    if len(content_type) > _LONGEST:
        raise refuse(f"the MIME type has more than {_LONGEST} characters")
    name, semicolon, rest = content_type.partition(";")
    html = _TEXT_TYPES.get(name.strip(" \t").lower())
    if html is None:
        raise refuse(
            f"{name.strip()[:64]!r} is no text that a person can read in a mail; allowed: {forms}"
        )
    parameters = semicolon + rest
    if not re.fullmatch(rf"(?:{_PARAMETER.pattern})*[ \t]*", parameters):
        raise refuse(f"the parameters of the MIME type can't be read; allowed: {forms}")
    attachment: str | None = None
    for key, token, quoted in _PARAMETER.findall(parameters):
        key, value = key.lower(), (token or quoted).lower()
        if key == "attach" and attachment is not None:
            raise refuse("a mail has one attachment; attach stands twice in the MIME type")
        if key == "attach" and value not in attachments:
            lacks = f"; {_INSTALL_XML}" if value in XML_TYPES else ""
            raise refuse(
                f"{value[:64]!r} is nothing that this hub attaches; allowed: "
                f"{', '.join(attachments)}{lacks}"
            )
        if key == "fhirversion" and value not in {release.version, release.full_version}:
            raise refuse(f"notifications here have the fhirVersion {release.version}")
        if key == "charset" and value != "utf-8":
            raise refuse("mails are sent in the charset utf-8")
        if key not in {"attach", "fhirversion", "charset"}:
            raise refuse(
                f"{key[:64]!r} means nothing in the MIME type of a mail; allowed: attach, "
                "fhirVersion and charset"
            )
        attachment = value if key == "attach" else attachment
    return MailPayload(html, attachment)
