"""``/guides``: pages for people, Markdown and JSON for programs."""

from __future__ import annotations

import re

import pytest

from hub.guides.guide import HUB, NAMES, Guide, read
from hub.web import guide_page
from tests.web.site import a_site, issue, run
from tests.web.test_home import BROWSER, Page

HUB_URL = "http://hub.example.org"


def test_the_list_is_a_page_markdown_and_json() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            told = (await site.ask("GET", "/guides")).json()["guides"]
            assert [each["name"] for each in told] == list(NAMES)
            assert told[0]["url"] == f"{HUB_URL}/guides/first-fulfiller"
            assert told[0]["title"] == read("first-fulfiller").title
            html = await site.ask("GET", "/guides", accept=BROWSER)
            assert html.headers["content-type"] == "text/html; charset=utf-8"
            assert {f"/guides/{name}" for name in NAMES} <= set(Page(html.text).addresses)
            markdown = await site.ask("GET", "/guides", accept="text/markdown")
            assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
            for each in told:
                assert f"[{each['title']}]({each['url']})" in markdown.text

    run(scenario())


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_is_a_page_markdown_and_json(name: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            source = read(name).text
            told = (await site.ask("GET", f"/guides/{name}")).json()
            assert told["markdown"] == source
            markdown = await site.ask("GET", f"/guides/{name}", accept="text/markdown, text/html")
            assert markdown.text == source
            assert markdown.headers["vary"] == "Accept, Origin"
            html = await site.ask("GET", f"/guides/{name}", accept=f"{BROWSER}, text/markdown")
            assert html.headers["content-type"] == "text/html; charset=utf-8"
            assert "default-src 'none'" in html.headers["content-security-policy"]
            page = Page(html.text)
            assert page.inline == []
            for address in page.addresses:
                assert address.startswith("/") and ".md" not in address
                assert (await site.ask("GET", address)).status_code == 200

    run(scenario())


def test_commands_of_a_page_are_for_the_hub_that_shows_it() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            html = await site.ask("GET", "/guides/first-placer?_format=html")
            assert HUB not in html.text
            assert f"{HUB_URL}/fhir/r4" in html.text
            assert f"export HUB_URL={HUB_URL}" in html.text

    run(scenario())
    assert "export HUB_URL" not in guide_page.guide(read("first-placer"), HUB)


def test_formats_can_be_asked_for_by_name() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for format in ("markdown", "md", "text/markdown"):
                path = f"/guides/first-placer?_format={format}"
                answer = await site.ask("GET", path, accept=BROWSER)
                assert answer.headers["content-type"].startswith("text/markdown")
            answer = await site.ask("GET", "/guides/first-placer?_format=json", accept=BROWSER)
            assert answer.headers["content-type"] == "application/json"
            for accept in ("text/markdown;q=0, */*", "application/json, text/markdown", "*/*"):
                answer = await site.ask("GET", "/guides/first-placer", accept=accept)
                assert answer.headers["content-type"] == "application/json", accept

    run(scenario())


def test_an_unknown_guide_is_not_found_and_nothing_is_written() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            for name in ("nothing", "guide.py", "..%2fguide", "%00"):
                answer = await site.ask("GET", f"/guides/{name}")
                assert answer.status_code == 404
                assert issue(answer)["code"] == "not-found"
            assert (await site.ask("POST", "/guides", {})).status_code == 405

    run(scenario())


def test_the_home_page_leads_to_the_guides() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            assert "/guides" in Page((await site.ask("GET", "/", accept=BROWSER)).text).addresses
            assert (await site.ask("GET", "/")).json()["guides"] == f"{HUB_URL}/guides"

    run(scenario())


HOSTILE = """\
# <script>alert(1)</script> {braces} & "quotes"?

<img src=x onerror=alert(1)> and <b onclick='alert(1)'>this</b>

<script>alert(2)</script>

![picture](https://evil.example.org/x.png) [go](javascript:alert(1)) [on](data:text/html,x)

[title](why-nothing-came.md "<script>")

```sh"><script>alert(3)</script>
</code></pre><script>alert(4)</script>
```

`<script>alert(5)</script>`
"""


def test_hostile_markdown_is_inert() -> None:
    title, lead = HOSTILE.split("\n\n")[:2]
    hostile = Guide("x", title[2:], lead, HOSTILE)
    one, listed = guide_page.guide(hostile, HUB), guide_page.guides([hostile])
    for text in (one, listed):
        page = Page(text)
        assert page.inline == []
        assert text.count("<script") == 1
        sources = set(re.findall(r"src=[\"']([^\"']+)", text))
        assert sources == {"/static/page.js", "/static/icon.svg"}
        assert "<img src=x" not in text and "<b " not in text
    abroad = {address for address in Page(one).addresses if not address.startswith("/")}
    assert abroad == {"https://evil.example.org/x.png"}, "a link, not an image"
    assert "{braces}" in one
    assert "/guides/why-nothing-came" in Page(one).addresses
