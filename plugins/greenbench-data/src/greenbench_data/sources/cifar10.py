"""CIFAR-10 from its Python version: six pickles, read without running what they might name."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from greenbench.errors import DataError
from greenbench_data.parts import Array
from greenbench_data.sources.files import Published, both_ways, check, download, save

ARCHIVE: Final = Published(
    "cifar-10-python.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    "c58f30108f718f92721af3b95e74349a",
)
"""Address and MD5 as in torchvision (pytorch/vision, torchvision/datasets/cifar.py)."""

BATCHES: Final = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""MD5 by file in the archive (as above)."""

BATCH_IMAGES: Final = 10_000
FOLDER: Final = "cifar-10-batches-py"

RECONSTRUCT: Final = np.empty(0).__reduce__()[0]
"""The function by which pickles begin an array; NumPy moved it."""

ALLOWED: Final[Mapping[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): RECONSTRUCT,
}
"""All that these pickles need: dictionaries, lists and bytes come without a name."""


class Cifar10:
    """The `DataSource` of `cifar10`."""

    def prepare(self, folder: Path, files: Path | None, say: Callable[[str], None]) -> str:
        """Checks each file's MD5, then writes images as count × rows × columns × channels."""
        remedy = both_ways("cifar10", [ARCHIVE], f"that archive, or {FOLDER} unpacked from it")
        with tempfile.TemporaryDirectory(dir=folder, prefix=".raw-") as raw:
            if files is None:
                batches = _unpacked(download(ARCHIVE, Path(raw), say, remedy), Path(raw))
            else:
                batches = _found(files, Path(raw), remedy)
            read = {}
            for name, md5 in BATCHES.items():
                say(f"reading {name}")
                check(batches / name, md5)
                read[name] = _batch(batches / name)
            training = [read[name] for name in BATCHES if name != "test_batch"]
            for part, parts in (("train", training), ("test", [read["test_batch"]])):
                save(folder, f"{part}_images", np.concatenate([images for images, _ in parts]))
                save(folder, f"{part}_labels", np.concatenate([labels for _, labels in parts]))
        return ARCHIVE.urls[0] if files is None else str(files)


def _found(files: Path, raw: Path, remedy: str) -> Path:
    """The folder with the batches: the user's, or unpacked from the user's archive."""
    if files.is_file():
        return _unpacked(files, raw)
    batch = next(iter(sorted(files.rglob("data_batch_1"))), None)
    if batch is not None:
        missing = [name for name in BATCHES if not (batch.parent / name).is_file()]
        if missing:
            raise DataError(f"{batch.parent} lacks {', '.join(missing)}", remedy)
        return batch.parent
    archive = next(iter(sorted(files.rglob(ARCHIVE.name))), None)
    if archive is None:
        raise DataError(f"{files} has neither {ARCHIVE.name} nor {FOLDER}", remedy)
    return _unpacked(archive, raw)


def _unpacked(archive: Path, raw: Path) -> Path:
    """The six batches alone, by their names: nothing in an archive decides where it goes."""
    check(archive, ARCHIVE.md5)
    try:
        with tarfile.open(archive) as tar:
            for name in BATCHES:
                member = tar.extractfile(f"{FOLDER}/{name}")
                if member is None:
                    raise DataError(f"{archive}: {FOLDER}/{name} is no file")
                (raw / name).write_bytes(member.read())
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, KeyError, EOFError) as error:
        raise DataError(f"{archive} can't be unpacked: {error}") from error
    return raw


def _batch(path: Path) -> tuple[Array, Array]:
    try:
        said = load_pickle(path.read_bytes())
        images = np.asarray(said[b"data"], np.uint8).reshape(BATCH_IMAGES, 3, 32, 32)
        labels = np.asarray(said[b"labels"], np.int64).reshape(BATCH_IMAGES)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a batch of CIFAR-10: {error}") from error
    return images.transpose(0, 2, 3, 1), labels


class _ArraysOnly(pickle.Unpickler):
    """A pickle may name any function to call; here, only what builds an array."""

    def find_class(self, module: str, name: str) -> Any:
        found = ALLOWED.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")
        return found


def load_pickle(content: bytes) -> Any:
    """Unpickles dictionaries, lists, bytes, numbers and arrays; anything else is refused with
    UnpicklingError. The files were written by Python 2: their keys are bytes."""
    return _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
