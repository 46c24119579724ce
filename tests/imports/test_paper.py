"""The paper's questions, and what a record gives away: on rows with a known truth, and on the
published ones."""

import json
import subprocess
import sys
from random import Random

import pandas as pd
import pytest
from scipy import stats
from shapes import PAPER_COLUMNS, paper_row, paper_rows, write

from greenbench.imports import import_file
from greenbench.report import build_report, render_markdown
from greenbench.store import Store

SOLO = "1. Alone, as the study has it: Spearman's ρ over runs"
QUANTITIES = ("cpu_package_j", "dram_j", "gpu_j", "time_s", "performance")
PUBLISHED = {
    ("mnist", "epochs"): (0.99, 0.99, 0.99, 0.99, 0.33),
    ("mnist", "learning_rate"): (0.26, 0.03, -0.22, 0.19, -0.03),
    ("mnist", "gamma"): (0.21, 0.17, 0.18, 0.20, 0.21),
    ("mnist_forward_forward", "epochs"): (0.99, 0.99, 0.99, 0.99, 0.88),
    ("mnist_forward_forward", "learning_rate"): (-0.13, -0.43, -0.70, -0.63, 0.45),
    ("mnist_forward_forward", "threshold"): (0.25, -0.01, 0.38, 0.11, -0.05),
    ("siamese", "epochs"): (0.98, 0.98, 0.88, 0.98, 0.22),
    ("siamese", "learning_rate"): (-0.12, -0.20, -0.14, -0.10, 0.54),
    ("siamese", "gamma"): (-0.44, -0.31, -0.45, -0.30, 0.05),
    ("resnet20_cifar10", "epochs"): (0.99, 0.94, 0.99, 0.99, 0.11),
    ("resnet20_cifar10", "learning_rate"): (-0.14, -0.02, -0.57, 0.05, -0.68),
    ("resnet20_cifar10", "weight_decay"): (-0.14, -0.12, -0.16, -0.28, 0.80),
    ("reid_hrnet18", "epochs"): (0.99, 0.99, 0.99, 0.99, -0.08),
    ("reid_hrnet18", "learning_rate"): (0.23, -0.07, 0.33, 0.03, -0.68),
    ("reid_hrnet18", "weight_decay"): (0.21, -0.50, -0.10, 0.28, 0.31),
}
"""arXiv 2603.06195's table of correlations, as far as its published runs give it."""
SILENT = {
    ("mnist/solo", "gamma"),
    ("mnist_forward_forward/solo", "threshold"),
    ("siamese/solo", "gamma"),
    ("mnist/foreground-mnist_forward_forward", "gamma"),
    ("mnist/foreground-siamese", "gamma"),
    ("siamese/foreground-mnist_forward_forward", "gamma"),
    ("siamese/foreground-mnist", "gamma"),
}
"""Mutants that behave like their originals, in every set that has them."""


def imported(tmp_path, rows, name="paper-runs", columns=PAPER_COLUMNS):
    import_file(write(tmp_path / "runs.csv", columns, rows), name, tmp_path / "set")
    return Store.open(tmp_path / "set", read_only=True)


def table(section, title):
    return next(t for t in section.tables if t.title == title)


def pairs(section, title):
    return {(row[0], row[1]) for t in section.tables if t.title == title for row in t.rows}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The report on rows in which epochs costs, learning rate only damages, gamma does nothing and
    weight decay does nothing on a day that drew 10 % more power."""
    rows = [
        *paper_rows(drift=0.1),
        *paper_rows(seed=2, scenario="parallel", background="other", drift=-0.1),
    ]
    folder = tmp_path_factory.mktemp("known")
    return build_report(imported(folder, rows), also=["paper"])


def test_the_diagnostics_find_what_did_nothing_and_what_drifted(known):
    section = known.section("diagnostics")
    studies = ("toy/solo", "toy/foreground-other")
    assert pairs(section, "Mutants that nothing responds to") == {
        (study, name) for study in studies for name in ("gamma", "weight_decay")
    }
    drifted = next(t for t in section.tables if t.title == "Series that miss their originals")
    assert {(r[0], r[1]) for r in drifted.rows} == {(study, "weight_decay") for study in studies}
    shifts = {(r[0], r[2]): r[3] for r in drifted.rows}
    power = shifts["toy/solo", "mean power"]
    assert power.low < 0.1 < power.high
    assert power.value == pytest.approx(0.1, abs=0.01)
    assert ("toy/solo", "time") not in shifts


def test_no_effect_of_a_drifted_series_is_called(known):
    words = {
        row[0]: (row[6], row[8])
        for t in known.section("effects").tables
        if t.title == "toy/solo: energy and performance"
        for row in t.rows
    }
    for mutant, (energy, performance) in words.items():
        name = mutant.partition(":")[0]
        if name == "epochs":
            greener = float(mutant.rpartition("→")[2]) < 20
            assert energy == ("greener" if greener else "costlier")
            assert performance == "kept"
        else:
            assert energy.startswith("inconclusive")
    assert words["learning_rate: 0.1 → 0.9"][1] == "damaged"
    assert words["gamma: 0.7 → 2.0"][1] == "kept"


@pytest.mark.parametrize("items", [None, 60])
def test_the_test_set_has_a_sampling_error_here_too(tmp_path, greenbench, items):
    """On 60 items nothing shows that a loss of 0.01 is absent, but one of 0.16 shows."""
    told = words(with_map(tmp_path, greenbench, "" if items is None else f"items = {items}"))
    assert told["gamma: 0.7 → 2.0"] == ("kept" if items is None else "inconclusive")
    assert told["learning_rate: 0.1 → 0.9"] == "damaged"


def test_each_metric_with_a_margin_is_judged_and_the_worst_word_decides(tmp_path, greenbench):
    """The second one, a lower loss, is missed by the mutants of gamma alone."""
    more = '[[metrics]]\ncolumn = "loss"\nname = "loss"\ndirection = "minimize"\nmargin = 0.05'
    report = with_map(tmp_path, greenbench, more)
    told = words(report)
    assert told["gamma: 0.7 → 2.0"] == "damaged"
    assert told["epochs: 20 → 12"] == "kept"
    (effects,) = tables_of(report)
    assert [c.title for c in effects.columns][-3:] == [
        "Δ performance [95 %]",
        "Δ loss [95 %]",
        "Performance",
    ]
    assert any("loss: less is better; a loss below 0.05" in note for note in effects.notes)
    better = table(report.section("paper"), "2. Alone, better founded: greener without damage")
    assert any("loss 0.05" in note for note in better.notes)


def with_map(folder, greenbench, more):
    """The report on known rows with a loss, by the map for published runs and something more."""
    noise = Random(5)
    rows = [
        row
        | {
            "loss": noise.gauss(0.5, 0.001)
            + (0.2 if row["mutated_hyperparameter"] == "gamma" else 0)
        }
        for row in paper_rows()
    ]
    text = greenbench("import", "--show-map", "paper-runs").stdout
    text = text.replace("margins = { resnet20_cifar10 = 1.0 }\n", f"{more}\n")
    (folder / "map.toml").write_text(text)
    runs = write(folder / "runs.csv", [*PAPER_COLUMNS, "loss"], rows)
    import_file(runs, str(folder / "map.toml"), folder / "set")
    return build_report(Store.open(folder / "set", read_only=True), also=["paper"])


def tables_of(report):
    return [
        t for t in report.section("effects").tables if t.title == "toy/solo: energy and performance"
    ]


def words(report):
    """The word for performance of each mutant."""
    return {row[0]: row[-1] for t in tables_of(report) for row in t.rows}


def test_both_answers_stand_side_by_side(known):
    section = known.section("paper")
    published = {row[:2]: row[3:] for row in table(section, SOLO).rows}
    founded = table(section, "1. Alone, better founded: ρ over settings")
    rows = {row[:2]: row for row in founded.rows}
    epochs = ("toy/solo", "epochs")
    assert published[epochs][0] > 0.95
    assert rows[epochs][2] == 6
    assert rows[epochs][3].value == 1.0
    assert "cpu/package" in rows[epochs][-2]
    assert rows["toy/solo", "gamma"][-1] == "nothing responds to it"
    assert "drifted" in rows["toy/solo", "weight_decay"][-1]
    counts = table(section, "2. Alone, as the study has it: mutants against originals").rows[-1]
    assert counts[:3] == ("all", "", 20)
    better = table(section, "2. Alone, better founded: greener without damage").rows[-1]
    assert better[3:5] == (2, 2)
    assert {t.title.partition(".")[0] for t in section.tables} >= {"1", "2", "3"}
    assert any("20 mutants" in point and "alone" in point for point in section.points)


def test_the_section_comes_when_it_is_asked_for(tmp_path, greenbench):
    imported(tmp_path, paper_rows()).close()
    asked = greenbench("report", "set", "--section", "paper", "--format", "json")
    (section,) = json.loads(asked.stdout)["sections"]
    rho = next(t for t in section["tables"] if t["title"] == SOLO)["rows"][0][3]
    frame = pd.DataFrame(paper_rows())
    part = frame[frame["mutated_hyperparameter"].isin(("", "epochs"))]
    value = pd.to_numeric(part["value"]).fillna(20.0)
    assert abs(rho - stats.spearmanr(value, part["cpu_package_j"]).statistic) < 1e-12
    wrong = greenbench("report", "set", "--section", "papers")
    assert wrong.returncode == 2
    assert "paper" in wrong.stderr


BARE = {
    "originals only": [paper_row(run=n, time_s=50 + n) for n in range(3)],
    "one row": [paper_row()],
    "one original": [paper_row(), paper_row("epochs", 10, 20, 1, time_s=25)],
    "no original": [paper_row("epochs", 10 + n, 20, n, time_s=25 + n) for n in range(5)],
    "no energy": [
        {**row, "cpu_package_j": "", "dram_j": "", "gpu_j": ""} for row in paper_rows()[:40]
    ],
    "no time": [{**row, "time_s": ""} for row in paper_rows()[:40]],
    "no performance": [{**row, "performance": ""} for row in paper_rows()],
    "all diverged": [{**row, "performance": "nan"} for row in paper_rows()[:40]],
    "constant": [paper_row(run=n, time_s=50 + n / 1e9) for n in range(5)]
    + [
        paper_row("epochs", 10 + k, 20, n, time_s=50 + n / 1e9 + k / 1e8)
        for n in range(5)
        for k in range(5)
    ],
    "texts": [paper_row(run=n, time_s=50 + n) for n in range(5)]
    + [
        paper_row("optimizer", v, "sgd", n, time_s=60 + n)
        for n in range(3)
        for v in ("adam", "x|<b>")
    ],
}


@pytest.mark.parametrize("name", BARE)
def test_any_rows_get_a_report(tmp_path, name, recwarn):
    store = imported(tmp_path, BARE[name])
    report = build_report(store, also=["paper"])
    text = render_markdown(report)
    assert not recwarn.list
    assert "<b>" not in text
    assert {s.key for s in report.sections} >= {"summary", "effects", "correlations", "paper"}
    assert "paper" not in {s.key for s in build_report(store).sections}


def test_a_suite_answers_the_questions_too(tmp_path):
    """On a record of greenbench's own, in blocks, with A/A arms and co-location."""
    from simulated import Study, Truth, change, null, simulate

    from greenbench.api import Scenario

    truths = [(change("epochs", n), Truth(energy=n / 10)) for n in (5, 7, 9, 12, 14)]
    truths += [(change("learning_rate", v), Truth()) for v in (0.02, 0.05, 0.2, 0.5, 0.8)]
    truths += [(null(), Truth())]
    pair = Scenario(kind="homogeneous", copies=2)
    studies = [Study(truths, blocks=5), Study(truths, blocks=5, scenario=pair)]
    report = build_report(simulate(tmp_path / "set", studies), also=["paper"])
    section = report.section("paper")
    rows = {row[1]: row for row in table(section, SOLO).rows}
    assert min(rows["epochs"][3:6]) > 0.9
    founded = table(section, "2. Alone, better founded: greener without damage")
    assert {row[1]: row[3:5] for row in founded.rows}["epochs"] == (3, 3)
    assert any(t.title.startswith("3. In parallel") and t.rows for t in section.tables)
    assert pairs(section, "Diagnostics: mutants that nothing responds to") == {
        (study.name, "learning_rate") for study in studies
    }


# --- the published runs ---


@pytest.fixture(scope="module")
def published(paper_file, tmp_path_factory):
    """The paper section of the published runs, as the command line's JSON."""
    folder = tmp_path_factory.mktemp("paper")
    asked = ("--section", "paper", "--section", "diagnostics")
    for arguments in (
        ("import", paper_file, "--map", "paper-runs", "--results", "set"),
        ("report", "set", *asked, "--format", "json", "-o", "paper.json"),
    ):
        code = "from greenbench.cli import main; main()"
        command = [sys.executable, "-c", code, *map(str, arguments)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    found = json.loads((folder / "paper.json").read_text())["sections"]
    sections = {section["key"]: section for section in found}
    return sections["paper"], sections["diagnostics"]


def rows_of(section, title):
    return next(t for t in section["tables"] if t["title"] == title)["rows"]


def test_published_correlations(published, paper_file):
    rows = rows_of(published[0], SOLO)
    assert len(rows) == len(PUBLISHED)
    raw = pd.read_csv(paper_file)
    for study, name, runs, *found in rows:
        subject = study.removesuffix("/solo")
        assert runs == 30
        for rho, told in zip(found, PUBLISHED[subject, name], strict=True):
            assert abs(rho - told) <= 0.005 + 1e-4  # its two digits
        table = raw[(raw["subject"] == subject) & (raw["scenario"] == "solo")]
        part = table[
            table["mutated_hyperparameter"].isna() | (table["mutated_hyperparameter"] == name)
        ]
        value = part["value"].fillna(part["default"].dropna().iloc[0])
        for rho, quantity in zip(found, QUANTITIES, strict=True):
            assert abs(rho - stats.spearmanr(value, part[quantity]).statistic) < 1e-12


def test_published_counts(published):
    for heading, mutants, greener, each, by in (
        ("2. Alone", 75, 22, 10, (10, 4, 8)),
        ("3. In parallel", 60, 12, 9, (8, 0, 4)),
    ):
        title = f"{heading}, as the study has it: mutants against originals"
        *rows, total = rows_of(published[0], title)
        assert (total[0], total[2], total[-2], total[-1]) == ("all", mutants, greener, each)
        third = [r for r in rows if r[1] not in ("epochs", "learning_rate")]
        parts = ([r for r in rows if r[1] == name] for name in ("epochs", "learning_rate"))
        assert tuple(sum(r[-2] for r in part) for part in (*parts, third)) == by
    said = " ".join(published[0]["points"])
    assert "by the published test on total energy (cpu/package, cpu/dram, gpu): 22 of 75" in said
    assert "12 of 60 mutants" in said


def test_the_published_runs_give_themselves_away(published):
    silent = {(r[0], r[1]) for r in rows_of(published[1], "Mutants that nothing responds to")}
    assert silent >= SILENT
    assert not any(name in ("epochs", "learning_rate") for _, name in silent)
    rows = rows_of(published[1], "Series that miss their originals")
    drifted = {(r[0], r[1], r[2]) for r in rows}
    resnet = "resnet20_cifar10/solo"
    assert {(resnet, "learning_rate", q) for q in ("mean power", "time", "energy")} <= drifted
    called = [
        (r[5], r[6] + r[7])
        for r in rows_of(published[1], "Mutants that nothing responds to")
        if (r[0], r[1]) in SILENT
    ]
    assert sum(count for count, _ in called) == 35
    assert sum(lower for _, lower in called) == 17
