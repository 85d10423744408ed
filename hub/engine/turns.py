"""Which lanes send now: a bounded number, and of those that fail no more than a part.

An endpoint that hangs keeps a turn for as long as its timeout.  However many of them there are,
the others must not wait for them.
"""

from __future__ import annotations

from collections import OrderedDict

MOST_AT_ONCE = 512
MOST_FAILING_AT_ONCE = 256


class Turns:
    """Gives turns to lanes, first come first served among those that fail, and those that do not.

    Args:
        most: how many lanes send at the same time.
        most_failing: how many of them may be lanes whose last try failed.
    """

    def __init__(
        self, *, most: int = MOST_AT_ONCE, most_failing: int = MOST_FAILING_AT_ONCE
    ) -> None:
        self._most = most
        self._most_failing = most_failing
        self._sending: dict[int, bool] = {}
        self._failing = 0
        self._waiting: dict[bool, OrderedDict[int, None]] = {
            False: OrderedDict(),
            True: OrderedDict(),
        }

    def __len__(self) -> int:
        """Return how many lanes have a turn or wait for one."""
        waiting = self._waiting
        return len(self._sending) + len(waiting[False]) + len(waiting[True])

    def __contains__(self, sid: object) -> bool:
        """Tell whether a lane has a turn."""
        return sid in self._sending

    def take(self, sid: int, *, fails: bool, called: bool = False) -> bool:
        """Give a lane that has none a turn, or let it wait for one; return whether it has it.

        Args:
            fails: whether its last try failed.
            called: whether ``call`` named it: it has waited already.
        """
        waiting = self._waiting[fails]
        if not self._is_free(fails=fails) or (waiting and not called):
            waiting[sid] = None
            return False
        self._sending[sid] = fails
        self._failing += fails
        return True

    def end(self, sid: int) -> None:
        """Take the turn of a lane back."""
        self._failing -= self._sending.pop(sid)

    def call(self) -> int | None:
        """Return the lane that has waited longest for a turn that is free now, None if none."""
        for fails, waiting in self._waiting.items():
            if waiting and self._is_free(fails=fails):
                sid, _ = waiting.popitem(last=False)
                return sid
        return None

    def _is_free(self, *, fails: bool) -> bool:
        return len(self._sending) < self._most and not (
            fails and self._failing >= self._most_failing
        )
