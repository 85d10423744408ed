"""TLS as the hub speaks it to servers: who is trusted, and since which version."""

from __future__ import annotations

import ssl
from functools import cache
from threading import Lock

_reading = Lock()


def client_tls(ca_file: str | None) -> ssl.SSLContext:
    """Return a context for connections to servers whose certificates are checked.

    It is the same with every Python: from 3.13 on the standard one refuses certificates without a
    key identifier, as many an authority of a hospital's own issues them.

    Args:
        ca_file: PEM file of the authorities that are trusted, None for the system's.

    Raises:
        OSError: the file can't be read, or has no certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(ca_file)
    return context


def system_tls() -> ssl.SSLContext:
    """Return the one context of the process that trusts whom the system trusts.

    Reading all of them takes 30 ms, so it is asked for when it is needed, on a thread.
    """
    with _reading:  # Many may need it at once, and one reads.
        return _system_tls()


@cache
def _system_tls() -> ssl.SSLContext:
    return client_tls(None)
