"""Which headers an answer has, and no others."""

from __future__ import annotations

import pytest

from tests.support.rig import PUBLIC_URL
from tests.web.site import BASE, FHIR_JSON, a_patient, a_site, run

EVERY = {"cache-control", "vary", "x-content-type-options", "x-request-id"}
VERSION = {"etag", "last-modified"}
BODY = {"content-type", "content-length"}


@pytest.mark.parametrize(
    ("method", "path", "status", "names"),
    [
        ("POST", "Patient", 201, EVERY | VERSION | BODY | {"location"}),
        ("PUT", "Patient/p", 200, EVERY | VERSION | BODY),
        ("GET", "Patient/p", 200, EVERY | VERSION | BODY),
        ("HEAD", "Patient/p", 200, EVERY | VERSION | BODY),
        ("GET", "Patient", 200, EVERY | BODY),
        ("GET", "Patient/none", 404, EVERY | BODY | {"link"}),
        ("POST", "Patient/p", 405, EVERY | BODY | {"link", "allow"}),
        ("DELETE", "Patient/p", 204, EVERY | VERSION),
        ("DELETE", "Patient/none", 204, EVERY),
        ("OPTIONS", "Patient", 204, (EVERY | {"allow"}) - {"cache-control"}),
    ],
)
def test_an_answer_has_the_headers_that_its_kind_has(
    method: str, path: str, status: int, names: set[str]
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            body = {"POST": a_patient(), "PUT": a_patient(id="p", active=True)}.get(method)
            answer = await site.ask(method, path, body)
            assert (answer.status_code, set(answer.headers)) == (status, names), answer.text
            if "content-length" in names and method != "HEAD":
                assert int(answer.headers["content-length"]) == len(answer.content)

    run(scenario())


def test_the_headers_of_a_version_say_what_the_version_says() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            made = await site.ask("PUT", "Patient/p", a_patient(id="p"), prefer="return=minimal")
            assert made.headers["content-length"] == "0"
            assert made.headers["location"] == f"{BASE}/Patient/p/_history/1"
            assert "content-type" not in made.headers
            read = await site.ask("GET", "Patient/p")
            assert read.headers["etag"] == 'W/"1"'
            assert read.headers["last-modified"] == "Thu, 01 Jan 2026 00:00:00 GMT"
            assert read.headers["content-type"] == f"{FHIR_JSON}; charset=utf-8"
            assert read.headers["vary"] == "Accept, Origin"
            same = await site.ask("GET", "Patient/p", if_none_match='W/"1"')
            assert same.status_code == 304
            assert set(same.headers) == EVERY | VERSION
            none = await site.ask("GET", "Patient/none")
            assert none.headers["link"] == f'<{PUBLIC_URL}/errors/not-found>; rel="help"'

    run(scenario())
