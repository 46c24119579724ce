"""Which solo study a co-located one is compared with, where base configurations differ."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated import DEFAULTS, Study, Truth, change, null, simulate

from greenbench.analysis.correlation_changes import correlation_changes
from greenbench.analysis.pairs import Pairs
from greenbench.api import Companion, Scenario
from greenbench.report import build_report
from greenbench.report.context import context

PAIR = Scenario(kind="homogeneous", copies=2)
BESIDE = Scenario(kind="foreground", companions=(Companion(model="other"),))
MIXED = Scenario(kind="mixed", companions=(Companion(model="other"),))
TRUTHS = [(change("epochs", n), Truth(energy=n / 10)) for n in (5, 8, 12, 15)]
LONGER = {**DEFAULTS, "learning_rate": 0.2}


def studies(*more, scenario=PAIR):
    """Solo at another base (three times the energy) before solo at the base of the co-located one."""
    return [
        Study(TRUTHS, called="longer/solo", base=LONGER, power_w=600.0),
        Study(TRUTHS, called="a/solo"),
        *more,
        Study(TRUTHS, called="a/beside", scenario=scenario, sharing=0.7),
    ]


def test_a_study_is_compared_with_the_same_base_only(tmp_path):
    found = context(simulate(tmp_path, studies())).company
    (pair,) = found.pairs.pairs
    assert (pair.solo, pair.also) == ("a/solo", ())
    original = found.copies[found.copies["mutation"] == ""].iloc[0]
    assert original["low"] < -0.3 < original["high"]
    assert original["solo"] == pytest.approx(12_000, rel=0.02)
    assert set(found.interaction["mutation"]) == {str(mutation) for mutation, _ in TRUTHS}
    assert set(found.spread["arms"]) == {5}
    apart = found.together[found.together["mutation"] == ""].iloc[0]
    assert apart["apart"] == pytest.approx(24_000, rel=0.02)


def test_of_two_that_suit_the_first_is_taken_and_named(tmp_path):
    again = Study(TRUTHS, called="again/solo", power_w=400.0)
    store = simulate(tmp_path, studies(again))
    (pair,) = context(store).company.pairs.pairs
    assert (pair.solo, pair.also) == ("a/solo", ("again/solo",))
    (point,) = build_report(store).section("colocation").points
    assert "a/beside is compared with a/solo" in point
    assert "again/solo would suit too" in point


@pytest.mark.parametrize("scenario", [PAIR, BESIDE, MIXED])
def test_without_a_solo_study_of_its_base_it_says_so(tmp_path, scenario):
    report = build_report(simulate(tmp_path, [studies()[0], studies(scenario=scenario)[-1]]))
    section = report.section("colocation")
    assert "a/beside is compared with no solo study" in section.points[0]
    titles = {table.title: table for table in section.tables}
    assert not any("in both" in title or "One training" in title for title in titles)
    notes = {row[-1] for row in titles["Who slows whom"].rows}
    assert any("no solo run has the same configuration of" in note for note in notes)


def of_correlations(*rows):
    columns = ["study", "hyperparameter", "quantity", "rho", "points"]
    return pd.DataFrame(list(rows), columns=columns)


def two_studies(tmp_path):
    return Pairs.of(context(simulate(tmp_path, studies()[1:], run=0)).frames.trials)


def test_a_changed_correlation_is_told_as_scipys_normal_has_it(tmp_path):
    found = correlation_changes(
        of_correlations(
            ("a/solo", "epochs", "energy_j", 0.9, 12),
            ("a/beside", "epochs", "energy_j", -0.5, 10),
            ("a/solo", "epochs", "train_s", 1.0, 12),
            ("a/beside", "epochs", "train_s", 0.5, 12),
            ("a/solo", "decay", "train_s", 0.4, 4),
            ("a/beside", "decay", "train_s", 0.5, 12),
            ("a/solo", "alone", "train_s", 0.4, 12),
        ),
        two_studies(tmp_path),
    )
    assert list(found["note"]) == ["", "no interval at ±1", "too few to tell"]
    assert found["p"].isna().tolist() == [False, True, True]
    row = found.iloc[0]
    spread = np.sqrt((1 + 0.9**2 / 2) / 9 + (1 + 0.5**2 / 2) / 7)
    normal = stats.norm(np.arctanh(-0.5) - np.arctanh(0.9), spread)
    assert [row["low"], row["high"]] == pytest.approx(normal.interval(0.95))
    assert row["p"] == pytest.approx(2 * normal.sf(0))
    assert row["p_corrected"] == row["p"]


def test_a_changed_correlation_holds_its_level_over_the_same_settings(tmp_path):
    """Noise apart, settings in common: claims come at most as often as is said."""
    random, pairs = np.random.default_rng(3), two_studies(tmp_path)
    claimed, repeats, n = 0, 300, 12
    for _ in range(repeats):
        x, common = random.normal(size=(2, n))
        rows = [
            (study, "h", "q", stats.spearmanr(x, x + common + random.normal(size=n)).statistic, n)
            for study in ("a/solo", "a/beside")
        ]
        claimed += correlation_changes(of_correlations(*rows), pairs)["p"].iloc[0] < 0.05
    assert claimed / repeats <= 0.05


def test_a_u_beside_others_shows_in_the_report(tmp_path):
    """Rising with the epochs solo, falling beside others: the table of correlations says it."""
    values = (2, 3, 4, 5, 6, 8, 12, 15, 18)
    rising = [(change("epochs", n), Truth(energy=1 + n / 50 + (n % 2) / 9)) for n in values]
    falling = [(change("epochs", n), Truth(energy=2 - n / 50 + (n % 2) / 9)) for n in values]
    made = [Study([*truths, (null(), Truth())], blocks=3) for truths in (rising, falling)]
    made[1].scenario = PAIR
    section = build_report(simulate(tmp_path, made)).section("colocation")
    (table,) = (t for t in section.tables if t.title.startswith("Correlations in both"))
    row = next(r for r in table.rows if r[1] == "energy")
    assert row[2] > 0.5
    assert row[3] < -0.5
    assert row[4].high < 0
    assert row[5] < 0.05
