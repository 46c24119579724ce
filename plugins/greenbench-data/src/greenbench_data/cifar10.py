"""CIFAR-10 as it was prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from greenbench_data import catalog
from greenbench_data.parts import Labelled, Part, kept
from greenbench_data.prepared import Prepared

SIDE: Final = 32
MEAN: Final = (0.4914, 0.4822, 0.4465)
STD: Final = (0.2470, 0.2435, 0.2616)
"""Per channel over the training images."""


def load(folder: Path | None, share: float) -> Labelled:
    """The published two parts; what validates is what tests."""
    files = Prepared(catalog.CIFAR10.name, folder)
    images, labels = files.array("train_images"), files.array("train_labels")
    count = kept(len(labels), share)
    test = Part(files.array("test_images")[:], files.array("test_labels")[:])
    return Labelled(
        name=catalog.CIFAR10.name,
        label=catalog.CIFAR10.label,
        synthetic=False,
        classes=10,
        train=Part(images[:count], labels[:count]),
        validation=test,
        test=test,
        total=len(labels),
        mean=MEAN,
        std=STD,
    )
