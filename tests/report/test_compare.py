"""Two result sets side by side, and the gate: against known truths and things that can't be compared."""

import json
import math
import os
import re
from random import Random

import pytest
from click.testing import CliRunner
from scipy import stats
from shapes import PAPER_COLUMNS, paper_rows, write
from simulated import CORE, ESTIMATE, GPU, PACKAGE, Study, Truth, change, null, simulate

from greenbench.analysis import comparison
from greenbench.api import Companion, Scenario
from greenbench.cli import cli, main
from greenbench.imports import import_file
from greenbench.report import render_html, render_json, render_markdown
from greenbench.report.compare import compare, gate_words
from greenbench.report.context import context
from greenbench.store import Store

TRUTHS = [
    (change("epochs", 5), Truth(energy=0.5)),
    (change("epochs", 12), Truth(energy=1.2)),
    (null(), Truth()),
]
HOST = {"cpu_model": "Example CPU", "cpu_logical": 8, "governor": "performance"}


def pair(tmp_path, *, before=None, after=None, blocks=6, **changes):
    """Two result sets of one study; `after` and `changes` are of the second."""
    one = simulate(tmp_path / "before", [Study(TRUTHS, blocks=blocks, **(before or {}))], seed=1)
    studies = [Study(changes.pop("truths", TRUTHS), blocks=blocks, **(after or {}))]
    return one, simulate(tmp_path / "after", studies, seed=2, **changes)


def test_a_known_rise_is_found_in_every_arm_and_cancels_in_the_deltas(tmp_path):
    found = compare(*pair(tmp_path, after={"power_w": 224.0}))
    assert len(found.rows) == 4
    for _, row in found.rows.iterrows():
        assert row["low"] < 0.12 < row["high"]
        assert row["low"] > 0.05
    gate = found.gate(0.05)
    assert len(gate.over) == gate.judged == 4
    assert found.gate(0.2).over == ()
    for table in found.report.section("deltas").tables:
        assert all(row[3].low < 0 < row[3].high for row in table.rows)
    words = " ".join(found.report.section("summary").points)
    assert "4 arms take more, 0 take less" in words
    assert "0 of 3 deltas of mutants changed" in words


def test_intervals_are_welchs_on_logs_of_block_means_and_joint(tmp_path):
    import numpy as np

    one, two = pair(tmp_path)
    tables = [context(store).cohorts for store in (one, two)]
    row = comparison.totals(*tables, "energy_j").iloc[0]
    logs = [
        np.log(t[t["arm"] == row["arm"]].groupby("block")["energy_j"].mean().astype(float))
        for t in tables
    ]
    test = stats.ttest_ind(logs[1], logs[0], equal_var=False)
    interval = test.confidence_interval(1 - 0.05 / 4)
    assert row["low"] == pytest.approx(np.expm1(interval.low), rel=1e-12)
    assert row["high"] == pytest.approx(np.expm1(interval.high), rel=1e-12)


def test_runs_without_blocks_are_samples_and_a_gate_judges_them(tmp_path):
    """Welch's t on logarithms of runs; of deltas, over all four samples."""
    import numpy as np

    sides = []
    for name, seed, factor in (("before", 1, 1.0), ("after", 2, 1.2)):
        noise = Random(seed)
        rows = [
            row
            | {
                "gpu_j": row["gpu_j"] * factor * noise.gauss(1, 0.002),
                "cpu_package_j": row["cpu_package_j"] * factor,
            }
            for row in paper_rows(seed=seed)
        ]
        write(tmp_path / f"{name}.csv", PAPER_COLUMNS, rows)
        import_file(tmp_path / f"{name}.csv", "paper-runs", tmp_path / name)
        sides.append(Store.open(tmp_path / name, read_only=True))
    tables = [context(store).cohorts for store in sides]
    arm = "epochs: 20 → 12"
    logs, originals = (
        [np.log(t.loc[t["arm"] == name, "energy_j"].astype(float)) for t in tables]
        for name in (arm, "original")
    )
    rows = comparison.totals(*tables, "energy_j")
    row = rows[rows["arm"] == arm].iloc[0]
    interval = stats.ttest_ind(logs[1], logs[0], equal_var=False).confidence_interval(
        1 - 0.05 / len(rows)
    )
    assert row["blocks"] == 5
    assert np.log1p([row["low"], row["high"]]) == pytest.approx(interval, rel=1e-9)
    rows = comparison.deltas(*tables, "energy_j", "ratio")
    row = rows[rows["arm"] == arm].iloc[0]
    parts = np.array([log.var(ddof=1) / len(log) for log in (*logs, *originals)])
    half = stats.t.ppf(1 - 0.025 / len(rows), parts.sum() ** 2 / (parts**2 / 4).sum())
    width = np.diff(np.log1p([row["low"], row["high"]]))[0]
    assert width == pytest.approx(2 * half * math.sqrt(parts.sum()), rel=1e-9)
    assert row["low"] < 0 < row["high"], "both sides draw more alike"
    found = compare(*sides)
    assert found.gate(0.05).judged == 21
    assert len(found.gate(0.05).over) == 21
    (first, *_) = found.report.section("totals").tables
    assert first.columns[-1].title == "Runs"


def test_an_estimate_alone_fails_nothing(tmp_path):
    """Twelve per cent more, but so noisy that it may be chance: said, and not failed on."""
    noisy = {"noise": 0.25}
    found = compare(*pair(tmp_path, before=noisy, after=noisy | {"power_w": 224.0}, blocks=3))
    gate = found.gate(0.05)
    assert gate.over == ()
    assert gate.perhaps
    assert any(line.startswith("perhaps over 5 %, not beyond noise") for line in gate_words(gate))


def test_a_mutant_that_changed_shows_in_the_deltas(tmp_path):
    changed = [(change("epochs", 5), Truth(energy=0.7)), *TRUTHS[1:]]
    found = compare(*pair(tmp_path, truths=changed))
    rows = {row[0]: row for row in found.report.section("deltas").tables[0].rows}
    assert rows["epochs: 10 → 5"][3].low > 0.3
    assert rows["epochs: 10 → 12"][3].low < 0 < rows["epochs: 10 → 12"][3].high
    assert [line.split(": +")[0] for line in found.gate(0.05).over] == ["mlp, solo: epochs: 10 → 5"]


def test_other_hardware_is_said_and_never_judged(tmp_path):
    found = compare(*pair(tmp_path, session_facts={"host": HOST | {"cpu_model": "Other CPU"}}))
    text = " ".join(found.report.section("comparable").points)
    assert "Different hardware (cpu_model Example CPU, then Other CPU)" in text
    assert "different hardware" in found.gate(0.05).refused
    assert found.report.section("deltas") is not None


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ([ESTIMATE], "energy was measured in one and is an estimate in the other"),
        ([GPU], "the totals add other channels"),
        ([], "energy was measured in one and is not recorded in the other"),
    ],
)
def test_energies_of_other_kinds_are_not_compared(tmp_path, channels, words):
    found = compare(*pair(tmp_path, channels=channels))
    assert words in found.report.section("comparable").points[0]
    assert found.what == "CPU time"
    text = render_markdown(found.report)
    assert "Δ CPU time" in text
    assert "Δ energy" not in text


def test_the_same_channels_in_another_order_are_the_same(tmp_path):
    found = compare(*pair(tmp_path, channels=[CORE, PACKAGE, GPU]))
    assert "are compared" in found.report.section("comparable").points[0]


def test_what_differs_is_listed_and_other_configurations_are_not_matched(tmp_path):
    truths = [(change("epochs", 5), Truth(energy=0.5)), (change("epochs", 99), Truth(energy=2.0))]
    versions = {"python": "3.12.0", "torch": "9"}
    found = compare(*pair(tmp_path, truths=truths, session_facts={"versions": versions}))
    rows = {row[0]: row[1:] for row in found.report.section("comparable").tables[0].rows}
    assert rows["version: python"] == ("3.11.0", "3.12.0")
    assert rows["version: torch"] == ("not known", "9")
    assert rows["plan seed"] == ("1", "2")
    assert rows["mlp, solo: epochs: 10 → 99"] == ("not there", "completed")
    assert rows["mlp, solo: epochs: 10 → 12"] == ("completed", "not there")
    assert {row["mutation"] for _, row in found.rows.iterrows()} == {"", "epochs: 10 → 5"}


def in_framework(framework, model="mlp", beside="cnn", image="sha256:1", data="sha256:d"):
    """What the record of a framework's suite has of it: facts, and those of its session."""
    known = {
        name: {"name": name, "framework": framework, "data": "digits", "metrics": []}
        for name in (model, beside)
    }
    images = dict.fromkeys(known, f"{framework} {image}")
    return {
        "facts": {"models": known},
        "session_facts": {"images": images, "data": {"mnist": data}},
    }


def test_two_frameworks_side_by_side(tmp_path):
    """Twins by name in two frameworks: solo and beside another are compared, and never judged."""
    sides = []
    for framework, ending, image in (("torch", "", "sha256:1"), ("keras", "-keras", "sha256:2")):
        model, other = f"mlp{ending}", f"cnn{ending}"
        beside = Scenario(kind="foreground", companions=(Companion(model=other),))
        studies = [
            Study(TRUTHS, model=model, blocks=4, called="mlp/solo"),
            Study(TRUTHS, model=model, blocks=4, scenario=beside, called="mlp/foreground-cnn"),
            Study(TRUTHS, model=other, blocks=4, called=f"{other}/solo"),
        ]
        facts = in_framework(framework, model, other, image, data=f"sha256:{framework}")
        sides.append(simulate(tmp_path / framework, studies, **facts))
    found = compare(*sides)
    assert set(found.rows["study"]) == {"mlp/solo", "mlp/foreground-cnn"}
    assert {t.title for t in found.report.section("totals").tables} == set(found.rows["study"])
    both = "mlp/solo, mlp/foreground-cnn"
    rows = {row[0]: row[1:] for row in found.report.section("comparable").tables[0].rows}
    assert rows[f"model of {both}"] == ("mlp", "mlp-keras")
    assert rows["model of mlp/foreground-cnn"] == ("cnn", "cnn-keras")
    assert rows[f"framework of {both}"] == ("torch", "keras")
    assert rows[f"image of {both}"] == ("torch sha256:1", "keras sha256:2")
    assert rows["data set: mnist"] == ("sha256:torch", "sha256:keras")
    assert not any(name.startswith("data of") for name in rows)
    text = " ".join(found.report.section("comparable").points)
    assert f"Different frameworks ({both}: torch, then keras)" in text
    assert "Only in BEFORE, and not compared: cnn/solo." in text
    assert "Only in AFTER, and not compared: cnn-keras/solo." in text
    assert f"different frameworks ({both}: torch, then keras)" in found.gate(0.05).refused


def test_one_framework_names_no_framework(tmp_path):
    before, after = (
        simulate(tmp_path / name, [Study(TRUTHS)], seed=seed, **in_framework("torch"))
        for name, seed in (("before", 1), ("after", 2))
    )
    found = compare(before, after)
    text = render_markdown(found.report)
    assert "Different frameworks" not in text
    assert "Only in" not in text
    assert not found.gate(0.05).refused
    rows = {row[0] for row in found.report.section("comparable").tables[0].rows}
    assert rows == {"plan seed"}


def test_every_format_shows_a_comparison(tmp_path):
    report = compare(*pair(tmp_path)).report
    assert "## What can be compared, and what can't" in render_markdown(report)
    assert '<section id="comparable"' in render_html(report)
    figures = json.loads(render_json(report))["sections"][2]["figures"]
    assert [figure["kind"] for figure in figures] == ["forest", "pairs"]


def test_a_folder_whose_name_is_no_text_is_compared_in_every_format(tmp_path):
    for store in pair(tmp_path):
        store.close()
    before = (tmp_path / "before").rename(tmp_path / os.fsdecode(b"bef\xffore"))
    for ending in ("json", "md", "html", "tex", "csv", "svg"):
        path = tmp_path / f"compared.{ending}"
        sides = ["--compare", str(before), str(tmp_path / "after"), "-o", str(path)]
        done = CliRunner().invoke(cli, ["report", *sides], catch_exceptions=False)
        assert done.exit_code == 0
        assert path.read_text(encoding="utf-8")
    assert "bef\udcffore" in json.loads((tmp_path / "compared.json").read_text())["title"]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"after": {"power_w": 224.0}}, 9, r"over 5 % more energy, beyond .*original: \+1\d\.\d %"),
        ({}, 0, "no arm of 4 takes over 5 % more energy beyond noise"),
        ({"after": {"power_w": 150.0}}, 0, "no arm of 4"),
        ({"blocks": 1}, 7, "no arm has two blocks in both"),
        ({"run": 0}, 7, "no arm with the same configuration completed in both"),
        ({"session_facts": {"host": HOST | {"cpu_logical": 64}}}, 7, "different hardware"),
    ],
)
def test_the_gates_exit_code(tmp_path, capsys, changes, code, words):
    for store in pair(tmp_path, **changes):
        store.close()
    sides = [str(tmp_path / "before"), str(tmp_path / "after")]
    with pytest.raises(SystemExit) as ended:
        main(["report", "--compare", *sides, "--fail-over", "5%"])
    assert ended.value.code == code
    said = capsys.readouterr()
    assert re.search(words, said.err)
    assert said.out.startswith("greenbench: before beside after")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fail-over", "5%"], "--fail-over compares two result sets"),
        (["x", "--compare", "a", "b"], "--compare names both result sets"),
    ],
)
def test_options_that_do_not_belong_together(arguments, words):
    done = CliRunner().invoke(cli, ["report", *arguments])
    assert words in str(done.exception)


@pytest.mark.parametrize("value", ["five", "-3%", "nan", "inf%"])
def test_a_limit_that_is_none(value):
    done = CliRunner().invoke(cli, ["report", "--compare", "a", "b", f"--fail-over={value}"])
    assert done.exit_code == 2
    assert "no percentage" in done.output
