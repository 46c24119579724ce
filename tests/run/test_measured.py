"""A trial's energy, all the way through a suite, against the simulated truth."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from sim.curves import constant, square
from sim.nvml import SimulatedNvml
from sim.powercap import SimulatedPowercap, intel
from sim.unshare import available, run

from greenbench.store import Store

from .conftest import EXECUTORS

LOAD = square(80, 260, period_s=0.31, duty=0.3)
DRAM = constant(9)
COMMAND = [sys.executable, "-c", "from greenbench.cli import main; main()", "suite", "run"]


@pytest.fixture(params=EXECUTORS)
def executor(request) -> str:
    return request.param


def check_trials(folder, curves) -> None:
    """Each train window, on each channel: within 1 % of the truth. (Its ± against the truth, over
    many windows: tests/energy/test_real_libraries.py.)"""
    store = Store.open(folder)
    rows = store.connection.execute(
        """SELECT w.kind, w.start_s, w.end_s, e.channel, e.energy_j, e.resolution_j, e.method
           FROM windows w JOIN energies e ON e.window = w.id
           JOIN cohort_runs c ON c.id = w.cohort_run
           WHERE c.status = 'completed' AND w.kind = 'train' AND c.cohort IN
                 (SELECT cohort FROM trials WHERE counted = 1)"""
    ).fetchall()
    store.close()
    seen = set()
    for _, start_s, end_s, channel, energy_j, resolution_j, method in rows:
        if channel in curves:
            truth_j = curves[channel].between_j(start_s, end_s)
            assert energy_j == pytest.approx(truth_j, rel=0.01)
            assert resolution_j > 0
            assert method == "counter"
            seen.add(channel)
    assert seen == set(curves)


def test_rapl_and_nvml_through_a_whole_suite(suite, executor, tmp_path) -> None:
    nvml = SimulatedNvml(tmp_path)
    nvml.set_curve(0, LOAD)
    tree = SimulatedPowercap(tmp_path / "powercap", intel(LOAD, dram=DRAM))
    path = suite(epoch_s=2.0, timeout_s=60)
    with tree.running():
        done = subprocess.run(
            [*COMMAND, str(path), "--results", str(tmp_path / "out"), "--executor", executor],
            env={**os.environ, **nvml.environment, "GREENBENCH_POWERCAP_ROOT": str(tree.root)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    check_trials(tmp_path / "out", {"cpu/package-0": LOAD, "cpu/dram-0": DRAM, "gpu/0": LOAD})
    report = subprocess.run(
        [*COMMAND[:-2], "report", str(tmp_path / "out"), "--format", "md"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "estimate" not in report.split("## What limits")[0]
    assert "gpu/0" in report


def test_pyrapl_through_a_whole_suite(suite, tmp_path) -> None:
    if not available():
        pytest.skip("needs root and unshare: pyRAPL reads absolute paths")
    tree = SimulatedPowercap(tmp_path / "powercap", intel(LOAD, dram=DRAM))
    path = suite(epoch_s=2.0, timeout_s=60)
    path.write_text(path.read_text().replace("[measure]", '[measure]\nbackends = ["pyrapl"]'))
    with tree.running():
        done = run(
            [*COMMAND, str(path), "--results", str(tmp_path / "out"), "--executor", "process"],
            tree.root,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    check_trials(tmp_path / "out", {"cpu/package-0": LOAD, "cpu/dram-0": DRAM})
