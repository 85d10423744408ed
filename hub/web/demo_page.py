"""What the demo caught and received, in HTML; every value is escaped.

Payloads stand in frames of their own that are loaded when somebody opens them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from hub.core.release import Json
from hub.web.frame import page

_STYLE: Final = "demo"


def mails(value: dict[str, Json]) -> str:
    """Write the list of caught mails."""
    return _page(
        "Mail",
        "<p class='lead'>What the demo's mail server caught, newest first. Nothing leaves this "
        "machine. See also what its <a href='/demo/receiver'>endpoints received</a>.</p>",
        map(_mail, value["mails"]),
        "mail",
    )


def received(value: dict[str, Json]) -> str:
    """Write the list of what endpoints received."""
    return _page(
        "Receiver",
        "<p class='lead'>What the demo's rest-hook endpoints received, newest first. See also the "
        "<a href='/demo/mail'>mails</a>.</p>"
        "<p>This endpoint takes whatever your own Subscriptions send: "
        f"<code>{escape(value['endpoint'])}</code> "
        "(<a href='/subscribe'>subscribe</a>)</p>",
        map(_reception, value["received"]),
        "request",
    )


def _page(title: str, lead: str, items: Iterable[str], noun: str) -> str:
    listed = "".join(items) or "<p class='soft' id='none'>None yet.</p>"
    return page(
        f"{title} - fhir-hub demo",
        f"<h1>{title}</h1>{lead}<div data-renew='{noun}'>{listed}</div>",
        extra="renew",
        style=_STYLE,
    )


def _mail(mail: dict[str, Json]) -> str:
    attached = ", ".join(
        f"{escape(each['name'])} ({escape(each['type'])}, {len(each['text'].encode())} bytes)"
        for each in mail["attachments"]
    )
    about = (
        f"<b>{escape(mail['subject'])}</b> <span class='soft'>#{mail['number']} to "
        f"<bdi>{escape(mail['to'])}</bdi>, {_at(mail['at'])}</span>"
    )
    at = f"/demo/mail/{mail['number']}"
    told = f"<p class='soft'>attached: {attached}</p>" if attached else ""
    shown = _frame(at, f"Mail {mail['number']}")
    return _item(f"mail-{mail['number']}", about, f"{told}{shown}")


def _reception(each: dict[str, Json]) -> str:
    number = each["number"]
    well = each["answered"] == "200"
    sign = "<span class='well'>✓" if well else "<span class='warn'>✗"
    focus = ", ".join(f"<code>{escape(one)}</code>" for one in each["focus"])
    about = (
        f"<b>{escape(each['type'])} {escape(each['numbers'])}</b> {focus} "
        f"{sign} {escape(each['answered'])}</span> <span class='soft'>"
        f"<bdi>{escape(each['receiver'])}</bdi>, <bdi>{escape(each['subscription'])}</bdi>, "
        f"{_at(each['at'])}</span>"
    )
    at = f"/demo/receiver/{number}"
    return _item(f"request-{number}", about, _frame(at, f"Payload of request {number}"))


def _item(id: str, about: str, inside: str) -> str:
    return f"<details class='panel' id='{id}'><summary>{about}</summary>{inside}</details>"


def _frame(at: str, title: str) -> str:
    return (
        f"<p><a href='{at}'>alone</a></p>"
        f"<iframe sandbox src='{at}' title='{title}' loading='lazy'></iframe>"
    )


def _at(instant: str) -> str:
    told = escape(instant)
    return f"<time datetime='{told}' title='{told}'>{told[11:19]} UTC</time>"
