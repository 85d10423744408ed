"""Whom the guarded client trusts: read once, when it is first needed."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.channels.tls import client_tls, system_tls


def test_the_system_s_authorities_are_read_once_for_all_who_need_them() -> None:
    with ThreadPoolExecutor(max_workers=8) as threads:
        found = set(threads.map(lambda _: system_tls(), range(8)))
    (context,) = found
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_file_without_authorities_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nobody\n")
    with pytest.raises(ssl.SSLError):
        client_tls(str(tmp_path / "none.pem"))
    with pytest.raises(FileNotFoundError):
        client_tls(str(tmp_path / "missing.pem"))
