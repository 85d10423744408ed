"""The pages in a real Chromium.  How to write a journey:

    async def test_a_change_becomes_a_row(hub: RunningHub, chromium: Chromium) -> None:
        async with hub.client(FhirRelease.R4) as fhir, chromium.window(hub.url, DARK) as window:
            await window.open("/")
            task = await fhir.create(a_task("Organization/lab"))
            row = window.page.get_by_role("row").filter(has_text=f"Task/{task['id']}")
            await expect(row).to_be_visible()
            await window.accessible()
            await window.picture("row")

Tests are coroutines and run on the event loop of the browser; each asks for ``chromium``.  ``hub``
is a hub of the module; one that is killed and comes again is ``tests.support.processes.a_hub``.

A window is a fresh context: no storage, cache or cookies.  At its end it fails the test if a page
logged an error, threw one, broke its Content Security Policy, asked another origin for something,
opened a dialog of the browser or another window.  What a test provokes it names:
``chromium.window(url, tolerated=("ERR_CONNECTION_REFUSED",), origins=("http://127.0.0.1:8765",))``.

Never wait for a length of time.  ``expect`` of ``playwright.async_api`` and actions wait until
a deadline is over; for anything else there is ``window.until("() => ...")``.  Find elements by
role and name, as somebody does who can't see them.

A new page is a line of ``tests.browser.pages.PAGES``: then every law holds for it, axe looks at it
in light, dark and at 320 pixels, and hostile texts are tried on it.  What it shows is put into the
hub by ``tests.browser.house``: ``house`` has ordinary texts, ``hostile`` those that mean harm.

``BROWSER_PICTURES=folder`` keeps pictures of every page, and those that tests take.
"""
