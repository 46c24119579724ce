"""What to take, what could be detected, whether the host held still, what co-location does."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated import ESTIMATE, MEASURED, Study, Truth, add_window, change, null, simulate
from statsmodels.stats.power import TTestPower

from greenbench.analysis import frames, health, interference, limits
from greenbench.analysis.choice import greenest_acceptable, pareto_front
from greenbench.analysis.cohorts import cohorts
from greenbench.analysis.deltas import deltas
from greenbench.analysis.pairs import Pairs
from greenbench.analysis.power import blocks_to_detect, detectable, reached, run_noise
from greenbench.analysis.stated import Stated
from greenbench.analysis.verdicts import FINE, performance
from greenbench.api import Metric, Scenario, Window
from greenbench.report.context import context

ACCURACY = Metric(name="accuracy", direction="maximize", margin=0.01)
PAIR = Scenario(kind="homogeneous", copies=2)


def analysed(folder, studies, **options):
    found = frames.read(simulate(folder, studies, **options))
    return found, cohorts(found)


def words(table, *metrics):
    rows = {}
    for metric in metrics:
        found = deltas(table, f"metric.{metric.name}", "difference")
        rows[metric.name] = {row["arm"]: row for _, row in found.iterrows()}
    return performance(rows, metrics, [])


def taken(table, *metrics):
    """What to take of the one study there is."""
    found = words(table, *metrics)
    acceptable = {"mlp, solo": [arm for arm, word in found.items() if word in FINE]}
    return greenest_acceptable(table, "energy_j", acceptable if found else {})


def test_the_greenest_that_damages_is_not_taken(tmp_path):
    truths = [
        (change("epochs", 2), Truth(0.2, -0.1)),
        (change("epochs", 8), Truth(0.8)),
        (change("epochs", 12), Truth(1.2)),
        (null(), Truth()),
    ]
    _, table = analysed(tmp_path, [Study(truths, blocks=6)])
    row = taken(table, ACCURACY).iloc[0]
    assert row["mutation"] == "epochs: 10 → 8"
    assert row["chosen_in"] == row["splits"]
    assert row["low"] < 0.2 < row["high"]
    assert row["saving_j"] == pytest.approx(row["saving"] * 12_000, rel=0.02)
    assert taken(table, replace(ACCURACY, margin=None)).empty
    none = taken(table, replace(ACCURACY, items=50)).iloc[0]
    assert (none["mutation"], none["saving"]) == ("", 0)
    assert math.isnan(none["low"])
    assert taken(table[table["block"] < 3], ACCURACY).empty


def test_half_of_the_blocks_that_cannot_tell_of_performance_make_no_saving_smaller(tmp_path):
    """All blocks together show that performance is kept; halves of them often do not."""
    truths = [
        (change("epochs", 5), Truth(0.5)),
        (change("epochs", 9), Truth(0.9)),
        (null(), Truth()),
    ]
    _, table = analysed(tmp_path, [Study(truths, blocks=6, accuracy_noise=0.008)], seed=4)
    row = taken(table, ACCURACY).iloc[0]
    assert row["mutation"] == "epochs: 10 → 5"
    assert row["low"] < 0.5 < row["high"]
    assert row["high"] - row["low"] < 0.1


def test_each_metric_with_a_margin_is_judged_and_the_worst_word_decides(tmp_path):
    truths = [
        (change("epochs", 2), Truth(0.2, -0.1)),
        (change("epochs", 8), Truth(0.8)),
        (null(), Truth()),
    ]
    _, table = analysed(tmp_path, [Study(truths, blocks=6)])
    loss = Metric(name="loss", direction="minimize", margin=0.01)
    lenient = replace(ACCURACY, margin=0.5)
    assert words(table, lenient)["epochs: 10 → 2"] == "kept"
    assert words(table, lenient, loss)["epochs: 10 → 2"] == "damaged"
    assert words(table, replace(lenient, margin=None), loss)["epochs: 10 → 2"] == "damaged"
    assert words(table, lenient, replace(loss, margin=None))["epochs: 10 → 2"] == "kept"
    assert words(table, lenient, loss)["epochs: 10 → 8"] == "kept"
    assert taken(table, lenient).iloc[0]["mutation"] == "epochs: 10 → 2"
    assert taken(table, lenient, loss).iloc[0]["mutation"] == "epochs: 10 → 8"


def test_joules_become_emissions_and_money_only_where_stated():
    stated = Stated(grid_g_per_kwh=400.0, price_per_kwh=0.25, currency="EUR")
    assert stated.emissions_g(3.6e6) == 400
    assert stated.cost(1.8e6) == 0.125
    assert Stated().emissions_g(1.0) is Stated().cost(1.0) is None
    assert Stated.of({"grid_g_per_kwh": math.nan, "price_per_kwh": "x", "currency": 3}) == Stated()
    assert stated.overridden(Stated(price_per_kwh=0.5)) == replace(stated, price_per_kwh=0.5)


def test_nothing_beats_what_is_on_the_front():
    points = [(0.0, 0.9), (-0.5, 0.8), (-0.2, 0.95), (-0.4, 0.7), (-0.5, 0.8)]
    assert pareto_front(points, more_is_better=True) == (1, 2, 4)
    assert pareto_front([(0.0, 1.0), (1.0, 2.0)], more_is_better=False) == (0,)


def test_the_detectable_effect_is_that_of_the_paired_t_test_for_one_mutant():
    found = detectable(8, originals=10**6, mutants=1, nulls=0, noise=0.02)
    theirs = TTestPower().solve_power(nobs=8, alpha=0.05, power=0.8)
    assert -math.log1p(-found) / 0.02 == pytest.approx(theirs, rel=0.02)


def test_what_is_said_to_be_detectable_is_detected_as_often(cohort_frame):
    """The formula against studies simulated and judged."""
    from rules import fitted, greener

    from suites import RUN, Design, World, suites

    design, random = Design(4, 2), np.random.default_rng(5)
    effect = detectable(6, originals=2, mutants=4, nulls=1, noise=RUN)
    arms, originals = suites(random, World("normal"), design, 6, 4000)
    arms[..., 0] += math.log1p(-effect)
    found = greener(fitted(arms, originals), design)[:, 0].mean()
    assert found == pytest.approx(0.8, abs=0.04)


def test_blocks_to_detect_is_the_fewest_that_do():
    size = {"originals": 2, "mutants": 4, "nulls": 1, "noise": 0.05}
    blocks = blocks_to_detect(0.05, **size)
    assert detectable(blocks, **size) <= 0.05 < detectable(blocks - 1, **size)
    assert blocks_to_detect(0.0, **size) is None
    assert blocks_to_detect(1e-6, **size) is None
    assert detectable(1, **size) is None


def test_noise_is_found_again(tmp_path):
    truths = [(change("epochs", n), Truth(n / 10)) for n in (5, 8, 12)] + [(null(), Truth())]
    _, table = analysed(tmp_path, [Study(truths, blocks=20, noise=0.03)])
    found = deltas(table, "energy_j", "ratio")
    assert run_noise(found)["mlp, solo"] == pytest.approx(0.03, rel=0.2)
    assert set(reached(found, 0.05)["blocks_for_smallest"].dropna()) != set()
    assert reached(found[found["null"]]).empty


def test_drift_and_outliers_are_found_and_results_shown_without(tmp_path):
    truths = [(change("epochs", n), Truth()) for n in (5, 8)] + [(null(), Truth())]
    still = analysed(tmp_path / "still", [Study(truths, blocks=10)])[1]
    assert health.outliers(still, "energy_j").empty
    row = health.drift(still, "energy_j").iloc[0]
    assert row["low"] < 0 < row["high"]
    moved = analysed(tmp_path / "moved", [Study(truths, blocks=10, drift=0.002)])[1]
    row = health.drift(moved, "energy_j").iloc[0]
    assert row["over_suite"] == pytest.approx(math.expm1(0.002 * 49), abs=0.02)
    assert row["low"] > 0
    spoilt = still.copy()
    place = spoilt.index[spoilt["arm"].str.contains("epochs: 10 → 5")][3]
    spoilt.loc[place, "energy_j"] *= 1.3
    far = health.outliers(spoilt, "energy_j")
    assert far["cohort"].tolist() == [spoilt.loc[place, "cohort"]]
    rest = spoilt.drop(index=place)
    main = deltas(spoilt, "energy_j", "ratio")
    both = health.otherwise(main, rest, far["study"], "energy_j").set_index("mutation")
    row = both.loc["epochs: 10 → 5"]
    assert abs(row["estimate_otherwise"]) < abs(row["estimate"])
    assert row["high_otherwise"] - row["low_otherwise"] < row["high"] - row["low"]
    (limit,) = limits.of_noise(spoilt, "energy_j")
    assert "heavier tails" in limit.text
    assert not list(limits.of_noise(still, "energy_j"))


def test_side_by_side_against_one_after_another(tmp_path):
    truths = [(change("epochs", n), Truth(n / 10)) for n in (5, 8, 12)] + [(null(), Truth())]
    studies = [Study(truths, blocks=6), Study(truths, blocks=6, scenario=PAIR, sharing=0.7)]
    found, table = analysed(tmp_path, studies)
    pairs = Pairs.of(found.trials)
    together = interference.together(table, found.trials, pairs, "energy_j").set_index("mutation")
    row = together.loc[""]
    assert row["apart"] == pytest.approx(24_000, rel=0.02)
    assert row["low"] < -0.3 < row["high"]
    assert row["together_s"] < row["apart_s"]
    main = deltas(table, "energy_j", "ratio")
    changed = interference.interaction(main, pairs)
    assert set(changed["mutation"]) == {f"epochs: 10 → {n}" for n in (5, 8, 12)}
    assert (changed["p_corrected"] > 0.05).all()
    spread = interference.spread(table, pairs, "energy_j").iloc[0]
    assert spread["arms"] == 4
    assert spread["low"] < 1 < spread["high"]


def test_the_time_in_which_all_trained_stands_beside_the_whole_run(tmp_path):
    truths = [(change("epochs", 5), Truth(0.5)), (null(), Truth())]
    studies = [Study(truths, blocks=2), Study(truths, blocks=2, scenario=PAIR)]
    _, table = analysed(tmp_path, studies)
    solo = table["kind"] == "solo"
    assert table.loc[solo, ["overlap_s", "overlap_j"]].isna().all(axis=None)
    found = interference.overlap(table).set_index("mutation")
    assert list(found.index) == ["", "epochs: 10 → 5"]
    assert list(found["overlap_s"]) == pytest.approx(list(found["train_s"] * 0.95))
    assert list(found["overlap_j"]) == pytest.approx(list(found["energy_j"] * 0.95))
    never = table.assign(overlap_s=table["overlap_s"].where(table["block"] == 1))
    half = interference.overlap(never).set_index("mutation")
    assert list(half["overlap_s"]) == pytest.approx(list(found["overlap_s"] / 2), rel=0.05)
    assert list(half["overlap_j"]) == pytest.approx(list(found["overlap_j"] / 2), rel=0.05)


@pytest.mark.parametrize("channels", [MEASURED, [ESTIMATE]])
def test_the_windows_in_which_all_trained_are_added_up(tmp_path, channels):
    """A background that starts again leaves several; no energy if that of one is not known."""
    studies = [Study([(null(), Truth())], blocks=1, originals=3, scenario=PAIR)]
    store = simulate(tmp_path, studies, channels=channels, shuffled=False)
    for run, energy_j in ((1, 400.0), (2, None)):
        begin_s = 1.0 + cohort_runs(store)[run]
        window = Window(kind="overlap", start_s=begin_s, end_s=begin_s + 2.0, number=2)
        add_window(store, 1, window, channels, energy_j, run=run)
    table = cohorts(frames.read(store)).sort_values("start_s")
    assert list(table["overlap_s"] - 0.95 * table["train_s"]) == pytest.approx([2, 2, 0, 0])
    more_j = table["overlap_j"] - 0.95 * table["energy_j"]
    if channels == [ESTIMATE]:
        assert more_j.isna().all()
    else:
        assert list(more_j) == pytest.approx([400, math.nan, 0, 0], nan_ok=True)


def cohort_runs(store):
    """When the training of each cohort run ended (s), by its number."""
    return dict(
        store.connection.execute(
            "SELECT cohort_run, end_s FROM windows WHERE kind = 'train' AND attempt IS NULL"
        ).fetchall()
    )


def test_mutations_that_matter_more_beside_others_are_seen(tmp_path):
    solo = [(change("epochs", n), Truth(n / 10)) for n in (5, 8, 12, 15)]
    beside = [(change("epochs", n), Truth((n / 10) ** 2)) for n in (5, 8, 12, 15)]
    studies = [Study(solo, blocks=6), Study(beside, blocks=6, scenario=PAIR)]
    found, table = analysed(tmp_path, studies)
    pairs = Pairs.of(found.trials)
    spread = interference.spread(table, pairs, "energy_j").iloc[0]
    assert spread["low"] > 1
    changed = interference.interaction(deltas(table, "energy_j", "ratio"), pairs)
    row = changed[changed["mutation"] == "epochs: 10 → 5"].iloc[0]
    assert row["low"] < -0.5 < row["high"]
    assert row["p_corrected"] < 0.001


def test_the_ratio_of_variations_covers_its_truth():
    random = np.random.default_rng(6)
    inside = wrong = 0
    for shared, one, other in random.normal(size=(1500, 3, 12)):
        x, y = 1 + 0.1 * (shared + one), 1 + 0.1 * (shared + other)
        found = interference._pitman_morgan(x / x.mean(), y / y.mean())
        inside += found["low"] <= 1 <= found["high"]
        wrong += found["p"] < 0.05
    assert inside / 1500 == pytest.approx(0.95, abs=0.02)
    assert inside + wrong == 1500


def trials_of(rows):
    columns = ("study", "cohort", "model", "kind", "scenario", "role", "block", "train_s")
    table = pd.DataFrame(rows, columns=list(columns))
    return table.assign(hyperparameters="{}", arm="original", counted=True, mutation="", null=False)


def test_who_slows_whom():
    random = np.random.default_rng(7)
    rows = []
    for block in range(1, 7):
        a, b = 100 * math.exp(random.normal(0, 0.01)), 50 * math.exp(random.normal(0, 0.01))
        rows += [
            ("a/solo", f"a{block}", "a", "solo", "solo", "measured", block, a),
            ("b/solo", f"b{block}", "b", "solo", "solo", "measured", block, b),
            ("a/mixed", f"m{block}", "a", "mixed", "mixed with b", "measured", block, 1.5 * a),
            ("a/mixed", f"m{block}", "b", "mixed", "mixed with b", "companion", block, 1.1 * b),
        ]
    trials = trials_of(rows)
    found = interference.slowed(trials, trials, Pairs.of(trials)).set_index("model")
    assert found.loc["a", "beside"] == "b"
    assert found.loc["a", "low"] < 1.5 < found.loc["a", "high"]
    assert found.loc["b", "slowdown"] == pytest.approx(1.1, rel=0.02)
    assert found.loc["b", "role"] == "companion"


def test_who_slows_whom_comes_in_the_order_of_the_cohorts():
    """Not in the random one in which the trials ran."""
    rows = [
        (f"a/{kind}", f"{kind}{arm}{block}", "a", kind, kind, "measured", block, 100.0 + block, arm)
        for block in (1, 2)
        for arm in ("epochs", "original", "null 1")
        for kind in ("solo", "foreground")
    ]
    trials = trials_of([row[:-1] for row in rows]).assign(arm=[row[-1] for row in rows])
    trials["hyperparameters"] = trials["arm"]
    arms = ["original", "epochs", "null 1"]
    cohorts = trials.sort_values("arm", key=lambda arm: arm.map(arms.index), kind="stable")
    found = interference.slowed(trials, cohorts, Pairs.of(trials))
    assert found["arm"].tolist() == arms


@pytest.mark.parametrize(("included", "slowed"), [(False, 1.3), (True, 1.3 * 3 ** (1 / 6))])
def test_a_run_that_failed_a_check_slows_nobody_unless_asked_for(tmp_path, included, slowed):
    """Two copies take 1.3 times as long; one run, whose check failed, three times that."""
    studies = [Study(blocks=6, originals=1), Study(blocks=6, originals=1, scenario=PAIR)]
    slow = {11: {"train_s": 3 * 1.3 * 60, "failed_check": "background"}}
    store = simulate(tmp_path, studies, outcomes=slow)
    found = context(store, include_invalid=included).company.slowed.iloc[0]
    assert found["slowdown"] == pytest.approx(slowed, rel=0.02)


SOLO = [(model, block) for model in "ab" for block in range(1, 7)]
ROLES = {"a": "measured", "b": "companion"}


def mixed_cohorts():
    random = np.random.default_rng(8)
    rows = [
        (model, kind, block, cohort, energy_j * math.exp(random.normal(0, 0.01)))
        for block in range(1, 7)
        for model, kind, cohort, energy_j in (
            ("a", "solo", f"a{block}", 100.0),
            ("b", "solo", f"b{block}", 50.0),
            ("a", "mixed", f"m{block}", 120.0),
        )
    ]
    table = pd.DataFrame(rows, columns=["model", "kind", "block", "cohort", "energy_j"])
    return table.assign(
        study=table["model"] + "/" + table["kind"],
        scenario=table["kind"],
        arm="original",
        mutation="",
        null=False,
        hyperparameters="{}",
        train_s=10.0,
    )


def test_a_mixed_cohort_is_compared_with_the_sum_of_its_members_solo():
    table = mixed_cohorts()
    members = trials_of(
        [
            *((f"{m}/solo", f"{m}{n}", m, "solo", "solo", "measured", n, 1.0) for m, n in SOLO),
            *(("a/mixed", f"m{n}", m, "mixed", "mixed", ROLES[m], n, 1.0) for m, n in SOLO),
        ]
    )
    pairs = Pairs.of(members)
    row = interference.together(table, members, pairs, "energy_j").iloc[0]
    assert row["apart"] == pytest.approx(150, rel=0.01)
    assert row["low"] < -0.2 < row["high"]
    assert row["places"] == (("a/solo", "original"), ("b/solo", "original"))
    apart = [table.loc[table["cohort"].str.startswith(m), "energy_j"] for m in "ab"]
    pooled = np.log(sum(np.exp(np.log(part).mean()) for part in apart))
    whole = np.log(table.loc[table["kind"] == "mixed", "energy_j"]).mean()
    assert row["change"] == pytest.approx(math.expm1(whole - pooled))
    alone = table[table["model"] == "a"]
    note = interference.together(alone, members, pairs, "energy_j").iloc[0]["note"]
    assert note == "no solo run has the same configuration of b"
    front = table.assign(kind=table["kind"].replace("mixed", "foreground"))
    row = interference.together(front, members, pairs, "energy_j").iloc[0]
    assert row["note"] == interference.FOREGROUND
    assert row["change"] is None


def test_one_solo_study_alone_gives_welch():
    random = np.random.default_rng(9)
    one, other = np.exp(random.normal(0, 0.1, 8)), np.exp(random.normal(0.1, 0.2, 6))
    found = interference._compared([one], other)
    theirs = stats.ttest_ind(np.log(other), np.log(one), equal_var=False).confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx(
        (math.expm1(theirs.low), math.expm1(theirs.high))
    )
