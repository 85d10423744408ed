"""One Chromium, and the event loop on which it is led."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self, TypeVar

from playwright.async_api import Browser, expect
from playwright.async_api import async_playwright as playwright

from tests.browser.look import LIGHT, Look
from tests.browser.window import TELL, Window
from tests.support.deadline import DEADLINE

LONGEST: Final = 5 * DEADLINE
"""Seconds after which a whole test has failed."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
"""Programs that are one; ``scripts/environment`` knows the same."""

MISSING: Final = "Chromium is needed. On Debian, type: sudo apt-get install chromium"

_OPTIONS: Final = (
    "--no-sandbox",  # of no use to root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

T = TypeVar("T")


def find_chromium() -> str | None:
    """Return the path of Chromium, None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """A running Chromium, from the start to the end of the block; ``path`` is its program.

    It has an event loop in another thread, because one that runs in the thread of the tests would
    be in the way of tests of other modules.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
        self._browser: Browser | None = None
        self._ready = threading.Event()
        self._over = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        self._serving = asyncio.run_coroutine_threadsafe(self._serve(), self._loop)
        self._serving.add_done_callback(lambda _: self._ready.set())
        self._ready.wait(LONGEST)
        if self._serving.done():
            self._serving.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._serving.result(LONGEST)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONGEST)
        self._loop.close()

    async def _serve(self) -> None:
        async with playwright() as driver:
            self._browser = await driver.chromium.launch(
                executable_path=self._path, args=list(_OPTIONS)
            )
            expect.set_options(timeout=DEADLINE * 1000)
            self._ready.set()
            await self._over.wait()
            await self._browser.close()

    def run(self, doing: Coroutine[Any, Any, T], *, within: float = LONGEST) -> T:
        """Run a coroutine on the loop of the browser, and return what it returns in time."""

        async def run() -> T:
            async with asyncio.timeout(within):
                return await doing

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @asynccontextmanager
    async def window(
        self,
        url: str,
        look: Look = LIGHT,
        *,
        origins: Sequence[str] = (),
        tolerated: Sequence[str] = (),
        **more: Any,
    ) -> AsyncIterator[Window]:
        """Open a window in a fresh context.

        Args:
            url: of the hub, where paths begin.
            look: how wide it is, light or dark, moving or still.
            origins: others that its pages may ask.
            tolerated: parts of complaints that are none.
            more: of Playwright's ``new_context``.

        Raises:
            AssertionError: at the end, a page did what no page may do.
        """
        assert self._browser is not None
        context = await self._browser.new_context(**{**look.context, **more})
        context.set_default_timeout(DEADLINE * 1000)
        await context.add_init_script(TELL)
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        page = await context.new_page()
        tools = await context.new_cdp_session(page)
        await tools.send("Network.enable")
        window = Window(url, look, page, tools, origins=origins, tolerated=tolerated)
        try:
            yield window
        except BaseException as error:
            for complaint in window.complaints:
                error.add_note(complaint)
            raise
        else:
            await window.check()
        finally:
            await context.close()
