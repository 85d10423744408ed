"""Who has the database, and whether the one before ended in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import Unavailable
from hub.stores.process_lock import ProcessLock, was_killed


def test_only_who_did_not_give_the_lock_back_was_killed(tmp_path: Path) -> None:
    db = tmp_path / "hub.db"
    assert not was_killed(db)
    lock = ProcessLock(db)
    assert not was_killed(db), "it runs"
    with pytest.raises(Unavailable, match="has the database"):
        ProcessLock(db)
    lock.release()
    assert not was_killed(db)
    # What is left where the system gave the lock back.
    (tmp_path / "hub.db.lock").write_text("4711\n")
    assert was_killed(db)
    ProcessLock(db).release()
    assert not was_killed(db)
