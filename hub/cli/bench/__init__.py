"""``fhir-hub bench``: what this machine can carry, measured through the whole hub.

A real hub, and all that is outside of it, senders and receivers, run as processes of their own on
this machine.  Each bench ends by checking its own numbers: a fast run that lost something has
failed.  Beside each figure stands the ceiling: what the machine does for that step alone, without a
hub.

Read ``command``, then a bench such as ``e2e``; ``measure`` has the targets, ``scale`` the sizes.
"""

from __future__ import annotations

import argparse


def run(arguments: argparse.Namespace) -> int:
    """Run the benches that were named; see ``--help``."""
    # The processes that the benches start import this package too, and little else.
    from hub.cli.bench.command import run_benches  # noqa: PLC0415  # as said above

    return run_benches(arguments)
