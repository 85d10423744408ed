"""Writing where deliveries stand, and the ring of attempts.

Nearly every row is of a delivery that works, over a connection that was there: then most columns
are NULL, and leaving them out costs a third of binding them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import groupby

from hub.core.subscriber import Attempt, Subscriber
from hub.stores.encoding import encode_ranges, encode_resend, micros, optional_micros
from hub.stores.placeholders import insert_rows

_TRIMMED_AT_ONCE = 5_000
_DELIVERY = (
    "INSERT OR REPLACE INTO delivery"
    "(sid, cursor, failures, failing_since, due, retry_to, last_sent, resend, asking_since, lost) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CALM_DELIVERY = (
    "INSERT OR REPLACE INTO delivery(sid, cursor, failures, last_sent) VALUES (?, ?, ?, ?)"
)
_ERROR = (
    "UPDATE subscription SET error = ?, error_code = ?"
    " WHERE sid = ? AND (error IS NOT ? OR error_code IS NOT ?)"
)
_ATTEMPT_AGAIN = (
    "attempt(sid, at, kind, first, last, outcome, status, address, wait, total, reason)"
)
_ATTEMPT = _ATTEMPT_AGAIN.replace(")", ", dns, connect, tls)")
_TRIM = (
    "DELETE FROM attempt WHERE id IN (SELECT id FROM attempt "
    "WHERE id <= (SELECT max(id) FROM attempt) - ? ORDER BY id LIMIT ?)"
)


class DeliveryWriter:
    """Writes deliveries and attempts through the one connection that writes.

    Args:
        attempts_kept: how many attempts the ring holds; it is trimmed when it has 1 in 100 more.
        erring: the Subscriptions that may be stored with an error.
    """

    def __init__(self, db: sqlite3.Connection, attempts_kept: int, erring: Iterable[int]) -> None:
        self._db = db
        self._attempts_kept = attempts_kept
        self._most_untrimmed = attempts_kept // 100
        self._untrimmed = self._most_untrimmed
        # None ever leaves: what was taken out for a commit that fails would be missing.
        self._erring = set(erring)

    def write(self, subscribers: Sequence[Subscriber]) -> None:
        """Write the delivery states."""
        for calm, some in groupby(subscribers, _is_calm):
            if calm:
                self._db.executemany(_CALM_DELIVERY, map(_calm_row, some))
            else:
                self._db.executemany(_DELIVERY, map(_delivery_row, some))

    def write_errors(self, subscribers: Iterable[Subscriber]) -> None:
        """Write what is wrong with the deliveries, of those where that can have changed."""
        self.note_errors(subscribers)
        rows = [_error_row(each) for each in subscribers if each.sid in self._erring]
        if rows:
            self._db.executemany(_ERROR, rows)

    def note_errors(self, subscribers: Iterable[Subscriber]) -> None:
        """Remember which of these have an error, so that it is taken away when it is over."""
        for subscriber in subscribers:
            if subscriber.error is not None or subscriber.error_code is not None:
                self._erring.add(subscriber.sid)

    def write_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Add to the ring."""
        if not attempts:
            return
        for again, some in groupby(attempts, _is_again):
            if again:
                insert_rows(self._db, _ATTEMPT_AGAIN, list(map(_attempt_row, some)))
            else:
                insert_rows(self._db, _ATTEMPT, list(map(_whole_attempt_row, some)))
        self._untrimmed += len(attempts)
        if self._untrimmed > self._most_untrimmed:
            self._db.execute(_TRIM, (self._attempts_kept, _TRIMMED_AT_ONCE + len(attempts)))
            self._untrimmed = 0


def _is_calm(subscriber: Subscriber) -> bool:
    """Tell whether nothing is known but how far the delivery is."""
    state = subscriber.delivery
    return (
        state.last_sent is not None
        and state.failing_since is None
        and state.due is None
        and state.retry_to is None
        and state.asking_since is None
        and not state.resend
        and not state.lost
    )


def _calm_row(subscriber: Subscriber) -> tuple[object, ...]:
    state = subscriber.delivery
    return subscriber.sid, state.cursor, state.failures, optional_micros(state.last_sent)


def _delivery_row(subscriber: Subscriber) -> tuple[object, ...]:
    state = subscriber.delivery
    return (
        subscriber.sid,
        state.cursor,
        state.failures,
        optional_micros(state.failing_since),
        optional_micros(state.due),
        state.retry_to,
        optional_micros(state.last_sent),
        encode_resend(state.resend, state.asked),
        optional_micros(state.asking_since),
        encode_ranges(state.lost),
    )


def _error_row(subscriber: Subscriber) -> tuple[object, ...]:
    error, code = subscriber.error, subscriber.error_code
    return error, code, subscriber.sid, error, code


def _is_again(attempt: Attempt) -> bool:
    """Tell whether it went over a connection that was there already."""
    timing = attempt.timing
    return timing.dns is None and timing.connect is None and timing.tls is None


def _attempt_row(attempt: Attempt) -> tuple[object, ...]:
    timing = attempt.timing
    return (
        attempt.sid,
        micros(attempt.at),
        # sqlite3 takes an exact str at once, and looks for a conversion of everything else.
        str(attempt.kind),
        attempt.first,
        attempt.last,
        str(attempt.outcome),
        attempt.status,
        timing.address,
        timing.wait,
        timing.total,
        attempt.reason,
    )


def _whole_attempt_row(attempt: Attempt) -> tuple[object, ...]:
    timing = attempt.timing
    return (*_attempt_row(attempt), timing.dns, timing.connect, timing.tls)
