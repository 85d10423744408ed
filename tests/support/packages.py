"""FHIR packages made in memory, good and bad."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Any

import orjson

MANIFEST: dict[str, Any] = {
    "name": "example.fhir.orders",
    "version": "1.0.0",
    "fhirVersions": ["4.0.1"],
    "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
}


def a_package(
    *resources: Mapping[str, Any],
    manifest: Mapping[str, Any] | None = MANIFEST,
    files: Mapping[str, bytes] | None = None,
    entries: tuple[tarfile.TarInfo, ...] = (),
) -> bytes:
    """Return a package of resources, further files and raw entries."""
    found = {} if manifest is None else {"package/package.json": orjson.dumps(manifest)}
    for number, resource in enumerate(resources):
        name = f"package/{resource.get('resourceType')}-{number}.json"
        found[name] = orjson.dumps(resource)
    return packed({**found, **(files or {})}, entries)


def packed(files: Mapping[str, bytes], entries: tuple[tarfile.TarInfo, ...] = ()) -> bytes:
    """Return a gzipped tar file."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry)
    return gzip.compress(written.getvalue(), 1, mtime=0)


def an_entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Return an empty entry of any kind."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry
