"""History over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.web.site import BASE, a_patient, a_site, issue, run


def test_a_history_tells_each_version_with_request_and_response_newest_first() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            await site.ask("PUT", "Patient/p", a_patient(id="p", gender="male"))
            await site.ask("DELETE", "Patient/p")
            bundle = (await site.ask("GET", "Patient/p/_history")).json()
            assert (bundle["type"], bundle["total"]) == ("history", 3)
            told = [
                (each["request"], each["response"]["status"], each["response"]["etag"])
                for each in bundle["entry"]
            ]
            assert told == [
                ({"method": "DELETE", "url": "Patient/p"}, "204", 'W/"3"'),
                ({"method": "PUT", "url": "Patient/p"}, "200", 'W/"2"'),
                ({"method": "POST", "url": "Patient"}, "201", 'W/"1"'),
            ]
            assert "resource" not in bundle["entry"][0]
            assert {each["fullUrl"] for each in bundle["entry"]} == {f"{BASE}/Patient/p"}

    run(scenario())


@pytest.mark.parametrize("path", ["Patient/_history", "Patient/p/_history"])
def test_the_pages_of_a_history_together_are_the_whole(path: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for gender in ("male", "female", "other"):
                await site.ask("PUT", "Patient/p", a_patient(id="p", gender=gender))
            await site.ask("PUT", "Task/t", {"resourceType": "Task", "id": "t"})
            url: str | None = f"{path}?_count=2"
            seen: list[str] = []
            while url is not None:
                bundle = (await site.ask("GET", url)).json()
                assert "total" not in bundle
                seen += [each["resource"]["meta"]["versionId"] for each in bundle["entry"]]
                links = {link["relation"]: link["url"] for link in bundle["link"]}
                url = links.get("next")
            assert seen == ["3", "2", "1"]

    run(scenario())


def test_since_leaves_out_what_is_older() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Patient/p", a_patient(id="p"))
            await site.rig.after(timedelta(seconds=10))
            await site.ask("PUT", "Patient/p", a_patient(id="p", gender="male"))
            for since in ("2026-01-01T00:00:05Z", "2026-01-01T01:00:05+01:00"):
                bundle = (await site.ask("GET", f"Patient/_history?_since={since}")).json()
                assert len(bundle["entry"]) == 1

    run(scenario())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/_history?_since=yesterday", 400),
        ("Patient/_history?_since=2026-13-01T00:00:00Z", 400),
        ("Patient/_history?_since=2026-01-01", 400),
        ("Patient/_history?foo=1", 400),
        ("Patient/_history?_count=x", 400),
        ("Patient/p/_history", 404),
        ("_history", 404),
    ],
)
def test_a_history_that_can_not_be_told_is_refused(path: str, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", path)
            assert answer.status_code == status
            issue(answer)

    run(scenario())


def test_an_empty_history_of_a_type_has_no_entries() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            bundle = (await site.ask("GET", "Patient/_history?_count=0&_pretty=true")).json()
            assert bundle["total"] == 0
            assert "entry" not in bundle

    run(scenario())
