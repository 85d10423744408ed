"""A window of the browser, and what no page may do in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    CDPSession,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    Request,
    Response,
    WebError,
)

from tests.browser.look import Look

PICTURES: Final = "BROWSER_PICTURES"
"""The environment variable that names a folder for pictures."""

TELL: Final = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`Content Security Policy: ${event.effectiveDirective} ${event.blockedURI}`);
});
"""
"""Runs before the scripts of every page: not all that a policy forbids is told in the console."""

_SERIOUS: Final = frozenset(("serious", "critical"))
_LOCAL: Final = ("about:", "blob:", "data:")


class Window:
    """One tab; ``page`` is Playwright's, ``tools`` its session that tells of the network.

    ``complaints`` are what its pages did and may not do: errors in the console (broken Content
    Security Policies are among them) and in scripts, requests to other origins, dialogs, further
    windows.
    """

    def __init__(
        self,
        url: str,
        look: Look,
        page: Page,
        tools: CDPSession,
        *,
        origins: Sequence[str] = (),
        tolerated: Sequence[str] = (),
    ) -> None:
        self.url = url
        self.look = look
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._tools = tools
        self._hosts = {urlsplit(each).netloc for each in (url, *origins)}
        self._tolerated = tuple(tolerated)
        context = page.context
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("dialog", self._on_dialog)
        context.on("page", self._on_page)
        # Playwright tells of a websocket only when its handshake begins, which may be too late.
        tools.on("Network.webSocketCreated", lambda socket: self._on_address(socket["url"]))
        page.on("crash", lambda _: self._complain("the page crashed"))

    async def open(self, path: str) -> Response:
        """Open a page of the hub, and return the answer when everything of it is loaded."""
        answer = await self.page.goto(f"{self.url}{path}")
        if answer is None:  # only the fragment is another
            answer = await self.page.reload()
        assert answer is not None
        return answer

    async def until(self, holds: str, argument: Any = None) -> Any:
        """Return what a function in JavaScript returns, as soon as that counts as true."""
        found = await self.page.wait_for_function(holds, arg=argument)
        return await found.json_value()

    @asynccontextmanager
    async def pressed(self, what: Locator) -> AsyncIterator[None]:
        """Press the mouse on something, and release it at the end of the block, unmoved."""
        await what.hover()
        await self.page.mouse.down()
        yield
        await self.page.mouse.up()

    async def asked(self, path: str) -> None:
        """Wait until the page asks for something anew, and has had time to draw the answer."""
        async with self.page.expect_request(lambda request: path in request.url) as found:
            pass
        answer = await (await found.value).response()
        assert answer is not None
        await answer.finished()
        await self.page.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    async def axe(self) -> list[str]:
        """Return what keeps somebody from using the page: what axe calls serious or critical."""
        found = (await Axe().run(self.page)).response["violations"]
        return [
            f"{each['id']} ({each['impact']}): {' '.join(map(str, node['target']))}: "
            f"{node['failureSummary']}"
            for each in found
            if each["impact"] in _SERIOUS
            for node in each["nodes"]
        ]

    async def accessible(self) -> None:
        """Assert that nothing keeps somebody from using the page."""
        assert await self.axe() == [], f"{self.page.url} ({self.look.name})"

    async def picture(self, name: str) -> None:
        """Keep a picture of the whole page, where the environment says where."""
        if folder := os.environ.get(PICTURES):
            path = Path(folder) / f"{name}-{self.look.name}.png"
            await self.page.screenshot(path=path, full_page=True)

    async def check(self) -> None:
        """Assert that there is no complaint."""
        if not self.page.is_closed():
            await self.page.evaluate("new Promise((done) => setTimeout(done))")
            # What the page did before, and the events that it gave rise to, have been told then.
            await self._tools.send("Runtime.evaluate", {"expression": "0"})
        assert not self.complaints, "\n".join(self.complaints)

    def _complain(self, what: str) -> None:
        if not any(each in what for each in self._tolerated):
            self.complaints.append(what)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self._complain(f"console: {message.text} ({message.location['url']})")

    def _on_error(self, error: WebError) -> None:
        self._complain(f"error: {error.error}")

    def _on_request(self, request: Request) -> None:
        self._on_address(request.url)

    def _on_address(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith(_LOCAL) and urlsplit(url).netloc not in self._hosts:
            self._complain(f"request to another origin: {url}")

    async def _on_dialog(self, dialog: Dialog) -> None:
        self._complain(f"dialog: {dialog.type} {dialog.message}")
        await dialog.dismiss()

    def _on_page(self, page: Page) -> None:
        self._complain(f"another window: {page.url}")
