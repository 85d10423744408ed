"""Commands that are printed can be copied."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from hub.cli.program import program


def _installed(folder: Path) -> Path:
    folder.mkdir(parents=True)
    script = folder / "fhir-hub"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def test_what_the_shell_finds_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = _installed(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert shutil.which("fhir-hub") == str(script)
    assert program() == "fhir-hub"


def test_what_the_shell_does_not_find_is_called_by_a_path_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = _installed(tmp_path / "clone" / ".venv" / "bin")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.chdir(tmp_path / "clone")
    assert program() == ".venv/bin/fhir-hub"
    monkeypatch.chdir("/")
    assert program() == str(script).lstrip("/")
    monkeypatch.chdir(tmp_path / "clone" / ".venv")
    assert program() == "bin/fhir-hub"
    monkeypatch.chdir(tmp_path / "clone" / ".venv" / "bin")
    assert program() == "./fhir-hub"


def test_a_module_is_called_as_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/hub/__main__.py"])
    assert program() == f"{sys.executable} -m hub"
