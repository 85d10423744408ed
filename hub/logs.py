"""Where the processes of a hub write what they log."""

from __future__ import annotations

import logging


def log_to_stderr(level: str) -> None:
    """Send what the hub logs to stderr, one line each; what libraries say only from warnings on."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    logging.getLogger("hub").setLevel(level.upper())
