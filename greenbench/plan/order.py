"""Random order: of the arms in a block, and of the studies' blocks in the suite."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from random import Random
from typing import TypeVar

T = TypeVar("T")


def default_originals(mutants: int) -> int:
    """Originals per block: √mutants, rounded, at least 1. One shared original would carry its
    noise into every delta; more than √m cost more than they tell (Dunnett's allocation)."""
    return max(1, round(sqrt(mutants)))


def block_order(others: Sequence[T], originals: int, random: Random) -> list[T | None]:
    """A block in the order in which it runs; None stands for an original.

    The block's places are cut into as many consecutive strata as there are originals, as equal
    in size as can be (which ones are larger is drawn). Each stratum holds one original, at a
    place drawn uniformly in it; the other arms fill the rest in random order. So between two
    originals, before the first and after the last one, there are never more other arms than two
    strata hold, while no place is sure to be an original's.
    """
    places = len(others) + originals
    sizes = [places // originals + (i < places % originals) for i in range(originals)]
    random.shuffle(sizes)
    rest = list(others)
    random.shuffle(rest)
    order: list[T | None] = []
    for size in sizes:
        original = random.randrange(size)
        order += [None if place == original else rest.pop() for place in range(size)]
    return order


def interleaved(blocks: Sequence[int], seed_random: Random) -> list[tuple[int, int]]:
    """The order of all blocks, as pairs of study (position in `blocks`) and block (from 1).

    There are as many turns as the largest study has blocks. A study with fewer is spread evenly
    over them; in each turn the studies come in random order. So slow drift of the host hits
    every study alike, and none has all its blocks at one end.
    """
    turns = max(blocks, default=0)
    order: list[tuple[int, int]] = []
    for turn in range(turns):
        due = [
            (study, block + 1)
            for study, count in enumerate(blocks)
            for block in range(count)
            if (2 * block + 1) * turns // (2 * count) == turn
        ]
        seed_random.shuffle(due)
        order += due
    return order
