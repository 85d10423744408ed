"""Which headers a subscriber may set in a mail: the subject line, and ``X-`` headers.

Source: http://hl7.org/fhir/R5/subscriptions.html#channels (email: Subject); RFC 5322, 2.1.1.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.channels.header import check_headers
from hub.errors import HeaderNotAllowed

MAX_SUBJECT = 200
MAX_VALUE = 500
"""Of an ``X-`` header, so that it stands on one line of a mail."""

ENCODED = "=?"
"""Begins an encoded word (RFC 2047), which mail software reads as other signs, also line breaks."""

_BLANK = " \t"


def check_mail_headers(
    pairs: Iterable[tuple[str, str]], *, expression: str = "Subscription.parameter"
) -> None:
    """Refuse headers that a mail can't have, or could have only to the harm of somebody.

    The value is never part of the message.

    Raises:
        HeaderNotAllowed: another header than Subject and X-..., a second Subject, a line break or
            another control character, or too much of it.
    """

    def refuse(words: str) -> HeaderNotAllowed:
        return HeaderNotAllowed(words, expression=expression)

    others: list[tuple[str, str]] = []
    subjects = 0
    for name, value in pairs:
        if name.lower() == "subject":
            subjects += 1
            check_subject(value, expression=expression)
        elif name.lower().startswith("x-") and len(name) > 2:
            if len(value.strip(_BLANK)) > MAX_VALUE:
                raise refuse(f"the value of an X- header is longer than {MAX_VALUE} characters")
            if ENCODED in value:
                raise refuse(f"the value of an X- header holds {ENCODED}, which begins other text")
            others.append((name, value))
        else:
            shown = f"{name[:64]!r}" if name.isprintable() else "a header"
            raise refuse(
                f"{shown} is not the subscriber's to set in a mail; allowed: Subject, and headers "
                "whose name begins with X-"
            )
    if subjects > 1:
        raise refuse("a mail has one Subject")
    check_headers(others, expression=expression)


def check_subject(value: str, *, expression: str = "Subscription.parameter") -> None:
    """Refuse a subject line that is empty, too long, or more than one line.

    Raises:
        HeaderNotAllowed
    """
    text = value.strip(_BLANK)
    if not text or len(text) > MAX_SUBJECT:
        raise HeaderNotAllowed(
            f"Subject must have 1 to {MAX_SUBJECT} characters", expression=expression
        )
    if not text.isprintable():
        raise HeaderNotAllowed(
            "Subject holds a line break or another control character", expression=expression
        )
    if ENCODED in text:
        raise HeaderNotAllowed(
            f"Subject holds {ENCODED}, which begins other text; write it as it is, in UTF-8",
            expression=expression,
        )


def subject_of(pairs: Iterable[tuple[str, str]]) -> str | None:
    """Return the subject line that the subscriber set, if any."""
    return next((value.strip(_BLANK) for name, value in pairs if name.lower() == "subject"), None)


def other_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the subscriber's other headers, in order."""
    return [(name, value.strip(_BLANK)) for name, value in pairs if name.lower() != "subject"]
