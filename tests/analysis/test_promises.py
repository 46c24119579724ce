"""A small sample of benchmarks/analysis/promises.py: the promises, wide enough not to be chance."""

import numpy as np
import pytest
from promises import DESIGNS, RACES, cell, luck, sequence
from rules import fitted, greener, joint_half

from greenbench.analysis.blocks import fit_blocks
from greenbench.analysis.deltas import deltas
from greenbench.analysis.verdicts import energy_verdict, noise_band
from greenbench.plan.order import block_order
from suites import WORLDS, Design, World, spread, suites

COUNT = 1_500
WORLD = {world.name: world for world in WORLDS}


@pytest.mark.parametrize("name", ["normal", "as recorded", "drift", "interaction"])
@pytest.mark.parametrize("blocks", [3, 6, 20])
def test_promises_are_kept(name, blocks):
    """Monte Carlo error of a share near 95 %: ±0.6 points; the bounds are 3 of them further out."""
    found = cell(WORLD[name], DESIGNS[0], blocks, COUNT)
    assert 0.93 <= found["covered"] <= 0.978
    assert 0.93 <= found["together"] <= 0.985
    assert found["wrong"] <= 0.05
    assert found["safe"] <= 0.068


@pytest.mark.parametrize("name", ["normal", "as recorded", "heavy tails", "bursts"])
def test_joint_intervals_of_many_mutants_hold_whatever_the_tails(name):
    """Dunnett's own limits hold in 87 to 89 % of the suites with heavy tails or bursts."""
    found = cell(WORLD[name], DESIGNS[1], 4, COUNT)
    assert 0.93 <= found["together"] <= 0.985
    assert found["wrong"] <= 0.05


def test_tails_widen_what_many_arms_share_and_nothing_else():
    random = np.random.default_rng(4)
    tails = {
        (name, design): fitted(*suites(random, WORLD[name], design, 4, COUNT)).tails.mean()
        for name in ("normal", "heavy tails")
        for design in (DESIGNS[1], Design(1, 1))
    }
    assert abs(tails["normal", DESIGNS[1]]) < 0.2 * tails["heavy tails", DESIGNS[1]]
    assert tails["heavy tails", Design(1, 1)] == 0
    arms, originals = suites(random, WORLD["heavy tails"], Design(4, 4), 3, 20)
    assert not fitted(arms, originals).tails.any()  # 15 residuals say nothing of their tails
    assert not fit_blocks(arms, 4, own=True).tails.any()


def test_the_joint_p_and_the_joint_interval_say_the_same():
    random = np.random.default_rng(5)
    arms, originals = suites(random, WORLD["bursts"], DESIGNS[1], 6, 60)
    for one, others in zip(arms - 0.02, originals, strict=True):
        fit = fitted(one, others)
        half, p = fit.joint(np.ones(16, dtype=bool))
        assert ((np.abs(fit.estimate) > half) == (p < 0.05)).all()


def test_blocks_beat_the_same_runs_without_blocks_under_drift():
    found = cell(WORLD["drift"], DESIGNS[0], 10, COUNT)
    assert found["width"] > 3
    assert found["seen"] > found["seen_apart"] + 0.3
    covered, _ = sequence(WORLD["drift"], DESIGNS[0], 10, COUNT)
    assert covered < 0.5


def test_a_broken_interval_would_be_seen():
    """The bounds above are narrow enough: without the shared originals' correlation, or with a
    tenth too narrow an interval, the share leaves them."""
    random = np.random.default_rng(1)
    arms, originals = suites(random, WORLD["normal"], Design(4, 2), 6, COUNT)
    fit = fitted(arms, originals)
    assert (np.abs(fit.estimate) <= 0.85 * fit.half_width()).mean() < 0.93


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
@pytest.mark.parametrize("blocks", [4, 10])
def test_what_is_said_to_be_saved_is_what_the_named_mutant_saves(race, blocks):
    """Over all suites, those too whose halves choose differently."""
    found = luck(race, blocks, 600)
    assert found["named"] > 0.9
    assert found["crossed"] == pytest.approx(0, abs=0.004)
    assert found["covered"] > 0.94


def test_the_winners_luck_is_taken_out():
    found = luck(RACES[0], 6, 600)
    assert found["naive"] > 0.01
    assert found["crossed"] == pytest.approx(0, abs=0.0015)


def test_the_benchmarks_rules_are_the_verdicts(cohort_frame):
    """The same words from arrays as from the report's own path."""
    random = np.random.default_rng(2)
    design = Design(3, 2)
    arms, originals = suites(random, World("normal"), design, 5, 40)
    arms[..., 0] -= 0.03
    fit = fitted(arms, originals)
    called, half = greener(fit, design), joint_half(fit, design)
    for suite in range(40):
        found = deltas(cohort_frame(arms[suite], originals[suite]), "energy_j", "ratio")
        joint = np.log1p(found["joint_high"].to_numpy()[:3]) - fit.estimate[suite, :3]
        assert joint == pytest.approx(half[suite, :3], rel=2e-3)
        band = noise_band(found)
        words = [energy_verdict(row, band) == "greener" for _, row in found.iloc[:3].iterrows()]
        assert words == called[suite].tolist()


def test_the_simulated_order_is_the_plans():
    random = np.random.default_rng(3)
    places = spread(random, Design(4, 2), 4000)[:, -2:]
    from random import Random

    plans = [block_order("abcde", 2, Random(seed)) for seed in range(4000)]
    theirs = np.array([[i for i, arm in enumerate(plan) if arm is None] for plan in plans])
    ours = [np.bincount(places[:, k], minlength=7) / 4000 for k in range(2)]
    planned = [np.bincount(theirs[:, k], minlength=7) / 4000 for k in range(2)]
    assert np.abs(np.array(ours) - np.array(planned)).max() < 0.04


def test_one_fit_of_many_suites_is_many_fits_of_one():
    random = np.random.default_rng(4)
    contrasts = random.normal(size=(5, 6, 3))
    contrasts[2, 1, 0] = np.nan
    together = fit_blocks(contrasts, 2)
    for suite in range(5):
        alone = fit_blocks(contrasts[suite], 2)
        assert together.half_width()[suite] == pytest.approx(alone.half_width())
