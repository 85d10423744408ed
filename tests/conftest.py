"""Profiles of Hypothesis: 50 examples by default, 1,000 as long seeds; what is long.

Examples are drawn anew at each run, but in continuous integration and as long seeds always alike:
a change is to be judged by what it changes.

What is long runs with ``scripts/test --all`` only: whole suites over sockets, and what starts,
stops and kills hubs of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "default",
    max_examples=50,
    deadline=None,
    suppress_health_check=_QUIET,
    derandomize=os.environ.get("CI") == "true",
)
settings.register_profile(
    "all", max_examples=1000, deadline=None, suppress_health_check=_QUIET, derandomize=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

_TESTS = Path(__file__).parent
_LONG = (
    "browser",
    "cli/bench/test_smoke.py",
    "cli/scenario",
    "conformance",
    "guides",
    "journeys/test_administrative.py",
    "journeys/test_classic_email.py",
    "journeys/test_conformance_claims.py",
    "journeys/test_disk_full.py",
    "journeys/test_email_restart.py",
    "journeys/test_kill_check.py",
    "journeys/test_lifecycle.py",
    "journeys/test_message.py",
    "journeys/test_message_endpoint.py",
    "journeys/test_notification.py",
    "journeys/test_reindexing.py",
    "journeys/test_delivery_process.py",
    "journeys/test_stop.py",
    "journeys/test_topic_discovery.py",
    "journeys/test_web_process.py",
    "journeys/test_web_process_sockets.py",
    "journeys/test_xml.py",
    "test_packaging.py",
)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what is long; refuse names that another process would spell otherwise.

    A set is spelled in an order that differs from process to process, and processes that share the
    tests out among themselves must agree on their names.
    """
    for item in items:
        if "frozenset(" in item.name:
            raise pytest.UsageError(f"{item.nodeid}: give ids; a set has no order")
    long = [_TESTS / each for each in _LONG]
    for item in items:
        if any(item.path.is_relative_to(each) for each in long):
            item.add_marker(pytest.mark.long)
