"""What a report recommends, and which runs and metrics that rests on."""

import math
import re

import pytest
from shapes import PAPER_COLUMNS, paper_rows, write
from simulated import METRICS, Study, Truth, change, null, simulate
from test_report import every_view

from greenbench.api import Companion, Scenario
from greenbench.imports import import_file
from greenbench.report import build_report, render_markdown
from greenbench.store import Store

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


def test_arms_whose_members_trained_together_all_the_time_share_a_row(tmp_path):
    pair = Study(TRUTHS, blocks=3, scenario=Scenario(kind="homogeneous", copies=2), originals=1)
    whole = {number: {"overlap": 1.0} for number in range(4 * 3)}
    for named, outcomes, arms in (
        ("every", whole, ["every arm"]),
        ("some", {n: o for n, o in whole.items() if n % 4 != 1}, [GREENEST, "the 2 others"]),
        ("none", {}, ["original", GREENEST, "epochs: 10 → 8"]),
    ):
        store = simulate(tmp_path / named, [pair], outcomes=outcomes, shuffled=False)
        found = table(build_report(store), "colocation", "How long all of them trained")
        assert [row[1] for row in found.rows] == arms
        if outcomes:
            study, _, whole_s, all_s, share, *joules = found.rows[-1]
            assert (study, all_s, share) == (pair.name, "the same", 1.0)
            least, most = (float(text) for text in whole_s.split(" to "))
            assert least < most
            assert joules[1] == "the same"
            assert set(found.behind[-1].arms) >= {"original", "epochs: 10 → 8"}


def test_the_papers_correlations_of_few_settings_are_one_line_a_study(tmp_path):
    truths = [*TRUTHS, (change("learning_rate", 0.01), Truth())]
    report = build_report(simulate(tmp_path, [Study(truths)]), also=["paper"])
    (row,) = table(report, "paper", "better founded: ρ over settings").rows
    assert row[1:3] == ("all", 3)
    assert "too few to tell" in row


def correlated(tmp_path, truths):
    """What the summary says of hyperparameters that move with energy, and the section on them."""
    report = build_report(simulate(tmp_path, [Study([*truths, (null(), Truth())], blocks=6)]))
    found = [
        p
        for p in report.section("summary").points
        if re.search(r"\bmoves? with\b", p, re.IGNORECASE)
    ]
    shown = every_view(report)
    for text in found:
        start = text[: text.index(" with")]
        assert all(start in view for view in shown.values())
    return found, report.section("correlations")


def test_the_summary_names_the_hyperparameters_that_move_with_energy(tmp_path):
    costs = [(change("epochs", n), Truth(energy=n / 10)) for n in (5, 8, 12, 15, 20)]
    rates = [(change("learning_rate", 0.1 * n), Truth()) for n in (0.5, 0.8, 1.2, 1.5, 2.0)]
    said, _ = correlated(tmp_path / "one", costs + rates)
    shown = "Moves with energy over settings, with corrected p below 0.05: epochs (ρ +1.00)."
    assert said == [shown]
    names = [(change("optimizer", "adam"), Truth(energy=1.5))]
    said, _ = correlated(tmp_path / "names", costs + names)
    assert re.search(r": epochs \(ρ \+1\.00\); optimizer \(ε² 0\.\d\d\)\.$", said[0])
    said, _ = correlated(tmp_path / "none", rates)
    assert said == ["No hyperparameter is shown to move with energy."]
    few = f"{shown.removesuffix('.')}; too few settings to tell in 1 of 2 cases."
    assert correlated(tmp_path / "some", costs + rates[:2])[0] == [few]


def test_too_few_settings_are_a_sentence_and_no_table_of_dashes(tmp_path):
    said, section = correlated(tmp_path, TRUTHS[:2])
    assert said == ["Too few settings of each hyperparameter to tell which one moves with energy."]
    (sentence,) = section.points
    assert "no hyperparameter has more than 3 settings" in sentence
    assert "a coefficient takes 4, and a p 5" in sentence
    assert (section.tables, section.paragraphs, section.figures) == ((), (), ())


def test_energy_that_no_training_has_a_value_of_is_not_measured(tmp_path):
    """A sensor that was found and never gave a value measured nothing."""
    lost = {number: {"energy_j": None} for number in range(5 * 5)}
    lost_all = simulate(tmp_path, [Study(TRUTHS)], outcomes=lost)
    report = build_report(lost_all, also=["paper"])
    assert report.basis == "none"
    text = render_markdown(report)
    assert "greener" not in text.lower()
    assert "Δ CPU time" in text


@pytest.mark.parametrize(
    ("lost", "basis", "what"),
    [(("cpu_package_j", "dram_j", "gpu_j"), "none", "time"), (("gpu_j",), "measured", "energy")],
)
def test_a_column_without_any_energy_is_no_channel(tmp_path, lost, basis, what):
    """Neither is anything called measured by it, nor does the total wait for it."""
    rows = [row | dict.fromkeys(lost, "") for row in paper_rows()]
    runs = write(tmp_path / "runs.csv", PAPER_COLUMNS, rows)
    import_file(runs, "paper-runs", tmp_path / "set")
    report = build_report(Store.open(tmp_path / "set", read_only=True), also=["paper"])
    assert report.basis == basis
    (compared,) = [point for point in report.section("summary").points if "mutants" in point]
    assert f"toy/solo: by {what}, of 20 mutants, 2 " in compared
    assert ("greener" in render_markdown(report).lower()) == (basis == "measured")
