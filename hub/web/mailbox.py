"""``/demo/mail``: the mails that the demo's mail server caught, newest first.

Source: RFC 5322, 2045 (the mails).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from hub.core.instant import format_instant
from hub.core.release import Json
from hub.errors import NotFound
from hub.web import demo_page
from hub.web.frame import CONTENT_SECURITY
from hub.web.home import Page, either
from hub.web.service import Service

KEPT: Final = 200
"""Mails that are kept; older ones go."""

_AS_IT_LOOKS: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtMail:
    """A mail as it was caught: ``text`` is what a person reads, in HTML where ``is_html``.

    ``attachments`` are (name, MIME type, text).
    """

    number: int
    at: datetime
    sender: str
    recipient: str
    subject: str
    message_id: str
    text: str = field(repr=False)
    is_html: bool
    attachments: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)


class Mailbox:
    """Keeps the newest mails, in memory."""

    def __init__(self) -> None:
        self._mails: deque[CaughtMail] = deque(maxlen=KEPT)

    def put(self, mail: CaughtMail) -> None:
        """Keep a mail."""
        self._mails.append(mail)

    def __iter__(self) -> Iterator[CaughtMail]:
        """Yield the mails, newest first."""
        return reversed(self._mails)


def pages(service: Service, mailbox: Mailbox) -> dict[str, ASGIApp]:
    """Return what answers at each path."""

    async def listed(request: Request) -> Response:
        found = {"mails": [_told(each) for each in mailbox]}
        return with_frames(either(request, found, demo_page.mails))

    async def one(request: Request) -> Response:
        wanted = request.path_params["number"]
        for mail in mailbox:
            if str(mail.number) == wanted:
                return as_it_looks(mail.text, is_html=mail.is_html)
        raise NotFound("there is no such mail; GET /demo/mail lists those that are kept")

    return {"/demo/mail": Page(service, listed), "/demo/mail/{number}": Page(service, one)}


def _told(mail: CaughtMail) -> dict[str, Json]:
    return {
        "number": mail.number,
        "at": format_instant(mail.at),
        "from": mail.sender,
        "to": mail.recipient,
        "subject": mail.subject,
        "messageId": mail.message_id,
        "html": mail.is_html,
        "text": mail.text,
        "attachments": [
            {"name": name, "type": kind, "text": text} for name, kind, text in mail.attachments
        ],
    }


def with_frames(answer: Response) -> Response:
    """Let a page show other pages of the hub in frames."""
    answer.headers["content-security-policy"] = f"{CONTENT_SECURITY}; frame-src 'self'"
    return answer


def as_it_looks(text: str, *, is_html: bool) -> Response:
    """Answer a text alone; nothing in it is run, and nothing is loaded."""
    return Response(
        text,
        media_type=f"text/{'html' if is_html else 'plain'}; charset=utf-8",
        headers={
            "content-security-policy": _AS_IT_LOOKS,
            "referrer-policy": "no-referrer",
            "cache-control": "no-cache",
        },
    )
