"""The pages of the hub.  Who makes one adds it here, and every law holds for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.core.subscription import SubscriptionStatusCode


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: of tests and pictures.
        path: where it is; what is in braces are places of a ``House``.
        for_programs: names of elements of its JSON that the page need not show.
        markdown: names of elements of its JSON that are Markdown, of which it shows the words.
        shows_texts: whether it shows what somebody wrote, as all the texts of a ``House``.
        by_mail: whether it shows them as mails do, which leave out signs that nobody sees.
        is_refusal: whether its status is 404.
        ready: a selector of what the page shows once its scripts are done.
    """

    name: str
    path: str
    for_programs: frozenset[str] = frozenset()
    markdown: frozenset[str] = frozenset()
    shows_texts: bool = False
    by_mail: bool = False
    is_refusal: bool = False
    ready: str = "main"


PAGES: Final = (
    Page(
        "live",
        "/?release=r5",
        frozenset({"health", "status", "subscriptions", *SubscriptionStatusCode, "total"}),
        shows_texts=True,
        ready="#state .well",
    ),
    Page("guides", "/guides", markdown=frozenset({"lead"})),
    Page("guide", "/guides/first-placer", frozenset({"lead"}), frozenset({"markdown"})),
    Page("errors", "/errors"),
    Page("error", "/errors/version-conflict"),
    Page(
        "subscribe",
        "/subscribe#topic={topic}&endpoint=http://127.0.0.1:9/hook&filter=owner=Organization/lab",
        frozenset(
            {
                "page",
                "status",
                "texts",
                "lists",
                "canonical",
                "resources",
                "endpoint",
                "own",
                "description",
                "contentTypes",
            }
        ),
        ready=".forms pre",
        shows_texts=True,
    ),
    Page("topics", "/topics", frozenset({"canonical"}), shows_texts=True),
    Page("topic", "/topics/{topic}", frozenset({"url", "page", "status"}), shows_texts=True),
    Page(
        "health",
        "/health",
        frozenset(
            {
                *("uptime", "started", "oldest", "oldestAge", "bytes", "largestBody"),
                *("retainEvents", "retrySchedule", "giveUpAfter", "ready"),
            }
        ),
    ),
    Page("receiver", "/demo/receiver", shows_texts=True),
    Page(
        "mail",
        "/demo/mail",
        frozenset({"messageId", "from", "text"}),
        shows_texts=True,
        by_mail=True,
    ),
    Page("opt-in", "{opt_in}", frozenset({"confirmed", "topic"}), shows_texts=True),
    Page(
        "orders",
        "/orders?release=r5&q=owner:Organization/lab",
        frozenset({"undelivered", "standing", "next"}),
        ready=".orders li",
    ),
    Page(
        "order",
        "/orders/r5/{task}",
        frozenset({"interaction", "party", "standing", "undelivered", "words"}),
        shows_texts=True,
        ready="#order li",
    ),
    Page(
        "explain",
        "/explain?release=r5&reference={task}",
        frozenset({"event-number", "standing", "status", "told"}),
        shows_texts=True,
        ready=".topic",
    ),
    Page(
        "subscriptions",
        "/subscriptions",
        frozenset({"at", "heartbeatPeriod"}),
        shows_texts=True,
        ready="#list a",
    ),
    Page(
        "subscription",
        "/subscriptions/r5/{subscription}",
        frozenset({"at", "heartbeatPeriod", "milliseconds", *("dns", "connect", "tls", "wait")}),
        shows_texts=True,
        ready=".figures",
    ),
    Page("no-opt-in", "/email/confirm/1.1.1.none", is_refusal=True),
)
