"""Who used what, through a whole suite: rows in the record, and in the report as a model."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import groupby
from pathlib import Path

import pytest
from sim.curves import ramp
from sim.nvml import NOT_SUPPORTED, SimulatedNvml
from sim.powercap import SimulatedPowercap, intel

from greenbench.errors import ResultsError
from greenbench.store import Store

from .conftest import EXECUTORS

COMMAND = [sys.executable, "-c", "from greenbench.cli import main; main()"]
UTILISATION = (60.0, 20.0)


@pytest.fixture(params=EXECUTORS)
def executor(request) -> str:
    return request.param


def process_of(identity: str) -> int:
    """The host process id of a trial's worker."""
    if identity.startswith("pid "):
        return int(identity.split()[1])
    inspect = ["docker", "inspect", "--format", "{{.State.Pid}}", identity]
    done = subprocess.run(inspect, capture_output=True, text=True, check=False)
    return int(done.stdout.strip() or 0)


@contextmanager
def trials_on_the_gpu(nvml: SimulatedNvml, results: Path) -> Iterator[None]:
    """Puts the trials that run on the simulated GPU: the first slot at 60 %, the second at 20 %."""
    over = threading.Event()

    def follow() -> None:
        seen: tuple[str, ...] = ()
        while not over.is_set():
            time.sleep(0.02)
            with suppress(ResultsError), closing(Store.open(results, read_only=True)) as store:
                rows = store.connection.execute(
                    """SELECT a.identity FROM attempts a JOIN trials t ON t.key = a.trial
                       WHERE a.status = 'running' AND a.identity IS NOT NULL ORDER BY t.slot"""
                ).fetchall()
                now = tuple(identity for (identity,) in rows)
                if now != seen:
                    seen = now
                    pids = [process_of(identity) for identity in now]
                    used = zip(pids, UTILISATION, strict=False)
                    nvml.processes(0, [(pid, share, 5.0, 1e9) for pid, share in used if pid])

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def run_pairs(suite, tmp_path: Path, executor: str, nvml: SimulatedNvml) -> Path:
    """A suite of two copies side by side; returns the result set's folder."""
    now_s = time.monotonic()
    rising = ramp(80.0, 380.0, now_s, now_s + 100.0)  # always above the idle power read before
    nvml.set_curve(0, rising)
    tree = SimulatedPowercap(tmp_path / "powercap", intel(rising, dram=rising))
    path = suite(epoch_s=0.5, timeout_s=60, scenarios='[{kind = "homogeneous", copies = 2}]')
    path.write_text(path.read_text() + "[cooldown]\nenabled = false\n")
    out = tmp_path / "out"
    with tree.running(), trials_on_the_gpu(nvml, out):
        done = subprocess.run(
            [*COMMAND, "suite", "run", path, "--results", out, "--executor", executor],
            env={**os.environ, **nvml.environment, "GREENBENCH_POWERCAP_ROOT": str(tree.root)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def shares(folder: Path) -> list[tuple]:
    """(window, kind of window, channel, energy of the channel, kind, slot, J, ± J, basis)."""
    with closing(Store.open(folder, read_only=True)) as store:
        return store.connection.execute(
            """SELECT w.id, w.kind, s.channel, e.energy_j, s.kind, t.slot, s.energy_j,
                      s.uncertainty_j, s.basis
               FROM shares s JOIN windows w ON w.id = s.window
               JOIN energies e ON e.window = s.window AND e.channel = s.channel
               LEFT JOIN trials t ON t.key = s.trial
               WHERE w.cohort_run IN (SELECT id FROM cohort_runs WHERE cohort IN
                     (SELECT cohort FROM trials WHERE counted = 1))
               ORDER BY w.id, s.channel, s.kind, t.slot"""
        ).fetchall()


def verdicts_on_strangers(folder: Path) -> set[tuple[str, str]]:
    """(check, severity) of every check that looks for others on a GPU."""
    with closing(Store.open(folder, read_only=True)) as store:
        rows = store.connection.execute(
            """SELECT "check", severity FROM checks
               WHERE "check" IN ('foreign_gpu', 'gpu_intrusion')"""
        )
        return set(rows.fetchall())


def test_rows_of_every_shared_window_add_up_and_tell_the_trials_apart(suite, executor, tmp_path):
    folder = run_pairs(suite, tmp_path, executor, SimulatedNvml(tmp_path))
    assert verdicts_on_strangers(folder) == {("foreign_gpu", "ok"), ("gpu_intrusion", "ok")}, (
        "a trial is no stranger on the GPU"
    )
    rows = shares(folder)
    assert {row[1] for row in rows} == {"train", "overlap"}
    channels = {row[2] for row in rows}
    assert {"cpu/package-0", "cpu/dram-0", "gpu/0", "gpu/0/power"} <= channels
    for _, group in groupby(rows, key=lambda row: (row[0], row[2])):
        parts = list(group)
        assert sum(part[6] for part in parts) == parts[0][3]
        assert all(part[8].startswith("modelled") for part in parts)
        trials = [part for part in parts if part[4] == "trial"]
        assert len(trials) == 2
        assert all(part[6] > 0 for part in trials)
        if parts[0][2] == "gpu/0" and parts[0][1] == "overlap":
            assert trials[0][6] / trials[1][6] == pytest.approx(3.0, rel=0.25)
        if parts[0][2] == "cpu/package-0":
            assert {part[4] for part in parts} == {"idle", "trial", "own", "other"}


def test_a_gpu_that_tells_no_processes_stays_unattributed(suite, tmp_path):
    nvml = SimulatedNvml(tmp_path)
    nvml.fail(0, "process_utilization", NOT_SUPPORTED)  # as with MIG
    folder = run_pairs(suite, tmp_path, "process", nvml)
    of_gpu = [row for row in shares(folder) if row[2] == "gpu/0"]
    assert {row[4] for row in of_gpu} == {"idle", "unattributed"}
    assert any("Not Supported" in row[8] for row in of_gpu)
