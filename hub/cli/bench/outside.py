"""A process with all that is outside the hub: who sends changes, and who receives notifications.

One process, as on the same cores it costs the hub less than two that wake each other.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.cli.bench.child import Command, run_child
from hub.cli.bench.load import run_load
from hub.cli.bench.sink import Sink


def _commands() -> Mapping[str, Command]:
    sink = Sink()
    return {
        "load": run_load,
        "listen": sink.listen,
        "hang": sink.hang,
        "reset": sink.reset,
        "wait": sink.wait,
        "wait_posts": sink.wait_posts,
        "last": sink.last,
        "report": sink.report,
    }


if __name__ == "__main__":
    run_child(_commands)
