"""What a report recommends, and which runs and metrics that rests on."""

import math

from simulated import METRICS, Study, Truth, change, null, simulate

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
