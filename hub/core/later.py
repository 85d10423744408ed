"""Values whose fields are worked out when they are first looked at.

A hub that starts has many whose fields nobody looks at for a long time, if ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar

T = TypeVar("T")

_new = object.__new__
_set = object.__setattr__


class Later:
    """The base of frozen dataclasses with slots that can be filled later.

    Nothing tells one that is filled later from any other: not its class, nor what it equals.
    """

    __slots__ = ("_source", "_work")

    @classmethod
    def later(cls, work: Callable[[T], Mapping[str, Any]], source: T, **known: Any) -> Self:
        """Return an instance of which only some fields are set.

        Args:
            work: returns all other fields; it is called when one of them is first looked at, on
                any thread, and then rarely more than once, and must not fail.
            source: what it is called with; kept until then.
            known: fields that are set at once.
        """
        made = _new(cls)
        _set(made, "_work", work)
        _set(made, "_source", source)
        for name, value in known.items():
            _set(made, name, value)
        return made

    if TYPE_CHECKING:
        # No __getattr__ here: it would allow every name.
        _source: Any
        _work: Callable[[Any], Mapping[str, Any]] | None
    else:

        def __getattr__(self, name: str) -> Any:
            """Fill in what is missing: this is called only for a slot in which nothing is."""
            if name not in self.__dataclass_fields__:
                raise AttributeError(name, name=name, obj=self)
            # In this order: another thread forgets them in the other one.
            source, work = self._source, self._work
            if work is not None:
                for field, value in work(source).items():
                    _set(self, field, value)
                _set(self, "_work", None)
                _set(self, "_source", None)
            return object.__getattribute__(self, name)
