"""SQL that looks up several values at once, in few different texts: each is prepared once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_MOST = 64


def in_parts(sql: str, values: Sequence[T]) -> Iterator[tuple[str, list[T]]]:
    """Yield ``sql``, which ends in ``IN``, with its list, and the arguments in that list.

    A part is filled up to a power of two by its last value once more.
    """
    for start in range(0, len(values), _MOST):
        part = list(values[start : start + _MOST])
        size = 1 << (len(part) - 1).bit_length()
        part += part[-1:] * (size - len(part))
        yield f"{sql} (?{',?' * (size - 1)})", part
