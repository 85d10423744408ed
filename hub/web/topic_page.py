"""The pages of topics in HTML; every value is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Final
from urllib.parse import quote

from hub.core.release import Json
from hub.web.frame import page, search_box
from hub.web.table import STYLE, table

_DONE: Final = {"create": "created", "update": "updated", "delete": "deleted"}


def topics(value: dict[str, Json]) -> str:
    """Write the list of topics."""
    rows = (
        (
            f"<a href='{escape(_path(each['page']))}'>{escape(each['name'])}</a>"
            f"{'' if each['status'] == 'active' else _badge(each['status'])}",
            f"{escape(each['title'] or '')}<br>"
            f"<span class='soft'>{escape(each['description'] or '')}</span>",
            escape(", ".join(each["resources"])),
            _word(" ".join(each["releases"])),
        )
        for each in value["topics"]
    )
    return page(
        "Topics - fhir-hub",
        "<h1>Topics</h1><p class='lead'>What can be subscribed to. <code>fhir-hub topics</code> "
        "lists them on a terminal; the guide <a href='/guides/writing-a-topic'>writing a topic</a> "
        "tells how to add one.</p>"
        f"{search_box('Find a topic')}"
        f"{table(('Topic', 'What it is about', 'Resources', 'Releases'), rows)}",
        here="/topics",
        extra="filter",
        style=STYLE,
    )


def topic(value: dict[str, Json]) -> str:
    """Write what one topic tells."""
    title = value["title"] or value["name"]
    canonical = quote(value["canonical"], safe="")
    is_open = value["status"] == "active"
    subscribe = (
        f"<p class='actions'><a class='act' href='/subscribe#topic={canonical}'>Subscribe</a>"
        f"<a class='act plain' href='/?topic={canonical}'>Watch live</a></p>"
    )
    return page(
        f"{escape(title)} - fhir-hub",
        f"<h1><bdi>{escape(title)}</bdi>{'' if is_open else _badge(value['status'])}</h1>"
        f"<p class='lead'>{escape(value['description'] or '')}</p>"
        f"<p><code>{escape(value['canonical'])}</code></p>"
        f"{subscribe if is_open else ''}"
        f"<h2>When it fires</h2>{''.join(_fires(value))}"
        f"<h2>Filters</h2>{_filters(value['filters'])}"
        f"<h2>What a notification shows besides</h2>{_shapes(value['shapes'])}"
        f"<h2>Releases</h2>{_matrix(value)}"
        f"{_cases(value['cases'])}"
        f"{_versions(value)}"
        "<p><a href='/topics'>All topics</a></p>",
        here="/topics",
        style=STYLE,
    )


def _fires(value: dict[str, Json]) -> Iterator[str]:
    for trigger in value["triggers"]:
        done = [_DONE[each] for each in trigger["interactions"]]
        when = " or ".join(filter(None, (", ".join(done[:-1]), done[-1])))
        told = f"<p>{escape(trigger['description'])}</p>" if trigger["description"] else ""
        yield (
            f"<div class='panel'><p><b>{escape(trigger['resource'])}</b> is "
            f"{when}</p>{told}"
            f"{_criteria(trigger)}</div>"
        )
    for event in value["events"]:
        coded = ", ".join(
            f"<code>{escape(each['system'])}|{escape(each['code'])}</code>"
            for each in event["codings"]
        )
        told = f"<p>{escape(event['description'])}</p>" if event["description"] else ""
        yield (
            "<div class='panel'><p>The hub is told of an event about "
            f"<b>{escape(event['resource'])}</b>: {coded or 'any'}</p>{told}</div>"
        )


def _criteria(trigger: dict[str, Json]) -> str:
    lines = []
    query = trigger["query"]
    if query is not None:
        for name, when, key, vote in (
            ("Before", "a create", "previous", "resultForCreate"),
            ("After", "a delete", "current", "resultForDelete"),
        ):
            if query[key] is not None or query[vote] is not None:
                asked = f"<code>{escape(query[key])}</code>" if query[key] else "anything"
                lines.append((_word(name), f"{asked}{_vote(when, query[vote])}"))
        if query["previous"] is not None and query["current"] is not None:
            lines.append(
                (_word("Together"), "both hold" if query["requireBoth"] else "one is enough")
            )
    if trigger["fhirPath"] is not None:
        lines.append((_word("FHIRPath"), f"<code>{escape(trigger['fhirPath'])}</code>"))
    return table(("", ""), lines) if lines else ""


def _vote(when: str, vote: bool | None) -> str:
    if vote is None:
        return ""
    return f" <span class='soft'>({when} {'passes' if vote else 'does not pass'})</span>"


def _filters(found: list[Json]) -> str:
    if not found:
        return "<p>None: every event of the topic is told.</p>"
    rows = (
        (
            f"<code>{escape(each['resource'])}?{escape(each['parameter'])}</code>",
            f"<span>{escape(each['description'] or '')}</span>{_party(each)}",
            _word(each["type"]),
            escape(_allowed(each)),
            _word(" ".join(each["releases"])),
        )
        for each in found
    )
    return table(("Filter", "Meaning", "Type", "Besides =", "Releases"), rows)


def _party(offered: dict[str, Json]) -> str:
    if not offered["party"]:
        return ""
    return " <span class='soft'>Whom it names is also told of a loss.</span>"


def _allowed(offered: dict[str, Json]) -> str:
    return " ".join([*(f":{each}" for each in offered["modifiers"]), *offered["comparators"]])


def _shapes(shapes: list[Json]) -> str:
    items = "".join(
        f"<li><b>{escape(shape['resource'])}</b>: {', '.join(shown)}</li>"
        for shape in shapes
        if (
            shown := [
                f"{words}<code>{escape(each)}</code>"
                for key, words in (
                    ("include", ""),
                    ("revInclude", "reverse "),
                    ("relatedQuery", "query "),
                )
                for each in shape[key]
            ]
        )
    )
    return f"<ul>{items}</ul>" if items else "<p>Nothing but its focus.</p>"


def _matrix(value: dict[str, Json]) -> str:
    rows = (
        (
            release,
            _mark(told["computes"]),
            str(len(told["filters"])),
            "<br>".join(escape(each) for each in told["refusals"]),
        )
        for release, told in value["releases"].items()
    )
    return table(("Release", "Fires", "Filters", "What does not compute there"), rows)


def _cases(cases: list[Json]) -> str:
    if not cases:
        return ""
    rows = (
        (
            escape(str(case.get("name", ""))),
            f"{escape(str(case.get('interaction', '')))}{_states(case)}",
            _mark(case.get("fires") is True),
            _let_through(case.get("filters")),
        )
        for case in cases
    )
    return (
        "<h2>Truth table</h2><p class='lead'><code>fhir-hub topics test</code> tries each row.</p>"
        f"{table(('Case', 'Change', 'Fires', 'Filters'), rows)}"
    )


def _states(case: dict[str, Json]) -> str:
    return "".join(
        f"<details><summary>{word}</summary><pre><code>{escape(_json(case[key]))}</code></pre>"
        "</details>"
        for key, word in (("previous", "before"), ("current", "after"))
        if case.get(key)
    )


def _let_through(filters: Json) -> str:
    words = {True: _mark(True), False: _mark(False)}
    return "<br>".join(
        f"<code>{escape(text)}</code> {words.get(told) or escape(str(told))}"
        for text, told in (filters.items() if isinstance(filters, dict) else ())
    )


def _versions(value: dict[str, Json]) -> str:
    if len(value["versions"]) < 2:
        return ""
    items = "".join(
        f"<li><a href='{escape(_path(each['page']))}'>{escape(each['version'] or 'none')}</a> "
        f"{escape(each['status'])}</li>"
        for each in value["versions"]
    )
    return f"<h2>Versions</h2><ul>{items}</ul>"


def _path(address: str) -> str:
    """Return the path of an address of this hub."""
    return address[address.rindex("/topics/") :]


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _mark(yes: bool) -> str:
    return "<span class='well word'>✓ yes</span>" if yes else "<span class='soft word'>✗ no</span>"


def _badge(status: str) -> str:
    return f" <span class='badge'>{escape(status)}</span>"


def _word(text: str) -> str:
    return f"<span class='word'>{escape(text)}</span>"
