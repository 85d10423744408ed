"""What an address below a base URL names."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """A resource type, perhaps one resource, perhaps one version of it or an operation on it.

    What the address does not name is empty, a version 0.
    """

    resource_type: str = ""
    id: str = ""
    version: int = 0
    operation: str = ""
