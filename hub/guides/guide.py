"""The guides: files of Markdown beside this module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Final

NAMES: Final = (
    "first-fulfiller",
    "first-placer",
    "first-browser-client",
    "after-an-outage",
    "why-nothing-came",
    "writing-a-topic",
    "moving-from-classic",
    "who-may-call",
)
"""Every guide, in the order in which they are read."""

HUB: Final = "http://127.0.0.1:8080"
"""The hub that they ask: the one of ``fhir-hub serve`` without flags."""


@dataclass(frozen=True, slots=True)
class Guide:
    """One how-to.

    ``title`` is the question, ``lead`` the first paragraph on one line, ``text`` all of it in
    Markdown (CommonMark).
    """

    name: str
    title: str
    lead: str
    text: str


def guides() -> Iterator[Guide]:
    """Yield every guide, in the order in which they are read."""
    return map(read, NAMES)


def read(name: str) -> Guide:
    """Read the guide that has one of ``NAMES``."""
    text = resources.files("hub.guides").joinpath(f"{name}.md").read_text("utf-8")
    title, lead = text.split("\n\n", 2)[:2]
    return Guide(name, title.removeprefix("# "), " ".join(lead.split()), text)
