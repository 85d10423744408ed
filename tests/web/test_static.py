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


def test_what_a_page_imports_is_found() -> None:
    assert {"element.js", "hub.js", "subscribe.js"} <= _loaded(_files(), "live.js")
