"""Which MIME types a subscriber may ask for in a mail: a text for people, and an attachment.

Source: http://hl7.org/fhir/R5/subscriptions.html#channels (email: ``attach``); backport IG,
"Channels" (email); http://hl7.org/fhir/R4/subscription.html (``payload``); RFC 2045, 5.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hub.core.release import FhirRelease
from hub.errors import PayloadNotSupported

JSON_TYPES = ("application/fhir+json", "application/json")
XML_TYPES = ("application/fhir+xml", "application/xml")
"""What may be attached; the codecs write it, XML where it is installed."""

_INSTALL_XML = "for XML the hub lacks an extra: install it with pip install 'fhir-hub[xml]'"
_LONGEST = 256
_PLAIN = "text/plain"
_TEXT_TYPES = {_PLAIN: False, "text/html": True}
_COMMON = ("fhirVersion", "charset")
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_WORD})=(?:({_WORD}(?:/{_WORD})?)|"([ !#-\[\]-~]*)")')


@dataclass(frozen=True, slots=True)
class MailPayload:
    """The text in HTML, or plain; ``attachment`` is the MIME type of a file, None without."""

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

    forms = ", ".join(
        [*_TEXT_TYPES, *(f"{text};attach={kind}" for kind in attachments for text in _TEXT_TYPES)]
    )
    name, parameters = _parse(content_type, release, ("attach", *_COMMON), forms, expression)
    html = _TEXT_TYPES.get(name)
    if html is None:
        raise PayloadNotSupported(
            f"{name[:64]!r} is no text that a person can read in a mail; allowed: {forms}",
            expression=expression,
        )
    attached = [value for key, value in parameters if key == "attach"]
    if len(attached) > 1:
        raise PayloadNotSupported(
            "a mail has one attachment; attach stands twice in the MIME type",
            expression=expression,
        )
    for value in attached:
        if value not in attachments:
            raise PayloadNotSupported(
                f"{value[:64]!r} is nothing that this hub attaches; allowed: "
                f"{', '.join(attachments)}{_lacks(value)}",
                expression=expression,
            )
    return MailPayload(html, attached[0] if attached else None)


def parse_classic_payload(
    content_type: str,
    release: FhirRelease,
    attachments: Sequence[str] = JSON_TYPES,
    *,
    expression: str = "Subscription.contentType",
) -> MailPayload:
    """Read what a mail of a classic Subscription is to consist of; the text is plain.

    Nothing at all and ``text/plain`` attach nothing, FHIR attaches the resource.

    Raises:
        PayloadNotSupported: it is another type, or of another release or charset.
    """
    if not content_type:
        return MailPayload(html=False, attachment=None)
    forms = ", ".join([_PLAIN, *attachments])
    name, _ = _parse(content_type, release, _COMMON, forms, expression)
    if name not in (_PLAIN, *attachments):
        raise PayloadNotSupported(
            f"{name[:64]!r} is nothing that a mail of criteria that are a search holds; "
            f"allowed: {forms}, or no payload{_lacks(name)}",
            expression=expression,
        )
    return MailPayload(html=False, attachment=None if name == _PLAIN else name)


def _lacks(name: str) -> str:
    return f"; {_INSTALL_XML}" if name in XML_TYPES else ""


def _parse(
    content_type: str,
    release: FhirRelease,
    allowed: Collection[str],
    forms: str,
    expression: str,
) -> tuple[str, list[tuple[str, str]]]:
    """Return the type and the parameters, all in lower case.

    Args:
        allowed: the names that parameters may have.
        forms: the MIME types that are named where this one can't be read.
    """

    def refuse(words: str) -> PayloadNotSupported:
        return PayloadNotSupported(words, expression=expression)

    if len(content_type) > _LONGEST:
        raise refuse(f"the MIME type has more than {_LONGEST} characters")
    name, semicolon, rest = content_type.partition(";")
    parameters = semicolon + rest
    if not re.fullmatch(rf"(?:{_PARAMETER.pattern})*[ \t]*", parameters):
        raise refuse(f"the parameters of the MIME type can't be read; allowed: {forms}")
    found: list[tuple[str, str]] = []
    for key, token, quoted in _PARAMETER.findall(parameters):
        key, value = key.lower(), (token or quoted).lower()
        if key not in map(str.lower, allowed):
            raise refuse(
                f"{key[:64]!r} means nothing in the MIME type of a mail; allowed: "
                f"{', '.join(allowed)}"
            )
        if key == "fhirversion" and value not in {release.version, release.full_version}:
            raise refuse(f"notifications here have the fhirVersion {release.version}")
        if key == "charset" and value != "utf-8":
            raise refuse("mails are sent in the charset utf-8")
        found.append((key, value))
    return name.strip(" \t").lower(), found
