"""What a browser loads of the pages."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

HEAVIEST: Final = 150_000
"""Bytes of all that one page loads of static files, uncompressed."""

_IMPORT: Final = re.compile(r"""^(?:import|export)\b[^;]*?["']\./([a-z_]+\.js)["'];""", re.M)


def _files() -> dict[str, str]:
    folder = resources.files("hub.web").joinpath("static")
    return {each.name: each.read_text() for each in folder.iterdir()}


def _loaded(files: dict[str, str], name: str) -> set[str]:
    """Return a module and all that it imports."""
    found, waiting = {name}, [name]
    while waiting:
        for imported in _IMPORT.findall(files[waiting.pop()]):
            if imported not in found:
                found.add(imported)
                waiting.append(imported)
    return found


def test_whatever_a_page_loads_is_light() -> None:
    files = _files()
    always = {name for name in files if not name.endswith(".js")} | {"page.js"}
    for name in files:
        if name.endswith(".js"):
            loaded = _loaded(files, name) | _loaded(files, "page.js") | always
            assert sum(len(files[each].encode()) for each in loaded) <= HEAVIEST, loaded


def test_the_module_for_other_pages_is_short_and_stands_alone() -> None:
    files = _files()
    assert _loaded(files, "subscribe.js") == {"subscribe.js"}
    assert len(files["subscribe.js"].splitlines()) < 200
    assert {"element.js", "hub.js"} <= _loaded(files, "live.js"), "the reading of imports works"
