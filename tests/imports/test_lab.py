"""Runs in which several hyperparameters vary at once: correlations over runs, solo and in parallel,
equal to scipy's own on the file itself, and what is mixed into them."""

import json
import random

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from shapes import LAB_COLUMNS, lab_row, write

from greenbench.imports import import_file, load_map
from greenbench.report import build_report
from greenbench.store import Store

ENERGIES = ["energy_cpu_pkg_joules", "energy_cpu_ram_joules", "energy_gpu_total_joules"]
COLUMNS = {
    "cpu/package": "energy_cpu_pkg_joules",
    "cpu/dram": "energy_cpu_ram_joules",
    "gpu": "energy_gpu_total_joules",
    "time": "duration_seconds",
}
DEFAULTS = {"hyperparam_batch_size": 32, "hyperparam_epochs": 10, "hyperparam_learning_rate": 0.01}


def report_of(file, folder):
    import_file(file, "lab-runs", folder)
    store = Store.open(folder, read_only=True)
    report = build_report(store)
    facts = store.facts()
    store.close()
    return report, facts


def check_against_scipy(report, file):
    """Every ρ and p of the report against scipy's own on the rows of the file; how many there were."""
    chosen = load_map("lab-runs").table
    raw = pd.read_csv(file)
    raw["energy"] = raw[ENERGIES].sum(axis=1, min_count=len(ENERGIES))
    columns = {**COLUMNS, "energy": "energy", "mean power": "power"}
    raw["power"] = raw["energy"] / raw["duration_seconds"]
    for metric in chosen.metrics:
        columns[metric.name] = metric.column
        values = raw.get(metric.column, pd.Series(np.nan, index=raw.index))
        low = -np.inf if metric.low is None else metric.low
        high = np.inf if metric.high is None else metric.high
        raw[metric.column] = values.where(values.between(low, high))
    hyperparameters = chosen.hyperparameters.columns
    recorded = [column for column in hyperparameters.values() if column in raw]
    metrics = [metric.column for metric in chosen.metrics]
    # Copies: the row that records most stays.
    raw["most"] = -raw[recorded + metrics].notna().sum(axis=1)
    known = raw["energy"].notna()
    copies = raw.sort_values("most", kind="stable").duplicated(
        ["repository", "model", "is_parallel", "duration_seconds", *ENERGIES]
    )
    raw = raw[~(copies.sort_index() & known)]
    compared = 0
    for table in report.section("correlations").tables:
        further = table.title.endswith(": further coefficients")
        model, _, scenario = table.title.removesuffix(": further coefficients").rpartition("/")
        names = raw["repository"] + "/" + raw["model"]
        part = raw[(names == model) & (raw["is_parallel"] == (scenario == "foreground"))]
        for row in table.rows:
            if further:
                hyperparameter, quantity, tau, _, r = row[:5]
                x, y = part[hyperparameters[hyperparameter]], part[columns[quantity]]
                both = x.notna() & y.notna()
                if tau is None:
                    continue
                theirs = [call(x[both], y[both]) for call in (stats.kendalltau, stats.pearsonr)]
                for found, scipys in zip((tau, r), theirs, strict=True):
                    assert abs(found.value - scipys.statistic) < 1e-12
                continue
            hyperparameter, quantity, rho, p, _, runs, settings = row[:7]
            x, y = part[hyperparameters[hyperparameter]], part[columns[quantity]]
            both = x.notna() & y.notna()
            assert runs == both.sum(), (table.title, row)
            assert settings == x[both].nunique()
            if rho is None:
                continue
            scipys = stats.spearmanr(x[both], y[both])
            assert abs(rho.value - scipys.statistic) < 1e-12
            assert p == pytest.approx(scipys.pvalue, rel=1e-9, abs=1e-300)
            compared += 1
    return compared


def rows(seed=1):
    """Energy rises with epochs and batch size; the two are drawn together, so that a learning rate
    that does nothing seems to matter through them."""
    noise = random.Random(seed)
    made = []
    for number in range(120):
        epochs = noise.randint(5, 20)
        known = {
            "hyperparam_epochs": epochs,
            "hyperparam_batch_size": noise.choice((16, 32, 48, 64)),
            "hyperparam_learning_rate": 0.001 * epochs * noise.uniform(0.9, 1.1),
            "hyperparam_seed": noise.randint(1, 9999),
        }
        time_s = 20 * epochs * (1 + noise.gauss(0, 0.02))
        package, dram, gpu = 40 * time_s, 3 * time_s, 150 * time_s * (1 + noise.gauss(0, 0.01))
        row = lab_row(number, **known) | {
            "is_parallel": str(number % 2 == 1),
            "duration_seconds": time_s,
            "fg_duration_seconds": time_s,
            "energy_cpu_pkg_joules": package,
            "energy_cpu_ram_joules": dram,
            "energy_cpu_total_joules": package + dram,
            "energy_gpu_total_joules": gpu,
            "perf_test_accuracy": 90 + noise.gauss(0, 1),
        }
        if number % 5 == 0:
            row |= dict.fromkeys((*ENERGIES, "energy_cpu_total_joules"), "")
        if number % 7 == 0:
            row |= {"hyperparam_batch_size": ""}
        made.append(row)
    made += [
        lab_row(200 + n, **DEFAULTS, is_parallel=str(n % 2 == 1), duration_seconds=200 + n)
        for n in range(6)
    ]
    return made


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    file = write(folder / "runs.csv", LAB_COLUMNS, rows())
    report, _ = report_of(file, folder / "set")
    return report, file


def test_correlations_are_scipys_own(known):
    report, file = known
    assert check_against_scipy(report, file) == 2 * 3 * 8


def test_what_else_varied_is_held_fixed_or_named(known):
    report, _ = known
    table = report.section("correlations").tables[0]
    found = {row[:2]: row for row in table.rows}
    rate = found["learning_rate", "energy"]
    assert rate[2].value > 0.8
    titles = [column.title for column in table.columns]
    partial = rate[titles.index("Partial ρ [95 %]")]
    assert abs(partial.value) < 0.4
    assert partial.low < 0 < partial.high
    said = "learning_rate: mixed into ρ, held fixed in the partial one: batch_size, epochs."
    assert said in table.notes
    assert "Note" not in titles
    assert found["epochs", "energy"][titles.index("Partial ρ [95 %]")].value > 0.6
    assert not any(row[0] == "seed" for row in table.rows)


def test_missing_energy_is_no_point(known):
    report, _ = known
    found = {row[:2]: row for row in report.section("correlations").tables[0].rows}
    assert found["epochs", "time"][5] == 63
    assert found["epochs", "energy"][5] == 51
    said = " ".join(report.section("limits").points)
    assert "24 rows with a gap: no energy was recorded" in said
    assert "Runs beside other trainings are in one study" in said


def test_one_original_decides_nothing(tmp_path):
    made = [lab_row(0), *(lab_row(n, hyperparam_epochs=10 + n) for n in range(1, 6))]
    report, _ = report_of(write(tmp_path / "runs.csv", LAB_COLUMNS, made), tmp_path / "set")
    points = report.section("summary").points
    assert points[1].startswith("Not compared: 5 mutants of 1 study with one original only")
    assert not any("inconclusive" in point for point in points)
    assert "One original only" in " ".join(report.section("effects").paragraphs)


# --- the recorded runs ---


def test_recorded_runs(lab_file, tmp_path):
    report, facts = report_of(lab_file, tmp_path / "set")
    assert check_against_scipy(report, lab_file) > 500
    titles = {table.title for table in report.section("correlations").tables}
    studies = {title for title in titles if not title.endswith(": further coefficients")}
    assert len(studies) == 22
    assert {study.rpartition("/")[2] for study in studies} == {"solo", "foreground"}
    imported = facts["imported"]
    assert imported["rows"] == 970
    left_out = sum(remark["rows"] for remark in imported["left_out"])
    assert imported["taken"] + left_out == 970
    gaps = {remark["text"]: remark["rows"] for remark in imported["gaps"]}
    raw = pd.read_csv(lab_file)
    assert gaps["no energy was recorded"] == raw[ENERGIES].isna().all(axis=1).sum() == 26
    assert any("ids are used for more than one run" in r["text"] for r in imported["findings"])
    json.dumps(facts, allow_nan=False)
