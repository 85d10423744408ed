"""Ports that nobody has listened on before.

Hubs that several tests share go on trying endpoints of tests that are over.  Were such a port given
out again, as the system does, what is still sent there would reach another test.
"""

from __future__ import annotations

import itertools
import os
import re
import socket

_FIRST, _EACH = 10_000, 10_000  # below those that the system gives out
_worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % 2
_begin = os.getpid() * 97 % _EACH
_ports = (_FIRST + _worker * _EACH + (_begin + number) % _EACH for number in itertools.count())


def fresh_port(host: str = "127.0.0.1") -> int:
    """Return a port on which nothing listens, and nothing of this run ever did."""
    for port in _ports:
        try:
            with socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
            ):
                return port
        except OSError:
            continue
    raise AssertionError("ports do not end")
