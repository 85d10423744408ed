"""The pages in HTML: no inline script or style, nothing from elsewhere, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from hub.core.release import Json
from hub.web.frame import page, search_box
from hub.web.table import STYLE, table


def commands(public_url: str, base: str) -> list[Json]:
    """Return commands to try, each with what it does."""
    order = (
        '{"resourceType":"Task","status":"requested","intent":"order",'
        '"owner":{"reference":"Organization/lab"}}'
    )
    at = "" if public_url == "http://127.0.0.1:8080" else f" --url {public_url}"
    return [
        {
            "what": "Place an order, and see it come",
            "command": (
                f"curl -s {base}/Task -H 'Content-Type: application/fhir+json' -d '{order}'"
            ),
        },
        {"what": "See everything that happens in a terminal", "command": f"fhir-hub watch{at}"},
        {
            "what": "Find open orders",
            "command": f"curl -s '{base}/Task?status=requested&_pretty=true'",
        },
        {
            "what": "Run an endpoint that prints what arrives",
            "command": "fhir-hub receiver --port 9000",
        },
        {
            "what": "How does each Subscription fare?",
            "command": f"curl -s '{base}/Subscription/$status?_pretty=true'",
        },
        {"what": "Topics and their filters", "command": "fhir-hub topics"},
        {
            "what": "What this base offers",
            "command": f"curl -s '{base}/metadata?_pretty=true'",
        },
    ]


def opt_in(confirmed: bool, told: dict[str, Json]) -> str:
    """Write the question whether somebody wants to get mails, or that it is answered."""
    title = told["title"] or told["topic"]
    topic = f" about <b>{escape(title)}</b>" if title else ""
    what = f"notifications{topic} to <b>{escape(told['address'])}</b>"
    reference = f"<p class='lead'>{escape(told['subscription'])}</p>"
    if confirmed:
        return page(
            "Agreed - fhir-hub",
            f"<h1>You get mails now</h1><p>The hub sends {what}.</p>{reference}",
        )
    return page(
        "Do you agree? - fhir-hub",
        f"<h1>Do you want these mails?</h1><p>The hub would send {what}. It does so only if you "
        "agree. If not, just close this page.</p>"
        f"<form method='post'><button type='submit'>I agree</button></form>{reference}",
    )


def sorry(words: str) -> str:
    """Write a refusal for a person who followed a link."""
    return page("Sorry - fhir-hub", f"<h1>Sorry</h1><p>{escape(words)}</p>")


def errors(value: dict[str, Json]) -> str:
    """Write the list of refusals."""
    rows = (
        (
            f"<a href='/errors/{escape(each['slug'])}'><code>{escape(each['slug'])}</code></a>",
            str(each["status"]),
            f"<code>{escape(each['code'])}</code>",
            escape(each["explanation"]),
            escape(each["hint"]),
        )
        for each in value["errors"]
    )
    heads = ("Code", "HTTP", "Issue type", "What it means", "What to do")
    slugs = [escape(each["slug"]) for each in value["errors"]]
    return page(
        "Errors - fhir-hub",
        "<h1>Errors</h1><p class='lead'>Each refusal is an OperationOutcome; its "
        f"<code>details.coding.code</code>, of the system <code>{escape(value['system'])}</code>, "
        "is one of these.</p>"
        f"{search_box('Find an error')}{table(heads, rows, slugs)}",
        here="/errors",
        extra="filter",
        style=STYLE,
    )


def error(value: dict[str, Json]) -> str:
    """Write one refusal."""
    rows = _rows(
        (f"<th scope='row'>{name}</th>", f"<td>{text}</td>")
        for name, text in (
            ("What to do", escape(value["hint"]) or "-"),
            ("HTTP status", str(value["status"])),
            ("Issue type", f"<code>{escape(value['code'])}</code>"),
            ("Code system", f"<code>{escape(value['system'])}</code>"),
            ("On a terminal", f"<code>fhir-hub errors {escape(value['slug'])}</code>"),
        )
    )
    return page(
        f"{escape(value['slug'])} - fhir-hub",
        f"<h1><code>{escape(value['slug'])}</code></h1>"
        f"<p class='lead'>{escape(value['explanation'])}</p>"
        f"<div class='wide'><table><tbody>{rows}</tbody></table></div>"
        "<p><a href='/errors'>All errors</a></p>",
        here="/errors",
    )


def _rows(rows: Iterable[Iterable[str]]) -> str:
    return "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
