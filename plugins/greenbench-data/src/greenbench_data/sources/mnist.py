"""MNIST from its four IDX files."""

from __future__ import annotations

import gzip
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from greenbench.errors import DataError
from greenbench_data.parts import Array
from greenbench_data.sources.files import Published, both_ways, check, download, save

MIRROR: Final = "https://ossci-datasets.s3.amazonaws.com/mnist/"
"""Addresses and MD5 as in torchvision (pytorch/vision, torchvision/datasets/mnist.py)."""

FILES: Final = {
    "train_images": ("train-images-idx3-ubyte", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    "train_labels": ("train-labels-idx1-ubyte", "d53e105ee54ea40749a09fcbcd1e9432"),
    "test_images": ("t10k-images-idx3-ubyte", "9fb629c4189551a2d022fa330f9573f3"),
    "test_labels": ("t10k-labels-idx1-ubyte", "ec29112dd5afa0611ce80d1b7f02629c"),
}
"""By array: the file's name without .gz, and the MD5 of the compressed file."""

SIZES: Final = {"train": 60_000, "test": 10_000}
UNSIGNED_BYTES: Final = 0x08
"""The type code of IDX files (Y. LeCun, mnist/)."""


class Mnist:
    """The `DataSource` of `mnist`."""

    def prepare(self, folder: Path, files: Path | None, say: Callable[[str], None]) -> str:
        """Checks and unpacks; the user's folder may hold the files compressed or not."""
        published = {
            array: Published(f"{name}.gz", (f"{MIRROR}{name}.gz",), md5)
            for array, (name, md5) in FILES.items()
        }
        remedy = both_ways(
            "mnist", [*published.values()], "those four files, compressed or not, at any depth"
        )
        with tempfile.TemporaryDirectory(dir=folder, prefix=".raw-") as raw:
            for array, file in published.items():
                if files is None:
                    path = download(file, Path(raw), say, remedy)
                else:
                    path = _found(files, file, remedy)
                    say(f"reading {path}")
                save(folder, array, _checked(array, path))
        return MIRROR if files is None else str(files)


def _found(files: Path, file: Published, remedy: str) -> Path:
    """The file below the user's folder; a compressed one is checked against its published MD5."""
    for name in (file.name, file.name.removesuffix(".gz")):
        found = next(iter(sorted(files.rglob(name))), None)
        if found is not None:
            if found.suffix == ".gz":
                check(found, file.md5)
            return found
    raise DataError(f"{files} has neither {file.name} nor its unpacked form", remedy)


def _checked(array: str, path: Path) -> Array:
    """The array, if it has the published form: images 28×28, labels 0 to 9, as many as known."""
    content = path.read_bytes()
    try:
        found = read_idx(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} is not an IDX file of bytes: {error}") from error
    part, kind = array.split("_")
    expected = (SIZES[part], 28, 28) if kind == "images" else (SIZES[part],)
    if found.shape != expected or (kind == "labels" and found.max(initial=0) > 9):
        raise DataError(f"{path} holds {found.shape}, not {expected} as MNIST does")
    return found[..., np.newaxis] if kind == "images" else found.astype(np.int64)


def read_idx(content: bytes) -> Array:
    """An IDX file of unsigned bytes: two zeros, the type, the number of dimensions, each
    dimension as a big-endian 32-bit number, then the values. Raises ValueError."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTES:
        raise ValueError("it does not begin as one")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError("it ends within its header")
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], ">u4"))
    if len(content) - start != math.prod(shape):
        raise ValueError(f"it holds {len(content) - start} values for a shape of {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
