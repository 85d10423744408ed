"""A Subscription is its creator's; for every other client it is as if there were none.

Every way to a Subscription is tried by the same callers, in one place, so that a way that is
missing can be seen.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from hub.core.release import FhirRelease
from tests.support.builders import a_bundle, a_task, an_entry
from tests.support.classic import a_classic
from tests.support.rig_resources import a_topic, document
from tests.web.clients import LAB, OPS, WARD, asking, shown_by
from tests.web.site import a_site, run
from tests.web.visit import EVERY, OFF, PATCHED, R4, R5, Visit, wanted

INSTANCE = (
    ("GET", "", None),
    ("HEAD", "", None),
    ("GET", "/_history", None),
    ("GET", "/_history/1", None),
    ("GET", "/$status", None),
    ("GET", "/$events", None),
    ("GET", "/$attempts", None),
    ("GET", "/$trace", None),
    ("GET", "/$explain", None),
    ("GET", "/$get-ws-binding-token", None),
    ("POST", "/$resend?eventsSinceNumber=1", None),
    ("POST", "/$verify", None),
    ("PATCH", "", OFF),
    ("DELETE", "", None),
)


def without(id: str, answer: httpx.Response) -> tuple[int, Any]:
    """Return an answer without the id that was asked for."""
    return answer.status_code, json.loads(answer.text.replace(id, "ID") or "null")


@EVERY
def test_to_others_it_is_as_if_there_were_none(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward, ops = (Visit(site, each, release) for each in (LAB, WARD, OPS))
            id = await lab.create(wanted(release))
            for method, path, body in INSTANCE:
                more = {"content_type": PATCHED} if method == "PATCH" else {}
                answers = [
                    without(
                        each, await ward.ask(method, f"Subscription/{each}{path}", body, **more)
                    )
                    for each in (id, "absent")
                ]
                assert answers[0] == answers[1], (method, path)
                assert answers[0][0] == (204 if method == "DELETE" else 404)
            taken = [
                without(
                    each,
                    await ward.ask("PUT", f"Subscription/{each}", wanted(release) | {"id": each}),
                )
                for each in (id, "absent")
            ]
            assert taken[0] == taken[1] and taken[0][0] == 404
            for owner in (lab, ops):
                read = await owner.ask("GET", f"Subscription/{id}")
                assert (read.status_code, read.json()["status"]) == (200, "requested")
                assert read.headers["etag"] == 'W/"1"'

    run(scenario())


@EVERY
def test_lists_hold_ones_own(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            visits = [Visit(site, each, release) for each in (LAB, WARD, OPS)]
            ids = [await visits[n].create(wanted(release)) for n in (0, 1, 0, 2)]
            listed = "&".join(f"id={id}" for id in ids)
            for path in (
                "Subscription?_total=accurate",
                "Subscription?_total=accurate&_count=1",
                "Subscription?status=requested&_sort=status&_total=accurate",
                "Subscription?_summary=count",
                "Subscription/_history",
                "Subscription/$status",
                f"Subscription/$status?{listed}",
            ):
                found = [(await each.ask("GET", path)) for each in visits]
                assert [each.json()["total"] for each in found] == [2, 1, 4], path
                entries = [json.dumps(each.json().get("entry")) for each in found]
                assert not any(ids[n] in entries[1] for n in (0, 2, 3))
                assert not any(ids[n] in entries[0] for n in (1, 3))

    run(scenario())


@EVERY
def test_a_client_changes_and_deletes_its_own_and_has_its_id_back(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward, ops = (Visit(site, each, release) for each in (LAB, WARD, OPS))
            id = await lab.create(wanted(release))
            body = wanted(release) | {"id": id}
            path = f"Subscription/{id}"
            assert (await lab.ask("PUT", path, body | {"status": "off"})).status_code == 200
            assert (await ops.ask("PUT", path, body)).status_code == 200
            assert (await lab.ask("DELETE", path)).status_code == 204
            assert (await lab.ask("GET", path)).status_code == 410
            assert (await ward.ask("GET", path)).status_code == 404
            assert (await ward.ask("PUT", path, body)).status_code == 404
            assert (await lab.ask("PUT", path, body)).status_code == 201
            assert (await ward.ask("GET", path)).status_code == 404
            # A chosen id could be another's; the administrator knows of all.
            chosen = body | {"id": "chosen"}
            for client, status in ((lab, 404), (ops, 201), (lab, 404)):
                answer = await client.ask("PUT", "Subscription/chosen", chosen)
                assert answer.status_code == status

    run(scenario())


@EVERY
def test_explain_leaves_others_out_and_trace_tells_whether_it_arrived(
    release: FhirRelease,
) -> None:
    named = {"name": "The lab's"} if release is R5 else {"reason": "The lab's"}

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward = (Visit(site, each, release) for each in (LAB, WARD))
            id = await lab.create(wanted(release, **named))
            task = await lab.create(a_task("Organization/lab"))
            for visit, is_told in ((lab, True), (ward, False)):
                explained = await visit.ask("GET", f"Task/{task}/$explain")
                assert (id in explained.text) is is_told
                only = f"Task/{task}/$explain?subscription={id}"
                assert (await visit.ask("GET", only)).status_code == (200 if is_told else 404)
                traced = await visit.ask("GET", f"Task/{task}/$trace")
                assert (id in traced.text) is is_told
                assert "The lab's" in traced.text and "waiting" in traced.text

    run(scenario())


@EVERY
def test_a_token_binds_ones_own(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward = (Visit(site, each, release) for each in (LAB, WARD))
            body = wanted(release, channel="websocket", endpoint=None)
            id = await lab.create(body)
            for path in ("$get-ws-binding-token", f"$get-ws-binding-token?id={id}"):
                assert (await ward.ask("GET", f"Subscription/{path}")).status_code == 404
                answer = await lab.ask("GET", f"Subscription/{path}")
                assert answer.status_code == 200 and id in answer.text
            own = await ward.create(body)
            answer = await ward.ask("GET", "Subscription/$get-ws-binding-token")
            assert own in answer.text and id not in answer.text

    run(scenario())


def test_a_classic_websocket_is_bound_by_its_owner() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab = Visit(site, LAB, R4)
            id = await lab.create(a_classic("Task?status=requested", channel="websocket"))
            for headers, said in (
                ({}, f"error {id} this hub asks who calls,"),
                (shown_by(WARD), f"error {id} there is no such Subscription"),
                (shown_by(LAB), f"bound {id}"),
                (shown_by(OPS), f"bound {id}"),
            ):
                async with site.socket(**headers) as socket:
                    await socket.opened()
                    socket.say(f"bind {id}")
                    assert (await socket.next())["text"].startswith(said)
            async with site.socket(authorization="Bearer wrong") as socket:
                assert await socket.closed() == (1008, "")

    run(scenario())


def test_a_batch_is_answered_as_its_sender_is() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward = (Visit(site, each, R4) for each in (LAB, WARD))
            id = await lab.create(wanted(R4))
            batch = a_bundle(
                "batch",
                an_entry("GET", f"Subscription/{id}"),
                an_entry("GET", "Subscription?_total=accurate"),
                an_entry("DELETE", f"Subscription/{id}"),
                an_entry("POST", "Subscription", wanted(R4)),
            )
            entries = (await ward.ask("POST", "", batch)).json()["entry"]
            statuses = [each["response"]["status"][:3] for each in entries]
            assert statuses == ["404", "200", "204", "201"]
            assert entries[1]["resource"]["total"] == 1
            assert (await lab.ask("GET", f"Subscription/{id}")).status_code == 200
            own = entries[3]["response"]["location"].split("/")[-3]
            assert (await ward.ask("GET", f"Subscription/{own}")).status_code == 200
            assert (await lab.ask("GET", f"Subscription/{own}")).status_code == 404

    run(scenario())


def test_no_topic_tells_of_what_is_somebodys() -> None:
    about = a_topic().source | {"resourceTrigger": [{"resource": "Subscription"}]}
    about |= {"url": "http://example.org/topics/about", "id": "about"}
    about.pop("canFilterBy")
    about.pop("notificationShape")

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward, ops = (Visit(site, each, R5) for each in (LAB, WARD, OPS))
            await ops.create(about)
            listener = await ward.create(
                wanted(R5, topic_name=about["url"], channel="websocket", endpoint=None)
            )
            id = await lab.create(wanted(R5))
            await lab.ask("DELETE", f"Subscription/{id}")
            assert site.rig.top(listener, R5) == 0

    run(scenario())


def test_what_was_there_before_anybody_was_asked_is_the_administrators() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            stored = await site.rig.hub.subscriptions.create(R4, document(wanted(R4)))
            path = f"Subscription/{stored.version.key.id}"
            for client, status in ((LAB, 404), (WARD, 404), (OPS, 200)):
                assert (await Visit(site, client, R4).ask("GET", path)).status_code == status

    run(scenario())
