"""MNIST as it was prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from greenbench_data import catalog, prepared
from greenbench_data.parts import Labelled

SIDE: Final = 28
MEAN: Final = (0.1307,)
STD: Final = (0.3081,)
"""Of the training images, as PyTorch's examples normalise them (pytorch/examples, mnist/main.py)."""


def load(folder: Path | None, share: float) -> Labelled:
    """Its published two parts."""
    return prepared.images(catalog.MNIST, folder, share, mean=MEAN, std=STD)
