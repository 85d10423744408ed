"""What a hub knows when it starts."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from hub.codecs.definitions import read_definitions
from hub.loading import computable_topics
from hub.settings import SettingsError
from hub.stores.memory import MemoryStore
from tests.support.packages import a_package
from tests.support.search_tables import PARAMETERS
from tests.support.topics import topic_json

UNNAMED = {name: value for name, value in topic_json({}).items() if name != "id"}


def test_a_topic_needs_an_id(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened = MemoryStore().open()
    guide, file = tmp_path / "guide.tgz", tmp_path / "topic.json"
    guide.write_bytes(a_package(UNNAMED))
    with caplog.at_level(logging.WARNING, "hub.loading"):
        assert computable_topics(read_definitions([guide]), PARAMETERS, opened) == {}
    (line,) = [record.message for record in caplog.records]
    assert "SubscriptionTopic-0.json: a topic needs an id" in line
    file.write_text(json.dumps(UNNAMED))
    with pytest.raises(SettingsError, match="a topic needs an id"):
        computable_topics(read_definitions([file]), PARAMETERS, opened)
