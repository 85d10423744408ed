"""The list of caught mails in HTML; every value is escaped."""

from __future__ import annotations

from html import escape

from hub.core.release import Json
from hub.web.frame import page


def mails(value: dict[str, Json]) -> str:
    """Write the list."""
    found = value["mails"]
    listed = "".join(map(_mail, found)) or "<p>None yet.</p>"
    return page(
        "Mail - fhir-hub demo",
        "<h1>Mail</h1><p class='lead'>What the demo's mail server caught, newest first. Nothing "
        f"leaves this machine. Load the page again for more.</p>{listed}",
    )


def _mail(mail: dict[str, Json]) -> str:
    attached = ", ".join(
        f"{escape(each['name'])} ({escape(each['type'])}, {len(each['text'].encode())} bytes)"
        for each in mail["attachments"]
    )
    at = f"/demo/mail/{mail['number']}"
    if mail["html"]:
        shown = f"<iframe sandbox src='{at}' title='Mail {mail['number']}' loading='lazy'></iframe>"
    else:
        shown = f"<pre><code>{escape(mail['text'])}</code></pre>"
    return (
        f"<h2>{escape(mail['subject'])}</h2>"
        f"<p class='lead'>#{mail['number']} to {escape(mail['to'])}, {escape(mail['at'])}; "
        f"<a href='{at}'>alone</a>{'; attached: ' + attached if attached else ''}</p>{shown}"
    )
