"""What a report recommends, and which runs and metrics that rests on."""

import math

from simulated import METRICS, Study, Truth, change, null, simulate

from greenbench.api import Companion, Scenario
from greenbench.report import build_report, render_markdown

GREENEST = "epochs: 10 → 5"
TRUTHS = [
    (change("epochs", 5), Truth(energy=0.5)),
    (change("epochs", 8), Truth(energy=0.8)),
    (null(), Truth()),
]


def table(report, key, title):
    return next(t for t in report.section(key).tables if t.title.endswith(title))


def front_of(report):
    figure = next(f for f in report.section("effects").figures if f.kind == "scatter")
    return {figure.marks[place].label for place in figure.front}


def recommended(report):
    rows = table(report, "choice", "that keeps its performance").rows
    front = {row[1] for row in table(report, "choice", "energy and performance").rows}
    assert front == front_of(report)
    return rows[0][1], front


def test_a_mutant_with_one_diverged_training_is_not_recommended(tmp_path):
    fine = build_report(simulate(tmp_path / "fine", [Study(TRUTHS)], shuffled=False))
    chosen, front = recommended(fine)
    assert chosen == GREENEST
    assert GREENEST in front
    lost = {2: {"metrics": {"accuracy": math.nan, "loss": math.nan}}}
    store = simulate(tmp_path / "lost", [Study(TRUTHS)], shuffled=False, outcomes=lost)
    report = build_report(store)
    chosen, front = recommended(report)
    assert chosen == "epochs: 10 → 8"
    assert GREENEST not in front
    assert "diverged | 1 of 5" in render_markdown(report)


def test_a_margin_of_a_second_metric_decides_too(tmp_path):
    """A study states margins of both; the mutant is fine by the first and damages the second."""
    truths = [(change("epochs", 5), Truth(energy=0.5, accuracy=-0.05)), (null(), Truth())]
    margins = {"accuracy": 0.5, "loss": 0.01}
    model = {"name": "mlp", "metrics": METRICS, "margins": margins}
    store = simulate(tmp_path, [Study(truths)], facts={"models": {"mlp": model}})
    report = build_report(store)
    found = table(report, "effects", "time and performance")
    assert [column.title for column in found.columns][2:] == [
        "Δ accuracy [95 %]",
        "Δ loss (nat) [95 %]",
        "Performance",
    ]
    assert found.rows[0][-1] == "damaged"
    assert any("loss: less is better; a loss below 0.01" in note for note in found.notes)
    assert table(report, "choice", "that keeps its performance").rows[0][1].startswith("original")
    metrics = {row[3] for row in table(report, "choice", "energy and performance").rows}
    assert metrics == {"accuracy", "loss"}


FAILED = "the runs whose measurement failed a check"
NOTHING = "no verdict changes, and no estimate leaves the interval of the other."


def test_what_runs_that_failed_a_check_would_change_is_shown(tmp_path):
    """One far run of the greenest mutant: the verdict hangs on whether it is kept."""
    outcomes = {2: {"energy_j": 90_000.0, "failed_check": "gaps"}}
    store = simulate(tmp_path, [Study(TRUTHS)], shuffled=False, outcomes=outcomes)
    kept = table(build_report(store), "trust", f"With {FAILED}: the main results that change")
    row = next(row for row in kept.rows if row[1] == GREENEST)
    assert row[4:6] == ("greener", "inconclusive")
    assert row[2].value < row[3].value
    included = build_report(store, include_invalid=True)
    left_out = table(included, "trust", f"Without {FAILED}: the main results that change")
    (mirrored,) = [row for row in left_out.rows if row[1] == GREENEST]
    assert mirrored[4:6] == ("inconclusive", "greener")
    assert mirrored[2:4] == (row[3], row[2])


def test_a_word_for_performance_that_hangs_on_such_a_run_is_shown(tmp_path):
    """Its energy is like the others', its accuracy is not."""
    outcomes = {2: {"metrics": {"accuracy": 0.5, "loss": 0.5}, "failed_check": "gaps"}}
    store = simulate(tmp_path, [Study(TRUTHS)], shuffled=False, outcomes=outcomes)
    found = table(build_report(store), "trust", f"With {FAILED}: the main results that change")
    row = next(row for row in found.rows if row[1] == GREENEST)
    assert row[4:] == ("greener", "greener", "kept", "inconclusive")
    assert [column.title for column in found.columns][-2:] == ["Performance, without", "with"]


def test_where_they_would_change_nothing_one_sentence_says_so(tmp_path):
    outcomes = {2: {"failed_check": "gaps"}}
    store = simulate(tmp_path, [Study(TRUTHS)], shuffled=False, outcomes=outcomes)
    for included, start in ((False, "With"), (True, "Without")):
        section = build_report(store, include_invalid=included).section("trust")
        assert section.points == (f"{start} {FAILED}: {NOTHING}",)
        assert not any("main results" in found.title for found in section.tables)


def test_an_arm_whose_runs_all_failed_a_check_is_named(tmp_path):
    outcomes = {2 + 5 * block: {"failed_check": "gaps"} for block in range(5)}
    store = simulate(tmp_path, [Study(TRUTHS)], shuffled=False, outcomes=outcomes)
    report = build_report(store)
    rows = table(report, "trust", "the main results that change").rows
    assert [row[1:3] for row in rows] == [(GREENEST, None)]
    assert rows[0][4:] == ("not there", "greener", "not there", "kept")


def test_a_foregrounds_total_is_no_row_of_dashes(tmp_path):
    """Its background did no fixed amount of work: a sentence says so, once for all such studies."""
    others = [Scenario(kind="foreground", companions=(Companion(model=m),)) for m in ("a", "b")]
    pairs = [Study(TRUTHS, scenario=s, called=f"mlp/{s.companions[0].model}") for s in others]
    section = build_report(simulate(tmp_path, [Study(TRUTHS), *pairs])).section("colocation")
    said = "Side by side or one after another, mlp/a, mlp/b: the background's work is not a fixed"
    assert [point.startswith(said) for point in section.points] == [True]
    assert not any("one after another" in found.title for found in section.tables)


def test_the_papers_correlations_of_few_settings_are_one_line_a_study(tmp_path):
    truths = [*TRUTHS, (change("learning_rate", 0.01), Truth())]
    report = build_report(simulate(tmp_path, [Study(truths)]), also=["paper"])
    (row,) = table(report, "paper", "better founded: ρ over settings").rows
    assert row[1:3] == ("all", 3)
    assert "too few to tell" in row
