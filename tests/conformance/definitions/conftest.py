"""Where npm's packages are, which ``scripts/test`` fetches into the virtual environment.

Without them these tests are not collected, and one line says so; with ``CI=true`` that is a
failure.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

PACKAGES = Path(sys.prefix) / "definitions" / "node_modules"
SAID = pytest.StashKey[bool]()


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    if (PACKAGES / "@types" / "fhir").is_dir() and (PACKAGES / "@medplum" / "definitions").is_dir():
        return None
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("definitions are missing: scripts/test fetches them with npm")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not config.stash.get(SAID, False):
        reporter.write_line("tests/conformance/definitions: not run, npm packages are missing")
        config.stash[SAID] = True
    return True
