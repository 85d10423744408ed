"""What a hub claims in its CapabilityStatement is what it does."""

from __future__ import annotations

from typing import Any, Final

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release
from tests.support.builders import BACKPORT, a_subscription, topic

IDENTIFIER: Final = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier"
R5: Final = FhirRelease.R5


async def _listed(fhir: Fhir, resource_type: str) -> Resource:
    statement = await fhir.get("metadata")
    (rest,) = statement["rest"]
    (found,) = [each for each in rest["resource"] if each["type"] == resource_type]
    entry: Resource = found
    return entry


async def _ids(fhir: Fhir, query: str) -> list[str]:
    bundle = await fhir.get(query)
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def test_every_operation_that_is_claimed_has_its_definition_here_and_answers(
    hub: RunningHub,
) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(a_subscription(fhir.release, channel="websocket"))
        statement = await fhir.get("metadata")
        (rest,) = statement["rest"]
        claimed = list(rest["operation"])
        claimed += [each for kind in rest["resource"] for each in kind.get("operation", ())]
        for operation in claimed:
            assert not operation["name"].startswith("$")
            for query in (f"url={operation['definition']}", f"code={operation['name']}"):
                (id,) = await _ids(fhir, f"OperationDefinition?{query}")
                definition = await fhir.get(f"OperationDefinition/{id}")
                assert definition["url"] == operation["definition"]
                assert definition["code"] == operation["name"]
            if definition["url"].startswith(fhir.base):
                assert (await fhir.get(definition["url"]))["id"] == definition["id"]
            (on,) = definition["resource"]
            kind = "Subscription" if on == "Resource" else on
            subject = f"{kind}/{stored['id'] if kind == 'Subscription' else 'task-activity'}"
            places = [(subject, "instance"), (on, "type"), ("", "system")]
            for place in (place for place, level in places if definition[level]):
                path = f"{place}/${operation['name']}".removeprefix("/")
                answer = await fhir.ask("POST", path)
                got = await fhir.ask("GET", path)
                assert 404 not in (answer.status_code, got.status_code), path
                if operation["name"] in {"resend", "verify", "inject-event", "process-message"}:
                    assert got.status_code == 405, path
        found = await _ids(fhir, "OperationDefinition?_count=100")
        assert len(found) == len({each["name"] for each in claimed}) == len(claimed)
        assert await _ids(fhir, "OperationDefinition?name=SubscriptionResend") == [
            "Subscription-resend" if fhir.release is R5 else "backport-subscription-resend"
        ]

    in_every_release(hub, scenario)


def test_definitions_of_operations_are_only_read(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        (entry, *_) = (await fhir.get("OperationDefinition"))["entry"]
        resource = entry["resource"]
        path = f"OperationDefinition/{resource['id']}"
        patch = [{"op": "replace", "path": "/name", "value": "Mine"}]
        for method, where, body, more in (
            ("PUT", path, resource | {"name": "Mine"}, {}),
            ("PUT", "OperationDefinition/mine", resource | {"id": "mine"}, {}),
            ("POST", "OperationDefinition", resource, {}),
            ("DELETE", path, None, {}),
            ("PATCH", path, patch, {"content_type": "application/json-patch+json"}),
        ):
            status, issue = await fhir.refused(method, where, body, **more)
            assert (status, issue["code"]) == (405, "not-supported"), (method, where)
            assert "only read" in issue["diagnostics"]
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {"resource": resource, "request": {"method": "PUT", "url": path}},
            ],
        }
        status, _ = await fhir.refused("POST", "", bundle)
        assert status == 405
        assert await fhir.get(path) == resource
        assert resource["meta"]["versionId"] == "1"

    in_every_release(hub, scenario)


def _identified(release: FhirRelease, value: str) -> dict[str, Any]:
    identifier = {"system": "http://example.org/subs", "value": value, "use": "official"}
    if release is R5:
        return {"identifier": [identifier]}
    return {"extension": [{"url": IDENTIFIER, "valueIdentifier": identifier}]}


def test_subscriptions_are_found_by_every_parameter_that_is_claimed(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner, value = fresh(), fresh("sub").replace("/", "-")
        endpoint = f"http://127.0.0.1:9/{value}"
        stored = await fhir.create(
            a_subscription(
                fhir.release,
                endpoint=endpoint,
                filters=[f"Task?owner={owner}"],
                headers=[("Authorization", "Bearer s3cret")],
                status="off",
                contact=[{"system": "email", "value": f"{value}@example.org"}],
                **_identified(fhir.release, value),
            )
        )
        found = {
            "url": endpoint,
            "status": "off",
            "topic": topic("task-activity"),
            "type": "rest-hook",
            "payload": "application/fhir%2Bjson",
            "contact": f"{value}@example.org",
            "identifier": f"http://example.org/subs|{value}",
        }
        if fhir.release is R5:
            found |= {"content-level": "id-only", "filter-value": owner}
        else:
            found |= {
                "criteria": topic("task-activity"),
                "payload-type": "id-only",
                "filter-criteria": f"Task?owner={owner}",
            }
        claimed = {each["name"] for each in (await _listed(fhir, "Subscription"))["searchParam"]}
        common = {each["name"] for each in (await _listed(fhir, "Basic"))["searchParam"]}
        others = {"custom-channel", "name", "owner"}
        assert set(found) <= claimed
        assert claimed - common <= set(found) | others | {"identifier"}
        one = f"identifier=http://example.org/subs|{value}"
        for name, sought in found.items():
            assert await _ids(fhir, f"Subscription?{name}={sought}&{one}") == [stored["id"]], name
            assert await _ids(fhir, f"Subscription?{name}=nothing-like-it&{one}") == [], name
        for name in claimed:
            for secret in ("s3cret", "Bearer s3cret", "Authorization: Bearer s3cret"):
                answer = await fhir.ask("GET", f"Subscription?{name}={secret}&{one}")
                assert answer.status_code == 400 or not answer.json().get("entry"), name
        read = await fhir.get(f"Subscription/{stored['id']}")
        kept = _identified(fhir.release, value)
        assert {name: read[name] for name in kept} == kept

    in_every_release(hub, scenario)


def test_custom_channels_are_found(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        wanted = a_subscription(fhir.release, channel="websocket", **_identified(fhir.release, "c"))
        system = "http://hl7.org/fhir/subscription-channel-type"
        coding = {"system": system, "code": "websocket"}
        wanted["channel"]["_type"] = {
            "extension": [{"url": f"{BACKPORT}/backport-channel-type", "valueCoding": coding}]
        }
        stored = await fhir.create(wanted)
        query = f"Subscription?custom-channel={system}|websocket&identifier=c"
        assert await _ids(fhir, query) == [stored["id"]]

    in_every_release(hub, scenario, releases=(FhirRelease.R4, FhirRelease.R4B))


def test_topics_are_found_by_what_is_claimed(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        claimed = {
            each["name"] for each in (await _listed(fhir, "SubscriptionTopic"))["searchParam"]
        }
        whole = await fhir.get(f"SubscriptionTopic?url={topic('task-activity')}")
        found = whole["entry"][0]["resource"]
        for name, sought in {
            "url": found["url"],
            "derived-or-self": found["url"],
            "resource": "Task",
            "title": found["title"][:4],
            "trigger-description": found["resourceTrigger"][0]["description"][:6],
            "status": "active",
            "version": found["version"],
            "date": found["date"],
        }.items():
            assert name in claimed
            query = f"SubscriptionTopic?{name}={sought}&_count=100"
            assert found["id"] in await _ids(fhir, query), name

    in_every_release(hub, scenario, releases=(FhirRelease.R4B, R5))


def test_metadata_is_the_same_text_until_the_topics_change(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        first = await fhir.ask("GET", "metadata")
        again = await fhir.ask("GET", "metadata")
        assert again.content == first.content
        pretty = await fhir.ask("GET", "metadata?_pretty=true")
        assert pretty.json() == first.json()

    in_every_release(hub, scenario)
