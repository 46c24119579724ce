"""Prepared data sets: a cache of files with a manifest, made once, verified before it is used."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from greenbench.api import DataSet, DataSource, Provided
from greenbench.errors import DataError

VARIABLE: Final = "GREENBENCH_DATA"
"""Environment variable: the folder of prepared data sets."""
MANIFEST: Final = "manifest.json"
CHUNK_BYTES: Final = 1 << 20
NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


def cache_folder() -> Path:
    """Where prepared data sets lie: $GREENBENCH_DATA, or `greenbench/data` in the user's cache."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "greenbench" / "data"


def prepared_folder(data_set: DataSet) -> Path | None:
    """The folder of a prepared data set; None if it is not prepared."""
    folder = cache_folder() / data_set.name
    return folder if (folder / MANIFEST).is_file() else None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a prepared data set is: where it is from, and its files' sizes and SHA-256."""

    origin: str
    prepared_by: str
    files: Mapping[str, Mapping[str, Any]]

    @property
    def digest(self) -> str:
        """SHA-256 of all files' names and contents: what a record says of the data."""
        sums = {name: entry["sha256"] for name, entry in self.files.items()}
        return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(int(entry["bytes"]) for entry in self.files.values())


def prepare(
    offered: Provided[DataSet], files: Path | None, say: Callable[[str], None], *, again: bool
) -> Path:
    """Prepares a data set, from files that the user has or from the network, unless it is there.

    It appears in the cache whole or not at all. Raises DataError.
    """
    data_set = offered.value
    target = cache_folder() / data_set.name
    if not data_set.source:
        raise DataError(
            f"data set {data_set.name} comes with {offered.distribution}",
            "There is nothing to fetch: it can be used at once.",
        )
    if prepared_folder(data_set) and not again:
        verify(data_set)
        say(f"{data_set.name} is prepared already")
        return target
    with _space_for(target), _alone(target.parent):
        partial = target.parent / f".{data_set.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
        partial.mkdir()
        try:
            origin = _source(data_set).prepare(partial, files, say)
            _seal(partial, origin, f"{offered.distribution} {offered.version}")
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return target


def verify(data_set: DataSet) -> Manifest:
    """Compares every file with the manifest. Raises DataError that names those that differ."""
    folder = prepared_folder(data_set)
    again = f"`greenbench data fetch {data_set.name} --again` prepares it anew"
    if folder is None:
        raise DataError(
            f"data set {data_set.name} is not prepared (looked in {cache_folder()})",
            f"Prepare it once: `greenbench data fetch {data_set.name}` downloads it, "
            f"`greenbench data fetch {data_set.name} --from FOLDER` takes files that you have.",
        )
    manifest = read_manifest(data_set, folder)
    problems = [
        f"{folder / name} {problem}"
        for name, entry in sorted(manifest.files.items())
        if (problem := _difference(folder / name, entry))
    ]
    if problems:
        raise DataError(
            f"data set {data_set.name} is not what was prepared: " + "; ".join(problems),
            f"Look for what changed it (a failing disk?); {again}.",
        )
    return manifest


def read_manifest(data_set: DataSet, folder: Path) -> Manifest:
    """The manifest in `folder`. Raises DataError if it can't be read."""
    path = folder / MANIFEST
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(said["origin"], said["prepared_by"], said["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"data set {data_set.name}: its manifest {path} can't be read: {error}",
            f"`greenbench data fetch {data_set.name} --again` prepares it anew.",
        ) from error


def _source(data_set: DataSet) -> DataSource:
    module, _, name = data_set.source.partition(":")
    source: DataSource = getattr(import_module(module), name)()
    return source


def _seal(folder: Path, origin: str, prepared_by: str) -> None:
    """Writes the manifest and brings everything to the disk, readable by any container's user."""
    folder.chmod(0o755)
    files = {}
    for path in sorted(folder.iterdir()):
        path.chmod(0o644)
        files[path.name] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
    said = {"origin": origin, "prepared_by": prepared_by, "files": files}
    manifest = folder / MANIFEST
    manifest.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    manifest.chmod(0o644)
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _difference(path: Path, entry: Mapping[str, Any]) -> str | None:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return f"has {size} bytes, not {entry['bytes']}"
        return None if _sha256(path) == entry["sha256"] else "has other contents (SHA-256)"
    except OSError as error:
        return f"can't be read ({error.strerror})"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _space_for(target: Path) -> Iterator[None]:
    """Turns a disk that is full, or can't be written to, into an error that says what to do."""
    root = target.parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        full = error.errno in NO_SPACE
        what = "the disk is full" if full else str(error)
        raise DataError(
            f"data set {target.name} can't be prepared in {root}: {what}; nothing was kept",
            f"{'Free space there, or set' if full else 'Set'} {VARIABLE} to a folder on a disk "
            "that has room, and run the same command again.",
        ) from error


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One preparation at a time in this cache."""
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
