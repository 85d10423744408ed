"""What is asked for, and what is sent: formats, limits, addresses, methods."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hub.core.release import Resource
from hub.web.limits import Limits
from tests.web.site import FHIR_JSON, FHIR_XML, a_patient, a_site, issue, run


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, FHIR_JSON),
        ("*/*", FHIR_JSON),
        ("application/*", FHIR_JSON),
        (FHIR_JSON, FHIR_JSON),
        ("application/json", "application/json"),
        ("application/fhir+xml, application/json;q=0.5", "application/fhir+xml"),
        ("application/fhir+xml;q=0.5, application/json;q=0.6", "application/json"),
        ("application/json, application/xml", "application/json"),
        ("application/xml, application/json", "application/xml"),
        ("application/fhir+json;q=0.1, */*", "application/json"),
        ("application/*;q=0, text/*", "text/xml"),
        ("application/json;q=0, */*;q=0.1", FHIR_JSON),
        ("text/xml", "text/xml"),
        ("application/fhir+xml; fhirVersion=4.0.1", FHIR_XML),
        ("application/fhir+xml; fhirVersion=5.0, application/xml", "application/xml"),
        ("text/html, application/fhir+xml", FHIR_XML),
        ("application/fhir+json; fhirVersion=4.0", FHIR_JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("application/fhir+xml; fhirVersion=5.0", None),
        ("application/xhtml+xml", None),
        ("image/png", None),
        ("text/html", None),
        ("application/fhir+json;q=0", None),
        ("application/fhir+json;q=x", None),
        ("application/fhir+json; fhirVersion=3.0", None),
        ("application/fhir+json; fhirVersion=5.0", None),
    ],
)
def test_accept_is_followed_or_refused(accept: str | None, content_type: str | None) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            site.http.headers.pop("accept")
            headers: Resource = {} if accept is None else {"accept": accept}
            answer = await site.ask("GET", "Patient", **headers)
            if content_type is None:
                assert answer.status_code == 406
                issue(answer)
            else:
                assert answer.headers["content-type"] == f"{content_type}; charset=utf-8"

    run(scenario())


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("json", 200),
        ("application/json", 200),
        ("application/fhir+json", 200),
        ("application/fhir%2Bjson", 200),
        ("application/fhir%2Bjson;fhirVersion=4.0", 200),
        ("application/fhir%2Bjson;fhirVersion=5.0", 406),
        ("xml", 200),
        ("text/xml", 200),
        ("application/xml", 200),
        ("application/fhir%2Bxml", 200),
        ("application/fhir+xml", 200),
        ("application/fhir+xml;fhirVersion=4.0", 200),
        ("application/fhir+xml;fhirVersion=4.3", 406),
        ("application/xhtml+xml", 406),
        ("ttl", 406),
    ],
)
def test_the_format_parameter_goes_before_accept(asked: str, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", f"Patient?_format={asked}", accept="image/png")
            assert answer.status_code == status

    run(scenario())


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/fhir+json", 201),
        ("application/json", 201),
        ("application/fhir+json; charset=UTF-8; fhirVersion=4.0", 201),
        ('application/fhir+json; charset="utf-8"', 201),
        ("text/plain", 415),
        ("application/fhir+json; charset=utf-16", 415),
        ("application/fhir+json; fhirVersion=5.0", 415),
        (None, 415),
    ],
)
def test_a_body_is_read_as_json_of_the_release_or_refused(
    content_type: str | None, status: int
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            headers: Resource = {} if content_type is None else {"content_type": content_type}
            answer = await site.ask("POST", "Patient", raw=b'{"resourceType":"Patient"}', **headers)
            assert answer.status_code == status

    run(scenario())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}{}",
        b'{"resourceType":"Patient",}',
        b'{"resourceType":"Patient","active":true,"active":true}',
        b'{"resourceType":"Patient","id":"\xff"}',
        b'\xef\xbb\xbf{"resourceType":"Patient"}',
        b'{"resourceType":"Patient","extension":' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_a_body_that_is_no_json_of_fhir_is_refused(text: bytes) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("POST", "Patient", raw=text, content_type=FHIR_JSON)
            assert answer.status_code == 400
            assert issue(answer)["code"] == "structure"

    run(scenario())


def test_a_body_is_bounded_whether_it_states_its_length_or_not() -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(body_bytes=100)) as site:
            long = a_patient(language="x" * 100)
            stated = await site.ask("POST", "Patient", long)
            assert (stated.status_code, issue(stated)["code"]) == (413, "too-long")

            async def parts() -> AsyncIterator[bytes]:
                for _ in range(11):
                    yield b"0123456789"

            request = httpx.Request(
                "POST",
                "http://hub.example.org/fhir/r4/Patient",
                content=parts(),
                headers={"content-type": FHIR_JSON},
            )
            assert (await site.http.send(request)).status_code == 413

    run(scenario())


def test_compressed_bodies_are_refused() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for encoding, status in (("gzip", 415), ("br", 415), ("identity", 201)):
                answer = await site.ask("POST", "Patient", a_patient(), content_encoding=encoding)
                assert answer.status_code == status

    run(scenario())


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/fhir/r4/Nope", 404, None),
        ("GET", "/fhir/r4/SubscriptionTopic", 404, None),
        ("GET", "/fhir/r4/Patient/a%20b", 400, None),
        ("GET", "/fhir/r4/Patient/" + "x" * 65, 400, None),
        ("GET", "/fhir/r4/Patient/%3Cscript%3E", 400, None),
        ("GET", "/fhir/r4/Patient/%00", 400, None),
        ("GET", "/fhir/r4/Patient/%2e%2e", 400, None),
        ("GET", "/fhir/r4/Patient/x%0A", 400, None),
        ("DELETE", "/fhir/r4/Patient/x%0A", 400, None),
        ("GET", "/fhir/r4%0A", 404, None),
        ("GET", "/fhir/r4/Patient/p/Observation", 404, None),
        ("GET", "/fhir/r4/Patient/p/_history/1/x", 404, None),
        ("GET", "/fhir/r4/Patient//x", 400, None),
        ("GET", "/fhir/r3/Patient", 404, None),
        ("GET", "/fhir/r4", 405, "POST"),
        ("GET", "/fhir/r4/", 405, "POST"),
        ("PATCH", "/fhir/r4/Subscription", 405, "GET, HEAD, POST"),
        ("PUT", "/fhir/r4/Patient?name=x", 405, "GET, HEAD, POST"),
        ("TRACE", "/fhir/r4/Patient/x", 405, "GET, HEAD, PUT, PATCH, DELETE"),
        ("GET", "/fhir/r4/Patient/_search", 405, "POST"),
        ("POST", "/fhir/r4/Patient/x", 405, "GET, HEAD, PUT, PATCH, DELETE"),
        ("DELETE", "/fhir/r4/metadata", 405, "GET, HEAD"),
        ("POST", "/", 405, "GET, HEAD"),
        ("GET", "/nowhere", 404, None),
        ("GET", "/errors/none", 404, None),
    ],
)
def test_what_is_not_offered_is_refused_with_what_is(
    method: str, path: str, status: int, allow: str | None
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask(method, path)
            assert answer.status_code == status, answer.text
            assert answer.headers.get("allow") == allow
            issue(answer)

    run(scenario())


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("Patient", "OPTIONS, GET, HEAD, POST"),
        ("Nope", "OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_what_is_offered(path: str, allow: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("OPTIONS", path)
            assert (answer.status_code, answer.headers["allow"]) == (204, allow)

    run(scenario())


def test_a_slash_at_the_end_is_of_no_meaning() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            assert (await site.ask("GET", "Patient/")).status_code == 200
            assert (await site.ask("POST", "Patient/", a_patient())).status_code == 201

    run(scenario())


def test_pretty_indents_and_a_search_form_may_be_empty() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            pretty = await site.ask("GET", "Patient?_pretty=true")
            assert pretty.text.startswith('{\n  "resourceType"')
            empty = await site.ask("POST", "Patient/_search")
            assert empty.status_code == 200
            wrong = await site.ask("POST", "Patient/_search", {})
            assert wrong.status_code == 415

    run(scenario())
