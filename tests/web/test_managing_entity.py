"""Whom a Subscription is for: a client reads what an administrator has for it, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.client import Client
from hub.core.release import FhirRelease, Resource
from tests.support.builders import a_task, identified
from tests.web.clients import LAB, OPS, WARD, asking
from tests.web.site import a_site, issue, run
from tests.web.visit import EVERY, OFF, PATCHED, R4, R4B, R5, Visit, wanted

MANAGING = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.managingEntity"


def managed(release: FhirRelease, entity: Resource, value: str = "1", **more: Any) -> Resource:
    """Return a Subscription that an administrator would create for somebody."""
    written = wanted(release, **identified(release, value), **more)
    if release is R5:
        return written | {"managingEntity": entity}
    written["extension"].append({"url": MANAGING, "valueReference": entity})
    return written


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
