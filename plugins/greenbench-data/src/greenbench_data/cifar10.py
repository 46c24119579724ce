"""CIFAR-10 as it was prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from greenbench_data import catalog, prepared
from greenbench_data.parts import Labelled

SIDE: Final = 32
MEAN: Final = (0.4914, 0.4822, 0.4465)
STD: Final = (0.2470, 0.2435, 0.2616)
"""Per channel over the training images."""


def load(folder: Path | None, share: float) -> Labelled:
    """Its published two parts."""
    return prepared.images(catalog.CIFAR10, folder, share, mean=MEAN, std=STD)
