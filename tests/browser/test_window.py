"""A window fails the test whose page does what no page may do."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.chromium import Chromium
from tests.browser.look import DARK, LIGHT, PHONE, STILL, Look
from tests.browser.serving import serving
from tests.browser.window import PICTURES

POLICY = "default-src 'none'; script-src 'self' 'unsafe-inline'"
ELSEWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<script>console.error('oh')</script>", "console: oh"),
        ("<script>console.assert(false, 'hm')</script>", "console: hm"),
        ("<script>throw new Error('ah')</script>", "error: ah"),
        ("<script>Promise.reject(new Error('later'))</script>", "error: later"),
        ("<script>alert('boo')</script>", "dialog: alert boo"),
        ("<script>confirm('sure')</script>", "dialog: confirm sure"),
        ("<img src='/missing' alt=''>", "console: Failed to load resource"),
        (f"<img src='{ELSEWHERE}/x.png' alt=''>", f"another origin: {ELSEWHERE}/x.png"),
        (f"<link rel=stylesheet href='{ELSEWHERE}/x.css'>", f"another origin: {ELSEWHERE}/x.css"),
        (f"<script>fetch('{ELSEWHERE}/f')</script>", f"another origin: {ELSEWHERE}/f"),
        (
            "<script>new WebSocket('ws://127.0.0.1:9/ws')</script>",
            "another origin: ws://127.0.0.1:9/ws",
        ),
    ],
)
async def test_a_page_that_may_not_do_this_fails_the_test(
    chromium: Chromium, body: str, complaint: str
) -> None:
    async with serving(body) as url:
        with pytest.raises(AssertionError, match=re.escape(complaint)):
            async with chromium.window(url) as window:
                await window.open("/")


@pytest.mark.parametrize(
    "body",
    [
        "<p style='color: red'>styled</p>",
        "<style>p { color: red }</style>",
        "<img src='/x.png' alt=''>",
        "<script>fetch('/x')</script>",
        "<script>new WebSocket('ws://' + location.host)</script>",
        "<script>try { eval('1') } catch { }</script>",
    ],
)
async def test_a_page_that_breaks_its_policy_fails_the_test(chromium: Chromium, body: str) -> None:
    async with serving(body, POLICY) as url:
        with pytest.raises(AssertionError, match="Content Security Policy"):
            async with chromium.window(url) as window:
                await window.open("/")


async def test_a_websocket_that_never_connects_fails_the_test(chromium: Chromium) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as mute,
        socket.create_connection(mute.getsockname()) as only,
    ):
        address = "ws://{}:{}/ws".format(*only.getpeername())
        async with serving(f"<script>new WebSocket('{address}')</script>") as url:
            with pytest.raises(AssertionError, match=f"another origin: {address}"):
                async with chromium.window(url) as window:
                    await window.open("/")


async def test_a_page_that_opens_another_window_fails_the_test(chromium: Chromium) -> None:
    async def opened(url: str) -> None:
        async with chromium.window(url) as window:
            await window.open("/")
            async with window.page.context.expect_page():
                await window.page.get_by_role("link").click()

    async with serving("<a href='/' target='_blank'>Again</a>") as url:
        with pytest.raises(AssertionError, match="another window"):
            await opened(url)


async def test_a_test_says_what_it_expects_of_a_page(chromium: Chromium) -> None:
    body = f"<script>console.error('oh'); fetch('{ELSEWHERE}/f').catch(() => 0)</script>"
    tolerated = ("console: oh", "ERR_")
    async with (
        serving(body) as url,
        chromium.window(url, origins=(ELSEWHERE,), tolerated=tolerated) as window,
    ):
        await window.open("/")
        assert f"{ELSEWHERE}/f" in window.requests


async def test_what_went_wrong_before_is_told_with_the_failure(chromium: Chromium) -> None:
    async def fails(url: str) -> None:
        async with chromium.window(url) as window:
            await window.open("/")
            await window.page.evaluate("0")
            raise ZeroDivisionError

    async with serving("<script>console.error('why')</script>") as url:
        with pytest.raises(ZeroDivisionError) as failure:
            await fails(url)
        assert any("why" in each for each in failure.value.__notes__)


@pytest.mark.parametrize("look", [LIGHT, DARK, PHONE, STILL])
async def test_a_look_is_what_the_page_sees(chromium: Chromium, look: Look) -> None:
    async with serving("") as url, chromium.window(url, look) as window:
        await window.open("/")
        seen = await window.page.evaluate(
            """() => [
                matchMedia("(prefers-color-scheme: dark)").matches,
                innerWidth,
                matchMedia("(prefers-reduced-motion: reduce)").matches,
            ]"""
        )
        assert seen == [look.scheme == "dark", look.width, look.still]


async def test_windows_share_nothing(chromium: Chromium) -> None:
    async with serving("") as url:
        async with chromium.window(url) as window:
            await window.open("/")
            await window.page.evaluate("localStorage.setItem('kept', 'yes')")
        async with chromium.window(url) as window:
            await window.open("/")
            assert await window.page.evaluate("localStorage.getItem('kept')") is None


async def test_axe_finds_what_keeps_somebody_from_using_a_page(chromium: Chromium) -> None:
    body = "<main><h1>Head</h1><p style='color: #ccc'>pale</p><img src='data:,'><input></main>"
    async with serving(body) as url, chromium.window(url) as window:
        await window.open("/")
        found = " ".join(await window.axe())
        assert all(each in found for each in ("color-contrast", "image-alt", "label"))
        with pytest.raises(AssertionError):
            await window.accessible()


async def test_a_page_is_loaded_anew_for_another_fragment(chromium: Chromium) -> None:
    body = "<script>document.write(location.hash)</script>"
    async with serving(body) as url, chromium.window(url) as window:
        for fragment in ("#one", "#two"):
            assert (await window.open(f"/{fragment}")).status == 200
            await expect(window.page.locator("body")).to_have_text(fragment)


async def test_a_wait_ends_as_soon_as_it_holds(chromium: Chromium) -> None:
    body = "<script>setTimeout(() => { document.title = 'Late'; }, 50)</script>"
    async with serving(body) as url, chromium.window(url) as window:
        await window.open("/")
        assert await window.until("wanted => document.title === wanted && 7", "Late") == 7
        await expect(window.page).to_have_title("Late")


def test_pictures_are_kept_where_the_environment_says(
    chromium: Chromium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(name: str) -> None:
        async with serving("<h1>Head</h1>") as url, chromium.window(url, PHONE) as window:
            await window.open("/")
            await window.picture(name)

    monkeypatch.delenv(PICTURES, raising=False)
    chromium.run(look("none"))
    monkeypatch.setenv(PICTURES, str(tmp_path))
    chromium.run(look("one"))
    (found,) = tmp_path.iterdir()
    assert found.name == "one-phone.png"
    assert found.read_bytes().startswith(b"\x89PNG")
