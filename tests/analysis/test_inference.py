"""The tests and intervals against closed forms and scipy's own."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from greenbench.analysis import inference
from greenbench.analysis.blocks import fit_blocks


@pytest.mark.parametrize(("originals", "blocks"), [(1, 5), (2, 3), (2, 5), (3, 4)])
def test_the_clearest_outcome_has_the_smallest_p(originals, blocks):
    pools = [np.arange(1.0, originals + 1)] * blocks
    floor = 2 / (originals + 1) ** blocks
    assert inference.smallest_p([originals] * blocks) == pytest.approx(floor)
    for extreme in (0.0, 99.0):
        test = permutation([extreme] * blocks, pools)
        assert test.exact
        assert test.p == pytest.approx(floor)
        assert test.smallest_p == pytest.approx(floor)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    theirs = multipletests(p_values, method="holm")[1] if p_values else []
    assert inference.holm(p_values) == pytest.approx(list(theirs))


def permutation(mutant, pools):
    return inference.permutations_within_blocks(np.array([mutant], dtype=float).T, pools)[0]


def test_one_original_a_block_is_scipys_exact_sign_flip_test():
    random = np.random.default_rng(3)
    mutant, original = random.normal(0.5, 1, 8), random.normal(0, 1, 8)
    ours = permutation(list(mutant), [np.array([v]) for v in original])
    theirs = stats.permutation_test(
        (mutant, original),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=1_000,
    )
    assert ours.p == pytest.approx(theirs.pvalue)


def test_many_blocks_are_sampled_and_repeat_exactly():
    random = np.random.default_rng(4)
    mutant, pools = list(random.normal(0.8, 1, 20)), list(random.normal(0, 1, (20, 2)))
    test = permutation(mutant, pools)
    assert not test.exact
    assert test == permutation(mutant, pools)
    assert 0 < test.p < 0.05
    t = stats.ttest_rel(mutant, [pool.mean() for pool in pools]).pvalue
    assert math.log10(test.p) == pytest.approx(math.log10(t), abs=1)


def test_a_sampled_p_is_never_zero():
    test = permutation([9.0] * 30, [np.array([0.0, 1.0])] * 30)
    assert test.p == test.smallest_p == 2 / (inference.RESAMPLES + 1)


def test_equal_values_are_no_evidence():
    assert permutation([0.1] * 4, [np.full(2, 0.1)] * 4).p == 1.0
    assert permutation([], []).p == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_raw_p_and_bonferroni(p_values):
    corrected = inference.holm(p_values)
    for p, after in zip(p_values, corrected, strict=True):
        assert p <= after <= min(1.0, len(p_values) * p) or math.isclose(p, after)
    assert [corrected[i] for i in np.argsort(p_values, kind="stable")] == sorted(corrected)


def test_holm_by_hand():
    assert inference.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_arms_without_a_block_are_tested_on_theirs():
    random = np.random.default_rng(8)
    values, pools = random.normal(size=(5, 3)), list(random.normal(size=(5, 2)))
    values[3, 1] = math.nan
    first, second, third = inference.permutations_within_blocks(values, pools)
    assert first.smallest_p == third.smallest_p == pytest.approx(2 / 3**5)
    rest = [0, 1, 2, 4]
    assert second == permutation(values[rest, 1], [pools[b] for b in rest])


def test_cliffs_delta_in_both_forms():
    # Every mutant lies above its own originals, below those of the next block.
    pools = [np.array([10.0 * block, 10.0 * block + 1]) for block in range(4)]
    mutant = np.array([pool.max() + 1 for pool in pools])
    assert inference.cliffs_within(mutant, pools) == 1.0
    signs = np.sign(np.subtract.outer(mutant, np.concatenate(pools)))
    assert inference.cliffs_delta(mutant, pools) == pytest.approx(signs.mean())
    ties = np.array([0.0, 10.0, math.nan, 31.0])
    signs = np.sign(np.subtract.outer(ties[[0, 1, 3]], np.concatenate([*pools[:2], pools[3]])))
    assert inference.cliffs_delta(ties, pools) == pytest.approx(signs.mean())
    assert math.isnan(inference.cliffs_delta(np.array([math.nan]), pools[:1]))


def test_one_arm_is_the_paired_t_interval():
    contrasts = np.random.default_rng(5).normal(1, 2, 6)
    fit = fit_blocks(contrasts[:, None], 2)
    half = fit.half_width()[0]
    theirs = stats.ttest_1samp(contrasts, 0)
    bounds = theirs.confidence_interval()
    assert (fit.estimate[0] - half, fit.estimate[0] + half) == pytest.approx(
        (bounds.low, bounds.high)
    )
    assert fit.p()[0] == pytest.approx(theirs.pvalue)


def test_noise_that_is_not_known_gives_no_interval():
    assert np.isnan(fit_blocks(np.array([[1.0, 2.0]]), 1).half_width()).all()
    assert np.isnan(fit_blocks(np.ones((4, 1)), 1).half_width()).all()
    assert np.isnan(fit_blocks(np.full((4, 1), math.nan), 1).half_width()).all()


def test_an_arm_without_a_block_keeps_the_others_variance():
    contrasts = np.random.default_rng(9).normal(size=(6, 3))
    contrasts[1:, 2] = math.nan
    fit = fit_blocks(contrasts, 2)
    assert np.isfinite(fit.half_width()).all()
    assert fit.blocks.tolist() == [6, 6, 1]
    assert fit.error[2] == pytest.approx(fit.error[0] * math.sqrt(6))
    own = fit_blocks(np.array([[0.0, 9], [0.1, -9], [-0.1, 1]]), 1, own=True)
    assert own.df[1] == 2
    assert own.variance[1] == pytest.approx(np.var([9, -9, 1], ddof=1))
    assert own.df[0] > 2


@pytest.mark.parametrize(("blocks", "originals", "mutants"), [(3, 2, 5), (5, 2, 4), (8, 3, 9)])
@pytest.mark.parametrize("interaction", [0.0, 1.0])
def test_pooled_intervals_cover(blocks, originals, mutants, interaction):
    """95 % within Monte Carlo error, in spite of the originals that the arms share; the joint
    ones all at once."""
    random = np.random.default_rng(6)
    repeats = 4000
    base = random.normal(size=(repeats, blocks, originals)).mean(axis=2)
    arms = random.normal(size=(repeats, blocks, mutants))
    base = base + interaction * random.normal(size=base.shape)
    arms = arms + interaction * random.normal(size=arms.shape)
    fit = fit_blocks(arms - base[..., None], originals)
    assert (np.abs(fit.estimate) <= fit.half_width()).mean() == pytest.approx(0.95, abs=0.012)
    together = 0
    for one in arms[:150] - base[:150, :, None]:
        fit = fit_blocks(one, originals)
        together += (np.abs(fit.estimate) <= fit.joint(np.ones(mutants, dtype=bool))[0]).all()
    assert together / 150 == pytest.approx(0.96, abs=0.04)


def test_a_change_beyond_what_a_float_holds_is_infinite():
    assert inference.relative(800.0) == math.inf
    assert inference.relative(-800.0) == -1
    assert inference.relative(math.log(1.1)) == pytest.approx(0.1)
