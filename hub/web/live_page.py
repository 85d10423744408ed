"""The first page: events as they happen, and what to try; its script is ``static/live.js``."""

from __future__ import annotations

from html import escape

from hub.core.release import Json
from hub.web.frame import page

_LIVE = """<div class="live-head"><h1>Live</h1><p id="state"></p>
<p class="actions" id="buttons" hidden>
<button type="button" class="plain" id="pause" aria-pressed="false">Pause</button>
<button type="button" class="plain" id="replay">Replay</button>
<button type="button" class="plain" id="try-button" aria-controls="try">What to try</button>
</p></div>
<div class="tools" id="choices" hidden>
<label class="grow">Find in the list
<input type="search" id="search" autocomplete="off" spellcheck="false"
 placeholder="type:Task status:failed sub:lab #12..20" aria-describedby="search-error search-note">
</label>
</div>
<p class="ill" id="search-error" role="status"></p>
<p class="soft" id="search-note" hidden>Who was told is asked for the newest 200 events only.</p>
<p class="note" id="banner" role="status" hidden></p>
<div class="split">
<div id="frame">
<div id="stream" tabindex="0" role="region" aria-label="Events, newest last">
<p id="empty" class="soft"></p>
<ol id="events"></ol>
<button type="button" id="fresh" hidden>Paused: go on</button>
</div>
<p class="hidden-words" id="summary" role="status"></p>
</div>
<aside id="detail" class="panel" aria-label="The event" hidden></aside>
"""
_FOOT = """<p class="soft small">The page listens by websocket to a Subscription of its own,
<a id="own">which ends with it</a>: references only. The page renews it while it is open; a minute
after you leave it ends, and the next live page deletes it. It is told of changes in the base of the
chosen release only.</p>
"""


def live(about: dict[str, Json]) -> str:
    """Write the page."""
    tries = "".join(
        f"<li><p>{escape(each['what'])}</p><pre><code>{escape(each['command'])}</code></pre></li>"
        for each in about["try"]
    )
    bases = "".join(
        f"<li>{escape(name)}: <code>{escape(url)}</code> "
        f"(<a href='{escape(url)}/metadata'>metadata</a>)</li>"
        for name, url in about["bases"].items()
    )
    return page(
        "fhir-hub",
        f"{_LIVE}<aside id='try' class='panel' aria-label='What to try'><div class='detail-head'>"
        "<h2>What to try</h2><button type='button' class='plain' id='try-close'>Close</button>"
        "</div>"
        "<p>The <a href='/guides'>guides</a> lead to your first Subscription, step by step; a page "
        "of yours hears of changes with "
        "<a href='/guides/first-browser-client'>fifteen lines</a>.</p>"
        f"<ol class='try'>{tries}</ol>{_demo(about.get('demo'))}"
        f"<h3>Bases</h3><ul class='bases'>{bases}</ul>"
        "<p class='soft small'>Websockets connect to "
        f"<code>{escape(about['websocket'])}</code>. This is version {escape(about['version'])}; "
        "it says <a href='/readyz'>whether it is ready</a>, and tells <a href='/errors'>why it "
        f"refuses</a>.</p></aside></div>{_FOOT}",
        here="/",
        script="live",
        style="live",
    )


def _demo(demo: dict[str, Json] | None) -> str:
    """Write what a demo has besides: where what the hub sends can be looked at."""
    if demo is None:
        return ""
    return (
        "<h3>This demo</h3><p>Its endpoint takes anything: "
        f"<code>{escape(demo['endpoint'])}</code>. What came there is at "
        f"<a href='/demo/receiver'>{escape(demo['receiver'])}</a>, and every mail at "
        f"<a href='/demo/mail'>{escape(demo['mail'])}</a>.</p>"
    )
