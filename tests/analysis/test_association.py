"""Coefficients, shapes and joint tests against scipy's own, closed forms and known truths."""

import math
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from greenbench.analysis.association import (
    METHODS,
    associate,
    associate_permuted,
    blocked_categories,
    categories,
    partial,
    permuted,
    shape_of_levels,
    shape_of_points,
    smallest_grouped,
    smallest_ranked,
)
from greenbench.analysis.joint import joint_p, joint_quantile
from greenbench.analysis.unpaired import (
    cliff,
    unpaired_changes,
    unpaired_correlations,
    unpaired_deltas,
)

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=40)
Y = X + RANDOM.normal(size=40)


@pytest.mark.parametrize("method", METHODS)
def test_coefficients_are_scipys(method):
    scipys = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}
    found, theirs = associate(X, Y, method), scipys[method](X, Y)
    assert found.coefficient == pytest.approx(theirs.statistic, abs=1e-12)
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-12)
    assert -1 <= found.low < found.coefficient < found.high <= 1
    holes = np.where(np.arange(40) < 5, math.nan, Y)
    assert associate(X, holes, method) == associate(X[5:], Y[5:], method)
    assert associate(np.ones(9), np.arange(9.0), method) is None


def test_pearsons_interval_is_scipys():
    theirs = stats.pearsonr(X, Y).confidence_interval()
    found = associate(X, Y, "pearson")
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("method", METHODS)
def test_intervals_of_coefficients_cover(method):
    rho = 0.5
    truth = {
        "pearson": rho,
        "spearman": 6 / math.pi * math.asin(rho / 2),
        "kendall": 2 / math.pi * math.asin(rho),
    }[method]
    random = np.random.default_rng(12)
    covered = 0
    for x, z in random.normal(size=(1500, 2, 25)):
        found = associate(x, rho * x + math.sqrt(1 - rho**2) * z, method)
        covered += found.low <= truth <= found.high
    assert covered / 1500 == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("method", ["spearman", "pearson"])
def test_permuted_p_is_exact_for_few_points(method):
    assert permuted(np.arange(5.0), np.arange(5.0) ** 2, method) == (2 / 120, 2 / 120)
    x, y = stats.rankdata(X[:7]), stats.rankdata(Y[:7])
    theirs = stats.permutation_test(
        (x,), lambda a, axis: (a * y).sum(axis=axis), permutation_type="pairings", vectorized=True
    )
    assert permuted(x, y, method)[0] == pytest.approx(theirs.pvalue)
    many = permuted(X, Y, method)
    assert 0 < many[0] < 0.01
    assert permuted(X, Y, method) == many


def test_partial_correlation_sees_through_a_confounder():
    random = np.random.default_rng(13)
    z = random.normal(size=400)
    x, y = z + 0.3 * random.normal(size=400), z + 0.3 * random.normal(size=400)
    assert associate(x, y).coefficient > 0.8
    found = partial(x, y, z[:, None])
    assert abs(found.coefficient) < 0.15
    assert found.p > 0.01
    ranks = [stats.rankdata(v) for v in (x, y, z)]
    r = np.corrcoef(ranks)
    by_hand = (r[0, 1] - r[0, 2] * r[1, 2]) / math.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert found.coefficient == pytest.approx(by_hand, abs=1e-12)
    assert partial(x, y, np.column_stack([z, x])) is None
    assert partial(x[:4], y[:4], z[:4, None]) is None


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ([4, 1, 0, 1, 4], "U"),
        ([0, 3, 4, 3, 0], "∩"),
        ([0, 1, 2, 3, 4], "rising"),
        ([4, 4, 1, 0, 0], "falling"),
        ([0, 4, 0, 4, 0], "wavy"),
        ([0, 0.1, 0, 0.1, 0], "no difference shown"),
    ],
)
def test_the_shape_of_a_relation(means, word):
    variance = np.full((5, 5), 0.02)
    assert shape_of_levels(np.array(means, float), variance, 12.0) == word
    noise = np.random.default_rng(14).normal(0, 0.15, 30)
    assert shape_of_points(np.repeat(np.arange(5.0), 6), np.repeat(means, 6) + noise) == word


@pytest.mark.parametrize(("levels", "df"), [(3, 2.0), (5, 12.0), (40, 70.0)])
def test_the_limit_of_a_difference_is_scipys(levels, df):
    """Also where statsmodels' approximation of the studentized range is off by a tenth of a percent."""
    limit = stats.studentized_range.ppf(0.95, levels, df) / math.sqrt(2)
    variance = np.ones((levels, levels))
    means = np.zeros(levels)
    for factor, word in ((1 - 1e-5, "no difference shown"), (1 + 1e-5, "rising")):
        means[-1] = factor * limit
        assert shape_of_levels(means, variance, df) == word


def test_shapes_of_noise_are_rare():
    random = np.random.default_rng(15)
    variance = np.full((5, 5), 2 / 4.0)
    words = [
        shape_of_levels(row.mean(axis=1), variance, 1e4) for row in random.normal(size=(1500, 5, 4))
    ]
    assert sum(word != "no difference shown" for word in words) / 1500 == pytest.approx(
        0.05, abs=0.02
    )


def test_a_u_of_unrepeated_values_is_seen():
    x = np.random.default_rng(16).uniform(-1, 1, 60)
    assert shape_of_points(x, x**2) == "U"
    assert shape_of_points(x, -(x**2)) == "∩"
    assert shape_of_points(x, np.exp(x)) == "rising"


def test_categories_are_scipys_and_blocks_take_drift_out():
    random = np.random.default_rng(17)
    groups = [random.normal(shift, 1, 12) for shift in (0, 0, 1)]
    found, theirs = categories(groups), stats.kruskal(*groups)
    assert (found.h, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert found.epsilon_squared == pytest.approx(theirs.statistic / 35)
    block, level = np.repeat(np.arange(12), 3), np.tile(np.arange(3), 12)
    values = random.normal(0, 0.3, 36) + 0.5 * (level == 2) + 5.0 * block
    assert categories([values[level == k] for k in range(3)]).p > 0.5
    assert blocked_categories(values, level, block).p < 0.01
    assert blocked_categories(np.ones(36), level, block) is None


@pytest.mark.parametrize(("arms", "rho", "df"), [(4, 1 / 3, 6.0), (9, 0.5, 2.0), (3, 0.25, 500.0)])
def test_the_joint_test_is_scipys_multivariate_t(arms, rho, df):
    matrix = np.full((arms, arms), rho)
    np.fill_diagonal(matrix, 1)
    loadings = [math.sqrt(rho)] * arms
    for c in (1.5, 2.8):
        inside = stats.multivariate_t.cdf(
            np.full(arms, c), shape=matrix, df=df, lower_limit=np.full(arms, -c), random_state=1
        )
        assert joint_p(np.array([c]), df, loadings)[0] == pytest.approx(1 - inside, abs=2e-4)
    limit = joint_quantile(df, tuple(loadings))
    assert joint_p(np.array([limit]), df, loadings)[0] == pytest.approx(0.05, abs=1e-6)


def test_the_joint_test_is_the_t_test_for_one_arm_and_never_beyond_bonferroni():
    t = np.array([0.1, 2.0, 9.0, math.nan])
    assert joint_p(t, 5.0, [0.6])[:3] == pytest.approx(2 * stats.t.sf(t[:3], 5))
    assert joint_quantile(5.0, (0.6,)) == pytest.approx(stats.t.ppf(0.975, 5))
    many = joint_p(t, 5.0, [0.3] * 8)
    assert math.isnan(many[3])
    assert (many[:3] <= np.minimum(1, 8 * 2 * stats.t.sf(t[:3], 5)) + 1e-15).all()


def unpaired_runs():
    random = np.random.default_rng(18)
    rows = [
        {"study": "s", "arm": arm, "original": arm == "original", "energy_j": value}
        for arm, mean, n in (("original", 100, 8), ("a", 80, 6), ("b", 100, 6))
        for value in mean * np.exp(random.normal(0, 0.02, n))
    ]
    return pd.DataFrame(rows)


def test_independent_samples_give_welch_and_dunnett():
    runs = unpaired_runs()
    found = unpaired_deltas(runs, "energy_j", "ratio").set_index("arm")
    logs = {arm: np.log(group["energy_j"].to_numpy()) for arm, group in runs.groupby("arm")}
    theirs = stats.dunnett(logs["a"], logs["b"], control=logs["original"], random_state=1)
    assert list(found["p_corrected"]) == pytest.approx(list(theirs.pvalue), abs=2e-3)
    bounds = theirs.confidence_interval()
    assert list(np.log1p(found["joint_low"])) == pytest.approx(list(bounds.low), abs=2e-3)
    welch = stats.ttest_ind(logs["a"], logs["original"], equal_var=False)
    assert found.loc["a", "p"] == pytest.approx(welch.pvalue)
    assert found.loc["a", "low"] < -0.2 < found.loc["a", "high"]
    assert found.loc["a", "cliffs_delta"] == -1
    assert -1 < found.loc["b", "cliffs_low"] < found.loc["b", "cliffs_high"] < 1
    alone = unpaired_changes(runs, "energy_j", "ratio").set_index("arm")
    columns = ["study", "estimate", "low", "high", "p"]
    pd.testing.assert_frame_equal(alone[columns], found[columns])


def test_cliffs_interval_covers():
    random = np.random.default_rng(19)
    truth = 2 * stats.norm.cdf(0.5 / math.sqrt(2)) - 1
    inside = 0
    for a, b in random.normal(size=(1000, 2, 15)):
        _, low, high = cliff(a + 0.5, b)
        inside += low <= truth <= high
    assert inside / 1000 == pytest.approx(0.95, abs=0.025)


def test_correlations_over_runs_name_confounders_and_correct_as_a_family():
    random = np.random.default_rng(20)
    epochs, rate = random.integers(5, 15, 60), random.uniform(0, 1, 60)
    runs = pd.DataFrame(
        {
            "study": "s",
            "epochs": epochs,
            "rate": rate,
            "constant": 3,
            "optimizer": np.where(rate > 0.5, "sgd", "adam"),
            "energy_j": epochs * 10.0 + random.normal(0, 5, 60),
            "train_s": np.where(np.arange(60) < 7, math.nan, epochs),
        }
    )
    names = ["epochs", "rate", "constant", "optimizer"]
    found = unpaired_correlations(runs, names, ["energy_j", "train_s"])
    assert set(found["hyperparameter"]) == {"epochs", "rate", "optimizer"}
    cell = found[(found["hyperparameter"] == "epochs") & (found["method"] == "spearman")].iloc[0]
    assert cell["coefficient"] == pytest.approx(
        stats.spearmanr(epochs, runs["energy_j"]).statistic, abs=1e-12
    )
    assert cell["partial"] > 0.9
    assert cell["held"] == "rate"
    assert cell["shape"] == "rising"
    assert "also varied: rate, optimizer" in cell["note"]
    assert "not independent" in cell["note"]
    lost = found[(found["quantity"] == "train_s") & (found["method"] == "pearson")]
    assert set(lost["runs"]) == {53}
    for _, family in found.groupby("method"):
        known = family.dropna(subset="p")
        theirs = stats.false_discovery_control(known["p"].astype(float))
        assert list(known["p_corrected"]) == pytest.approx(list(theirs))
    kruskal = found[found["method"] == "kruskal"].iloc[0]
    assert 0 <= kruskal["coefficient"] <= 1


def smallest_share(values, statistic):
    """How often the clearest of all orders comes up, by looking at all of them."""
    found = np.round([statistic(np.array(order)) for order in permutations(values)], 9)
    return float((found == found.max()).mean())


@pytest.mark.parametrize("level", [[0, 0, 0, 1, 1, 1], [0, 0, 1, 2, 3], [0, 0, 1, 1, 2, 2]])
def test_the_smallest_p_is_that_of_the_clearest_order(level):
    level, ranks = np.array(level), np.arange(1.0, len(level) + 1)
    counts = np.unique(level, return_counts=True)[1][:, None]

    def spread(order):
        return sum(order[level == k].sum() ** 2 / n for k, (n,) in enumerate(counts))

    assert smallest_grouped(counts) <= smallest_share(ranks, spread) + 1e-9
    clearest = smallest_share(ranks, lambda order: abs(stats.spearmanr(level, order).statistic))
    assert smallest_ranked(level) == pytest.approx(clearest)


def test_two_groups_of_three_and_values_alike_are_too_few_to_tell():
    assert smallest_grouped(np.array([[3], [3]])) == pytest.approx(2 / 20)
    x, y = np.arange(5.0), np.array([0.0, 0, 0, 0, 1])
    assert permuted(x, y)[1] == pytest.approx(2 * 24 / 120)
    assert math.isnan(associate_permuted(x, y, "spearman").p)
    assert associate_permuted(x, x, "spearman").p == 2 / 120
    runs = pd.DataFrame({"study": "s", "size": [1.0] * 3 + [2.0] * 3, "energy_j": np.arange(6.0)})
    found = unpaired_correlations(runs, ["size"], ["energy_j"]).set_index("method")
    assert found.loc[["spearman", "kendall"], ["p", "p_corrected"]].isna().all(axis=None)
    assert found["note"]["spearman"].startswith("too few to tell")
    assert found.loc["pearson", "p"] < 0.05
    more = pd.concat([runs, runs], ignore_index=True)
    found = unpaired_correlations(more, ["size"], ["energy_j"]).set_index("method")
    assert found["p"].notna().all()


def test_names_in_one_block_are_too_few_to_tell():
    level = np.array(["a", "a", "b", "c", "d"] * 3)
    values, block = np.arange(15.0), np.repeat([1, 2, 3], 5)
    assert blocked_categories(values, level, block).p < 0.05
    assert math.isnan(blocked_categories(values[:5], level[:5], block[:5]).p)


def test_three_points_in_order_show_no_shape():
    assert shape_of_points([1, 2, 3], [1, 2, 3]) == "no difference shown"
    assert shape_of_points(np.arange(6), np.arange(6)) == "rising"
