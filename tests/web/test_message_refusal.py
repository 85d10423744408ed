"""What ``$process-message`` refuses: by a message where one can answer, and keeping nothing."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from hub.web.limits import Limits
from tests.support.messages import (
    a_header,
    a_message,
    an_order,
    at,
    identified,
    read_answer,
)
from tests.web.messaging import SUBSCRIPTION, counted, kept, post, refused, sent
from tests.web.site import BASE, a_site, issue, run

R4 = FhirRelease.R4


def _changed(**header: Any) -> Resource:
    return a_message(a_header(R4) | header, ("urn:uuid:p", {"resourceType": "Patient"}))


def _first(resource: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": resource}]}


UNREADABLE: dict[str, Resource] = {
    "no Bundle": {"resourceType": "Patient"},
    "another Bundle": {"resourceType": "Bundle", "type": "transaction"},
    "nothing in it": {"resourceType": "Bundle", "type": "message"},
    "no header first": _first({"resourceType": "Task"}),
    "no id": _changed(id=None),
    "no event": _changed(eventCoding=None),
    "no source": _changed(source={"name": "x"}),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_message_could_answer_is_refused_plainly(name: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await post(site, UNREADABLE[name])
            assert answer.status_code == 400
            assert issue(answer)["details"]["coding"][0]["code"] == "invalid-resource"
            assert not any((await counted(site)).values())

    run(scenario())


def _with(*entries: tuple[str | None, Resource]) -> Resource:
    return a_message(a_header(R4), ("urn:uuid:p", {"resourceType": "Patient"}), *entries)


def _pointing(reference: str) -> Resource:
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": at(reference)}
    return _with(("urn:uuid:t", task))


TOPIC_BASIC: Resource = {
    "resourceType": "Basic",
    "code": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]},
}
PLACE = "Bundle.entry[2].resource"
Refusal = tuple[Resource, int, str, str | None]


def _second(resource: Resource, status: int, slug: str, expression: str | None = PLACE) -> Refusal:
    return _with(("urn:uuid:q", resource)), status, slug, expression


MANY = [{"system": "urn:x", "value": str(number)} for number in range(51)]
FOCUS = "Bundle.entry[0].resource.focus[0].reference"
REFUSED: dict[str, Refusal] = {
    "a wrong header": (_changed(focus=[at(1)]), 400, "invalid-resource", FOCUS),  # type: ignore[arg-type]  # wrong on purpose
    "a wrong resource": _second(
        {"resourceType": "Patient", "active": 1}, 400, "invalid-resource", f"{PLACE}.active"
    ),
    "an unknown type": _second({"resourceType": "Unicorn"}, 400, "invalid-resource"),
    "an entry without resource": (
        _with() | {"entry": [*_with()["entry"], {"fullUrl": "urn:uuid:q"}]},
        400,
        "invalid-resource",
        PLACE,
    ),
    "two headers": _second(a_header(R4, "m2"), 400, "invalid-resource"),
    "a Subscription": _second(SUBSCRIPTION, 422, "unprocessable"),
    "a topic": _second(TOPIC_BASIC, 422, "unprocessable"),
    "a reference to no entry": (_pointing("urn:uuid:other"), 400, "unresolved-reference", None),
    "a reference with no base": (_pointing("Patient/1"), 400, "unresolved-reference", None),
    "one name twice": (
        _with(("urn:uuid:p", {"resourceType": "Patient"})),
        400,
        "invalid-resource",
        "Bundle.entry",
    ),
    "one identifier twice": (
        _with(
            ("urn:uuid:q", identified("Patient", "1")), ("urn:uuid:r", identified("Patient", "1"))
        ),
        400,
        "invalid-resource",
        "Bundle.entry",
    ),
    "many identifiers": _second(
        {"resourceType": "Patient", "identifier": MANY}, 422, "unprocessable", None
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_answered_as_fatal_and_nothing_is_kept(name: str) -> None:
    message, status, slug, expression = REFUSED[name]

    async def scenario() -> None:
        async with a_site() as site:
            before = await counted(site)
            found = await refused(site, message, status, slug)
            assert found.get("expression", [None])[0] == expression
            assert await counted(site) == before

    run(scenario())


def test_identifiers_of_two_resources_are_ambiguous() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for _ in range(2):
                await site.ask("POST", "Patient", identified("Patient", "1"))
            found = await refused(site, an_order(R4), 412, "multiple-matches")
            assert "more than one" in found["diagnostics"]
            assert await kept(site, "Task") == []

    run(scenario())


def test_identifiers_that_say_nothing_or_are_old_are_not_looked_at() -> None:
    system = "https://placer.example.org/patients"

    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("POST", "Patient", identified("Patient", "1"))
            for identifier in (
                {"value": "1"},
                {"system": system},
                {"system": system, "value": "1", "use": "old"},
            ):
                patient = {"resourceType": "Patient", "identifier": [identifier]}
                await sent(
                    site, a_message(a_header(R4, str(hash(str(identifier)))), (None, patient))
                )
            odd = {"resourceType": "Patient", "identifier": [{"system": "a,b", "value": "1|$\\,2"}]}
            await sent(site, a_message(a_header(R4, "n1"), (None, odd)))
            await sent(site, a_message(a_header(R4, "n2"), (None, odd | {"active": True})))
            assert len(await kept(site, "Patient")) == 5

    run(scenario())


def test_a_stored_topic_can_not_be_overwritten() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            topics = await kept(site, "Basic")
            basic = {"resourceType": "Basic", "code": {"text": "x"}}
            name = f"{BASE}/Basic/{topics[0]['id']}"
            await refused(site, a_message(a_header(R4), (name, basic)), 422, "unprocessable")
            assert await kept(site, "Basic") == topics

    run(scenario())


def test_a_message_has_the_limits_of_a_transaction() -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(bundle_entries=4)) as site:
            await sent(site, an_order(R4))
            order = an_order(R4, "m2")
            inner = {"resourceType": "Bundle", "type": "collection", "entry": [{}]}
            order["entry"].append({"resource": inner})
            await refused(site, order, 413, "too-many-entries")

    run(scenario())


def test_it_is_posted_and_answered_at_once() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "$process-message")
            assert answer.status_code == 405
            assert answer.headers["allow"] == "POST"
            assert (await site.ask("POST", "$process-message")).status_code == 400
            assert (await site.ask("POST", "$other", an_order(R4))).status_code == 404
            for query in ("?async=true", "?response-url=https://evil.example/", "?x=1"):
                assert issue(await post(site, an_order(R4), query=query))["code"] == "value"
            assert not any((await counted(site)).values())
            assert (await post(site, an_order(R4), query="?async=false")).status_code == 200

    run(scenario())


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_it_is_not_offered_in_a_bundle(kind: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            entry = {
                "request": {"method": "POST", "url": "$process-message"},
                "resource": an_order(R4),
            }
            bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
            answer = await site.ask("POST", "", bundle)
            assert "can't be invoked in a Bundle" in answer.text
            assert await kept(site, "MessageHeader") == []

    run(scenario())


def test_a_hub_that_stops_answers_with_a_transient_error() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            site.rig.hub.intake.close()
            answer = await post(site, an_order(R4))
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            code, outcome = read_answer(answer.content)
            assert code == "transient-error"
            assert outcome is not None
            assert outcome["issue"][0]["code"] == "transient"

    run(scenario())
