"""Reads a prepared data set: npy files below a folder that is mounted read-only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from greenbench.api import DataSet
from greenbench.errors import DataError
from greenbench_data.parts import Array, Labelled, Part, kept

CLASSES: Final = 10
"""Of both published image sets."""


class Prepared:
    """The files of one prepared data set; they are mapped, so that a share of one costs a share."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name = name
        self.folder = folder / name if folder is not None else None
        if self.folder is None or not self.folder.is_dir():
            raise DataError(
                f"data set {name} is not prepared here",
                f"Prepare it once: `greenbench data fetch {name}` downloads it, "
                f"`greenbench data fetch {name} --from FOLDER` takes files that you have.",
            )

    def array(self, file: str) -> Array:
        """The array in `file`.npy, mapped. Never an object array: those would run code."""
        assert self.folder is not None
        path = self.folder / f"{file}.npy"
        try:
            found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(
                f"data set {self.name}: {path} can't be read: {error}",
                f"Check it: `greenbench data verify {self.name}`.",
            ) from error
        return found


def images(
    data_set: DataSet,
    folder: Path | None,
    share: float,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Labelled:
    """Labelled images in the published two parts: what validates is what tests, as in the published
    trainings. Images stay mapped (a trainer takes its own copy), labels are read."""
    files = Prepared(data_set.name, folder)
    labels, judged = (np.array(files.array(f"{part}_labels")) for part in ("train", "test"))
    count = kept(len(labels), share)
    test = Part(files.array("test_images"), judged)
    return Labelled(
        name=data_set.name,
        label=data_set.label,
        synthetic=False,
        classes=CLASSES,
        train=Part(files.array("train_images")[:count], labels[:count]),
        validation=test,
        test=test,
        total=len(labels),
        mean=mean,
        std=std,
    )
