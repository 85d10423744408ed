"""What the benches know of the processes that they start."""

from __future__ import annotations

import os
import time

from hub.cli.bench.hub_process import usage


def test_a_little_work_is_seen() -> None:
    began = time.process_time()
    before, own = usage(os.getpid()), time.process_time()
    while time.process_time() - own < 0.001:
        pass
    used = usage(os.getpid()).since(before)
    assert 0.001 <= used <= time.process_time() - began
