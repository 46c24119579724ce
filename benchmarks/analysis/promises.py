"""Do the statistics keep their promises? Writes promises.md: `python benchmarks/analysis/promises.py`.

Takes some minutes on one core. `--suites 2000` is a quicker look.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rules import fitted, greener, joint_half, kept, unblocked

from greenbench.analysis.blocks import fit_blocks
from greenbench.analysis.choice import choose, cross_fit
from greenbench.analysis.verdicts import FINE, performance_verdict
from greenbench.api import Metric
from suites import RUN, WORLDS, Design, World, suites

BLOCKS = (3, 4, 5, 6, 8, 10, 15, 20, 30)
DESIGNS = (Design(4, 2), Design(15, 4), Design(1, 1))
SEED = 20260306
EFFECT = 0.04
"""True saving of the power columns."""
MARGIN = 3.0
"""Margin of performance in standard deviations of a run."""
ITEMS_BLOCKS = 5
SCATTER = (0.1, 1.0)
"""Standard deviation of a run in those of its share over test items."""
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


@dataclass(frozen=True)
class Race:
    """Mutants to choose from: what each truly saves (relative), and loses of its performance, in
    standard deviations of a run (the margin is 3)."""

    name: str
    saves: tuple[float, ...]
    loses: tuple[float, ...]


def wrongly_safe(items: int, share: float, scatter: float, count: int) -> tuple[float, float]:
    """The margin, and how often a mutant that truly loses it is called kept: shares of `items` test
    items, drawn anew for each arm of a suite, with runs that scatter by `scatter` of their error."""
    error = math.sqrt(share * (1 - share) / items)
    margin = 2.5 * math.sqrt(2) * error
    random = np.random.default_rng([SEED, 9, items, round(1000 * share), round(10 * scatter)])
    design, world = DESIGNS[0], WORLDS[1]
    arms, originals = suites(random, world, design, ITEMS_BLOCKS, count)
    runs = (arms - originals.mean(axis=-1)[..., None]) / RUN * scatter * error
    fit = fit_blocks(runs, design.originals, own=True)
    old, new = (random.binomial(items, p, count) / items for p in (share, share - margin))
    metric = Metric(name="accuracy", direction="maximize", margin=margin, items=items)
    rows = (
        {"original_mean": o, "estimate": e, "error": f, "df": df, "low": e - h, "high": e + h}
        for o, e, f, df, h in zip(
            old,
            new - old + fit.estimate[:, 0],
            fit.error[:, 0],
            fit.df[:, 0],
            fit.half_width()[:, 0],
            strict=True,
        )
    )
    words = [performance_verdict(row, metric) for row in rows]
    return margin, sum(word in FINE for word in words) / count


RACES = (
    Race("15 alike", (0.02,) * 15, (0.0,) * 15),
    Race("15 alike near the margin", (0.02,) * 15, (2.0,) * 15),
    Race("15 from -2 % to 4 %", tuple(np.linspace(-0.02, 0.04, 15)), (0.0,) * 15),
    Race("50 % near the margin, others 2 % and 0", (0.5, 0.02, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0)),
)


def luck(race: Race, blocks: int, count: int) -> dict[str, float]:
    """How much the greenest acceptable mutant of a race seems to save beyond what it truly does,
    over all suites that name one."""
    mutants = len(race.saves)
    design, world = Design(mutants, round(math.sqrt(mutants))), WORLDS[1]
    random = np.random.default_rng([SEED, 8, blocks])
    true = np.log1p(-np.array(race.saves))
    arms, originals = suites(random, world, design, blocks, count)
    energy = (arms - originals.mean(axis=-1)[..., None])[..., : design.mutants] + true
    losses, beside = suites(random, world, design, blocks, count)
    lost = ((losses - beside.mean(axis=-1)[..., None]) / RUN)[..., : design.mutants]
    acceptable = kept(lost + np.array(race.loses), design.originals, MARGIN)
    found = cross_fit(energy, acceptable, design.originals)
    best = choose(energy, acceptable)
    named = best >= 0
    naive = np.take_along_axis(energy.mean(axis=1), np.maximum(best, 0)[:, None], 1)[:, 0]
    truth = true[np.maximum(best, 0)]

    def beyond(saved: np.ndarray) -> float:
        return float((np.expm1(truth[named]) - np.expm1(saved[named])).mean())

    return {
        "named": float(named.mean()),
        "naive": beyond(naive),
        "crossed": beyond(found.mean),
        "covered": float((np.abs(found.mean - truth) <= found.half)[named].mean()),
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
    lines += ["", with_items(count), "", lucky(min(count, 4_000))]
    return "\n".join(lines) + "\n"


def with_items(count: int) -> str:
    """The section on the test set's own error."""
    lines = [OF_ITEMS.format(count=count, blocks=ITEMS_BLOCKS)]
    for items in (100, 200, 1_000, 10_000):
        for share in (0.9, 0.98, 0.995):
            found = [wrongly_safe(items, share, scatter, count) for scatter in SCATTER]
            safe = " | ".join(f"{100 * share:.1f} %" for _, share in found)
            lines.append(f"| {items:,} | {share:g} | {found[0][0]:.4f} | {safe} |")
    return "\n".join(lines)


def lucky(count: int) -> str:
    """The section on the winner's luck, of `count` suites a row."""
    lines = [LUCK.format(count=count)]
    for race in RACES:
        for blocks in BLOCKS:
            found = luck(race, blocks, count)
            shares = [f"{100 * found[name]:.1f} %" for name in ("named", "covered")]
            points = [f"{100 * found[name]:+.2f}" for name in ("naive", "crossed")]
            cells = " | ".join([str(blocks), shares[0], *points, shares[1]])
            lines.append(f"| {race.name} | {cells} |")
    return "\n".join(lines)


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
OF_ITEMS = """## The test set is a sample too

{count:,} suites of {blocks} blocks a row; noise *as recorded*. Accuracy is a share of so many test
items, drawn anew for each arm, which the same items for both would only make safer. The mutant truly
loses the margin, 2.5 standard errors of a difference between two such shares. **wrongly safe** where
runs scatter little beside the error of the items, and where they scatter as much.

| items | accuracy | margin | wrongly safe, little | wrongly safe, as much |
| ---: | ---: | ---: | ---: | ---: |"""
LUCK = """## The winner's luck

{count:,} suites a row; noise *as recorded*. How often a mutant is named the greenest acceptable one;
how much more it seems to save than it truly does, in percentage points of energy, on the blocks
that chose it and on blocks that did not; and how often the interval holds what the named one truly
saves. Near the margin: the true loss is two thirds of the margin. All suites that name one count.

| mutants | blocks | one is named | same blocks | other blocks | interval covers |
| --- | ---: | ---: | ---: | ---: | ---: |"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=int, default=10_000)
    parser.add_argument("--luck", action="store_true", help="print the winner's luck alone")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("promises.md"))
    options = parser.parse_args()
    if options.luck:
        print(lucky(min(options.suites, 4_000)))
        raise SystemExit
    start_s = time.monotonic()
    options.output.write_text(table(options.suites), encoding="utf-8")
    print(f"{options.output}: {time.monotonic() - start_s:.0f} s")
