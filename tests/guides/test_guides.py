"""Every block of every guide is run, in its order, as its reader would."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.guides.guide import NAMES, read
from tests.guides.block import blocks
from tests.guides.reader import Reader


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_does_what_it_tells(name: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Reader.at(tmp_path) as reader:
            for block in blocks(name, read(name).text):
                await reader.follow(block)

    asyncio.run(scenario())
