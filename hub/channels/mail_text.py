"""What a person reads in a mail: what happened, and what to do about it.

Everything here comes from the notification, which holds no more than the content level allows:
``empty`` neither topic nor focus, ``id-only`` references, ``full-resource`` also what happened to
them.  The subject line never has an id, as it shows on locked screens.
Source: http://hl7.org/fhir/R5/subscriptions.html (payloads; email); backport IG, "Channels" (the
body must not tell more than the content level).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from textwrap import fill

from hub.core.change import Interaction
from hub.core.notification import Notification, NotificationEvent, NotificationType
from hub.core.timing import CONFIRM_WITHIN

MOST_LINES = 100
"""Events that are told one by one."""

LONGEST_TITLE = 120
WIDTH = 76
"""Of the lines of plain text, but for addresses."""

HAPPENED = {
    Interaction.CREATE: "was created",
    Interaction.UPDATE: "was changed",
    Interaction.DELETE: "was deleted",
}
"""What is said of a resource."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event: its number and time, what it is about, and where that is (None: not told).

    ``number`` is None where nobody knows of numbers.
    """

    number: int | None
    at: datetime
    what: str
    url: str | None = None


@dataclass(slots=True, kw_only=True)
class Letter:
    """A mail's words, before they are written plain or in HTML.

    ``steps`` are (what to do, URL).
    """

    subject: str
    heading: str
    lead: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    steps: list[tuple[str, str]] = field(default_factory=list)
    foot: list[str] = field(default_factory=list)


def write_letter(
    notification: Notification,
    *,
    title: str | None,
    base_url: str,
    attached: bool,
    confirm_url: str | None = None,
) -> Letter:
    """Return the words for ``notification``.

    Args:
        title: of its topic; not used where the notification does not tell the topic.
        base_url: of its release.
        attached: whether the notification itself goes with the mail.
        confirm_url: where the person who reads this agrees to get more; None if nobody is asked.
    """
    told = None
    if notification.topic is not None:
        told = _one_line(title or notification.topic)
    if notification.type is NotificationType.EVENT_NOTIFICATION:
        letter = _events(notification, told, base_url)
    elif notification.type is NotificationType.HEARTBEAT:
        letter = _heartbeat(notification, told)
    elif confirm_url is not None:
        letter = question(told, confirm_url)
    else:
        letter = greeting(told)
    letter.lead += [f"Please note: {error.text}." for error in notification.errors]
    if attached:
        letter.foot.append("The attached file says the same for programs, as a FHIR Bundle.")
    name = f"Subscription/{notification.subscription_id}"
    if notification.administrative:
        name = str(notification.subscription_identifier)
    letter.foot.append(origin(base_url, name, administrative=notification.administrative))
    return letter


def origin(base_url: str, name: str, *, administrative: bool) -> str:
    """Return for which Subscription a mail was sent, and how such mails end.

    Args:
        name: its reference, or the identifier of an administrative one.
    """
    if administrative:
        told = (
            f"Sent by fhir-hub at {base_url} for the subscription {_one_line(name)}, which was set "
            "up for you. To end these mails, ask whoever did so."
        )
    else:
        told = (
            f"Sent by fhir-hub for {base_url}/{name}. To end these mails, have that Subscription "
            "switched off or deleted."
        )
    return f"{told} Nobody reads answers to this address."


def _one_line(text: str) -> str:
    """Return text as it may stand in a subject line: short, no breaks, no encoded words."""
    plain_text = "".join(sign if sign.isprintable() else " " for sign in text)
    line = " ".join(plain_text.replace("=?", "= ?").split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1]}…"


def _events(notification: Notification, told: str | None, base_url: str) -> Letter:
    numbers = [event.event_number for event in notification.events]
    which = f"event {numbers[0]}" if len(numbers) == 1 else f"events {numbers[0]} to {numbers[-1]}"
    one = len(numbers) == 1
    lines = list(_lines(notification, base_url))
    letter = Letter(
        subject=f"{told}: {which}" if told else f"New {which} of a FHIR subscription",
        heading=told or ("Something happened" if one else f"{len(numbers)} things happened"),
        lines=lines[:MOST_LINES],
    )
    if told and one:
        letter.lead.append("This happened, and you asked to be told of it:")
    elif told:
        letter.lead.append(f"These {len(numbers)} things happened, and you asked to be told:")
    else:
        letter.lead.append(
            "There is news for you. What it is about is not told by mail; look into your system."
        )
    if len(lines) > MOST_LINES:
        letter.lead.append(f"Only the first {MOST_LINES} of them are listed here.")
    if not notification.administrative:
        letter.steps.append(
            (
                f"Ask the hub for {which} again",
                f"{base_url}/Subscription/{notification.subscription_id}/$events"
                f"?eventsSinceNumber={numbers[0]}&eventsUntilNumber={numbers[-1]}",
            )
        )
    return letter


def _lines(notification: Notification, base_url: str) -> Iterator[Line]:
    happened: dict[str, list[Interaction]] = {}
    for entry in notification.entries:
        if entry.interaction is not None:
            reference = f"{entry.resource_type}/{entry.id}"
            happened.setdefault(reference, []).append(entry.interaction)
    for event in notification.events:
        known = happened.get(event.focus or "", [])
        # Several events of one version have one entry.
        interaction = known.pop(0) if len(known) > 1 else known[0] if known else None
        yield _line(event, interaction, base_url)


def _line(event: NotificationEvent, interaction: Interaction | None, base_url: str) -> Line:
    number, at = event.event_number, event.timestamp
    if event.focus is None:
        return Line(number, at, "")
    what = event.focus
    if interaction is not None:
        what += f" {HAPPENED[interaction]}"
    if event.additional_context:
        what += f" (with {', '.join(event.additional_context)})"
    is_there = interaction is not Interaction.DELETE
    return Line(number, at, what, f"{base_url}/{event.focus}" if is_there else None)


def _heartbeat(notification: Notification, told: str | None) -> Letter:
    total = notification.events_since_start
    return Letter(
        subject=f"{told}: still connected" if told else "A FHIR subscription is still connected",
        heading="Still connected",
        lead=[
            "Nothing new; this mail only shows that the connection works.",
            f"{total} {'event' if total == 1 else 'events'} so far.",
        ],
    )


def greeting(told: str | None) -> Letter:
    """Return the words of a mail that only tries the way; ``told`` is what events are about."""
    about = f" about “{told}”" if told else ""
    return Letter(
        subject=f"{told}: connected" if told else "A FHIR subscription is connected",
        heading="Connected",
        lead=[
            f"From now on notifications{about} are sent to this address. Nothing has happened "
            "yet; this mail only tries the way."
        ],
    )


def question(told: str | None, confirm_url: str) -> Letter:
    """Return the words that ask a person for consent, which is given at ``confirm_url``."""
    about = f" about “{told}”" if told else ""
    hours = int(CONFIRM_WITHIN.total_seconds() // 3600)
    return Letter(
        subject="Please confirm: notifications to this address",
        heading="Do you want these mails?",
        lead=[
            f"Somebody asked for notifications{about} to be sent to this address. They are sent "
            "only if you agree.",
            "If you know nothing of this, do nothing: no notification will come.",
        ],
        steps=[(f"Agree, within {hours} hours", confirm_url)],
    )


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def plain(letter: Letter) -> str:
    """Write a letter as plain text."""
    parts = [letter.heading, *map(_filled, letter.lead)]
    rows = []
    for line in letter.lines:
        what = f"  {line.what}" if line.what else ""
        rows.append(f"  {_numbered(line, '  ')}{_when(line.at)}{what}")
        if line.url is not None:
            rows.append(f"      {line.url}")
    if rows:
        parts.append("\n".join(rows))
    parts += [f"{words}:\n  {url}" for words, url in letter.steps]
    parts.append("-- \n" + "\n".join(map(_filled, letter.foot)))
    return "\n\n".join(parts) + "\n"


def _numbered(line: Line, gap: str = "") -> str:
    return "" if line.number is None else f"#{line.number}{gap}"


def _filled(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


_PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;color:#1c2430;max-width:40em">
<h1 style="font-size:1.3em">{heading}</h1>
{body}
<hr style="border:0;border-top:1px solid #dfe4ea">
{foot}
</body>
</html>
"""
_SMALL = 'style="font-size:.85em;color:#5b6675"'
_CELL = 'style="padding:.3em .9em .3em 0;text-align:left;vertical-align:top"'


def html(letter: Letter) -> str:
    """Write a letter in HTML: nothing is loaded from elsewhere, every value is escaped."""
    body = [f"<p>{escape(text)}</p>" for text in letter.lead]
    if letter.lines:
        body.append("\n".join(["<table>", *map(_row, letter.lines), "</table>"]))
    body += [f"<p>{escape(words)}:<br>{_link(url, url)}</p>" for words, url in letter.steps]
    return _PAGE.format(
        title=escape(letter.subject),
        heading=escape(letter.heading),
        body="\n".join(body),
        foot="\n".join(f"<p {_SMALL}>{escape(text)}</p>" for text in letter.foot),
    )


def _row(line: Line) -> str:
    what = escape(line.what) if line.url is None else _link(line.url, line.what)
    return (
        f"<tr><th {_CELL}>{_numbered(line)}</th><td {_CELL}>{what}</td>"
        f"<td {_CELL}>{_when(line.at)}</td></tr>"
    )


def _link(url: str, words: str) -> str:
    return f'<a href="{escape(url)}">{escape(words)}</a>'
