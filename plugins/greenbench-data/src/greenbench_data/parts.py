"""What a loader returns: arrays, what they mean, and how they are labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Inputs and their classes.

    `inputs`: images as uint8, count × rows × columns × channels; or texts as uint8, count ×
    length, with 0 behind their end. `labels`: int64, count, from 0.
    """

    inputs: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, share: float) -> Part:
        """The first `share` of it, at least one item."""
        count = kept(len(self), share)
        return Part(self.inputs[:count], self.labels[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A classification task.

    `validation` is looked at after every epoch and `test` at the end. Where the published
    training of a data set has no third part (MNIST, CIFAR-10), `validation` is `test`: nothing
    is chosen by it. `brightest` is the value of white; `mean` and `std` are the published
    constants per channel for images scaled to [0, 1] (empty: none are used).
    """

    name: str
    label: str
    synthetic: bool
    classes: int
    train: Part
    validation: Part
    test: Part
    total: int
    """Items of the whole training part, of which `train` holds a share."""
    brightest: int = 255
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Photos:
    """Photographs of persons: images (uint8, count × rows × columns × 3), identities and cameras
    (int64, count)."""

    images: Array
    identities: Array
    cameras: Array

    def __len__(self) -> int:
        return len(self.identities)

    def first(self, share: float) -> Photos:
        """The first `share` of it, at least one photograph."""
        count = kept(len(self), share)
        return Photos(self.images[:count], self.identities[:count], self.cameras[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reidentification:
    """Persons to learn from, and others to find again: each of `query` in `gallery`.

    Identities of `train` count from 0 to `persons` - 1, in mixed order. Those of `query` and
    `gallery` are others; 0 in the gallery is a distractor, which matches no query.
    """

    name: str
    label: str
    synthetic: bool
    persons: int
    train: Photos
    query: Photos
    gallery: Photos
    total: int
    """Photographs of the whole training part, of which `train` holds a share."""
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    """ImageNet's, as published re-identification trainings use them."""
    std: tuple[float, ...] = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Running text: each part one stream of tokens (uint8) in [0, `vocabulary`)."""

    name: str
    label: str
    synthetic: bool
    vocabulary: int
    train: Array
    validation: Array
    test: Array


def kept(total: int, share: float) -> int:
    """How many of `total` items the share in (0, 1] is: rounded, at least one."""
    if not 0 < share <= 1:
        raise ValueError(f"a share of the training data is in (0, 1], not {share!r}")
    return max(1, round(total * share))


def stratified(labels: Array, among: Array, count: int, random: np.random.Generator) -> Array:
    """`count` of the indices `among`, each class in its share: sorted by class, shuffled within
    it, taken at even steps."""
    order = among[np.lexsort((random.random(len(among)), labels[among]))]
    chosen: Array = order[(np.arange(count) * len(among)) // count]
    return chosen
