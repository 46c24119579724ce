"""Market-1501 from its folders of JPEG files, named by person and camera."""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from greenbench.errors import DataError
from greenbench_data.parts import Array
from greenbench_data.sources.files import Published, both_ways, check, download, save

ARCHIVE: Final = Published(
    "Market-1501-v15.09.15.zip",
    ("http://188.138.127.15:81/Datasets/Market-1501-v15.09.15.zip",),
    "65005ab7d12ec1c44de4eeafe813e68a",
)
"""The address as in torchreid (KaiyangZhou/deep-person-reid, data/datasets/image/market1501.py),
the MD5 as in open-reid (Cysu/open-reid, reid/datasets/market1501.py)."""

FOLDERS: Final = {
    "train": "bounding_box_train",
    "query": "query",
    "gallery": "bounding_box_test",
}
PERSONS: Final = {"train": 751, "query": 750}
"""How many persons each part shows (Zheng et al., Scalable Person Re-identification, ICCV 2015)."""

NAME: Final = re.compile(r"(-?\d+)_c(\d)s\d+_\d+_\d+\.jpg")
"""`0002_c1s1_000451_03.jpg`: person 2, camera 1, sequence 1, frame 451, detection 3."""
JUNK: Final = -1
"""A bad detection: the published evaluation ignores it. 0 is a distractor, and stays."""
ROWS: Final = 128
COLUMNS: Final = 64


@dataclass(frozen=True, slots=True)
class Named:
    """A photograph's file and what its name says. Cameras count from 0 here."""

    path: Path
    person: int
    camera: int


class Market1501:
    """The `DataSource` of `market1501`."""

    def prepare(self, folder: Path, files: Path | None, say: Callable[[str], None]) -> str:
        """Decodes every photograph once; junk detections are left out."""
        if find_spec("PIL") is None:
            raise DataError(
                "market1501 is JPEG files, and Pillow, which decodes them, is not installed",
                'Install it: `pip install "greenbench-data[market1501]"`.',
            )
        remedy = both_ways(
            "market1501", [ARCHIVE], f"that archive, or {', '.join(FOLDERS.values())}"
        )
        with tempfile.TemporaryDirectory(dir=folder, prefix=".raw-") as raw:
            if files is None:
                root = _unpacked(download(ARCHIVE, Path(raw), say, remedy), Path(raw))
            else:
                root = _found(files, Path(raw), remedy)
            for part, name in FOLDERS.items():
                photographs = named(root / name)
                say(f"decoding {len(photographs)} photographs of {name}")
                _check_persons(part, photographs, root / name)
                _save(folder, part, photographs)
        return ARCHIVE.urls[0] if files is None else str(files)


def named(folder: Path) -> list[Named]:
    """The photographs in a folder, in the order of their names. Raises DataError for a name that
    does not say who and where."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        match = NAME.fullmatch(path.name)
        if match is None:
            raise DataError(
                f"{path} is not named as Market-1501 names its files (0002_c1s1_000451_03.jpg)"
            )
        person, camera = int(match[1]), int(match[2]) - 1
        if person != JUNK:
            found.append(Named(path, person, camera))
    return found


def _check_persons(part: str, photographs: list[Named], folder: Path) -> None:
    found = len({photograph.person for photograph in photographs})
    expected = PERSONS.get(part)
    if expected is not None and found != expected:
        raise DataError(f"{folder} shows {found} persons, not {expected} as Market-1501 does")


def _save(folder: Path, part: str, photographs: list[Named]) -> None:
    images = np.empty((len(photographs), ROWS, COLUMNS, 3), np.uint8)
    for image, photograph in zip(images, photographs, strict=True):
        image[...] = _decoded(photograph.path)
    save(folder, f"{part}_images", images)
    for what in ("person", "camera"):
        values = np.array([getattr(photograph, what) for photograph in photographs], np.int64)
        save(folder, f"{part}_{'identities' if what == 'person' else 'cameras'}", values)


def _decoded(path: Path) -> Array:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("JPEG",)) as image:
            pixels = np.asarray(image.convert("RGB"), np.uint8)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise DataError(f"{path} can't be decoded: {error}") from error
    if pixels.shape != (ROWS, COLUMNS, 3):
        raise DataError(f"{path} has {pixels.shape[0]}×{pixels.shape[1]} pixels, not 128×64")
    return pixels


def _found(files: Path, raw: Path, remedy: str) -> Path:
    if files.is_file():
        return _unpacked(files, raw)
    train = next(iter(sorted(files.rglob(FOLDERS["train"]))), None)
    if train is not None:
        missing = [name for name in FOLDERS.values() if not (train.parent / name).is_dir()]
        if missing:
            raise DataError(f"{train.parent} lacks {', '.join(missing)}", remedy)
        return train.parent
    archive = next(iter(sorted(files.rglob(ARCHIVE.name))), None)
    if archive is None:
        raise DataError(
            f"{files} has neither {ARCHIVE.name} nor {', '.join(FOLDERS.values())}", remedy
        )
    return _unpacked(archive, raw)


def _unpacked(archive: Path, raw: Path) -> Path:
    """The photographs of the three folders, by folder and name: nothing in an archive decides
    where it goes."""
    check(archive, ARCHIVE.md5)
    try:
        with zipfile.ZipFile(archive) as packed:
            for name, folder, file in _members(packed.namelist()):
                (raw / folder).mkdir(exist_ok=True)
                (raw / folder / file).write_bytes(packed.read(name))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{archive} can't be unpacked: {error}") from error
    return raw


def _members(names: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    for name in names:
        path = PurePosixPath(name)
        if path.parent.name in FOLDERS.values() and path.suffix == ".jpg":
            yield name, path.parent.name, path.name
