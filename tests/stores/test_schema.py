"""The SQL that a hub reads is that of the tables as they are defined."""

from __future__ import annotations

from importlib.resources import files

from hub.stores.schema import script


def test_the_sql_is_that_of_the_tables() -> None:
    held = files("hub.stores").joinpath("schema.sql").read_text(encoding="utf-8")
    assert held == script(), "the tables were changed: run scripts/make-schema"
