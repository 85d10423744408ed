"""Create, read, vread, update, patch and delete over HTTP."""

from __future__ import annotations

import pytest

from hub.core.release import FhirRelease, Resource
from tests.support.rig_resources import a_subscription, a_task
from tests.web.site import BASE, FHIR_JSON, Site, a_patient, a_site, issue, run

PATCH = "application/json-patch+json"


def test_a_create_answers_201_with_where_it_is_and_what_it_became() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            made = await site.ask("POST", "Patient", a_patient(id="mine"))
            assert made.status_code == 201
            id = made.json()["id"]
            assert id != "mine"
            assert made.headers["location"] == f"{BASE}/Patient/{id}/_history/1"
            assert made.headers["etag"] == 'W/"1"'
            assert made.headers["last-modified"].endswith("GMT")
            read = await site.ask("GET", f"Patient/{id}")
            assert read.content == made.content

    run(scenario())


@pytest.mark.parametrize("base", ["/fhir/r4", "/fhir/r4b", "/fhir/r5"])
def test_what_was_sent_comes_back_but_for_id_and_meta(base: str) -> None:
    text = b"""{ "resourceType":"Observation",
      "status":"final", "code":{"text":"\\u00e9"},
      "valueQuantity":{"value":1.10, "unit":"mg"} }"""

    async def scenario() -> None:
        async with a_site() as site:
            made = await site.ask(
                "POST", "Observation", base=base, raw=text, content_type=FHIR_JSON
            )
            assert made.status_code == 201
            start, _, rest = text.partition(b",\n")
            assert made.content.startswith(start)
            assert made.content.endswith(rest)

    run(scenario())


def test_the_bases_do_not_see_each_others_resources() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            other = await site.ask("GET", "Patient/p", base="/fhir/r5")
            assert other.status_code == 404

    run(scenario())


def test_a_put_creates_updates_and_notices_that_nothing_changed() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            seen = []
            for gender in ("male", "male", "female"):
                answer = await site.ask("PUT", "Patient/p", a_patient(id="p", gender=gender))
                seen.append(
                    (answer.status_code, answer.headers["etag"], "location" in answer.headers)
                )
            assert seen == [(201, 'W/"1"', True), (200, 'W/"1"', False), (200, 'W/"2"', False)]

    run(scenario())


@pytest.mark.parametrize(
    ("body", "element"),
    [
        (a_patient(), "Patient.id"),
        (a_patient(id="other"), "Patient.id"),
        (a_patient(id="p", foo=1), "Patient.foo"),
        (a_patient(id="p", gender="x"), "Patient.gender"),
        (a_task(id="p"), "Patient.resourceType"),
        ({"id": "p"}, None),
    ],
)
def test_a_put_that_is_not_valid_is_refused_naming_the_element(
    body: dict[str, object], element: str | None
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("PUT", "Patient/p", body)
            assert answer.status_code == 400
            assert issue(answer).get("expression", [None]) == [element]
            assert (await site.ask("GET", "Patient/p")).status_code == 404

    run(scenario())


@pytest.mark.parametrize(
    ("tag", "status"), [('W/"1"', 200), ('"1"', 200), ('W/"9"', 412), ("1", 400), ("*", 400)]
)
def test_if_match_guards_an_update(tag: str, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            body = a_patient(id="p", gender="male")
            answer = await site.ask("PUT", "Patient/p", body, if_match=tag)
            assert answer.status_code == status
            gone = await site.ask("DELETE", "Patient/p", if_match='W/"9"')
            assert gone.status_code == 412

    run(scenario())


def test_if_none_exist_creates_once_finds_it_then_and_refuses_when_there_are_two() -> None:
    identified = a_patient(identifier=[{"system": "urn:s", "value": "1"}])

    async def scenario() -> None:
        async with a_site() as site:
            criteria: Resource = {"if_none_exist": "identifier=urn:s|1"}
            first = await site.ask("POST", "Patient", identified, **criteria)
            again = await site.ask("POST", "Patient", identified, **criteria)
            assert (first.status_code, again.status_code) == (201, 200)
            assert again.headers["location"] == first.headers["location"]
            await site.ask("POST", "Patient", identified)
            two = await site.ask(
                "POST", "Patient", identified, if_none_exist="Patient?identifier=1"
            )
            assert two.status_code == 412
            for bad in ("foo=1", " ", "identifier"):
                assert (
                    await site.ask("POST", "Patient", identified, if_none_exist=bad)
                ).status_code == 400

    run(scenario())


def test_a_conditional_read_answers_304_while_nothing_changed() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            made = await site.ask("PUT", "Patient/p", a_patient(id="p"))
            when = made.headers["last-modified"]
            same = await site.ask("GET", "Patient/p", if_none_match='W/"1"')
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["etag"] == 'W/"1"'
            assert (await site.ask("GET", "Patient/p", if_none_match='W/"2"')).status_code == 200
            for date, status in ((when, 304), ("Wed, 01 Jan 2020 00:00:00 GMT", 200), ("x", 200)):
                answer = await site.ask("GET", "Patient/p", if_modified_since=date)
                assert answer.status_code == status
            refused = await site.ask("PUT", "Patient/p", a_patient(id="p"), if_none_match="*")
            assert refused.status_code == 400

    run(scenario())


def test_every_version_can_be_read_and_a_deletion_is_410() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            await site.ask("PUT", "Patient/p", a_patient(id="p", gender="male"))
            gone = await site.ask("DELETE", "Patient/p")
            assert (gone.status_code, gone.content) == (204, b"")
            first = await site.ask("GET", "Patient/p/_history/1")
            assert "gender" not in first.json()
            for path, status in (
                ("Patient/p", 410),
                ("Patient/p/_history/3", 410),
                ("Patient/p/_history/4", 404),
                ("Patient/p/_history/x", 404),
                ("Patient/q", 404),
                ("Patient/q/_history/1", 404),
            ):
                answer = await site.ask("GET", path)
                assert answer.status_code == status, path
                issue(answer)
            assert (await site.ask("DELETE", "Patient/p")).status_code == 204
            back = await site.ask("PUT", "Patient/p", a_patient(id="p"))
            assert (back.status_code, back.headers["etag"]) == (201, 'W/"4"')

    run(scenario())


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        (None, "Patient"),
        ("return=representation", "Patient"),
        ("return=minimal", None),
        ("return=OperationOutcome", "OperationOutcome"),
        ("return=nonsense, x; y", "Patient"),
        ('return="minimal"', None),
    ],
)
def test_prefer_decides_what_comes_back(prefer: str | None, kind: str | None) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            headers: Resource = {} if prefer is None else {"prefer": prefer}
            answer = await site.ask("POST", "Patient", a_patient(), **headers)
            assert answer.status_code == 201
            assert (answer.json()["resourceType"] if answer.content else None) == kind
            gone = await site.ask("DELETE", "Patient/x", **headers)
            assert gone.status_code == (200 if kind == "OperationOutcome" else 204)

    run(scenario())


def test_a_json_patch_keeps_the_spelling_of_every_other_number() -> None:
    text = (
        b'{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},'
        b'"valueQuantity":{"value":1.10}}'
    )

    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Observation/o", raw=text, content_type=FHIR_JSON)
            operations = b'[{"op":"replace","path":"/status","value":"amended"}]'
            answer = await site.ask("PATCH", "Observation/o", raw=operations, content_type=PATCH)
            assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"2"')
            assert b'"value":1.10' in answer.content
            assert answer.json()["status"] == "amended"

    run(scenario())


@pytest.mark.parametrize(
    ("operations", "status"),
    [
        (b'[{"op":"test","path":"/gender","value":"male"}]', 422),
        (b'[{"op":"remove","path":"/gender"}]', 422),
        (b'[{"op":"replace","path":"/id","value":"q"}]', 400),
        (b'[{"op":"add","path":"/foo","value":1}]', 400),
        (b'[{"op":"replace","path":"","value":1}]', 422),
        (b"{}", 400),
        (b"[1]", 400),
        (b"", 400),
    ],
)
def test_a_patch_that_can_not_be_applied_changes_nothing(operations: bytes, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            answer = await site.ask("PATCH", "Patient/p", raw=operations, content_type=PATCH)
            assert answer.status_code == status
            assert (await site.ask("GET", "Patient/p")).headers["etag"] == 'W/"1"'

    run(scenario())


def test_a_patch_of_nothing_is_404_and_other_kinds_of_patch_are_415() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            operations = b'[{"op":"remove","path":"/gender"}]'
            absent = await site.ask("PATCH", "Patient/p", raw=operations, content_type=PATCH)
            assert absent.status_code == 404
            other = await site.ask("PATCH", "Patient/p", {"resourceType": "Parameters"})
            assert other.status_code == 415
            assert "FHIRPath Patch" in issue(other)["diagnostics"]

    run(scenario())


async def _subscribed(site: Site, **changes: object) -> str:
    answer = await site.ask("POST", "Subscription", a_subscription(**changes))
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def test_header_values_are_echoed_once_and_masked_ever_after() -> None:
    header = ["Authorization: Bearer secret"]

    async def scenario() -> None:
        async with a_site() as site:
            made = await site.ask("POST", "Subscription", a_subscription(header=header))
            assert made.json()["channel"]["header"] == header
            assert made.json()["status"] == "requested"
            id = made.json()["id"]
            for path in (f"Subscription/{id}", f"Subscription/{id}/_history", "Subscription"):
                answer = await site.ask("GET", path)
                assert "***" in answer.text
                assert "secret" not in answer.text

    run(scenario())


def test_a_subscription_is_updated_patched_and_deleted() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            id = await _subscribed(site)
            put = await site.ask(
                "PUT", f"Subscription/{id}", a_subscription(id=id, status="off"), if_match='W/"1"'
            )
            assert (put.status_code, put.json()["status"]) == (200, "off")
            patched = await site.ask(
                "PATCH",
                f"Subscription/{id}",
                raw=b'[{"op":"replace","path":"/status","value":"requested"}]',
                content_type=PATCH,
            )
            assert (patched.status_code, patched.json()["status"]) == (200, "requested")
            found = await site.ask(
                "GET", "Subscription?status=requested&url=https://lab.example.org/hook"
            )
            assert len(found.json()["entry"]) == 1
            stale = await site.ask("DELETE", f"Subscription/{id}", if_match='W/"1"')
            assert stale.status_code == 412
            assert (await site.ask("DELETE", f"Subscription/{id}")).status_code == 204
            assert (await site.ask("GET", f"Subscription/{id}")).status_code == 410
            new = await site.ask("PUT", "Subscription/new", a_subscription(id="new"))
            assert (new.status_code, new.json()["id"]) == (201, "new")

    run(scenario())


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"topic": "http://example.org/none"}, 422, "topic-unknown"),
        ({"filters": ("Task?code=x",)}, 422, "filter-not-allowed"),
        ({"type": "sms"}, 422, "channel-not-supported"),
        ({"status": "sleeping"}, 400, "invalid-resource"),
    ],
)
def test_a_subscription_that_would_not_be_honoured_is_refused(
    changes: dict[str, object], status: int, slug: str
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("POST", "Subscription", a_subscription(**changes))
            assert answer.status_code == status
            found = issue(answer)
            assert found["details"]["coding"][0]["code"] == slug
            assert found["expression"][0].startswith("Subscription.")

    run(scenario())


def test_if_none_exist_is_not_offered_for_subscriptions() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            body = a_subscription()
            answer = await site.ask("POST", "Subscription", body, if_none_exist="status=active")
            assert answer.status_code == 400

    run(scenario())


def test_topics_are_found_and_read_but_never_written() -> None:
    code = {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}]}

    async def scenario() -> None:
        async with a_site() as site:
            for release in (FhirRelease.R4B, FhirRelease.R5):
                base = f"/fhir/{release.path}"
                topic = "SubscriptionTopic?url=http://example.org/topics/task"
                found = await site.ask("GET", topic, base=base)
                (entry,) = found.json()["entry"]
                body = entry["resource"]
                for method, path in (
                    ("POST", "SubscriptionTopic"),
                    ("PUT", f"SubscriptionTopic/{body['id']}"),
                    ("DELETE", f"SubscriptionTopic/{body['id']}"),
                ):
                    answer = await site.ask(method, path, body, base=base)
                    assert answer.status_code == 405
                    assert answer.headers["allow"] == "GET, HEAD"
            found = await site.ask("GET", "Basic?code=SubscriptionTopic")
            id = found.json()["entry"][0]["resource"]["id"]
            mine = {"resourceType": "Basic", "code": code}
            plain = {"resourceType": "Basic", "id": id, "code": {"text": "x"}}
            patch = b'[{"op":"add","path":"/language","value":"en"}]'
            for answer in (
                await site.ask("POST", "Basic", mine),
                await site.ask("PUT", "Basic/mine", mine | {"id": "mine"}),
                await site.ask("PUT", f"Basic/{id}", plain),
                await site.ask("DELETE", f"Basic/{id}"),
                await site.ask("PATCH", f"Basic/{id}", raw=patch, content_type=PATCH),
            ):
                assert answer.status_code == 405
                issue(answer)
            own = await site.ask("PUT", "Basic/own", plain | {"id": "own"})
            assert own.status_code == 201
            become = b'[{"op":"replace","path":"/code","value":%s}]' % (
                b'{"coding":[{"system":"http://hl7.org/fhir/fhir-types",'
                b'"code":"SubscriptionTopic"}]}'
            )
            answer = await site.ask("PATCH", "Basic/own", raw=become, content_type=PATCH)
            assert answer.status_code == 405

    run(scenario())
