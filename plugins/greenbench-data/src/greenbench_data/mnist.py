"""MNIST as it was prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from greenbench_data import catalog
from greenbench_data.parts import Labelled, Part, kept
from greenbench_data.prepared import Prepared

SIDE: Final = 28
MEAN: Final = (0.1307,)
STD: Final = (0.3081,)
"""Of the training images, as PyTorch's examples normalise them (pytorch/examples, mnist/main.py)."""


def load(folder: Path | None, share: float) -> Labelled:
    """The published two parts; what validates is what tests, as in PyTorch's examples."""
    files = Prepared(catalog.MNIST.name, folder)
    images, labels = files.array("train_images"), files.array("train_labels")
    count = kept(len(labels), share)
    test = Part(files.array("test_images")[:], files.array("test_labels")[:])
    return Labelled(
        name=catalog.MNIST.name,
        label=catalog.MNIST.label,
        synthetic=False,
        classes=10,
        train=Part(images[:count], labels[:count]),
        validation=test,
        test=test,
        total=len(labels),
        mean=MEAN,
        std=STD,
    )
