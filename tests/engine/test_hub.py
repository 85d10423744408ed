"""The engine as one object."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.core.release import FhirRelease
from tests.support.rig import Rig, on_rig


@pytest.mark.parametrize(
    ("public", "socket"),
    [
        ("http://hub.example.org", "ws://hub.example.org/ws"),
        ("https://example.org:8443/a", "wss://example.org:8443/a/ws"),
    ],
)
def test_every_url_is_built_from_the_public_one(public: str, socket: str) -> None:
    async def scenario(rig: Rig) -> None:
        hub = replace(rig.hub, public_url=public)
        assert hub.websocket_url == socket
        assert hub.base_url(FhirRelease.R4B) == f"{public}/fhir/r4b"

    on_rig(scenario)
