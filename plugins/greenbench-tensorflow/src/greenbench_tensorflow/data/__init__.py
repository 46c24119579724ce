"""Data sets: one module each, with a `load` that returns its three parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Part:
    """Images (count × rows × columns, float32 in [0, 1]) and their classes (int64)."""

    images: NDArray[Any]
    labels: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What trains, what validates during the training, and what is held out until its end."""

    train: Part
    validation: Part
    test: Part
