"""How this program is called, so that commands that it prints can be copied as they are."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NAME = "fhir-hub"


def program() -> str:
    """Return ``fhir-hub`` where the shell finds it, else a path that leads to it."""
    called = Path(sys.argv[0])
    if called.name != NAME:
        return f"{Path(sys.executable)} -m hub"
    found = shutil.which(NAME)
    if found is not None and Path(found).resolve() == called.resolve():
        return NAME
    here = Path.cwd()
    whole = called.absolute()
    if whole.parent == here:
        return f"./{NAME}"
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)
