"""How pages are looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Look:
    """A width in CSS pixels, light or dark, moving or still."""

    name: str
    scheme: str = "light"
    width: int = 1280
    height: int = 800
    still: bool = False

    @property
    def context(self) -> dict[str, Any]:
        """What Playwright's ``new_context`` is told."""
        return {
            "color_scheme": self.scheme,
            "viewport": {"width": self.width, "height": self.height},
            "reduced_motion": "reduce" if self.still else "no-preference",
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
        }


LIGHT: Final = Look("light")
DARK: Final = Look("dark", "dark")
PHONE: Final = Look("phone", width=320, height=640)
PHONE_DARK: Final = replace(PHONE, name="phone-dark", scheme="dark")
STILL: Final = Look("still", still=True)
LOOKS: Final = (LIGHT, DARK, PHONE, PHONE_DARK)
"""The looks of every page."""
