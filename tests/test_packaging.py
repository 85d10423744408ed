"""What people install: the wheel, on its own, away from the repository."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from hub.guides.guide import read
from tests.support.processes import ROOT, environment, run_to_end

BUILD_SECONDS = 120.0
INSTALL_SECONDS = 300.0
DEMO_SECONDS = 60.0
SHIPPED = {".py", ".json", ".md", ".css", ".js", ".sql", ".svg", ".typed"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder))
    code, _, err = asyncio.run(
        run_to_end(*pip, str(ROOT), within=BUILD_SECONDS, cwd=folder, env=pip_environment())
    )
    assert code == 0, err
    (built,) = folder.glob("fhir_hub-*.whl")
    return built


def test_the_wheel_holds_code_topics_tables_and_pages_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == set(wanted())


def wanted() -> Iterator[str]:
    """Yield the files of the package, and the topics as they lie in it."""
    for path in sorted((ROOT / "hub").rglob("*")):
        inside = path.relative_to(ROOT)
        if path.suffix in SHIPPED and not any(part[0] in "._" for part in inside.parts[:-1]):
            yield str(inside)
    for path in sorted((ROOT / "topics").rglob("*")):
        if path.is_file():
            yield f"hub/{path.relative_to(ROOT)}"


def test_an_installed_hub_plays_its_demo_from_any_folder(wheel: Path, tmp_path: Path) -> None:
    async def scenario() -> None:
        empty, home = tmp_path / "venv", tmp_path / "home"
        home.mkdir()
        await done(sys.executable, "-m", "venv", str(empty))
        pip = (str(empty / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check")
        await done(*pip, str(wheel), within=INSTALL_SECONDS)
        clean = {"PATH": os.defpath, "HOME": str(home)}
        program = str(empty / "bin" / "fhir-hub")
        code, out, err = await run_to_end(
            program, "demo", "--once", within=DEMO_SECONDS, cwd=home, env=clean
        )
        assert code == 0, out + err
        assert await run_to_end(program, "--version", cwd=home, env=clean) == (
            0,
            f"fhir-hub {wheel.name.split('-')[1]}\n",
            "",
        )
        code, out, err = await run_to_end(program, "guide", "first-placer", cwd=home, env=clean)
        assert (code, out.splitlines()[0]) == (0, read("first-placer").title), err
        assert [*home.iterdir()] == []

    asyncio.run(scenario())


async def done(*arguments: str, within: float = BUILD_SECONDS) -> None:
    code, out, err = await run_to_end(*arguments, within=within, env=pip_environment())
    assert code == 0, out + err


def pip_environment() -> dict[str, str]:
    """Return this environment without what would lead Python back to the repository."""
    return {name: value for name, value in environment().items() if name != "PYTHONPATH"}
