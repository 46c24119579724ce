"""Simulated suites with a known truth: arrays of logarithms, 10,000 suites at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RUN = 0.015
"""Relative standard deviation of one run inside a block: recorded ones lie between 0.002 and 0.06."""


@dataclass(frozen=True)
class Design:
    mutants: int
    originals: int
    nulls: int = 1

    @property
    def arms(self) -> int:
        return self.mutants + self.nulls

    @property
    def places(self) -> int:
        return self.arms + self.originals


@dataclass(frozen=True)
class World:
    """How the noise is made, in multiples of `RUN`.

    `tails`: degrees of freedom of Student's t (0: normal), scaled to the same standard deviation;
    `bursts`: share of runs with five times the noise; `blocks`: a level for each block; `drift`:
    over one block, straight, the same for all blocks; `wander`: steps of a random walk from run to
    run; `interaction`: of each arm in each block.
    """

    name: str
    tails: int = 0
    bursts: float = 0.0
    blocks: float = 0.0
    drift: float = 0.0
    wander: float = 0.0
    interaction: float = 0.0


WORLDS = (
    World("normal"),
    World("as recorded", tails=5, blocks=2, wander=0.2, interaction=0.3),
    World("drift", blocks=2, drift=2, wander=0.5),
    World("interaction", interaction=1),
    World("heavy tails", tails=3),
    World("bursts", bursts=0.05),
)


def noise(random: np.random.Generator, world: World, shape: tuple[int, ...]) -> np.ndarray:
    if world.tails:
        t = world.tails
        return random.standard_t(t, shape) / np.sqrt(t / (t - 2))
    values = random.normal(size=shape)
    return np.where(random.random(shape) < world.bursts, 5 * values, values)


def suites(
    random: np.random.Generator,
    world: World,
    design: Design,
    blocks: int,
    count: int,
    *,
    order: str = "blocks",
) -> tuple[np.ndarray, np.ndarray]:
    """(arms, originals): what `count` suites measured where nothing has an effect, as logarithms.

    arms: (count, blocks, arms), originals: (count, blocks, originals). `order` says when they run:
    "blocks": every arm in random order in each block, with the originals spread as greenbench's
    plan does it; "random": all runs of the suite in random order; "sequence": first all originals,
    then one arm after another.
    """
    shape = (count, blocks, design.places)
    total = blocks * design.places
    clock = world.drift / design.places * np.arange(total)
    walk = np.cumsum(world.wander * random.normal(size=(count, total)), axis=1)
    level = np.repeat(world.blocks * random.normal(size=(count, blocks)), design.places, axis=1)
    course = clock + walk + level
    if order == "blocks":
        place = spread(random, design, count * blocks).reshape(shape)
        place = place + design.places * np.arange(blocks)[:, None]
    elif order == "random":
        place = np.argsort(random.random((count, total)), axis=1).reshape(shape)
    else:
        one = np.arange(total).reshape(design.places, blocks).T
        one = np.concatenate([one[:, design.originals :], one[:, : design.originals]], axis=1)
        place = np.broadcast_to(one, shape)
    when = np.take_along_axis(course, place.reshape(count, -1), axis=1).reshape(shape)
    cell = world.interaction * random.normal(size=(count, blocks, design.arms + 1))
    values = noise(random, world, shape) + when
    arms = values[..., : design.arms] + cell[..., :-1]
    originals = values[..., design.arms :] + cell[..., -1:]
    return RUN * arms, RUN * originals


def spread(random: np.random.Generator, design: Design, count: int) -> np.ndarray:
    """(count, places): the place of each arm, then of each original, in a block, as
    `greenbench.plan.order.block_order` has it: one original in each of the strata."""
    base, larger = divmod(design.places, design.originals)
    sizes = base + (np.arange(design.originals) < larger)
    sizes = random.permuted(np.tile(sizes, (count, 1)), axis=1)
    originals = sizes.cumsum(axis=1) - sizes + random.integers(sizes)
    free = np.ones((count, design.places), dtype=bool)
    np.put_along_axis(free, originals, False, axis=1)
    keys = np.where(free, random.random((count, design.places)), 2.0)
    return np.concatenate([np.argsort(keys, axis=1)[:, : design.arms], originals], axis=1)
