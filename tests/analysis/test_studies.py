"""Simulated studies with a known truth: what the analysis finds is what was put in."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from simulated import ESTIMATE, GPU, MEASURED, PACKAGE, Study, Truth, change, null, simulate

from greenbench.analysis import frames
from greenbench.analysis.agreement import agreement
from greenbench.analysis.cohorts import cohorts, idle_windows
from greenbench.analysis.colocation import per_training
from greenbench.analysis.correlations import correlations, settings
from greenbench.analysis.deltas import beside, deltas
from greenbench.analysis.limits import blocks_needed, of_blocks, of_energy, of_host, of_trials
from greenbench.analysis.pairs import Pairs
from greenbench.analysis.split import energy_split
from greenbench.analysis.verdicts import energy_verdict, loss, noise_band, performance_verdict
from greenbench.api import Change, Metric, Mutation, Scenario

EPOCHS_5 = "epochs: 10 → 5"
EPOCHS = [(change("epochs", n), Truth(energy=n / 10)) for n in (5, 8, 12, 15)]


def analysed(folder, studies, **options):
    found = frames.read(simulate(folder, studies, **options))
    return found, cohorts(found)


def arm(table, mutation):
    return table[table["mutation"] == mutation].iloc[0]


def verdicts(table):
    band = noise_band(table)
    return {r["mutation"]: energy_verdict(r, band) for _, r in table.iterrows() if not r["null"]}


def test_energies_add_disjoint_channels_and_idle_power_is_taken_out(tmp_path):
    found, table = analysed(tmp_path, [Study(EPOCHS, noise=0)])
    original = table[table["original"]].iloc[0]
    assert original["energy_j"] == pytest.approx(12_000)
    assert original["channel.gpu/0"] == pytest.approx(9_000)
    assert original["power_w"] == pytest.approx(200)
    assert original["idle_w"] == pytest.approx(40, rel=0.01)
    assert original["active_j"] == pytest.approx(12_000 - 60 * original["idle_w"])
    assert len(idle_windows(found)) == len(table) == 30


def test_effects_have_their_size_sign_and_word(tmp_path):
    truths = [*EPOCHS, (null(), Truth())]
    _, table = analysed(tmp_path, [Study(truths, noise=0.01)])
    found = deltas(table, "energy_j", "ratio")
    for mutation, truth in EPOCHS:
        row = arm(found, str(mutation))
        assert row["low"] < truth.energy - 1 < row["high"]
        assert row["delta"] == pytest.approx(row["estimate"] * row["original_mean"])
    assert set(verdicts(found).values()) == {"greener", "costlier"}
    assert verdicts(found)["epochs: 10 → 5"] == "greener"
    assert math.isnan(arm(found, "null 1")["p_corrected"])


def test_floor_of_p_and_its_correction(tmp_path):
    _, table = analysed(tmp_path, [Study([*EPOCHS, (null(), Truth())], blocks=5, originals=2)])
    row = arm(beside(table, "energy_j", "ratio").rename(columns={"arm": "mutation"}), EPOCHS_5)
    assert row["permutation_p"] == pytest.approx(2 / 3**5)
    assert row["permutation_corrected"] == pytest.approx(4 * 2 / 3**5)
    assert row["smallest_p_corrected"] == pytest.approx(4 * 2 / 3**5)


def test_too_few_blocks_say_so_whatever_the_effect(tmp_path):
    """One block has no known noise; three are too few for the exact test only."""
    _, table = analysed(tmp_path, [Study([*EPOCHS, (null(), Truth())], blocks=3)])
    one = table[table["block"] == 1]
    result = deltas(one, "energy_j", "ratio")
    assert set(verdicts(result).values()) == {"inconclusive"}
    assert result[["low", "joint_low", "p", "p_corrected"]].isna().all(axis=None)
    assert "too few to tell" in next(of_blocks(result, beside(one, "energy_j", "ratio"))).text
    limit = next(of_blocks(deltas(table, "energy_j", "ratio"), beside(table, "energy_j", "ratio")))
    assert "by the exact test" in limit.text
    assert "5 blocks" in limit.remedy
    assert 4 * 2 / 3 ** blocks_needed(4, 2) < 0.05 <= 4 * 2 / 3 ** (blocks_needed(4, 2) - 1)


def test_blocks_take_drift_out(tmp_path):
    """Energy doubles in the course of the suite; the estimate of a 10 % saving stays."""
    truths = [(change("epochs", 9), Truth(energy=0.9))]
    study = Study(truths, blocks=10, noise=0.01, drift=math.log(2) / 30)
    _, table = analysed(tmp_path, [study])
    row = arm(deltas(table, "energy_j", "ratio"), "epochs: 10 → 9")
    assert row["low"] < -0.1 < row["high"]
    assert row["high"] - row["low"] < 0.06
    mutant = table.loc[table["arm"] == "epochs: 10 → 9", "energy_j"].to_numpy(float)
    originals = table.loc[table["original"], "energy_j"].to_numpy(float)
    unblocked = stats.ttest_ind(np.log(mutant), np.log(originals)).confidence_interval()
    assert row["high"] - row["low"] < 0.5 * (unblocked.high - unblocked.low)


def test_suites_in_which_nothing_was_changed_rarely_get_a_verdict(tmp_path):
    """A family of no-op mutants is called at most at the stated 5 % (here: far less, since
    the A/A arm has to be exceeded as well)."""
    truths = [(change("epochs", n), Truth()) for n in (8, 12)] + [(null(), Truth())]
    _, table = analysed(tmp_path, [Study(truths, blocks=4)])
    random = np.random.default_rng(7)
    called, repeats = 0, 120
    for _ in range(repeats):
        drift = table["block"].map(dict(enumerate(random.normal(0, 0.1, 4), start=1)))
        noise = random.normal(0, 0.03, len(table))
        found = deltas(table.assign(energy_j=np.exp(drift + noise)), "energy_j", "ratio")
        called += any(word in ("greener", "costlier") for word in verdicts(found).values())
    assert called / repeats <= 0.05


def test_an_incomplete_block_is_used_as_far_as_it_goes(tmp_path):
    _, table = analysed(tmp_path, [Study(EPOCHS, blocks=3, noise=0.01)], run=14)
    found = deltas(table, "energy_j", "ratio")
    assert set(found["blocks"]) <= {2, 3}
    assert arm(found, "epochs: 10 → 5")["estimate"] == pytest.approx(-0.5, abs=0.03)


def test_a_channel_that_vanished_makes_the_total_unknown_not_smaller(tmp_path):
    lost = {0: {"energy_j": None}}
    found, table = analysed(tmp_path, [Study(EPOCHS)], outcomes=lost)
    assert table["energy_j"].isna().tolist() == [True] + [False] * 29
    assert any("not known: the sensor vanished" in limit.text for limit in of_energy(found, table))


def test_totals_over_other_channels_are_not_compared(tmp_path):
    store = simulate(tmp_path, [Study(EPOCHS)])
    facts = json.dumps({"channels": [GPU]})
    store.connection.execute(
        "INSERT INTO sessions SELECT 2, started_at, ended_at, boot_id, ? FROM sessions", (facts,)
    )
    moved = "(SELECT id FROM cohort_runs WHERE number = 1 AND id <= 3)"
    store.connection.execute(f"UPDATE windows SET session = 2 WHERE cohort_run IN {moved}")
    store.connection.execute(f"UPDATE cohort_runs SET session = 2 WHERE id IN {moved}")
    found = frames.read(store)
    table = cohorts(found)
    assert int(table["energy_j"].isna().sum()) == 3
    assert any("other channels" in limit.text for limit in of_energy(found, table))


def test_failed_excluded_and_half_cohorts_are_left_out_and_named(tmp_path):
    pair = Study(EPOCHS, scenario=Scenario(kind="homogeneous", copies=2))
    outcomes = {0: {"status": "failed"}, 1: {"status": "excluded"}, 2: {"status": "interrupted"}}
    found, table = analysed(tmp_path, [pair], outcomes=outcomes, run=10)
    assert len(table) == 7
    texts = " ".join(limit.text for limit in of_trials(found, table))
    for words in (
        "2 of 60 trials failed",
        "excluded",
        "interrupted",
        "40 of 60 trials were not run",
    ):
        assert words in texts


def test_copies_are_one_replicate_and_count_whole(tmp_path):
    studies = [
        Study([*EPOCHS, (null(), Truth())], noise=0.01),
        Study(
            [*EPOCHS, (null(), Truth())],
            scenario=Scenario(kind="homogeneous", copies=3),
            sharing=0.7,
            noise=0.01,
        ),
    ]
    found, table = analysed(tmp_path, studies)
    assert (table["members"] == table["copies"]).all()
    row = arm(per_training(table, Pairs.of(found.trials), "energy_j"), "")
    assert row["low"] < -0.3 < row["high"]
    assert row["cohort"] == pytest.approx(3 * row["per_training"])
    assert row["slowdown"] == pytest.approx(1.6, abs=0.02)
    both = deltas(table, "energy_j", "ratio")
    halved = both[both["mutation"] == "epochs: 10 → 5"]
    assert list(halved["estimate"]) == pytest.approx([-0.5, -0.5], abs=0.02)
    assert set(halved["blocks"]) == {5}


def test_correlations_are_over_settings_and_scipys(tmp_path):
    truths = [*EPOCHS, (change("learning_rate", 0.01), Truth(accuracy=-0.1)), (null(), Truth())]
    _, table = analysed(tmp_path, [Study(truths, noise=0.3)])
    found = correlations(table, ["energy_j", "train_s", "metric.accuracy"])
    row = found[(found["hyperparameter"] == "epochs") & (found["quantity"] == "energy_j")].iloc[0]
    points = settings(table, "epochs", "energy_j")
    assert row["settings"] == len(points) == 5
    means = table.groupby("arm")["energy_j"].mean()
    arms = ["original", *(str(m) for m, _ in EPOCHS)]
    theirs = stats.spearmanr([10, 5, 8, 12, 15], [means[a] for a in arms])
    assert row["rho"] == pytest.approx(theirs.statistic, abs=1e-12)
    few = found[found["hyperparameter"] == "learning_rate"]
    assert few["rho"].isna().all()
    assert set(few["note"]) == {"too few settings"}


@pytest.mark.parametrize(("count", "note"), [(3, "too few to tell"), (2, "too few settings")])
def test_few_settings_have_no_p(tmp_path, count, note):
    _, table = analysed(tmp_path, [Study(EPOCHS[:count])])
    row = correlations(table, ["energy_j"]).iloc[0]
    assert row["note"] == note
    assert math.isnan(row["p"])


def test_names_and_seeds_have_no_rank(tmp_path):
    truths = [(change("optimizer", name), Truth()) for name in ("adam", "rmsprop", "lion")]
    _, table = analysed(tmp_path, [Study(truths)])
    row = correlations(table, ["energy_j"]).iloc[0]
    assert math.isnan(row["rho"])
    assert 0 <= row["epsilon_squared"] <= 1
    assert row["p"] == row["epsilon_p"]
    assert "categories" in row["note"]


def test_a_setting_that_matters_shows_among_names(tmp_path):
    truths = [
        (change("optimizer", name), Truth(energy=energy))
        for name, energy in (("adam", 1.2), ("rmsprop", 1.0), ("lion", 0.8))
    ]
    _, table = analysed(tmp_path, [Study(truths, drift=0.05, noise=0.02, blocks=8)])
    row = correlations(table, ["energy_j"]).iloc[0]
    assert row["epsilon_squared"] > 0.5
    assert row["p_corrected"] < 0.01


def test_a_u_over_a_hyperparameter_is_named(tmp_path):
    truths = [
        (change("learning_rate", rate), Truth(energy=energy))
        for rate, energy in ((0.01, 1.2), (0.05, 1.1), (0.5, 1.1), (1.0, 1.2))
    ]
    _, table = analysed(tmp_path, [Study(truths, noise=0.01)])
    found = correlations(table, ["energy_j", "metric.accuracy"])
    assert list(found["shape"]) == ["U", "no difference shown"]
    assert abs(found["rho"].iloc[0]) < 0.5


def test_several_hyperparameters_at_once_are_told_apart(tmp_path):
    """Epochs cost energy, the learning rate does not, but it moved with the epochs."""
    pairs = ((2, 0.01), (4, 0.05), (6, 0.02), (8, 0.3), (12, 0.2), (14, 0.5), (18, 0.4))
    truths = [
        (
            Mutation("pair", (Change("epochs", 10, n), Change("learning_rate", 0.1, rate))),
            Truth(energy=n / 10),
        )
        for n, rate in pairs
    ]
    _, table = analysed(tmp_path, [Study(truths, noise=0.002)])
    found = correlations(table, ["energy_j"]).set_index("hyperparameter")
    assert found.loc["epochs", "partial"] > 0.95
    assert found.loc["epochs", "held"] == "learning_rate"
    assert "nothing is left with epochs held fixed" in found.loc["learning_rate", "note"]
    noisy = table["energy_j"] * np.exp(np.random.default_rng(1).normal(0, 0.3, len(table)))
    found = correlations(table.assign(energy_j=noisy), ["energy_j"]).set_index("hyperparameter")
    assert found.loc["epochs", "partial"] > found.loc["learning_rate", "partial"]
    assert (
        found.loc["learning_rate", "partial_low"] < 0 < found.loc["learning_rate", "partial_high"]
    )


def test_energy_is_taken_apart_into_time_and_power(tmp_path):
    truths = [
        (change("epochs", 5), Truth(energy=0.5)),
        (change("learning_rate", 0.01), Truth(energy=0.8, time=1.0)),
        (null(), Truth()),
    ]
    _, table = analysed(tmp_path, [Study(truths, noise=0.002)])
    found = energy_split(table, ["energy_j", "channel.gpu/0"])
    assert (found["time_j"] + found["power_j"]).to_numpy() == pytest.approx(found["delta_j"])
    product = (1 + found["time"]) * (1 + found["power"])
    assert product.to_numpy() == pytest.approx(1 + found["energy"])
    total = found[found["channel"] == "energy_j"].set_index("mutation")
    assert total.loc[EPOCHS_5, "time_j"] == pytest.approx(-6000, rel=0.02)
    assert abs(total.loc[EPOCHS_5, "power_j"]) < 100
    power = total.loc["learning_rate: 0.1 → 0.01"]
    assert power["power_j"] == pytest.approx(-2400, rel=0.05)
    assert power["power_low"] < -0.2 < power["power_high"]
    assert len(found) == 6


@pytest.mark.parametrize(
    ("loss", "word"),
    [(-0.003, "kept"), (-0.05, "damaged"), (0.05, "improved"), (-0.01, "inconclusive")],
)
def test_performance_is_judged_against_the_margin(tmp_path, loss, word):
    study = Study([(change("epochs", 5), Truth(0.5, loss)), (null(), Truth())], blocks=8)
    _, table = analysed(tmp_path, [study], seed=2)
    row = arm(deltas(table, "metric.accuracy", "difference"), "epochs: 10 → 5")
    accuracy = Metric(name="accuracy", direction="maximize", margin=0.01)
    assert performance_verdict(row, accuracy) == word
    assert performance_verdict(row, replace(accuracy, margin=None)) is None
    mirrored = arm(deltas(table, "metric.loss", "difference"), "epochs: 10 → 5")
    assert (
        performance_verdict(mirrored, Metric(name="loss", direction="minimize", margin=0.01))
        == word
    )


def test_the_test_set_has_a_sampling_error(tmp_path):
    """100 items can't show that a share kept to within 1 %, however often training is repeated."""
    study = Study([(change("epochs", 5), Truth(0.5)), (null(), Truth())], blocks=8)
    _, table = analysed(tmp_path, [study], seed=2)
    row = arm(deltas(table, "metric.accuracy", "difference"), EPOCHS_5)
    metric = Metric(name="accuracy", direction="maximize", margin=0.01)
    few, many = replace(metric, items=100), replace(metric, items=1_000_000)
    assert performance_verdict(row, metric) == performance_verdict(row, many) == "kept"
    assert performance_verdict(row, few) == "inconclusive"
    assert loss(row, few).items_error == pytest.approx(math.sqrt(2 * 0.9 * 0.1 / 100), rel=0.05)
    percent = replace(few, unit="%", margin=1.0)
    hundred = row.copy()
    for name in ("original_mean", "estimate", "low", "high", "error"):
        hundred[name] *= 100
    assert loss(hundred, percent).worst == pytest.approx(100 * loss(row, few).worst)


ACCURACY_OF_ROW = {"error": 1e-4, "df": 20.0, "low": -1.0, "high": 1.0}
"""Of a row of deltas: training hardly scatters, so that the test items decide."""


def test_all_of_few_items_right_is_no_proof():
    """Both got 100 of 100 right, and neither may get 1 % less of others."""
    accuracy = Metric(name="accuracy", direction="maximize", margin=0.01, items=100)
    same = ACCURACY_OF_ROW | {"original_mean": 1.0 + 1e-15, "estimate": 0.0}
    assert performance_verdict(same, accuracy) == "inconclusive"
    assert performance_verdict(same, replace(accuracy, items=1000)) == "kept"
    errors = Metric(name="error", direction="minimize", unit="%", margin=1.0, items=100)
    mirrored = same | {"original_mean": 0.0}
    assert performance_verdict(mirrored, errors) == "inconclusive"


@pytest.mark.parametrize(("items", "share", "margin"), [(100, 0.98, 0.05), (60, 0.95, 0.1)])
def test_a_loss_at_the_margin_passes_for_kept_by_the_items_once_in_twenty(items, share, margin):
    """All that test sets can show, each with its chance, at a true loss of the margin."""
    metric = Metric(name="accuracy", direction="maximize", margin=margin, items=items)
    chances = [stats.binom.pmf(range(items + 1), items, p) for p in (share, share - margin)]
    wrongly_safe = sum(
        chances[0][original] * chances[1][new]
        for original in range(items + 1)
        for new in range(items + 1)
        if chances[0][original] * chances[1][new] > 1e-9
        and performance_verdict(
            ACCURACY_OF_ROW
            | {"original_mean": original / items, "estimate": (new - original) / items},
            metric,
        )
        in ("kept", "improved")
    )
    assert 0.02 < wrongly_safe < 0.0525


def test_unchanged_is_shown_against_a_stated_smallest_effect_only(tmp_path):
    study = Study([(change("epochs", 9), Truth()), (null(), Truth())], blocks=8, noise=0.005)
    _, table = analysed(tmp_path, [study])
    row = arm(deltas(table, "energy_j", "ratio"), "epochs: 10 → 9")
    assert energy_verdict(row, 0.02) == "inconclusive"
    assert energy_verdict(row, 0.02, 0.02) == "unchanged"
    assert energy_verdict(row, 0.02, 0.0001) == "inconclusive"


def test_one_diverged_run_is_not_hidden_in_a_mean(tmp_path):
    study = Study([(change("learning_rate", 1.0), Truth())], blocks=4)
    store = simulate(
        tmp_path, [study], shuffled=False, outcomes={2: {"metrics": {"accuracy": math.nan}}}
    )
    table = cohorts(frames.read(store))
    assert table["diverged"].sum() == 1
    row = arm(deltas(table, "metric.accuracy", "difference"), "learning_rate: 0.1 → 1.0")
    assert row["blocks"] == 3
    assert (
        performance_verdict(row, Metric(name="a", direction="maximize", margin=0.01), diverged=True)
        == "diverged"
    )


def test_a_mutant_that_made_training_unsteady_keeps_its_own_wide_interval(tmp_path):
    steady = [(change("epochs", n), Truth()) for n in (5, 8, 12)]
    store = simulate(
        tmp_path,
        [Study([*steady, (change("learning_rate", 1.0), Truth())], blocks=4)],
        shuffled=False,
        outcomes={5 + 6 * b: {"metrics": {"accuracy": 0.9 + (-1) ** b * 0.1}} for b in range(4)},
    )
    found = deltas(cohorts(frames.read(store)), "metric.accuracy", "difference")
    unsteady = arm(found, "learning_rate: 0.1 → 1.0")
    assert unsteady["df"] == 3
    assert unsteady["high"] - unsteady["low"] > 0.3


def test_the_host_and_the_sensor_are_looked_at(tmp_path):
    slow = [{**c, "update_period_s": 1.0} for c in MEASURED]
    store = simulate(tmp_path, [Study(EPOCHS)], channels=slow, outcomes={1: {"gap_s": 6.0}})
    store.add_problem(1, "the governor changed")
    store.connection.execute(
        "UPDATE energies SET energy_j = energy_j * (1 + window % 5) WHERE window IN"
        " (SELECT id FROM windows WHERE kind = 'idle')"
    )
    store.connection.execute(
        """UPDATE cohort_runs SET conditions = '{"load_1min":7}' WHERE id < 4"""
    )
    found = frames.read(store)
    table = cohorts(found)
    texts = " ".join(limit.text for limit in [*of_energy(found, table), *of_host(found)])
    for words in (
        "sampling has gaps in 1 cohorts",
        "shorter than 100 update periods",
        "Unstable host",
        "busy before 3 of 30",
        "the governor changed",
    ):
        assert words in texts


def test_estimates_never_enter_a_measured_total(tmp_path):
    _, table = analysed(tmp_path, [Study(EPOCHS)], channels=[PACKAGE, ESTIMATE])
    assert (table["energy_j"] < table["estimate_j"]).all()
    assert set(table["channels"]) == {"cpu/package-0"}


def test_two_readings_of_one_device_are_compared(tmp_path):
    found = agreement(frames.read(simulate(tmp_path, [Study(EPOCHS)])))
    (row,) = found.to_dict(orient="records")
    assert (row["counter"], row["power"], row["windows"]) == ("gpu/0", "gpu/0/power", 30)
    assert row["median"] == pytest.approx(0.02)
    assert row["within"] == 0
    one_only = simulate(tmp_path / "one", [Study(EPOCHS)], channels=[GPU, PACKAGE])
    assert agreement(frames.read(one_only)).empty
