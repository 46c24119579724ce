"""The files of a data set as they are published: found in a folder or downloaded, and checked."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from greenbench.errors import DataError
from greenbench_data.parts import Array

CHUNK_BYTES: Final = 1 << 20
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Published:
    """A file as its publisher has it: where, and its MD5 (against a broken transfer or mirror)."""

    name: str
    urls: tuple[str, ...]
    md5: str


def both_ways(name: str, published: Sequence[Published], folder_holds: str) -> str:
    """The remedy: how to get the data set with a network and without."""
    where = ", ".join(file.urls[0] for file in published)
    return (
        f"With a network: `greenbench data fetch {name}`. Without: bring {where} here in any way, "
        f"and run `greenbench data fetch {name} --from FOLDER`; the folder holds {folder_holds}."
    )


def download(file: Published, folder: Path, say: Callable[[str], None], remedy: str) -> Path:
    """The file, from the first of its addresses that has it as published. Raises DataError."""
    failures = []
    target = folder / file.name
    for url in file.urls:
        say(f"downloading {url}")
        try:
            _copy(url, target)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            failures.append(f"{url}: {reason}")
            continue
        found = md5_of(target)
        if found == file.md5:
            return target
        failures.append(f"{url}: what came has MD5 {found}, not {file.md5}")
        target.unlink()
    raise DataError(f"{file.name} can't be downloaded: " + "; ".join(failures), remedy)


def check(path: Path, md5: str) -> None:
    """Raises DataError if the file is not what was published."""
    found = md5_of(path)
    if found != md5:
        raise DataError(
            f"{path} is not the published file: its MD5 is {found}, not {md5}",
            "Get it again; the copy is damaged or of another version.",
        )


def md5_of(path: Path) -> str:
    """The MD5 of a file, as publishers give it."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def save(folder: Path, name: str, array: Array) -> None:
    """Writes `name`.npy; never an object array. `np.save` would lose the reason of a failure (a
    full disk) on its way through C."""
    values = np.ascontiguousarray(array)
    assert not values.dtype.hasobject
    with (folder / f"{name}.npy").open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(values)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(values.data)


def _copy(url: str, target: Path) -> None:
    """An OSError of the network becomes a URLError; one of the disk stays what it is."""
    request = urllib.request.Request(url, headers={"User-Agent": "greenbench"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer, target.open("wb") as file:  # noqa: S310 (addresses are this module's callers' constants)
        while True:
            try:
                chunk = answer.read(CHUNK_BYTES)
            except OSError as error:
                raise urllib.error.URLError(error) from error
            if not chunk:
                return
            file.write(chunk)
