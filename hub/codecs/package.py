"""FHIR packages (``.tgz`` of implementation guides), unpacked in memory within limits.

Nothing is written to disk.  What stands in ``package/*.json`` is read; other folders, such as
``package/example``, are left alone.
Source: http://hl7.org/fhir/packages.html; https://confluence.hl7.org/display/FHIR/NPM+Package+Specification.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hub.core.json_text import parse
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import MalformedJson

MAX_UNPACKED: Final = 64 * 1024**2
"""Most bytes that a package may unpack to; the packed file may not be larger either."""

MAX_ENTRIES: Final = 20_000
MAX_RATIO: Final = 200
"""How many times its packed size a package may unpack to, beyond ``_FREE``."""

_FREE: Final = 1024**2
_MANIFEST: Final = "package/package.json"
_TYPE: Final = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]{1,64})"')
_BROKEN = (tarfile.TarError, zlib.error, OSError, EOFError, RecursionError, ValueError)


class PackageError(Exception):
    """Why a package can't be used; one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What a package says of itself, and its files.

    ``releases`` are those of its ``fhirVersions`` that the hub has; ``dependencies`` maps names of
    packages to versions.
    """

    name: str
    version: str
    releases: tuple[FhirRelease, ...]
    dependencies: Mapping[str, str]
    files: Mapping[str, bytes] = field(repr=False)

    def resources(self, wanted: frozenset[str]) -> Iterator[tuple[str, Resource | MalformedJson]]:
        """Yield (file name, resource, or why it can't be read) for resources of ``wanted`` types.

        In the order of the names, so that a package means the same however it was packed.
        """
        for name in sorted(self.files):
            types = {found.decode() for found in _TYPE.findall(self.files[name])}
            if not types & wanted:
                continue
            try:
                resource = parse(self.files[name]).value
            except MalformedJson as error:
                yield name, error
                continue
            if resource.get("resourceType") in wanted:
                yield name, resource


def read_package(data: bytes) -> Package:
    """Unpack and check a package.

    Raises:
        PackageError: it is no package, is for none of the hub's releases, has links, devices or
            paths that lead out of it, or unpacks to more than is accepted.
    """
    if len(data) > MAX_UNPACKED:
        raise PackageError(f"larger than {MAX_UNPACKED // 1024**2} MiB")
    files = _unpacked(data)
    manifest = files.pop(_MANIFEST, None)
    if manifest is None:
        raise PackageError(f"no FHIR package: it has no {_MANIFEST}")
    try:
        stated = parse(manifest).value
    except MalformedJson as error:
        raise PackageError(f"{_MANIFEST}: {error.diagnostics}") from None
    name, version = (_text(stated, each) for each in ("name", "version"))
    return Package(
        name=name,
        version=version,
        releases=_releases(f"{name}#{version}", stated),
        dependencies=_dependencies(stated),
        files={path.rpartition("/")[2]: content for path, content in files.items()},
    )


class _Bounded(io.RawIOBase):
    """Unpacks as it is read, and stops when it becomes too much."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._source = gzip.GzipFile(fileobj=io.BytesIO(data))
        self._limit = min(MAX_UNPACKED, _FREE + MAX_RATIO * len(data))
        self._read = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = self._limit - self._read
        wanted = left + 1 if size < 0 else min(size, left + 1)
        found = self._source.read(wanted)
        self._read += len(found)
        if self._read > self._limit:
            raise PackageError(f"unpacks to more than {self._limit // 1024**2} MiB")
        return found


def _unpacked(data: bytes) -> dict[str, bytes]:
    """Return the files of ``package/*.json`` by their paths."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_Bounded(data), mode="r|") as archive:
            for number, entry in enumerate(archive):
                if number >= MAX_ENTRIES:
                    raise PackageError(f"more than {MAX_ENTRIES} entries")
                path = _checked_path(entry)
                folder, slash, name = path.rpartition("/")
                if not entry.isreg() or folder + slash != "package/" or name.startswith("."):
                    continue
                if name.endswith(".json"):
                    if path in files:
                        raise PackageError(f"{path} is there twice")
                    content = archive.extractfile(entry)
                    files[path] = content.read() if content is not None else b""
    except _BROKEN as error:
        raise PackageError(f"no gzipped tar file: {str(error)[:100]}") from None
    return files


def _checked_path(entry: tarfile.TarInfo) -> str:
    shown = repr(entry.name[:100])
    if not (entry.isreg() or entry.isdir()) or entry.issparse():
        raise PackageError(f"{shown} is a link or device; a package has only files and folders")
    path = entry.name.removeprefix("./")
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or "\\" in path or ":" in parts[0]:
        raise PackageError(f"{shown} leads out of the package")
    return path


def _text(manifest: Resource, name: str) -> str:
    value = manifest.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise PackageError(f"{_MANIFEST}: {name} is missing")
    return value


def _releases(named: str, manifest: Resource) -> tuple[FhirRelease, ...]:
    stated: Json = manifest.get("fhirVersions", manifest.get("fhir-version-list"))
    listed = stated if isinstance(stated, list) else ()
    versions = [each for each in listed if isinstance(each, str)]
    if not versions:
        raise PackageError(f"{_MANIFEST}: fhirVersions is missing")
    found = tuple(
        release
        for release in FhirRelease
        if any(
            each == release.version or each.startswith(f"{release.version}.") for each in versions
        )
    )
    if not found:
        known = ", ".join(f"{each} ({each.full_version})" for each in FhirRelease)
        raise PackageError(f"{named} is for FHIR {', '.join(versions)[:100]}; the hub has {known}")
    return found


def _dependencies(manifest: Resource) -> dict[str, str]:
    stated = manifest.get("dependencies")
    pairs = stated.items() if isinstance(stated, dict) else ()
    return {name: version for name, version in pairs if isinstance(version, str)}
