"""What people and programs write is shown as they wrote it, and does nothing else."""

from __future__ import annotations

import unicodedata
from html import escape

import pytest

from tests.browser.chromium import Chromium
from tests.browser.house import House
from tests.browser.pages import PAGES, Page
from tests.browser.serving import serving
from tests.browser.test_pages import refusal, shown
from tests.browser.window import Window
from tests.support.hostile_text import HOSTILE_TEXTS

ALIVE = """(isOurs) => [...document.querySelectorAll("*")].filter((each) =>
  "hostile" in each.dataset
  || [...each.attributes].some(({ name, value }) => name.startsWith("on")
    || (["action", "data", "formaction", "href", "src", "srcdoc", "xlink:href"].includes(name)
      && !/^(https?:|\\/|#|mailto:|\\?|[\\w.-]+$)/.test(value)))
  || (isOurs && (["style", "base", "object", "embed"].includes(each.localName)
    || (each.localName === "meta" && each.httpEquiv)
    || (each.localName === "script" && !each.src.startsWith(`${location.origin}/static/`)))))
  .map((each) => each.outerHTML)"""
"""Elements that no page of the hub has; mails, in frames of their own, may have their style."""

TOUCH = """() => {
  for (const each of document.querySelectorAll("details")) each.open = true;
  for (const each of document.querySelectorAll("*")) {
    for (const kind of ["pointerenter", "pointerover", "mouseenter", "mouseover", "focus"]) {
      each.dispatchEvent(new Event(kind));
    }
  }
}"""
"""Opens everything, and does what a mouse that goes over it would."""

TURNED = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (!/[\\u202a\\u202b\\u202d\\u202e\\u2066-\\u2068]/.test(text.data)) continue;
    let around = text.parentElement;
    if (!around.checkVisibility() || around.closest("option, title")) continue;
    const isApart = (each) => getComputedStyle(each).unicodeBidi.includes("isolate");
    const isInline = (each) => getComputedStyle(each).display === "inline";
    while (isInline(around) && !isApart(around)) around = around.parentElement;
    const after = document.createRange();
    after.setStartAfter(text);
    after.setEndAfter(around.lastChild);
    const next = text.nextSibling?.localName === "br" ? "" : after.toString().trim();
    if (next) found.push(around.outerHTML);
  }
  return found;
}"""
"""Places where a text turns the direction of what follows it in the same line."""

TEXTS = """() => [document.body.textContent,
  ...[...document.querySelectorAll("input, textarea")].map((each) => each.value)].join("\\n")"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
async def test_a_hostile_text_is_shown_and_does_nothing(
    hostile: House, chromium: Chromium, page: Page
) -> None:
    assert len(HOSTILE_TEXTS) >= 30
    said = []
    async with chromium.window(hostile.hub.url, tolerated=refusal(page)) as window:
        for path in hostile.paths(page):
            await shown(window, page, path)
            said.append(await inert(window))
    if page.shows_texts:
        told = written("\n".join(said), page)
        assert [text for text in HOSTILE_TEXTS if written(text, page) not in told] == []


@pytest.mark.parametrize("text", [HOSTILE_TEXTS[at] for at in (0, 1, 2, 3, 4, 9, 11, 13, 17)])
async def test_a_hostile_text_that_is_alive_is_found(chromium: Chromium, text: str) -> None:
    async def looked_at(url: str) -> None:
        async with chromium.window(url) as window:
            await window.open("/")
            await inert(window)

    async with serving(f'<p title="{text}">{text}</p>') as url:
        with pytest.raises(AssertionError, match=r"hostile|dialog|another origin"):
            await looked_at(url)
    async with serving(f"<p>{escape(text)}</p>") as url:
        await looked_at(url)


async def test_texts_in_elements_of_their_own_turn_nothing(chromium: Chromium) -> None:
    body = "<p>a <bdi>b \u202e</bdi> c</p><p>a \u202e<br>b</p><p>a \u202e</p>"
    async with serving(body) as url, chromium.window(url) as window:
        await window.open("/")
        await inert(window)


@pytest.mark.parametrize(
    "body",
    [
        f"<a href='{HOSTILE_TEXTS[20]}'>x</a>",
        f'<a href="{HOSTILE_TEXTS[22]}">x</a>',
        f"<p title='{HOSTILE_TEXTS[6]}'>x</p>",
        "<style></style>",
        "<p>a <b>b \u202e</b> c</p>",
        "<p>a \u202e <b>b</b></p>",
        "<script>1</script>",
    ],
)
async def test_what_no_page_of_the_hub_has_is_found(chromium: Chromium, body: str) -> None:
    async with serving(body) as url, chromium.window(url) as window:
        await window.open("/")
        with pytest.raises(AssertionError):
            await inert(window)


def written(text: str, page: Page) -> str:
    """Return a text without the blanks between its words, and what a page need not show."""
    text = "".join(text.split())
    if page.by_mail:
        text = "".join(each for each in text if unicodedata.category(each)[0] in "LMNPS")
    return text


async def inert(window: Window) -> str:
    """Return the texts of a page, in all its frames, in which nothing hostile is alive."""
    assert await window.page.evaluate(ALIVE, True) == [], window.page.url
    await window.page.evaluate(TOUCH)
    assert await window.page.evaluate(TURNED) == [], window.page.url
    for element in await window.page.locator("iframe").all():
        await element.scroll_into_view_if_needed()
        frame = await (await element.element_handle()).content_frame()
        assert frame is not None
        await frame.wait_for_url(lambda url: url != "about:blank")
    said = []
    for frame in window.page.frames:
        assert await frame.evaluate(ALIVE, frame is window.page.main_frame) == [], frame.url
        said.append(str(await frame.evaluate(TEXTS)))
    return "\n".join(said)
