"""A page that is not the hub's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def serving(body: str, policy: str | None = None) -> AsyncIterator[str]:
    """Serve one page at ``/`` of a port of this machine; give its origin.

    Args:
        body: what stands between head and end of the page, in HTML.
        policy: its Content Security Policy.
    """

    async def answer(request: web.Request) -> web.Response:
        if request.path != "/":
            return web.Response(status=404 if request.path == "/missing" else 204)
        headers = {"content-security-policy": policy} if policy else {}
        text = f"<!doctype html><html lang='en'><title>A page</title>{body}</html>"
        return web.Response(text=text, content_type="text/html", headers=headers)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
