"""Versions as they are shown to people who look for a fault."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.core.change import Interaction
from hub.core.release import FhirRelease
from hub.core.version import ResourceKey, ResourceVersion


def test_a_version_that_is_logged_shows_nothing_of_its_content() -> None:
    version = ResourceVersion(
        seq=7,
        key=ResourceKey(FhirRelease.R4, "Task", "81"),
        version=3,
        interaction=Interaction.UPDATE,
        timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        body=b'{"description":"secret"}',
        transaction=7,
    )
    assert repr(version) == str(version) == "<Task/81 version 3 at 7>"
