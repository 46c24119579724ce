"""The tests and intervals against closed forms and scipy's own."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from greenbench.analysis import inference


@pytest.mark.parametrize(("originals", "blocks"), [(1, 5), (2, 3), (2, 5), (3, 4)])
def test_the_clearest_outcome_has_the_smallest_p(originals, blocks):
    pools = [np.arange(1.0, originals + 1)] * blocks
    floor = 2 / (originals + 1) ** blocks
    assert inference.smallest_p([originals] * blocks) == pytest.approx(floor)
    for extreme in (0.0, 99.0):
        test = inference.permutation_within_blocks([extreme] * blocks, pools)
        assert test.exact
        assert test.p == pytest.approx(floor)
        assert test.smallest_p == pytest.approx(floor)


def test_one_original_a_block_is_scipys_exact_sign_flip_test():
    random = np.random.default_rng(3)
    mutant, original = random.normal(0.5, 1, 8), random.normal(0, 1, 8)
    ours = inference.permutation_within_blocks(list(mutant), [np.array([v]) for v in original])
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
    test = inference.permutation_within_blocks(mutant, pools)
    assert not test.exact
    assert test == inference.permutation_within_blocks(mutant, pools)
    assert 0 < test.p < 0.05
    t = stats.ttest_rel(mutant, [pool.mean() for pool in pools]).pvalue
    assert math.log10(test.p) == pytest.approx(math.log10(t), abs=1)


def test_a_sampled_p_is_never_zero():
    test = inference.permutation_within_blocks([9.0] * 30, [np.array([0.0, 1.0])] * 30)
    assert test.p == test.smallest_p == 2 / (inference.RESAMPLES + 1)


def test_equal_values_are_no_evidence():
    assert inference.permutation_within_blocks([0.1] * 4, [np.full(2, 0.1)] * 4).p == 1.0
    assert inference.permutation_within_blocks([], []).p == 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_lies_between_the_raw_p_and_bonferroni(p_values):
    corrected = inference.holm(p_values)
    for p, after in zip(p_values, corrected, strict=True):
        assert p <= after <= min(1.0, len(p_values) * p) or math.isclose(p, after)
    assert [corrected[i] for i in np.argsort(p_values, kind="stable")] == sorted(corrected)


def test_holm_by_hand():
    assert inference.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_cliffs_delta_compares_inside_blocks_only():
    # Every mutant lies above its own originals, below those of the next block.
    pools = [np.array([10.0 * block, 10.0 * block + 1]) for block in range(4)]
    assert inference.cliffs_delta([pool.max() + 1 for pool in pools], pools) == 1.0
    assert inference.cliffs_delta([0.5], [np.array([0.0, 1.0])]) == 0.0
    assert inference.cliffs_delta([], []) is None


def test_one_arm_is_the_paired_t_interval():
    contrasts = np.random.default_rng(5).normal(1, 2, 6)
    pooled = inference.pooled_variance([contrasts], 1 / 3)
    interval = inference.t_interval(contrasts.mean(), pooled.variance, 6, pooled.df)
    theirs = stats.ttest_1samp(contrasts, 0).confidence_interval()
    assert interval == pytest.approx((theirs.low, theirs.high))


def test_noise_that_is_not_known_gives_no_interval():
    assert inference.pooled_variance([np.array([1.0])], 0.5) is None
    assert inference.t_interval(1.0, 0.0, 3, 2.0) is None
    assert inference.t_interval(math.nan, 1.0, 3, 2.0) is None


@pytest.mark.parametrize(("blocks", "originals", "mutants"), [(3, 2, 5), (5, 2, 4), (8, 3, 9)])
def test_pooled_intervals_cover(blocks, originals, mutants):
    """95 % within Monte Carlo error, in spite of the originals that the arms share."""
    random = np.random.default_rng(6)
    covered, repeats = 0, 1500
    for _ in range(repeats):
        base = random.normal(size=(blocks, originals)).mean(axis=1)
        contrasts = [random.normal(size=blocks) - base for _ in range(mutants)]
        pooled = inference.pooled_variance(contrasts, 1 / (originals + 1))
        low, high = inference.t_interval(contrasts[0].mean(), pooled.variance, blocks, pooled.df)
        covered += low <= 0 <= high
    assert covered / repeats == pytest.approx(0.95, abs=0.02)
