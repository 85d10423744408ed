"""Resources sent and answered as XML."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from hub.codecs.xml_reader import read_xml
from hub.codecs.xml_writer import write_xml
from hub.core.release import FhirRelease, Resource
from tests.support.builders import a_bundle, a_task, an_entry
from tests.web.site import FHIR_JSON, FHIR_XML, a_patient, a_site, issue, run

R4 = FhirRelease.R4
NS = 'xmlns="http://hl7.org/fhir"'
PATIENT = (
    f'<Patient {NS}><extension url="http://example.org/x"><valueDecimal value="1.10"/></extension>'
    '<active value="true"/></Patient>'
).encode()


def in_xml(resource: Resource, release: FhirRelease = R4) -> bytes:
    return write_xml(json.dumps(resource).encode(), release)


def of(answer: httpx.Response, name: str = FHIR_XML, release: FhirRelease = R4) -> Resource:
    """Return the resource of an answer, which must be XML."""
    assert answer.headers["content-type"] == f"{name}; charset=utf-8", answer.text
    found: Resource = read_xml(answer.content, release).value
    return found


@pytest.mark.parametrize("name", [FHIR_XML, "application/xml", "text/xml"])
@pytest.mark.parametrize("more", ["", "; charset=UTF-8; fhirVersion=4.0"])
def test_what_came_as_xml_is_stored_as_json_and_keeps_its_spelling(name: str, more: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            created = await site.ask("POST", "Patient", raw=PATIENT, content_type=name + more)
            assert created.status_code == 201
            stored = of(created)
            read = await site.ask("GET", f"Patient/{stored['id']}")
            assert '"valueDecimal":1.10' in read.text
            assert read.json()["active"] is True
            again = of(await site.ask("GET", f"Patient/{stored['id']}", accept=name), name)
            assert again == stored
            assert again["meta"]["versionId"] == "1"
            same = await site.ask(
                "PUT",
                f"Patient/{stored['id']}",
                raw=PATIENT.replace(b"<ext", f'<id value="{stored["id"]}"/><ext'.encode(), 1),
                content_type=name,
            )
            assert (same.status_code, same.headers["etag"]) == (200, 'W/"1"')

    run(scenario())


def test_the_answer_has_the_format_of_the_body_unless_it_is_said() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for accept, name in (
                ("*/*", FHIR_XML),
                ("application/*", FHIR_XML),
                (FHIR_JSON, FHIR_JSON),
                ("application/json, */*;q=0.5", "application/json"),
            ):
                answer = await site.ask(
                    "POST", "Patient", raw=PATIENT, content_type=FHIR_XML, accept=accept
                )
                assert answer.headers["content-type"] == f"{name}; charset=utf-8"
                assert answer.headers["vary"] == "Accept, Origin"
            posted = await site.ask("POST", "Patient", a_patient(), accept=FHIR_XML)
            assert of(posted)["name"] == [{"family": "Chalmers"}]
            asked = await site.ask(
                "POST", "Patient?_format=json", raw=PATIENT, content_type="text/xml"
            )
            assert asked.json()["active"] is True

    run(scenario())


def test_a_transaction_in_xml() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            bundle = a_bundle("transaction", an_entry("POST", "Task", a_task("Organization/a")))
            answer = await site.ask("POST", "", raw=in_xml(bundle), content_type=FHIR_XML)
            assert answer.status_code == 200, answer.text
            (entry,) = of(answer)["entry"]
            assert entry["response"]["status"] == "201"
            wrong = a_bundle("transaction", an_entry("POST", "Task", a_task("Organization/a")))
            raw = in_xml(wrong).replace(b"<intent", b"<foo/><intent")
            refused = of(await site.ask("POST", "", raw=raw, content_type=FHIR_XML))
            assert refused["issue"][0]["expression"] == ["Bundle.entry[0].resource.foo"]

    run(scenario())


@pytest.mark.parametrize(
    "path",
    [
        "metadata",
        "Patient",
        "Patient/_history",
        "Patient/p1/_history",
        "Patient/p1/_history/1",
        "Subscription/$status",
        "Patient/none",
        "Nope",
        "Patient?foo=bar",
    ],
)
@pytest.mark.parametrize("release", FhirRelease)
def test_every_answer_is_had_as_xml(path: str, release: FhirRelease) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            base = f"/fhir/{release.path}"
            await site.ask("PUT", "Patient/p1", a_patient(id="p1"), base=base)
            answer = await site.ask("GET", path, base=base, accept=FHIR_XML)
            plain = await site.ask("GET", path, base=base)
            assert answer.status_code == plain.status_code
            assert of(answer, release=release) == plain.json()
            assert answer.headers.get("etag") == plain.headers.get("etag")
            pretty = await site.ask(
                "GET", f"{path}{'&' if '?' in path else '?'}_format=xml&_pretty=true", base=base
            )
            assert "\n  <" in pretty.text

    run(scenario())


def test_the_statement_names_what_is_offered() -> None:
    async def scenario() -> None:
        for has_xml in (True, False):
            async with a_site(has_xml=has_xml) as site:
                formats = (await site.ask("GET", "metadata")).json()["format"]
                assert ("xml" in formats) is has_xml

    run(scenario())


def test_head_and_nothing_have_no_body() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p1", a_patient(id="p1"))
            minimal = await site.ask(
                "POST", "Patient", raw=PATIENT, content_type=FHIR_XML, prefer="return=minimal"
            )
            assert (minimal.status_code, minimal.content) == (201, b"")
            gone = await site.ask("DELETE", "Patient/p1", accept=FHIR_XML)
            assert (gone.status_code, gone.content) == (204, b"")

    run(scenario())


@pytest.mark.parametrize(
    ("raw", "slug", "expression"),
    [
        (b"", "malformed-xml", None),
        (b"{}", "malformed-xml", None),
        (b"<Patient", "malformed-xml", None),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + PATIENT, "malformed-xml", None),
        (f"<Task {NS}/>".encode(), "invalid-resource", "Patient.resourceType"),
        (PATIENT.replace(b"true", b"yes"), "invalid-resource", "Patient.active"),
        (f"<Patient {NS}><foo/></Patient>".encode(), "invalid-resource", "Patient.foo"),
    ],
)
def test_bad_xml_is_told_in_xml(raw: bytes, slug: str, expression: str | None) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("POST", "Patient", raw=raw, content_type=FHIR_XML)
            assert answer.status_code == 400
            found = of(answer)["issue"][0]
            assert found["details"]["coding"][0]["code"] == slug
            assert found.get("expression") == (None if expression is None else [expression])
            assert (await site.ask("GET", "Patient?_summary=count")).json()["total"] == 0

    run(scenario())


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("application/fhir+xml; fhirVersion=5.0", "this base speaks 4.0"),
        ("application/fhir+xml; charset=utf-16", "charset"),
        ("application/xhtml+xml", "application/fhir+xml"),
    ],
)
def test_xml_of_another_kind_is_refused(content_type: str, words: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("POST", "Patient", raw=PATIENT, content_type=content_type)
            assert answer.status_code == 415
            assert words in answer.text

    run(scenario())


def test_patches_stay_json() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p1", a_patient(id="p1"))
            answer = await site.ask("PATCH", "Patient/p1", raw=PATIENT, content_type=FHIR_XML)
            assert answer.status_code == 415
            patched = await site.ask(
                "PATCH",
                "Patient/p1",
                [{"op": "add", "path": "/active", "value": True}],
                content_type="application/json-patch+json",
                accept=FHIR_XML,
            )
            assert of(patched)["active"] is True

    run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "Patient", {"content_type": FHIR_XML}, 415),
        ("POST", "Patient", {"content_type": "text/xml"}, 415),
        ("GET", "Patient", {"accept": FHIR_XML}, 406),
        ("GET", "Patient", {"accept": "image/png, application/xml;q=0.2"}, 406),
        ("GET", "Patient?_format=xml", {}, 406),
        ("GET", "Patient?_format=application/fhir+xml", {}, 406),
    ],
)
def test_without_the_extra_a_refusal_says_how_to_get_it(
    method: str, path: str, headers: dict[str, Any], status: int
) -> None:
    async def scenario() -> None:
        async with a_site(has_xml=False) as site:
            raw = PATIENT if method == "POST" else None
            answer = await site.ask(method, path, raw=raw, **headers)
            assert answer.status_code == status
            assert "pip install 'fhir-hub[xml]'" in issue(answer)["diagnostics"]
            both = await site.ask("GET", "Patient", accept=f"{FHIR_XML}, {FHIR_JSON};q=0.1")
            assert both.headers["content-type"] == f"{FHIR_JSON}; charset=utf-8"

    run(scenario())
