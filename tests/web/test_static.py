"""What a browser loads of the pages."""

from __future__ import annotations

from importlib import resources
from typing import Final

HEAVIEST: Final = 150_000
"""Bytes of all static files together, uncompressed."""


def test_all_that_pages_load_is_light() -> None:
    folder = resources.files("hub.web").joinpath("static")
    weights = {each.name: len(each.read_bytes()) for each in folder.iterdir()}
    assert {"page.css", "page.js", "icon.svg"} <= weights.keys()
    assert sum(weights.values()) <= HEAVIEST, weights
