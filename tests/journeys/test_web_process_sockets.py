"""Websockets of a hub whose requests another process takes in: they hold as ever."""

from __future__ import annotations

from tests.journeys.test_websocket import *  # noqa: F403  # the same again, with these settings

SETTINGS = {"processes": 2}
