"""Values of which many are made: as cheap as can be, and never changed once made.

A frozen dataclass takes three times as long to make as one that is not, for a check that the type
checker has made before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen, **how):
        """Make a class a dataclass that is hashed and compared as a frozen one is."""
        return dataclass(unsafe_hash=frozen, **how)


__all__ = ["value"]
