"""``fhir-hub topics publish``: topics under the base of another publisher."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from hub.cli.exits import CommandError, Exit
from hub.cli.terminal import Terminal
from hub.cli.topic_file import TOPIC_FILE
from hub.cli.truth_table import CASES_FILE
from hub.codecs.definitions import LoadedTopic
from hub.core.canonical import is_absolute
from hub.core.release import Json, Resource

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def publish(
    terminal: Terminal,
    topics: Sequence[LoadedTopic],
    base: str | None,
    into: str | None,
    publisher: str | None,
) -> int:
    """Write each topic, with its truth table, as ``INTO/NAME`` with a url below ``base``.

    What a topic is derived from moves along if it is among them.  Nothing is overwritten.
    """
    if base is None or into is None:
        raise CommandError(Exit.USAGE, "write `topics publish [NAME ...] --base URL --into DIR`")
    root = _root(base)
    names = {each.topic.url: _name(each.topic.url) for each in topics}
    moved = {url: root + name for url, name in names.items()}
    if len(set(moved.values())) < len(topics):
        raise CommandError(Exit.USAGE, "two topics have the same name; publish them apart")
    folders = {url: Path(into) / name for url, name in names.items()}
    for folder in folders.values():
        if folder.exists():
            raise CommandError(Exit.FAILED, f"{folder} is there already")
    for each in topics:
        folder = folders[each.topic.url]
        folder.mkdir(parents=True)
        source = _moved(each.topic.source, moved, publisher)
        text = json.dumps(source, indent=2, ensure_ascii=False)
        (folder / TOPIC_FILE).write_text(text + "\n", encoding="utf-8")
        cases = Path(each.where).with_name(CASES_FILE)
        if Path(each.where).name == TOPIC_FILE and cases.is_file():
            (folder / CASES_FILE).write_bytes(cases.read_bytes())
        terminal.line(f"{folder}  {moved[each.topic.url]}")
    terminal.talk(f"now: fhir-hub topics test {into}, fhir-hub serve --topics {into}", "dim")
    return Exit.OK


def _name(url: str) -> str:
    name = url.rpartition("/")[2]
    if not _NAME.fullmatch(name):
        raise CommandError(Exit.FAILED, f"{url!r} ends with no name that a folder can have")
    return name


def _root(base: str) -> str:
    parts = urlsplit(base)
    if not is_absolute(base) or parts.query or parts.fragment or any(map(str.isspace, base)):
        raise CommandError(Exit.USAGE, f"--base takes an absolute URL, not {base!r}")
    if parts.scheme in ("http", "https") and not parts.netloc:
        raise CommandError(Exit.USAGE, f"--base names no host: {base!r}")
    return base.rstrip("/") + "/SubscriptionTopic/"


def _moved(source: Resource, moved: Mapping[str, str], publisher: str | None) -> Resource:
    named = {} if publisher is None else {"publisher": publisher}
    topic = source | {"url": moved[str(source["url"])]} | named
    derived = source.get("derivedFrom")
    if isinstance(derived, list):
        topic["derivedFrom"] = [_canonical(each, moved) for each in derived]
    return topic


def _canonical(canonical: Json, moved: Mapping[str, str]) -> Json:
    url, bar, version = str(canonical).partition("|")
    return f"{moved.get(url, url)}{bar}{version}"
