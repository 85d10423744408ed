"""The items of the checklist, and the mark that ties a test to one."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest

from hub.core.release import FhirRelease
from tests.support.builders import RELEASES

R4, R4B, R5 = FhirRelease
BACKPORTED: Final = (R4, R4B)
NATIVE: Final = (R4B, R5)
"""The releases that have SubscriptionTopic and SubscriptionStatus."""

WITHOUT_TEST: Final = Path(__file__).with_name("without_test.json")


class Strength(StrEnum):
    """How much an item asks for: the word of its source, REC where only sense asks for it."""

    SHALL = "SHALL"
    SHOULD = "SHOULD"
    MAY = "MAY"
    REC = "REC"


SHALL, SHOULD, MAY, REC = Strength


def item(
    number: str, strength: Strength, releases: tuple[FhirRelease, ...] = RELEASES
) -> Callable[[Any], Any]:
    """Mark a test as the proof of an item, and run it for each of ``releases``."""

    def mark(test: Any) -> Any:
        named = f"test_{number.replace('.', '_')}_"
        if not test.__name__.startswith(named):
            raise ValueError(f"{test.__name__} should begin with {named}")
        ids = [release.path for release in releases]
        return pytest.mark.item(number, strength.value)(
            pytest.mark.parametrize("release", releases, ids=ids)(test)
        )

    return mark


def without_test() -> list[dict[str, str]]:
    """Return what has no test: number, strength, why (``untestable``, ``unsupported``), reason."""
    listed: list[dict[str, str]] = json.loads(WITHOUT_TEST.read_text(encoding="utf-8"))
    return listed
