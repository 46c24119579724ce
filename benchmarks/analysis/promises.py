"""Do the statistics keep their promises? Writes promises.md: `python benchmarks/analysis/promises.py`.

Takes some minutes on one core. `--suites 2000` is a quicker look.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
from rules import fitted, greener, joint_half, kept, unblocked

from greenbench.analysis.choice import choose, cross_fit
from suites import RUN, WORLDS, Design, World, suites

BLOCKS = (3, 4, 5, 6, 8, 10, 15, 20, 30)
DESIGNS = (Design(4, 2), Design(15, 4), Design(1, 1))
SEED = 20260306
EFFECT = 0.04
"""True saving of the power columns."""
MARGIN = 3.0
"""Margin of performance in standard deviations of a run."""
AT_ONCE = 2_000
SHARES = ("covered", "together", "wrong", "safe", "found", "seen", "covered_apart", "seen_apart")
MEASURES = (*SHARES, "width")
COVERAGE = ("covered", "together")
BESIDE = tuple(world for world in WORLDS if world.name in ("heavy tails", "bursts"))
"""Noise unlike that of the recorded runs."""
AGAIN = 4
"""How many times as many suites a second look takes."""


def cell(world: World, design: Design, blocks: int, count: int, seed: int = SEED) -> dict:
    """What came of `count` simulated suites: shares, and mean width ratios."""
    random = np.random.default_rng([seed, blocks, design.places, WORLDS.index(world)])
    sums = dict.fromkeys(MEASURES, 0.0)
    done = 0
    while done < count:
        size = min(AT_ONCE, count - done)
        for name, value in _part(random, world, design, blocks, size).items():
            sums[name] += value
        done += size
    return {name: value / count for name, value in sums.items()}


def _part(
    random: np.random.Generator, world: World, design: Design, blocks: int, size: int
) -> dict[str, float]:
    arms, originals = suites(random, world, design, blocks, size)
    fit = fitted(arms, originals)
    mutants = slice(0, design.mutants)
    half = fit.half_width()[:, mutants]
    estimate = fit.estimate[:, mutants]
    joint = joint_half(fit, design)[:, mutants]
    shifted = arms.copy()
    shifted[..., 0] += math.log1p(-EFFECT)
    shift = fitted(shifted, originals)
    losses, beside = suites(random, world, design, blocks, size)
    losses = (losses - beside.mean(axis=-1)[..., None]) / RUN + MARGIN
    random_order = suites(random, world, design, blocks, size, order="random")
    apart, apart_half = unblocked(*random_order)
    return {
        "covered": float((np.abs(estimate[:, 0]) <= half[:, 0]).sum()),
        "together": float((np.abs(estimate) <= joint).all(axis=1).sum()),
        "wrong": float(greener(fit, design).any(axis=1).sum()),
        "safe": float(kept(losses, design.originals, MARGIN)[:, 0].sum()),
        "found": float(greener(shift, design)[:, 0].sum()),
        "width": float((apart_half / half[:, 0]).sum()),
        "seen": float((estimate[:, 0] + math.log1p(-EFFECT) + half[:, 0] < 0).sum()),
        "covered_apart": float((np.abs(apart) <= apart_half).sum()),
        "seen_apart": float((apart + math.log1p(-EFFECT) + apart_half < 0).sum()),
    }


def sequence(world: World, design: Design, blocks: int, count: int) -> tuple[float, float]:
    """Runs one arm after another, compared without blocks: coverage, and how often the first
    mutant, which changes nothing, is called different."""
    random = np.random.default_rng([SEED, 7, blocks])
    arms, originals = suites(random, world, design, blocks, count, order="sequence")
    estimate, half = unblocked(arms, originals)
    return float((np.abs(estimate) <= half).mean()), float((estimate + half < 0).mean())


def luck(blocks: int, count: int) -> dict[str, float]:
    """How much the greenest acceptable mutant of 15 alike (2 % saved by each) seems to save."""
    design, world = Design(15, 4), WORLDS[1]
    random = np.random.default_rng([SEED, 8, blocks])
    true = math.log1p(-0.02)
    arms, originals = suites(random, world, design, blocks, count)
    energy = (arms - originals.mean(axis=-1)[..., None])[..., : design.mutants] + true
    losses, beside = suites(random, world, design, blocks, count)
    lost = ((losses - beside.mean(axis=-1)[..., None]) / RUN)[..., : design.mutants]
    found = cross_fit(energy, lost, design.originals, MARGIN)
    best = choose(energy, lost, design.originals, MARGIN)
    chosen = best >= 0
    naive = np.take_along_axis(energy.mean(axis=1), np.maximum(best, 0)[:, None], 1)[:, 0]
    every = chosen & (found.chosen >= 0).all(axis=1)
    half = found.half[every]
    return {
        "naive": float(-np.expm1(naive[every]).mean()),
        "crossed": float(-np.expm1(found.mean[every]).mean()),
        "covered": float((np.abs(found.mean[every] - true) <= half).mean()),
        "suites": float(every.sum()),
    }


def table(count: int) -> str:
    lines = [INTRODUCTION.format(count=count, effect=EFFECT, run=RUN, margin=MARGIN)]
    lines.append(
        f"Monte Carlo standard error of a share near 5 % or 95 %: ±{error(count):.2f} points."
    )
    outside = []
    for design in DESIGNS:
        lines += [
            f"\n## {design.mutants} mutants, {design.originals} originals a block, 1 A/A arm\n",
            (
                "| noise | blocks | covers | together | wrong greener | wrongly safe | found | seen |"
                " unblocked: covers | seen | width |"
            ),
            "| --- " + "| ---: " * 10 + "|",
        ]
        for world in WORLDS:
            for blocks in BLOCKS:
                found = cell(world, design, blocks, count)
                cells = " | ".join(f"{100 * found[name]:.1f} %" for name in SHARES)
                lines.append(f"| {named(world)} | {blocks} | {cells} | {found['width']:.1f} |")
                if world not in BESIDE and not all(held(found[name]) for name in COVERAGE):
                    outside.append((world, design, blocks, found))
    lines += again(outside, AGAIN * count)
    lines += [SEQUENCE]
    for blocks in BLOCKS:
        covered, wrong = sequence(WORLDS[2], DESIGNS[0], blocks, count)
        ours = cell(WORLDS[2], DESIGNS[0], blocks, min(count, 4_000))
        numbers = f"{100 * covered:.1f} % | {100 * wrong:.1f} % | {100 * ours['covered']:.1f} %"
        lines.append(f"| {blocks} | {numbers} |")
    lines += ["", LUCK]
    for blocks in BLOCKS:
        found = luck(blocks, min(count, 4_000))
        if found["suites"] > 100:
            shown = [found[name] for name in ("naive", "crossed", "covered")]
            lines.append(f"| {blocks} | {' | '.join(f'{100 * x:.2f} %' for x in shown)} |")
    return "\n".join(lines) + "\n"


def again(outside: list[tuple[World, Design, int, dict]], count: int) -> list[str]:
    """The cells whose coverage lies outside of 94 to 96 %, with another seed and more suites."""
    lines = [ONCE_MORE.format(count=count, half=1.96 * error(count))]
    for world, design, blocks, first in outside:
        found = cell(world, design, blocks, count, SEED + 1)
        numbers = [100 * of[name] for name in COVERAGE for of in (first, found)]
        shown = " | ".join(f"{number:.1f} %" for number in numbers)
        lines.append(f"| {world.name} | {design.mutants} | {blocks} | {shown} |")
    return [*lines, ""]


def error(count: int) -> float:
    """Standard error of a share of 95 %, in points."""
    return 100 * math.sqrt(0.05 * 0.95 / count)


def held(share: float) -> bool:
    return 94 <= round(100 * share, 1) <= 96


def named(world: World) -> str:
    return f"{world.name} (shown beside; the report warns)" if world in BESIDE else world.name


INTRODUCTION = """# Do the statistics keep their promises?

{count:,} simulated suites a row, by `python benchmarks/analysis/promises.py`. Every suite is
measured and judged by the analysis' own functions. Noise (`suites.py`) is in multiples of {run:.1%},
the relative standard deviation of a run inside its block; *as recorded* has the shape of published
and laboratory runs: tails like Student's t with 5 degrees of freedom, levels that move from block
to block by twice the noise, a random walk, and arms that differ a little from block to block.

- **covers**: the 95 % interval of a mutant holds the truth. **together**: the joint intervals of
  all mutants hold theirs. *Heavy tails* (Student's t with 3 degrees of freedom) and *bursts* (1 run
  in 20 with five times the noise) are no noise that was recorded: they are shown beside, and a
  report whose residuals have heavy tails says so under its limits.
- **wrong greener**: where no mutant changes anything, any of the study's is called greener.
- **wrongly safe**: performance is called kept (or improved) where the true loss is the margin.
- **found**: a true saving of {effect:.0%} is called greener. **seen**: the 95 % interval of that
  mutant alone excludes zero.
- **unblocked**: as many runs in random order over the whole suite, compared as independent samples
  with one variance: what its 95 % interval **covers** and has **seen**, and how much wider it is
  (**width**: mean ratio of the two intervals).
"""
ONCE_MORE = """
## Outside of 94 to 96 %

Every cell above whose coverage is not between 94 and 96 %, but for noise that is shown beside, once
more with another seed and {count:,} suites (±{half:.2f} points, 95 %).

| noise | mutants | blocks | covers | again | together | again |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |"""
SEQUENCE = """## Drift: blocks beside one arm after another

As many runs, first all originals, then one arm after another, compared without blocks; noise
*drift*. A mutant that changes nothing is called greener as often as the third column says.

| blocks | covers, in sequence | wrong greener, in sequence | covers, in blocks |
| ---: | ---: | ---: | ---: |"""
LUCK = """## The winner's luck

15 mutants, each of which truly saves 2 % and keeps its performance; noise *as recorded*. What the
greenest acceptable one seems to save on the blocks that chose it, what it saves on blocks that did
not, and how often the interval of that holds the truth.

| blocks | same blocks | other blocks | interval covers |
| ---: | ---: | ---: | ---: |"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("promises.md"))
    options = parser.parse_args()
    start_s = time.monotonic()
    options.output.write_text(table(options.suites), encoding="utf-8")
    print(f"{options.output}: {time.monotonic() - start_s:.0f} s")
