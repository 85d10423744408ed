"""One process has the database: a locked file beside it.

The lock belongs to the open file, so the system gives it back however the process ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hub.errors import Unavailable


class ProcessLock:
    """Holds the database ``db`` until ``release``; the file names the process that has it.

    Raises:
        Unavailable: another process has it, or this one has it already.
    """

    def __init__(self, db: Path) -> None:
        path = _lock_of(db)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._handle, 20).decode(errors="replace").strip() or "unknown"
            os.close(self._handle)
            raise Unavailable(
                f"process {holder} has the database ({path.name} is locked); stop it first"
            ) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back.  The file stays: removing it would let two processes lock."""
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


def was_killed(db: Path) -> bool:
    """Tell whether the process that had the database ended without giving it back."""
    try:
        handle = os.open(_lock_of(db), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return os.read(handle, 1) != b""
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def _lock_of(db: Path) -> Path:
    return db.with_name(db.name + ".lock")
