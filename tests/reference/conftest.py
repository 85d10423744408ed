"""Tests against reference data that is not part of the repository.

``HUB_REFERENCE_DATA`` names the folder; else ``shared`` beside the repository is taken.  Without
it these tests are not collected, and one line says so; with ``CI=true`` that is a failure.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def reference_data() -> Path | None:
    """Return the folder of the reference data, or None if there is none."""
    folder = Path(os.environ.get("HUB_REFERENCE_DATA", REPOSITORY.parent / "shared"))
    return folder if folder.is_dir() else None


SAID = pytest.StashKey[bool]()


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    if reference_data() is not None:
        return None
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("reference data is missing: set HUB_REFERENCE_DATA to its folder")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not config.stash.get(SAID, False):
        reporter.write_line("tests/reference: not run, no reference data (HUB_REFERENCE_DATA)")
        config.stash[SAID] = True
    return True
