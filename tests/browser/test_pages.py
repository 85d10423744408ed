"""What holds for every page, in every look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.chromium import Chromium
from tests.browser.house import House
from tests.browser.look import LOOKS, PHONE, STILL, Look
from tests.browser.pages import PAGES, Page
from tests.browser.window import Window
from tests.web.test_static import HEAVIEST

EVERY_PAGE: Final = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

WORDS: Final = """() => {
  const told = [location.href, document.title, document.body.textContent];
  // Once more text by text: "9" in one cell and "7 active" in the next are not 97.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) told.push(texts.currentNode.data);
  for (const each of document.querySelectorAll("*")) {
    told.push(each.href ?? "", each.src ?? "", each.value ?? "", each.dateTime ?? "");
    told.push(each.getAttribute("aria-label") ?? "", each.title ?? "");
  }
  return told.join("\\n");
}"""
"""All that a page tells: texts, addresses (its own too), values of fields, names."""

WEIGHTS: Final = """() => Object.fromEntries(
  [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter((each) => each.initiatorType !== "fetch")
    .map((each) => [each.name, each.decodedBodySize]))"""
"""What a page loads, without data, in bytes before any compression."""

NAMED: Final = """
var named = (each) => [each.localName, each.getAttribute("href") ?? each.getAttribute("name")
  ?? each.getAttribute("aria-label") ?? each.textContent].join(" ");
"""
"""Names an element; the page may have made it anew since it was named before."""


async def shown(window: Window, page: Page, path: str) -> None:
    """Open a page and wait until it is done."""
    answer = await window.open(path)
    assert answer.headers["content-type"].startswith("text/html")
    await expect(window.page.locator(page.ready).first).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
@EVERY_PAGE
async def test_a_page_can_be_used_by_everybody(
    house: House, chromium: Chromium, page: Page, look: Look
) -> None:
    async with chromium.window(house.hub.url, look, tolerated=refusal(page)) as window:
        await shown(window, page, house.paths(page)[0])
        await window.picture(page.name)
        await window.accessible()
        await expect(window.page.get_by_role("banner")).to_have_count(1)
        await expect(window.page.get_by_role("main")).to_have_count(1)
        await expect(window.page.get_by_role("navigation").first).to_be_visible()
        await expect(window.page.get_by_role("heading", level=1)).to_have_count(1)
        await expect(window.page.locator("html")).to_have_attribute("lang", "en")
        await expect(window.page).to_have_title(re.compile(r"\S"))
        assert await width(window) <= look.width


def refusal(page: Page) -> tuple[str, ...]:
    """Return what the browser says of a page that is a refusal."""
    return ("status of 404",) if page.is_refusal else ()


async def width(window: Window) -> int:
    """Return the width of what is shown, in CSS pixels; more than the window's is scrolled."""
    found: int = await window.page.evaluate("document.documentElement.scrollWidth")
    return found


@EVERY_PAGE
async def test_long_words_make_no_page_wider_than_a_phone(
    hostile: House, chromium: Chromium, page: Page
) -> None:
    async with chromium.window(hostile.hub.url, PHONE, tolerated=refusal(page)) as window:
        for path in hostile.paths(page):
            await shown(window, page, path)
            assert await width(window) <= PHONE.width, path
        await window.picture(f"{page.name}-hostile")


@EVERY_PAGE
async def test_a_page_is_light(house: House, chromium: Chromium, page: Page) -> None:
    async with chromium.window(house.hub.url, tolerated=refusal(page)) as window:
        await shown(window, page, house.paths(page)[0])
        weights = await window.page.evaluate(WEIGHTS)
        assert f"{house.hub.url}/static/page.css" in weights
        assert sum(weights.values()) <= HEAVIEST, weights


@EVERY_PAGE
async def test_nothing_moves_for_those_who_want_it_still(
    house: House, chromium: Chromium, page: Page
) -> None:
    async with chromium.window(house.hub.url, STILL, tolerated=refusal(page)) as window:
        await shown(window, page, house.paths(page)[0])
        assert await window.page.evaluate("document.getAnimations().length") == 0


@EVERY_PAGE
async def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    house: House, chromium: Chromium, page: Page
) -> None:
    async with chromium.window(house.hub.url, tolerated=refusal(page)) as window:
        await shown(window, page, house.paths(page)[0])
        wanted = await window.page.evaluate(
            NAMED
            + """[...document.querySelectorAll("a[href], button, input, select, textarea")]
                .filter((each) => each.checkVisibility() && !each.disabled && each.tabIndex >= 0)
                .filter((each) => each.type !== "radio" || each.checked)
                .slice(0, 30).map(named)"""
        )
        reached: list[str] = []
        for _ in range(3 * len(wanted)):
            if len(reached) == len(wanted):
                break
            await window.page.keyboard.press("Tab")
            stop, outline = await window.page.evaluate(
                NAMED
                + """{
                    const style = getComputedStyle(document.activeElement);
                    const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth);
                    [named(document.activeElement), ring > 0];
                }"""
            )
            if stop in wanted:
                assert outline, f"{page.name}: nothing shows that {stop} has the focus"
                reached.append(stop)
        assert reached == wanted


@EVERY_PAGE
async def test_a_page_loads_nothing_that_its_policy_would_not_stop(
    house: House, page: Page, chromium: Chromium
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        for path in house.paths(page):
            answer = await http.get(house.hub.url + path, headers={"accept": "text/html"})
            policy = dict(
                each.strip().partition(" ")[::2]
                for each in answer.headers["content-security-policy"].split(";")
            )
            assert policy["default-src"] == policy["base-uri"] == "'none'"
            assert policy["frame-ancestors"] == "'none'"
            assert policy["form-action"] in ("'none'", "'self'")
            assert "unsafe" not in str(policy) and "*" not in str(policy)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] in ("no-referrer", "same-origin")


@EVERY_PAGE
async def test_a_page_tells_people_what_its_json_tells_programs(
    house: House, chromium: Chromium, page: Page
) -> None:
    path = house.paths(page)[0]
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        chromium.window(house.hub.url, tolerated=refusal(page)) as window,
    ):
        found = await program_facts(http, house, page, path)
        # Windows that other tests have closed still tidy up, so that a number can change and change
        # back while the page is shown: both must be of the same moment.
        for _ in range(20):
            before = found
            await shown(window, page, path)
            told = plain(await window.page.evaluate(WORDS))
            found = await program_facts(http, house, page, path)
            missing = [
                (name, text)
                for name, text in found
                if not is_told(text, told, is_markdown=name in page.markdown)
            ]
            if found == before and not missing:
                break
        assert missing == []


async def program_facts(
    http: httpx.AsyncClient, house: House, page: Page, path: str
) -> list[tuple[str, str]]:
    """Return what a page tells programs, without what only they are told."""
    answer = await http.get(house.hub.url + path, headers={"accept": "application/json"})
    assert answer.headers["content-type"].partition(";")[0] in (
        "application/json",
        "application/fhir+json",
    )
    assert "accept" in answer.headers["vary"].lower()
    found = answer.json()
    if page.is_refusal:  # its hint is for programs
        found = found["issue"][0]["diagnostics"].partition(". ")[0]
    return list(facts(found, page.for_programs))


def facts(value: Any, left_out: frozenset[str], name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts and numbers in JSON, each with the name of its element."""
    if isinstance(value, dict):
        for each, content in value.items():
            if each not in left_out:
                yield from facts(content, left_out, each)
    elif isinstance(value, list):
        for content in value:
            yield from facts(content, left_out, name)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield name, str(value)


def plain(text: str) -> str:
    """Return a text with single blanks."""
    return " ".join(text.split())


def is_told(text: str, told: str, *, is_markdown: bool) -> bool:
    """Tell whether a page tells a text, or, of Markdown, each of its words.

    Where links lead and what follows the fence of a block are no words.
    """
    if is_markdown:
        text = re.sub(r"\]\(.*?\)|^```.*$", "]", text, flags=re.MULTILINE | re.DOTALL)
        return set(re.findall(r"\w+", text)) <= set(re.findall(r"\w+", told))
    if text.isdecimal():
        return re.search(rf"(?<!\d){text}(?!\d)", told) is not None
    return plain(text) in told


def test_every_page_has_a_name_of_its_own() -> None:
    assert len({page.name for page in PAGES}) == len(PAGES)
