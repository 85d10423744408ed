"""Profiles of Hypothesis: 50 examples by default, 1,000 with ``scripts/test --all``."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=_QUIET)
settings.register_profile(
    "all", max_examples=1000, deadline=None, suppress_health_check=_QUIET, derandomize=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
