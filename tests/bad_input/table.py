"""The table of bad input, read from ``table.json``.

A row has a ``number``, a ``title``, what is sent (``send``), and what must come back: ``status``,
and where it is a refusal the issue's ``code`` and the error's ``slug``, perhaps its ``expression``
(``r5`` where R5 names it otherwise).  A long text is ``{"repeat": ..., "times": ...}``, or
``{"parts": [...]}`` with such texts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.core.release import FhirRelease, Json, Resource

FILE: Final = Path(__file__).with_name("table.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bad input.

    ``answer`` says how the answer comes: an ``outcome``, ``plain`` text of the server itself, the
    ``handshake`` or the ``close`` of a websocket (then ``status`` is the closing code).
    ``before`` are requests that make the state; ``hub`` names the hub that is asked.
    ``header`` is one that the answer must have.  ``with_subscription`` gives the row a websocket
    Subscription with two events, ``reborn`` deletes it and puts it again.
    """

    number: str
    title: str
    send: Resource
    status: int
    code: str | None = None
    slug: str | None = None
    expression: str | None = None
    r5: str | None = None
    releases: tuple[FhirRelease, ...] = (FhirRelease.R4,)
    answer: str = "outcome"
    before: tuple[Resource, ...] = ()
    hub: str = "plain"
    header: str | None = None
    with_subscription: bool = False
    reborn: bool = False

    @property
    def is_refusal(self) -> bool:
        """Whether an OperationOutcome with an error is due."""
        return self.answer == "outcome" and self.status >= 400

    def path(self, release: FhirRelease) -> str | None:
        """Return the expression that is due in a release."""
        return self.r5 if self.r5 is not None and release is FhirRelease.R5 else self.expression


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and why some rows and some errors are not there."""

    rows: tuple[Row, ...]
    not_here: dict[str, str]
    unreachable: dict[str, str] = field(default_factory=dict)


def read_table() -> Table:
    """Read the table.  What asks for a Subscription is for every release unless it says more."""
    read: Resource = json.loads(FILE.read_text(encoding="utf-8"))
    return Table(
        rows=tuple(_row(row) for row in read["rows"]),
        not_here={each["number"]: each["reason"] for each in read["not_here"]},
        unreachable=read["unreachable"],
    )


def _row(written: Resource) -> Row:
    given: dict[str, Any] = {name: _expanded(value) for name, value in written.items()}
    names = given.pop("releases", None)
    if names is None:
        every = "subscription" in given["send"]
        releases = tuple(FhirRelease) if every else (FhirRelease.R4,)
    else:
        releases = tuple(FhirRelease(name) for name in names)
    before = tuple(given.pop("before", ()))
    return Row(**given, before=before, releases=releases)


def _expanded(value: Json) -> Json:
    if isinstance(value, list):
        return [_expanded(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "repeat" in value:
        return value["repeat"] * value["times"]
    if "parts" in value:
        return "".join(_expanded(value["parts"]))
    return {name: _expanded(member) for name, member in value.items()}
