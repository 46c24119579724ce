"""Everything that a trial's seed decides about the data, the same in every framework.

Each draw comes from a generator of its own, made from the seed, the epoch and what it is for: no
draw before it, and no framework's generator, changes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from greenbench_data.parts import Array

CROPS: Final = 1
PAIRS: Final = 2
WRONG_LABELS: Final = 3
"""What a generator is for; the order itself has none."""


def order_of(count: int, seed: int, epoch: int) -> Array:
    """The order (int64) in which the epoch, counted from 1, sees `count` items, each once."""
    return np.random.default_rng([seed, epoch]).permutation(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """How `items` come to the steps of an epoch: `size` a step, what is left in the last one.

    `drop_last`: full batches alone, but where an epoch has no other. `normalised`: the network has
    batch normalisation, which learns nothing from a batch of one item (it has no spread): such a
    last one is left out, other items each epoch. Raises ValueError if there is no other.
    """

    items: int
    size: int
    drop_last: bool = False
    normalised: bool = False

    def __post_init__(self) -> None:
        if self.normalised and min(self.items, self.size) < 2:
            raise ValueError(
                "batch normalisation needs batches of at least two items, but there are "
                f"{self.items} to learn from, {self.size} a step: more of them, or larger batches"
            )

    @property
    def used(self) -> int:
        """Items that an epoch learns from."""
        left = self.items % self.size
        dropped = (self.drop_last and self.items >= self.size) or (self.normalised and left == 1)
        return self.items - left if dropped else self.items

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.used // self.size)

    def of(self, *, seed: int, epoch: int) -> Iterator[Array]:
        """The epoch's batches as indices, in its order."""
        order = order_of(self.items, seed, epoch)[: self.used]
        for start in range(0, self.used, self.size):
            yield order[start : start + self.size]


@dataclass(frozen=True, slots=True)
class Crops:
    """How each item of an epoch is shown: `rows` and `columns` (int64) say where its window
    begins in the padded image, in [0, 2·padding]; `flipped` whether it is mirrored."""

    rows: Array
    columns: Array
    flipped: Array


def crops(count: int, padding: int, *, seed: int, epoch: int) -> Crops:
    """Random windows and mirrorings, by item (not by place in the order)."""
    random = np.random.default_rng([seed, epoch, CROPS])
    corners = random.integers(0, 2 * padding, size=(2, count), endpoint=True)
    return Crops(corners[0], corners[1], random.random(count) < 0.5)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of items as indices (int64), and 1.0 where both are of one class (float32)."""

    first: Array
    second: Array
    same: Array

    def __len__(self) -> int:
        return len(self.same)


def pairs(labels: Array, count: int, *, seed: int, epoch: int) -> Pairs:
    """`count` pairs for an epoch, every other one of the same class, as PyTorch's Siamese example
    draws them: a class, an item of it; then another item of that class or one of another class.

    Classes with a single item are left out, as they have no pair.
    """
    random = np.random.default_rng([seed, epoch, PAIRS])
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    members = [items for items in members if len(items) > 1]
    if len(members) < 2:
        raise ValueError("pairs need at least two classes with two items each")
    sizes = np.array([len(items) for items in members])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    items = np.concatenate(members)
    same = np.arange(count) % 2 == 0
    kind = random.integers(len(members), size=count)
    other = (kind + random.integers(1, len(members), size=count)) % len(members)
    place = random.integers(sizes[kind])
    beside = (place + random.integers(1, sizes[kind])) % sizes[kind]
    elsewhere = random.integers(sizes[other])
    first = items[starts[kind] + place]
    second = np.where(same, items[starts[kind] + beside], items[starts[other] + elsewhere])
    return Pairs(first, second, same.astype(np.float32))


def wrong_labels(labels: Array, classes: int, *, seed: int) -> Array:
    """For every item a class that it is not of (int64): the negative data of Forward-Forward."""
    random = np.random.default_rng([seed, 0, WRONG_LABELS])
    wrong: Array = (labels + random.integers(1, classes, size=len(labels))) % classes
    return wrong
