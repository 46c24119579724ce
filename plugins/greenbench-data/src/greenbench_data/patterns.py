"""Generated images in CIFAR-10's form: learnable, never too easy, and labelled synthetic."""

from __future__ import annotations

from typing import Final

import numpy as np

from greenbench_data import catalog, cifar10
from greenbench_data.parts import Array, Labelled, Part, kept

TRAIN: Final = 5_000
TEST: Final = 1_000
CLASSES: Final = 10
SEED: Final = 10
"""Never a trial's seed: every trial trains and is tested on the same images."""

COARSE: Final = 6
"""Side of the grid of random colours behind a class's pattern."""
PADDING: Final = 6
"""How far a pattern may be shifted in each direction, in pixels."""
NOISE: Final = 30.0
"""Standard deviation of the noise, of 255."""


def load(share: float) -> Labelled:
    """The same images every time; a share of the training part costs a share of the time."""
    patterns = _patterns()
    test = _images(patterns, TEST, np.random.default_rng([SEED, 2]))
    return Labelled(
        name=catalog.SYNTHETIC_CIFAR10.name,
        label=catalog.SYNTHETIC_CIFAR10.label,
        synthetic=True,
        classes=CLASSES,
        train=_images(patterns, kept(TRAIN, share), np.random.default_rng([SEED, 1])),
        validation=test,
        test=test,
        total=TRAIN,
        mean=cifar10.MEAN,
        std=cifar10.STD,
    )


def _patterns() -> Array:
    """One smooth pattern a class, larger than an image (float32, 0 to 255)."""
    random = np.random.default_rng([SEED, 0])
    colours = random.uniform(0, 255, size=(CLASSES, COARSE, COARSE, 3))
    side = cifar10.SIDE + 2 * PADDING
    places = np.linspace(0, COARSE - 1, side)
    weights = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(COARSE)))
    smooth: Array = np.einsum("ir,krcs,jc->kijs", weights, colours, weights)
    return smooth.astype(np.float32)


def _images(patterns: Array, count: int, random: np.random.Generator) -> Part:
    """Each a window of its class's pattern, mirrored at times, with another class's laid over it
    more weakly, dimmed, and with noise. Drawn image by image: a smaller count is a prefix."""
    images = np.empty((count, cifar10.SIDE, cifar10.SIDE, 3), np.uint8)
    labels = np.empty(count, np.int64)
    for index in range(count):
        label = int(random.integers(CLASSES))
        other = (label + int(random.integers(1, CLASSES))) % CLASSES
        own, foreign = (_window(patterns[kind], random) for kind in (label, other))
        foreign_share = random.uniform(0.0, 0.45)
        image = own * (1 - foreign_share) + foreign * foreign_share
        image *= random.uniform(0.5, 1.0)
        image += random.normal(0.0, NOISE, size=image.shape)
        images[index] = np.clip(image, 0, 255)
        labels[index] = label
    return Part(images, labels)


def _window(pattern: Array, random: np.random.Generator) -> Array:
    row, column, mirrored = random.integers(0, [2 * PADDING + 1, 2 * PADDING + 1, 2])
    window = pattern[row : row + cifar10.SIDE, column : column + cifar10.SIDE]
    return window[:, ::-1] if mirrored else window
