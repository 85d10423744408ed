"""How the hub fares, in HTML; every value is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from hub.core.release import Json
from hub.web.frame import page
from hub.web.table import STYLE, table


def health(value: dict[str, Json]) -> str:
    """Write the page."""
    return page(
        "Health - fhir-hub",
        f"<h1>Health</h1><div data-renew=''>{''.join(_parts(value))}</div>",
        here="/health",
        extra="renew",
        style=STYLE,
    )


def _parts(value: dict[str, Json]) -> Iterator[str]:
    """Yield the parts, each with an id by which it is kept fresh."""
    is_well = value["status"] == "ok"
    sign = (
        "<span class='well'>● serving</span>" if is_well else "<span class='ill'>◐ stopping</span>"
    )
    yield (
        f"<p id='status' class='lead'>{sign} since {_at(value['started'])}; "
        f"fhir-hub {escape(value['version'])}. Programs ask <a href='/healthz'>/healthz</a> and "
        "<a href='/readyz'>/readyz</a>, or this address as JSON.</p>"
    )
    if "delivery" in value:
        yield _all_figures(value)
    else:
        yield (
            "<p id='figures' class='note'>This hub asks who calls; its figures and settings are "
            "for who is known. <a href='/subscriptions'>Subscriptions</a> asks for your token.</p>"
        )
    rows = (
        (
            each["release"],
            f"<code>{escape(each['url'])}</code>",
            f"<a href='{escape(each['metadata'])}'>metadata</a>",
            f"<a href='{escape(each['status'])}'>status</a>",
            str(each["topics"]),
        )
        for each in value["bases"]
    )
    bases = table(("Release", "Base", "What it offers", "Subscriptions", "Topics"), rows)
    yield f"<section id='bases'><h2>Bases</h2>{bases}</section>"
    if value.get("processes"):
        processes = (_process(each) for each in value["processes"])
        beside = table(("Process", "State", "Number", "Started"), processes)
        yield f"<section id='processes'><h2>Processes beside this one</h2>{beside}</section>"
    if "settings" in value:
        settings = table(("Setting", "Here", "Flag"), _settings(value["settings"]))
        yield f"<section id='settings'><h2>Settings</h2>{settings}</section>"


def _process(process: dict[str, Json]) -> tuple[str, ...]:
    pid, starts = process["pid"], process["starts"]
    sign = (
        "<span class='ill'>◐ starts again</span>"
        if pid is None
        else "<span class='well'>● runs</span>"
    )
    times = "once" if starts == 1 else f"{starts} times: the log tells why"
    return escape(process["name"]), sign, "" if pid is None else str(pid), times


def _all_figures(value: dict[str, Json]) -> str:
    delivery, store = value["delivery"], value["store"]
    subscriptions = value["subscriptions"]
    late = delivery["oldestAge"]
    return _figures(
        ("Up", _span(value["uptime"]), ""),
        (
            "Undelivered events",
            str(delivery["undelivered"]),
            f"of {delivery['waiting']} Subscription{'s' * (delivery['waiting'] != 1)}"
            + ("" if late is None else f"; the oldest {_span(late)} old"),
        ),
        ("Failing", str(delivery["failing"]), "<a href='/subscriptions'>which</a>"),
        ("Sending now", str(delivery["lanesBusy"]), "lanes"),
        ("Subscriptions", str(subscriptions["total"]), _counted(subscriptions["status"])),
        ("Changes", str(store["changes"]), "since the database was made"),
        ("Database", _size(store["bytes"]), escape(f"{store['kind']} {store['layout'] or ''}")),
        ("Topics", str(store["topics"]), "<a href='/topics'>which</a>"),
    )


def _figures(*figures: tuple[str, str, str]) -> str:
    items = "".join(
        f"<div><dt>{name}</dt><dd>{figure}</dd>{f'<dd>{more}</dd>' if more else ''}</div>"
        for name, figure, more in figures
    )
    return f"<dl id='figures' class='figures'>{items}</dl>"


def _settings(settings: dict[str, Json]) -> Iterator[tuple[str, str, str]]:
    egress, guards, email = settings["egress"], settings["guards"], settings["email"]
    schemes = "https and http" if egress["http"] else "https only"
    yield "Endpoints", schemes, _flags("--allow-http")
    private = _listed(egress["allow"], "none")
    yield "Private networks it may send to", private, _flags("--egress-allow")
    yield (
        "Web origins that may use it",
        _listed(settings["cors"], "its own only"),
        _flags("--cors-origin"),
    )
    if_match = _listed(guards["ifMatch"], "none")
    yield "Types changed with If-Match only", if_match, _flags("--require-if-match")
    tasks = "guarded by a table" if guards["task"] else "any"
    yield "Moves of a Task's status", tasks, _flags("--task-guard")
    yield "Events are kept", _span(settings["retainEvents"]), _flags("--retain-events")
    waits = ", ".join(_span(each) for each in settings["retrySchedule"])
    yield "Waits between tries", waits, _flags("--retry-schedule")
    yield "Gives up after", _span(settings["giveUpAfter"]), _flags("--give-up-after")
    yield "Largest request", _size(settings["largestBody"]), _flags("--max-body")
    administrator = "has a token" if settings["administrator"] else "nobody is one"
    yield "Administrator", administrator, _flags("--admin-token-file")
    yield "Emails", _email(email), _flags("--smtp", "--email-content", "--email-domain")


def _email(email: dict[str, Json]) -> str:
    if not email["offered"]:
        return "not offered"
    domains = _listed(email["domains"], "any domain")
    asked = "; people are asked first" if email["optIn"] else ""
    return f"up to {escape(email['content'])}, to {domains}{asked}"


def _listed(texts: list[str], otherwise: str) -> str:
    return ", ".join(f"<code>{escape(text)}</code>" for text in texts) or otherwise


def _flags(*names: str) -> str:
    return " ".join(f"<code>{name}</code>" for name in names)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {escape(name)}" for name, number in counts.items())


def _at(instant: str) -> str:
    told = escape(instant)
    return f"<time datetime='{told}'>{told[:10]} {told[11:19]} UTC</time>"


def _span(seconds: float) -> str:
    """Return a length of time as people say it."""
    for size, name, least in ((86400, "d", 2), (3600, "h", 2), (60, "min", 2)):
        if seconds >= least * size:
            return f"{round(seconds / size)} {name}"
    return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _size(count: int) -> str:
    for size, name in ((2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if count >= size:
            return f"{count / size:.3g} {name}"
    return f"{count} bytes"
