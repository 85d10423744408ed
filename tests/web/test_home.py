"""The pages for people and machines beside the bases."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from hub.error_catalogue import catalogue
from tests.support.rig_resources import a_subscription
from tests.web.site import a_site, run

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Page(HTMLParser):
    """Collects the addresses and texts of a page, and what its policy forbids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        addresses = [str(found[name]) for name in ("href", "src") if name in found]
        self.addresses += [each for each in addresses if not each.startswith("#")]
        self.inline += [name for name in found if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_home_page_tells_machines_what_is_here() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("POST", "Subscription", a_subscription())
            await site.ask("PUT", "Subscription/gone", a_subscription(id="gone"))
            await site.ask("DELETE", "Subscription/gone")
            answer = await site.ask("GET", "/", accept="application/json")
            assert answer.headers["content-type"] == "application/json"
            told = answer.json()
            assert told["bases"]["R4B"] == "http://hub.example.org/fhir/r4b"
            assert told["status"] == "ok"
            assert told["subscriptions"] == {"total": 1, "requested": 1}
            assert told["topics"][1] == {
                "topic": "http://example.org/topics/task|1.0.0",
                "title": None,
                "releases": ["R4", "R4B", "R5"],
            }
            assert any("curl" in each["command"] for each in told["try"])

    run(scenario())


def test_the_home_page_is_a_page_for_browsers_that_loads_nothing_from_elsewhere() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", "/", accept=BROWSER)
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            page = Page(answer.text)
            assert page.inline == []
            told = (await site.ask("GET", "/", accept="application/json")).json()
            assert {each["command"] for each in told["try"]} <= set(page.texts)
            assert set(told["bases"].values()) <= set(page.texts)
            for address in page.addresses:
                assert address.startswith(("/", "http://hub.example.org/")), address
                if address.startswith("/static/"):
                    assert (await site.ask("GET", address)).status_code == 200
            for path in ("/", "/errors", "/errors/not-found"):
                html = await site.ask("GET", f"{path}?_format=html")
                assert Page(html.text).inline == []

    run(scenario())


def test_static_files_have_their_types_and_ask_nothing_of_others() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for name, kind in (
                ("page.css", "text/css"),
                ("page.js", "text/javascript"),
                ("icon.svg", "image/svg+xml"),
            ):
                answer = await site.ask("GET", f"/static/{name}")
                assert answer.headers["content-type"].startswith(kind)
                others = re.findall(r"https?://[^\"')\s]+", answer.text)
                assert set(others) <= {"http://www.w3.org/2000/svg"}

    run(scenario())


def test_health_says_that_the_hub_lives_and_readiness_when_it_stops() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            assert (await site.ask("GET", "/healthz")).json() == {"status": "ok"}
            assert (await site.ask("GET", "/readyz")).json() == {"status": "ready"}
            site.rig.hub.draining = True
            assert (await site.ask("GET", "/healthz")).status_code == 200
            ready = await site.ask("GET", "/readyz")
            assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
            assert (await site.ask("GET", "/")).json()["status"] == "stopping"

    run(scenario())


def test_every_refusal_is_explained() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            told = (await site.ask("GET", "/errors")).json()
            listed = told["errors"]
            assert [each["slug"] for each in listed] == sorted(catalogue())
            assert all(each["explanation"] and each["code"] for each in listed)
            one = (await site.ask("GET", "/errors/version-conflict")).json()
            assert one.pop("system") == told["system"] == "urn:fhir-hub:errors"
            assert one["status"] == 412
            assert one in listed
            assert (await site.ask("GET", "/errors/none")).status_code == 404

    run(scenario())


def test_the_pages_of_errors_have_everything_and_heads_for_readers() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            whole = await site.ask("GET", "/errors", accept=BROWSER)
            assert whole.headers["content-type"] == "text/html; charset=utf-8"
            assert whole.text.count("scope='col'") == 5
            for slug, kind in catalogue().items():
                answer = await site.ask("GET", f"/errors/{slug}", accept=BROWSER)
                for page in (Page(whole.text), Page(answer.text)):
                    assert page.inline == []
                    assert {slug, str(kind.status), kind.code} <= set(page.texts)
                    assert not kind.hint or kind.hint in page.texts
                assert f"/errors/{slug}" in Page(whole.text).addresses

    run(scenario())


def test_each_refusal_leads_to_its_explanation() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for method, path, accept in (
                ("GET", "Patient/none", "*/*"),
                ("GET", "Nope", "*/*"),
                ("GET", "Patient", "image/png"),
                ("PUT", "Patient", "*/*"),
                ("GET", "/nope", "*/*"),
            ):
                answer = await site.ask(method, path, accept=accept)
                coding = answer.json()["issue"][0]["details"]["coding"][0]
                assert coding["system"] == "urn:fhir-hub:errors"
                url = f"http://hub.example.org/errors/{coding['code']}"
                assert answer.headers["link"] == f'<{url}>; rel="help"'
                found = (await site.ask("GET", url)).json()
                assert found["status"] == answer.status_code
            assert "link" not in (await site.ask("GET", "Patient")).headers

    run(scenario())


@pytest.mark.parametrize(("path", "status"), [("/fhir", 307), ("/ws", 426)])
def test_addresses_that_are_none_lead_on(path: str, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            answer = await site.ask("GET", path)
            assert answer.status_code == status
            assert answer.headers.get("location", "http://hub.example.org/").endswith("/")

    run(scenario())


def test_an_unknown_websocket_address_is_refused() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            sent = []

            async def send(message: object) -> None:
                sent.append(message)

            async def receive() -> dict[str, str]:
                return {"type": "websocket.connect"}

            scope = {"type": "websocket", "path": "/other", "headers": [(b"host", b"localhost")]}
            await site.app(scope, receive, send)
            assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]

    run(scenario())


def test_a_person_at_a_wrong_address_is_told_on_a_page_and_a_program_in_json() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for path in ("/nope", "/errors/none", "/guides/none", "/subscriptions/r9/1"):
                told = await site.ask("GET", path)
                assert (told.status_code, told.json()["resourceType"]) == (404, "OperationOutcome")
            for path in ("/nope", "/errors/none", "/guides/none"):
                shown = await site.ask("GET", path, accept=BROWSER)
                assert shown.status_code == 404
                assert shown.headers["content-type"] == "text/html; charset=utf-8"
                assert "default-src 'none'" in shown.headers["content-security-policy"]
                assert Page(shown.text).inline == []
            at_base = await site.ask("GET", "/fhir/r4/Nope", accept=BROWSER)
            assert at_base.json()["resourceType"] == "OperationOutcome"

    run(scenario())


def test_a_browser_asks_whether_a_static_file_is_still_the_same() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            first = await site.ask("GET", "/static/page.css")
            tag = first.headers["etag"]
            same = await site.ask("GET", "/static/page.css", if_none_match=tag)
            assert (same.status_code, same.content) == (304, b"")
            other = await site.ask("GET", "/static/page.css", if_none_match='"of-another"')
            assert (other.status_code, other.content) == (200, first.content)

    run(scenario())
