"""A Subscription is its creator's; for every other client it is as if there were none.

Longer than other files: every way to a Subscription is tried by the same callers, in one place, so
that a way that is missing can be seen.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from hub.core.client import Client
from hub.core.release import FhirRelease, Resource
from tests.support.builders import RELEASES, a_bundle, a_subscription, a_task, an_entry, identified
from tests.support.classic import a_classic
from tests.support.rig_resources import TASK_TOPIC, a_topic, document
from tests.web.clients import LAB, OPS, WARD, asking, shown_by
from tests.web.site import Site, a_site, issue, run

R4, R4B, R5 = RELEASES
ENDPOINT = "https://lab.example.org/hook"
PATCHED = "application/json-patch+json"
OFF = [{"op": "replace", "path": "/status", "value": "off"}]
EVERY = pytest.mark.parametrize("release", RELEASES)
MANAGING = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.managingEntity"


def wanted(release: FhirRelease, **more: Any) -> Resource:
    """Return a Subscription that a client would create."""
    return a_subscription(release, **{"topic_name": TASK_TOPIC, "endpoint": ENDPOINT} | more)


def managed(release: FhirRelease, entity: Resource, value: str = "1", **more: Any) -> Resource:
    """Return a Subscription that an administrator would create for somebody."""
    written = wanted(release, **identified(release, value), **more)
    if release is R5:
        return written | {"managingEntity": entity}
    written["extension"].append({"url": MANAGING, "valueReference": entity})
    return written


class Visit:
    """A client's way to ask one base."""

    def __init__(self, site: Site, client: Client, release: FhirRelease) -> None:
        self._site = site
        self._shown = shown_by(client)
        self._base = f"/fhir/{release.path}"

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self._site.ask(method, path, body, base=self._base, **self._shown, **more)

    async def create(self, body: Resource) -> str:
        answer = await self.ask("POST", body["resourceType"], body)
        assert answer.status_code == 201, answer.text
        id: str = answer.json()["id"]
        return id


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


@EVERY
@pytest.mark.parametrize(
    "entity",
    [
        {"reference": "Organization/lab"},
        {"identifier": {"system": "http://ura.example.org", "value": "1"}, "display": "Lab"},
    ],
)
def test_whom_an_administrative_one_is_for_reads_it_and_no_more(
    release: FhirRelease, entity: Resource
) -> None:
    body = managed(release, entity, channel="websocket", endpoint=None)

    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward, ops = (Visit(site, each, release) for each in (LAB, WARD, OPS))
            id = await ops.create(body)
            await ops.create(a_task("Organization/lab"))
            path = f"Subscription/{id}"
            for visit, count in ((lab, 1), (ward, 0), (ops, 1)):
                for search in ("identifier=http://example.org/subscriptions|1", f"_id={id}", ""):
                    if release is R5 or not search.startswith("identifier"):
                        found = await visit.ask("GET", f"Subscription?_total=accurate&{search}")
                        assert found.json()["total"] == count, search
                status = await visit.ask("GET", "Subscription/$status")
                assert status.json()["total"] == count
            for suffix in ("", "/_history", "/$status", "/$events", "/$attempts"):
                assert (await ward.ask("GET", path + suffix)).status_code == 404
                answer = await lab.ask("GET", path + suffix)
                assert answer.status_code == 200
            for suffix in ("/$status", "/$events"):
                # What is written of it names it as its notifications do.
                answer = await lab.ask("GET", path + suffix)
                text = answer.text.replace(f"{path}{suffix}", "")
                assert id not in text and '"value":"1"' in text
            for where in (f"{path}/", "Subscription/"):
                token = await lab.ask("GET", f"{where}$get-ws-binding-token")
                assert token.status_code == 200
                assert (await ward.ask("GET", f"{where}$get-ws-binding-token")).status_code == 404
            for method, suffix, sent in (
                ("PUT", "", body | {"id": id}),
                ("PATCH", "", OFF),
                ("DELETE", "", None),
                ("POST", "/$resend?eventsSinceNumber=1", None),
                ("POST", "/$verify", None),
            ):
                more = {"content_type": PATCHED} if method == "PATCH" else {}
                answer = await lab.ask(method, path + suffix, sent, **more)
                assert answer.status_code == 403, (method, suffix)
                assert issue(answer)["code"] == "forbidden"
            assert (await ops.ask("GET", path)).headers["etag"] == 'W/"1"'

    run(scenario())


@EVERY
def test_it_is_for_whom_it_says_now(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ward, ops = (Visit(site, each, release) for each in (LAB, WARD, OPS))
            of_lab, of_ward = (
                managed(release, {"reference": f"Organization/{name}"}) for name in ("lab", "ward")
            )
            id = await ops.create(of_lab)
            path = f"Subscription/{id}"
            assert (await ops.ask("PUT", path, of_ward | {"id": id})).status_code == 200
            assert (await lab.ask("GET", path)).status_code == 404
            assert (await ward.ask("GET", path)).status_code == 200
            assert (await ops.ask("DELETE", path)).status_code == 204
            assert (await ward.ask("GET", path)).status_code == 410
            assert (await lab.ask("GET", path)).status_code == 404

    run(scenario())


@EVERY
def test_a_socket_ends_with_the_right_of_who_bound_it(release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            lab, ops = (Visit(site, each, release) for each in (LAB, OPS))
            of_lab, of_ward = (
                managed(
                    release,
                    {"reference": f"Organization/{name}"},
                    channel="websocket",
                    endpoint=None,
                )
                for name in ("lab", "ward")
            )
            id = await ops.create(of_lab)
            answer = await lab.ask("GET", f"Subscription/{id}/$get-ws-binding-token")
            parameters = {each["name"]: each for each in answer.json()["parameter"]}
            token = parameters["token"]["valueString"]
            async with site.socket() as socket:
                await socket.opened()
                socket.say(f"bind-with-token {token}")
                await socket.notification()
                await ops.ask("PUT", f"Subscription/{id}", of_ward | {"id": id})
                await ops.create(a_task("Organization/lab"))
                assert await socket.closed() == (1000, "nothing is bound any more")
            async with site.socket() as socket:
                await socket.opened()
                socket.say(f"bind-with-token {token}")
                assert await socket.closed() == (1000, "nothing is bound any more")

    run(scenario())


def test_a_client_names_no_managing_entity_but_its_own() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            own, other = (
                wanted(R5, managingEntity={"reference": f"Organization/{name}"})
                for name in ("lab", "ward")
            )
            lab, ward, ops = (Visit(site, each, R5) for each in (LAB, WARD, OPS))
            id = await lab.create(own)
            refused = await lab.ask("POST", "Subscription", other)
            assert refused.status_code == 422
            assert issue(refused)["expression"] == ["Subscription.managingEntity"]
            # Named or not: one that a client or an administrator has for itself is for nobody else.
            shown = await ops.create(other)
            for each in (id, shown):
                assert (await ward.ask("GET", f"Subscription/{each}")).status_code == 404

    run(scenario())


@pytest.mark.parametrize("release", [R4, R4B])
@pytest.mark.parametrize("caller", [LAB, OPS])
def test_before_r5_a_managing_entity_is_for_administrative_ones(
    release: FhirRelease, caller: Client
) -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            visit = Visit(site, caller, release)
            entity = {"reference": "Organization/lab"}
            body = managed(release, entity)
            if caller is OPS:
                body["extension"] = body["extension"][1:]
            refused = await visit.ask("POST", "Subscription", body)
            assert refused.status_code == 422
            assert issue(refused)["details"]["coding"][0]["code"] == "extension-not-allowed"
            assert issue(refused)["expression"] == ["Subscription.extension"]
            nobody = await Visit(site, OPS, release).ask(
                "POST", "Subscription", managed(release, {"display": "Lab"})
            )
            assert nobody.status_code == 422
            assert issue(nobody)["expression"] == ["Subscription.extension[1]"]

    run(scenario())


def test_what_was_there_before_anybody_was_asked_is_the_administrators() -> None:
    async def scenario() -> None:
        async with a_site(settings=asking()) as site:
            stored = await site.rig.hub.subscriptions.create(R4, document(wanted(R4)))
            path = f"Subscription/{stored.version.key.id}"
            for client, status in ((LAB, 404), (WARD, 404), (OPS, 200)):
                assert (await Visit(site, client, R4).ask("GET", path)).status_code == status

    run(scenario())
