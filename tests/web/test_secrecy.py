"""Whatever a client asks, in whatever order: it learns nothing of another's Subscriptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease, Resource
from tests.support.builders import RELEASES, a_bundle, a_subscription, a_task, an_entry, identified
from tests.support.rig_resources import TASK_TOPIC
from tests.web.clients import LAB, WARD, asking, shown_by
from tests.web.site import Site, a_site, run

R5 = FhirRelease.R5
OWNER = "Organization/s3cret-owner"
SECRETS = (
    "s3cret-endpoint",
    "s3cret-header",
    "s3cret-name",
    "s3cret-identifier",
)
"""Words of the other's Subscription.  Its filter is no secret where it is what Tasks say, too."""

OFF = [{"op": "replace", "path": "/status", "value": "off"}]
PATCHED = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request; ``{id}`` is the other's Subscription, ``{own}`` one's own, ``{task}`` a Task."""

    method: str
    path: str
    body: Any = None
    content_type: str = "application/fhir+json"

    def filled(self, **words: str) -> Request:
        """Return it about these."""
        path, body = self.path, json.dumps(self.body)
        for name, word in words.items():
            path, body = path.replace(f"{{{name}}}", word), body.replace(f"{{{name}}}", word)
        return Request(self.method, path, json.loads(body), self.content_type)


def put(release: FhirRelease, id: str) -> Request:
    return Request("PUT", f"Subscription/{id}", own(release) | {"id": id})


def own(release: FhirRelease) -> Resource:
    return a_subscription(
        release, topic_name=TASK_TOPIC, channel="websocket", content="full-resource"
    )


def others(release: FhirRelease, channel: str) -> Resource:
    """Return what the other client creates, full of secrets."""
    more: Resource = identified(release, "s3cret-identifier")
    more |= {"name" if release is R5 else "reason": "s3cret-name"}
    if channel == "rest-hook":
        more |= {
            "endpoint": "https://s3cret-endpoint.example.org/hook",
            "headers": [("X-Key", "s3cret-header")],
        }
    filters = [f"Task?owner={OWNER}"]
    return a_subscription(release, topic_name=TASK_TOPIC, channel=channel, filters=filters, **more)


OF_ONE = st.sampled_from(
    [
        *(
            Request("GET", f"Subscription/{{id}}{path}")
            for path in (
                "",
                "/_history",
                "/_history/1",
                "/$status",
                "/$events",
                "/$events?eventsSinceNumber=1&content=empty",
                "/$attempts",
                "/$trace",
                "/$explain",
                "/$get-ws-binding-token",
            )
        ),
        Request("GET", "Subscription?_id={id}&_total=accurate"),
        Request("GET", "Subscription/$status?id={id}"),
        Request("GET", "Subscription/$status?id={id}&id={own}"),
        Request("GET", "Subscription/$get-ws-binding-token?id={id}"),
        Request("GET", "Task/{task}/$explain?subscription={id}"),
        Request("POST", "Subscription/{id}/$resend?eventsSinceNumber=1", {}),
        Request("POST", "Subscription/{id}/$verify", {}),
        Request("PATCH", "Subscription/{id}", OFF, PATCHED),
        Request("DELETE", "Subscription/{id}"),
        Request("POST", "", a_bundle("batch", an_entry("GET", "Subscription/{id}"))),
        Request("POST", "", a_bundle("batch", an_entry("DELETE", "Subscription/{id}"))),
        Request("POST", "", a_bundle("transaction", an_entry("GET", "Subscription/{id}"))),
    ]
)
OF_ALL = st.sampled_from(
    [
        *(
            Request("GET", path)
            for path in (
                "Subscription?_total=accurate",
                "Subscription?_count=1&_sort=status",
                "Subscription?_summary=count",
                "Subscription?_lastUpdated=gt2000-01-01&_elements=endpoint",
                "Subscription/_history",
                "Subscription/_history?_count=1",
                "Subscription/$status",
                "Subscription/$status?status=requested",
                "Subscription/$get-ws-binding-token",
                "Task/{task}/$trace",
                "Task/{task}/$explain",
                "Task/{task}/_history",
                "Task?_revinclude=*&_include=*",
                "$order-status?identifier=x|1",
                "metadata",
                "/",
                "Subscription/{own}",
                "Subscription/{own}/$events",
            )
        ),
        Request("POST", "Subscription/_search", None, "application/x-www-form-urlencoded"),
        Request("POST", "", a_bundle("batch", an_entry("GET", "Subscription?_total=accurate"))),
        Request("DELETE", "Subscription/{own}"),
    ]
)


async def ask(site: Site, release: FhirRelease, request: Request) -> httpx.Response:
    content = None if request.body is None else request.body
    return await site.ask(
        request.method,
        request.path,
        content,
        base=f"/fhir/{release.path}",
        content_type=request.content_type,
        **shown_by(WARD),
    )


def plain(answer: httpx.Response) -> str:
    """Return everything that an answer says."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return f"{answer.status_code}\n{headers}\n{answer.text}"


@given(
    st.sampled_from(RELEASES),
    st.sampled_from(["rest-hook", "websocket"]),
    st.lists(OF_ONE | OF_ALL, min_size=4, max_size=14),
    st.booleans(),
)
def test_nothing_is_learnt_of_anothers_subscription(
    release: FhirRelease, channel: str, requests: Sequence[Request], deleted: bool
) -> None:
    base = f"/fhir/{release.path}"

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward = shown_by(LAB), shown_by(WARD)
            made = await site.ask(
                "POST", "Subscription", others(release, channel), base=base, **lab
            )
            assert made.status_code == 201, made.text
            id = made.json()["id"]
            mine = await site.ask("POST", "Subscription", own(release), base=base, **ward)
            task = await site.ask("POST", "Task", a_task(OWNER), base=base, **lab)
            words = {"own": mine.json()["id"], "task": task.json()["id"]}
            if deleted:
                await site.ask("DELETE", f"Subscription/{id}", base=base, **lab)
            for request in (*requests, put(release, "{id}")):
                if "{id}" not in json.dumps([request.path, request.body]):
                    told = plain(await ask(site, release, request.filled(**words)))
                    assert id not in told, request
                    # Whoever reads an order is told who was notified of it, by name.
                    told = told.replace("s3cret-name", "") if "$trace" in request.path else told
                    assert not any(each in told for each in SECRETS), request
                    continue
                absent = "0" * len(id)
                there, nowhere = [
                    plain(await ask(site, release, request.filled(id=each, **words))).replace(
                        each, "ID"
                    )
                    for each in (id, absent)
                ]
                assert there == nowhere, request
            kept = await site.ask("GET", f"Subscription/{id}", base=base, **lab)
            assert kept.status_code == (410 if deleted else 200)

    run(scenario())
