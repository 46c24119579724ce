"""Sensors that go while a suite runs: a named gap or missing channel, and the rest intact."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sim.curves import Curve, constant
from sim.nvml import NO_PERMISSION, NOT_SUPPORTED, SimulatedNvml
from sim.powercap import SimulatedPowercap, Zone

from greenbench.errors import ResultsError
from greenbench.store import Store

COMMAND = [sys.executable, "-c", "from greenbench.cli import main; main()"]
GPU, CPU, DRAM = constant(150), constant(70), constant(9)


@contextmanager
def once_training(results: Path, action: Callable[[], None]) -> Iterator[None]:
    """Does `action` in the middle of the second training (the first is the warm-up)."""
    over = threading.Event()

    def follow() -> None:
        while not over.is_set():
            time.sleep(0.02)
            with suppress(ResultsError), closing(Store.open(results, read_only=True)) as store:
                row = store.connection.execute(
                    "SELECT COUNT(*) FROM cohort_runs WHERE go_s IS NOT NULL"
                ).fetchone()
                if row[0] >= 2:
                    time.sleep(0.3)
                    action()
                    return

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Rig:
    """A simulated host, and what a whole suite on it leaves behind."""

    def __init__(self, suite, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.nvml = SimulatedNvml(folder)
        self.nvml.set_curve(0, GPU)
        packages = [Zone("0", "package-0", CPU), Zone("1", "package-1", CPU)]
        dram = Zone("0:0", "dram", DRAM)
        self.tree = SimulatedPowercap(folder / "powercap", [*packages, dram])
        self.path = suite(epoch_s=0.5, timeout_s=60)
        self.path.write_text(self.path.read_text() + "[cooldown]\nenabled = false\n")

    def run(self, action: Callable[[], None] = lambda: None) -> None:
        variables = {**self.nvml.environment, "GREENBENCH_POWERCAP_ROOT": str(self.tree.root)}
        command = ["suite", "run", self.path, "--results", self.out, "--executor", "process"]
        with self.tree.running(), once_training(self.out, action):
            done = subprocess.run(
                [*COMMAND, *command],
                env={**os.environ, **variables},
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stdout + done.stderr

    def trainings(self) -> list[dict[str, tuple]]:
        """By training in order: channel → (start, end, energy, ±, gap, reason); and its status."""
        with closing(Store.open(self.out, read_only=True)) as store:
            rows = store.connection.execute(
                """SELECT w.id, c.status, e.channel, w.start_s, w.end_s, e.energy_j,
                          e.resolution_j, e.gap_s, e.reason
                   FROM windows w JOIN energies e ON e.window = w.id
                   JOIN cohort_runs c ON c.id = w.cohort_run
                   WHERE w.kind = 'train' AND w.attempt IS NULL ORDER BY w.id"""
            ).fetchall()
        found: dict[int, dict[str, tuple]] = {}
        for window, status, channel, *rest in rows:
            assert status == "completed"
            found.setdefault(window, {})[channel] = tuple(rest)
        return list(found.values())

    def missing(self) -> dict[str, str]:
        with closing(Store.open(self.out, read_only=True)) as store:
            return {m["channel"]: m["reason"] for m in store.sessions()[0]["missing"]}

    def report(self) -> str:
        command = [*COMMAND, "report", self.out, "--format", "md"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def rig(suite, tmp_path) -> Rig:
    return Rig(suite, tmp_path)


def intact(training: dict[str, tuple], channel: str, curve: Curve) -> None:
    start_s, end_s, energy_j, resolution_j, gap_s, _ = training[channel]
    assert energy_j == pytest.approx(curve.between_j(start_s, end_s), rel=0.02)
    assert resolution_j > 0
    assert gap_s == 0


def lost(training: dict[str, tuple], channel: str, *words: str) -> None:
    *_, energy_j, resolution_j, _, reason = training[channel]
    assert energy_j is None
    assert resolution_j is None
    assert any(word in reason for word in words), reason


def test_a_gpu_lost_in_the_middle_of_a_suite(rig):
    rig.run(lambda: rig.nvml.set(0, lost=1))
    _, hit, *after = rig.trainings()
    assert after
    for training in (hit, *after):
        lost(training, "gpu/0", "reads failed", "could not be read")
        for channel, curve in (
            ("cpu/package-0", CPU),
            ("cpu/package-1", CPU),
            ("cpu/dram-0", DRAM),
        ):
            intact(training, channel, curve)
    assert "gpu/0" in rig.report().split("## What limits")[1]


def test_a_powercap_tree_that_vanishes_in_the_middle_of_a_suite(rig):
    first = rig.tree.zones[0]
    rig.run(lambda: rig.tree.vanish(first))
    _, hit, *after = rig.trainings()
    assert after
    for training in (hit, *after):
        intact(training, "gpu/0", GPU)
        lost(training, "cpu/package-0", "reads failed", "could not be read")
        lost(training, "cpu/package-1", "not moved", "last reading")
    assert "cpu/package-0" in rig.report().split("## What limits")[1]


def test_a_driver_that_is_reloaded_in_the_middle_of_a_suite(rig):
    """Its counter starts again at 0: a gap that is stated, and what follows is measured."""

    def reload() -> None:
        rig.nvml.set(0, origin_s=time.monotonic())

    rig.run(reload)
    _, hit, *after = rig.trainings()
    start_s, end_s, energy_j, resolution_j, gap_s, reason = hit["gpu/0"]
    assert gap_s > 0
    if energy_j is None:
        assert "could not be read" in reason
    else:
        assert energy_j == pytest.approx(GPU.between_j(start_s, end_s), abs=resolution_j)
    for training in after:
        intact(training, "gpu/0", GPU)
    for training in (hit, *after):
        intact(training, "cpu/package-0", CPU)


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        ("energy", NOT_SUPPORTED, "gpu/0"),
        ("handle", NO_PERMISSION, "gpu/0"),
    ],
)
def test_a_sensor_that_never_answers_is_named_and_the_rest_is_measured(rig, call, error, named):
    rig.nvml.fail(0, call, error)
    rig.run()
    assert named in rig.missing()
    for training in rig.trainings():
        intact(training, "cpu/package-0", CPU)
        if call != "handle":
            intact(training, "gpu/0", GPU)
    assert f"Not measured: {named}" in rig.report()
