"""Forks hubs on demand: ``python -m tests.support.nursery``.

Each line of stdin is {"arguments": [...], "log": file}.  A hub is forked with these arguments, and
{"pid": n} is written; when it ends, {"exit": code}.  One hub at a time.  When stdin ends, so does
the hub, and then this process.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import Any

import hub.bootstrap
import hub.cli.serve
from hub.__main__ import main

_IMPORTED = (hub.bootstrap, hub.cli.serve)
"""What a hub needs is imported once, here."""


def nurse() -> None:
    """Serve requests until stdin ends."""
    tell({"ready": True})
    while line := sys.stdin.readline():
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become_hub(asked)
        tell({"pid": pid})
        tell({"exit": watch(pid)})


def become_hub(asked: dict[str, Any]) -> None:
    """Turn this fork into a hub and end with its exit code."""
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    code = 70
    try:
        code = main(asked["arguments"])
    finally:
        sys.stderr.flush()
        os._exit(code)


def watch(pid: int) -> int:
    """Return the exit code of a child; kill it if nobody is there any more to want it."""
    ended = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(sys.stdin, select.POLLHUP)
        if all(at != ended for at, _ in poll.poll()):
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def tell(what: dict[str, Any]) -> None:
    """Write one line."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    nurse()
